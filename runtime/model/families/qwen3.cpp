// Qwen 3, dense or a mixture, and the text of Qwen 3-VL: Qwen 2 with a norm of each head of q and k. Rerankers say
// "yes" or "no" behind a prompt of their own. Source: Yang et al. 2025 (Qwen3).
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_qwen3(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_qwen2(reader));
  PUMICE_ASSIGN(spec.deepstack, reader.count("n_deepstack_layers", 0));
  if (spec.deepstack > spec.layers.size())
    return error(Status::kMalformed, "%s is %u, of %zu layers", reader.key("n_deepstack_layers").c_str(),
                 spec.deepstack, spec.layers.size());
  PUMICE_TRY(read_grid_axes(reader, AxisOrder::kInterleaved, spec));
  PUMICE_TRY(read_mixture(reader, {}, spec));
  for (LayerSpec& layer : spec.layers) layer.attention.qk_norm = QkNorm::kHead;
  if (spec.pooling == Pooling::kRank) {  // the head's rows of "yes" and "no"
    add_pooled(reader, "cls.output", spec);
    spec.ranked = Pooling::kLast;
    spec.ranks_by_share = true;
  }
  return spec;
}

}  // namespace pumice
