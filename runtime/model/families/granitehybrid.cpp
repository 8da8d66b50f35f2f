// Granite 4 H: Granite with Mamba 2 in the layers that have no KV heads. Source: IBM 2025 (Granite 4.0).
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_granitehybrid(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_granite(reader));
  PUMICE_ASSIGN(const RecurrenceSpec recurrence, read_recurrence(reader, RecurrenceKind::kMamba2));
  for (LayerSpec& layer : spec.layers)
    if (layer.attention.heads == 0) layer.recurrence = recurrence;
  return spec;
}

}  // namespace pumice
