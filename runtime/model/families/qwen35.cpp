// Qwen 3.5, dense or a mixture, and Qwen 3 Next: gated delta rules, and attention with a gate in every fourth layer.
// Source: Qwen team 2025 (Qwen3-Next).
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_qwen35(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_qwen3(reader));
  PUMICE_ASSIGN(RecurrenceSpec recurrence, read_recurrence(reader, RecurrenceKind::kDeltaRule));
  recurrence.paired_gates = reader.architecture() == "qwen3next";
  recurrence.tiled = !recurrence.paired_gates;
  if (recurrence.paired_gates) spec.unused_tensors.push_back("ssm_in.weight");  // the same as attn_qkv and attn_gate
  PUMICE_ASSIGN(const std::vector<bool> recurrent, read_recurrent_layers(reader, 4, spec));
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    spec.layers[i].ffn_norm = "post_attention_norm";
    spec.layers[i].feed_forward.mixture.shared_gate = spec.layers[i].feed_forward.mixture.shared_width != 0;
    spec.layers[i].attention.gate_width = spec.layers[i].attention.q_width();
    spec.layers[i].attention.gate_in_q = true;
    if (recurrent[i]) spec.layers[i].attention = {}, spec.layers[i].recurrence = recurrence;
  }
  return spec;
}

}  // namespace pumice
