#include "convert/types.h"

#include <algorithm>
#include <charconv>
#include <numeric>

#include "format/dequantize.h"

namespace pumice {
namespace {

bool has(std::string_view name, std::string_view part) { return name.find(part) != std::string_view::npos; }

// Small or sensitive tensors, by parts of their names.
constexpr std::string_view kKept[] = {
    "_norm.weight",
    "ffn_gate_inp.weight",
    "altup",
    "laurel",
    "per_layer_model_proj",
    "position_embd",
    "token_types.weight",
    "ssm_conv1d.weight",
    "shortconv.conv.weight",
    "attn_rel_b.weight",
    "time_mix_first.weight",
    "time_mix_w0.weight",
    "time_mix_w1.weight",
    "time_mix_w2.weight",
    "time_mix_v0.weight",
    "time_mix_v1.weight",
    "time_mix_v2.weight",
    "time_mix_a0.weight",
    "time_mix_a1.weight",
    "time_mix_a2.weight",
    "time_mix_g1.weight",
    "time_mix_g2.weight",
    "time_mix_decay_w1",
    "time_mix_decay_w2",
    "time_mix_lerp_fused.",
    "ssm_conv1d_q.weight",
    "ssm_conv1d_k.weight",
    "ssm_conv1d_v.weight",
    "indexer.k_proj.weight",
    "indexer.q_proj.weight",
};

bool is_converted(const PlannedTensor& tensor) {
  if (!tensor.name.ends_with("weight") || tensor.sizes.size() < 2) return false;
  return std::none_of(std::begin(kKept), std::end(kKept),
                      [&](std::string_view part) { return has(tensor.name, part); });
}

bool holds_values(std::string_view name) {
  return has(name, "attn_v.weight") || has(name, "attn_qkv.weight") || has(name, "attn_kv_b.weight");
}

// "blk.12.attn_v.weight" -> 12; encoders' and decoders' ("enc.blk.12.") alike.
uint64_t layer_of(std::string_view name) {
  const size_t at = name.find("blk.");
  uint64_t layer = 0;
  if (at != std::string_view::npos) std::from_chars(name.data() + at + 4, name.data() + name.size(), layer);
  return layer;
}

// The first and the last eighth of the layers and every third between.
bool more_bits(uint64_t layer, uint64_t layers) {
  return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
}

// A type whose blocks fit the row, with as many bits or more.
TensorType fitting(TensorType type, uint64_t row) {
  const auto fits = [row](TensorType one) { return row % listed_type(one).block_values == 0; };
  if (fits(type)) return type;
  const TensorType next = type == TensorType::kQ4_K   ? TensorType::kQ5_0
                          : type == TensorType::kQ5_K ? TensorType::kQ5_1
                          : type == TensorType::kQ6_K ? TensorType::kQ8_0
                                                      : type;
  return fits(next) ? next : TensorType::kF16;
}

class TypeChoice {
 public:
  TypeChoice(ConvertType wanted, const ModelFacts& facts, const std::vector<PlannedTensor>& tensors)
      : wanted_(wanted), facts_(facts) {
    for (const PlannedTensor& tensor : tensors) {
      has_output_ = has_output_ || tensor.name == "output.weight";
      values_ += holds_values(tensor.name);
    }
  }

  // In the order of the layers.
  TensorType next(const PlannedTensor& tensor) {
    const TensorType usual = matrix_type(wanted_);
    if (usual == TensorType::kF32 || usual == TensorType::kF16) return usual;
    return fitting(mixed(tensor.name, usual, tensor.sizes[0]), tensor.sizes[0]);
  }

 private:
  TensorType mixed(std::string_view name, TensorType usual, uint64_t row) {
    if (facts_.architecture == kTowerArchitecture) return usual;
    const bool falcon = facts_.architecture == "falcon", eight = facts_.experts == 8;
    const bool k_mix = wanted_ == ConvertType::kQ4_K;
    if (name == "output.weight" || (!has_output_ && name.ends_with("token_embd.weight"))) {
      if (falcon || row % listed_type(usual).block_values != 0) return TensorType::kQ8_0;
      return usual == TensorType::kQ8_0 ? usual : TensorType::kQ6_K;
    }
    if (holds_values(name)) {
      const uint64_t number = value_++;
      if (eight) return TensorType::kQ8_0;
      return k_mix && more_bits(number, values_) ? TensorType::kQ6_K : usual;
    }
    if (has(name, "attn_k.weight")) return eight ? TensorType::kQ8_0 : usual;
    if (has(name, "ffn_down")) {
      const uint64_t number = facts_.experts > 1 ? layer_of(name) : down_++;
      if (!k_mix || number >= facts_.layers) return usual;
      if (falcon && number >= facts_.layers / 16) return more_bits(number, facts_.layers) ? TensorType::kQ5_K : usual;
      return falcon || more_bits(number, facts_.layers) ? TensorType::kQ6_K : usual;
    }
    if (has(name, "attn_output.weight")) return k_mix && eight && !falcon ? TensorType::kQ5_K : usual;
    return usual;
  }

  const ConvertType wanted_;
  const ModelFacts facts_;
  bool has_output_ = false;
  uint64_t values_ = 0, value_ = 0, down_ = 0;
};

void choose_types(ConvertType wanted, const ModelFacts& facts, std::vector<PlannedTensor>& tensors) {
  TypeChoice choice(wanted, facts, tensors);
  std::vector<std::pair<uint64_t, PlannedTensor*>> order;  // by layers, those of one as in the file
  for (PlannedTensor& tensor : tensors) order.emplace_back(layer_of(tensor.name), &tensor);
  std::sort(order.begin(), order.end());
  for (const auto& [layer, tensor] : order) {
    const bool integers = !can_dequantize(tensor->source.type) && tensor->source.divisors.empty();
    if (is_converted(*tensor) && !integers) {
      tensor->type = choice.next(*tensor);
    } else if (!integers && !can_dequantize(tensor->source.type)) {
      tensor->type = TensorType::kF32;  // integers that stand for fractions
    } else {
      tensor->type = tensor->source.type;
    }
  }
}

// The number that general.file_type has.
uint32_t gguf_file_type(ConvertType wanted) {
  switch (wanted) {
    case ConvertType::kF32:
      return 0;
    case ConvertType::kQ8_0:
      return 7;
    case ConvertType::kQ4_0:
      return 2;
    case ConvertType::kQ4_K:
      return 15;
    default:
      return 1;
  }
}

}  // namespace

void finish_gguf(ConvertPlan& plan, const ModelFacts& facts, ConvertType wanted) {
  choose_types(wanted, facts, plan.tensors);
  plan.metadata.u32("general.file_type", gguf_file_type(wanted));
  plan.metadata.u32("general.quantization_version", 2);
}

TensorType matrix_type(ConvertType type) {
  switch (type) {
    case ConvertType::kF32:
      return TensorType::kF32;
    case ConvertType::kQ8_0:
      return TensorType::kQ8_0;
    case ConvertType::kQ4_0:
      return TensorType::kQ4_0;
    case ConvertType::kQ4_K:
      return TensorType::kQ4_K;
    default:
      return TensorType::kF16;
  }
}

}  // namespace pumice
