// Qwen3-VL and Qwen3.5: Qwen2-VL's tower with a stretched table of positions; what some layers result in stands beside
// the last one's, for the first layers of the language model. Source: Qwen team 2025 (Qwen3-VL).
#include <cmath>

#include "model/towers/towers.h"

namespace pumice {

// Which layers have a deepstack merger is what the tensors say.
Result<void> describe_qwen3_tower(KeyReader& reader, TowerSpec& spec) {
  PUMICE_TRY(describe_qwen2_tower(reader, spec));
  reader.accept("vision.is_deepstack_layers");
  spec.positions = PatchPositions::kStretched;
  const GgufTensor* table = reader.file().find_tensor("v.position_embd.weight");
  const uint64_t rows = table ? table->rows() : 0;
  const auto side = static_cast<uint64_t>(std::llround(std::sqrt(static_cast<double>(rows))));
  if (side < 2 || side * side != rows)
    return error(Status::kMalformed, "v.position_embd.weight has %llu rows, which are no square",
                 static_cast<unsigned long long>(rows));
  PUMICE_TRY(check_positions(reader, rows, spec));
  const uint32_t joined = spec.layers.width * spec.merge * spec.merge;
  for (uint32_t i = 0; i < spec.layers.layers.size(); ++i) {
    const std::string prefix = "v.deepstack." + std::to_string(i) + ".";
    if (!reader.file().find_tensor(prefix + "fc1.weight")) continue;
    PUMICE_ASSIGN(TowerLayer first, read_layer(reader, prefix + "fc1", joined, true));
    PUMICE_ASSIGN(TowerLayer second, read_layer(reader, prefix + "fc2", first.rows));
    if (second.rows != spec.text_width())
      return error(Status::kMalformed, "%sfc2.weight has %u rows, the projector has %u", prefix.c_str(), second.rows,
                   spec.text_width());
    spec.deep.push_back({.behind = i, .norm = prefix + "norm", .layers = {std::move(first), std::move(second)}});
  }
  return {};
}

}  // namespace pumice
