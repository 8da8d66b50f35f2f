// Mamba 2: layers of one recurrence each. Source: Dao and Gu 2024 (Transformers are SSMs).
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_mamba2(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kAdjacent));
  PUMICE_ASSIGN(const RecurrenceSpec recurrence, read_recurrence(reader, RecurrenceKind::kMamba2));
  for (LayerSpec& layer : spec.layers) {
    layer.attention = {};
    layer.recurrence = recurrence;
    layer.feed_forward.width = 0;
    layer.ffn_norm = "";
  }
  return spec;
}

}  // namespace pumice
