// Falcon H1: attention and Mamba 2 beside each other in every layer. Its multipliers are in the weights.
// Source: TII 2025 (Falcon-H1).
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_falcon_h1(KeyReader& reader) {
  reader.ignore_rope_factors();
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  spec.unused_tensors = {"attn_output.bias"};
  PUMICE_ASSIGN(RecurrenceSpec recurrence, read_recurrence(reader, RecurrenceKind::kMamba2));
  recurrence.norm = reader.file().find_tensor("blk.0.ssm_norm.weight") != nullptr;
  for (LayerSpec& layer : spec.layers) layer.recurrence = recurrence;
  return spec;
}

}  // namespace pumice
