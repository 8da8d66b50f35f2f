// Spark 2.5: llama with a gate of each head, windows and a soft cap of logits. Source: measured against llama.cpp 0.7.0.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_spark2_5(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  PUMICE_TRY(read_windows(reader, 4, spec));
  PUMICE_TRY(read_sliding_rope(reader, 0, spec));
  PUMICE_ASSIGN(spec.logit_softcap, reader.number("final_logit_softcapping", 0));
  for (LayerSpec& layer : spec.layers) layer.attention.gate_width = layer.attention.heads;
  return spec;
}

}  // namespace pumice
