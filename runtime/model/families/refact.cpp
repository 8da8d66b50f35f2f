// Refact: Llama's layers, with ALiBi instead of a rotation. Source: Small Magellanic Cloud AI 2023.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_refact(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_llama(reader));
  reader.accept("attention.max_alibi_bias");
  spec.ropes[0] = {};
  if (spec.layers[0].feed_forward.mixture.experts != 0)
    return error(Status::kUnsupported, "%s: Refact has no mixture", reader.key("expert_count").c_str());
  spec.unused_tensors = {"attn_output.bias", "ffn_gate.bias", "ffn_up.bias", "ffn_down.bias"};
  for (LayerSpec& layer : spec.layers) layer.attention.alibi = 8;
  return spec;
}

}  // namespace pumice
