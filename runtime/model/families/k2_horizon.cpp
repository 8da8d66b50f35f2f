// K2 Horizon's dense models: norms by groups of columns, gated heads. Source: its files.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_k2_horizon(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  PUMICE_ASSIGN(const uint32_t experts, reader.count("expert_count", 0));
  if (experts != 0)
    return error(Status::kUnsupported, "%s: mixtures of K2 Horizon, whose values have experts, too, are not supported",
                 reader.key("expert_count").c_str());
  PUMICE_ASSIGN(spec.norm_groups, reader.required("attention.group_norm_groups", spec.width));
  if (spec.width % spec.norm_groups != 0)
    return error(Status::kMalformed, "%s is %u", reader.key("attention.group_norm_groups").c_str(), spec.norm_groups);
  for (LayerSpec& layer : spec.layers) {
    layer.attention.qk_norm = QkNorm::kEachHead;
    layer.attention.gate_width = layer.attention.q_width();
    layer.attention.gate = Activation::kSoftplus2;
  }
  return spec;
}

}  // namespace pumice
