#include "support/synthetic_model.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "format/block_factors.h"
#include "format/dequantize.h"
#include "support/generator.h"
#include "text/unicode.h"

namespace pumice::test {
namespace {

// The block's scale, and where it has one the minimum that gives its values the mean 0. In the K types the integer
// minima are made equal to the integer scales (format/quant_scales.h).
void set_scales(TensorType type, std::byte* block, double d) {
  const auto scale = static_cast<float>(d);
  for (uint32_t i = 0; i < block_factors(type); ++i) set_block_factor(type, block, i, scale);
  const auto set_minimum = [&](float ratio) { set_block_factor(type, block, 1, ratio * scale); };
  const auto negate_minimum = [&] { block[3] |= std::byte{0x80}; };
  switch (type) {
    case TensorType::kQ4_1:
      set_minimum(7.5f), negate_minimum();
      break;
    case TensorType::kQ5_1:
      set_minimum(15.5f), negate_minimum();
      break;
    case TensorType::kQ4_K:
    case TensorType::kQ5_K:
      set_minimum(type == TensorType::kQ4_K ? 7.5f : 15.5f);
      for (size_t i = 4; i < 8; ++i) block[i + 4] = block[i];
      for (size_t i = 12; i < 16; ++i) block[i] = (block[i] & std::byte{15}) | (block[i] << 4);
      break;
    case TensorType::kQ2_K:
      set_minimum(1.5f);
      for (size_t i = 0; i < 16; ++i) block[i] = (block[i] & std::byte{15}) | (block[i] << 4);
      break;
    default:
      break;
  }
}

std::vector<std::byte> plain_weights(TensorType type, size_t values, double deviation, uint64_t seed) {
  const std::vector<float> floats = Generator(seed).normals(values, 0, deviation);
  if (type == TensorType::kF32) return f32_bytes(floats);
  ByteWriter writer;
  for (const float value : floats) writer.put(type == TensorType::kF16 ? float_to_half(value) : float_to_bf16(value));
  return writer.bytes;
}

std::vector<std::byte> scaled_blocks(TensorType type, size_t values, double scale, uint64_t seed) {
  const TensorTypeInfo* info = tensor_type_info(type);
  Generator random(seed);
  std::vector<std::byte> bytes(values / info->block_values * info->block_bytes);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.below(256));
  for (size_t block = 0; block < bytes.size(); block += info->block_bytes)
    set_scales(type, bytes.data() + block, scale * random.uniform(0.5, 1.5));
  return bytes;
}

double deviation_of(TensorType type, std::span<const std::byte> bytes, size_t count) {
  std::vector<float> values(count);
  dequantize_blocks(type, bytes, values);
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(sum / static_cast<double>(count));
}

class ModelWriter {
 public:
  explicit ModelWriter(const SyntheticModel& spec) : spec_(spec), random_(spec.seed) {}

  std::vector<std::byte> write() {
    write_keys();
    write_tokenizer();
    write_tensors();
    return writer_.finish();
  }

 private:
  uint32_t head_dim() const { return spec_.head_dim ? spec_.head_dim : spec_.width / spec_.heads; }

  // Writes the key, or what the spec wants in its place.
  void key(const std::string& name, const std::function<void(GgufWriter&)>& write) {
    const auto found = spec_.keys.find(name);
    if (found == spec_.keys.end()) return write(writer_);
    written_.push_back(name);
    if (found->second) found->second(writer_);
  }
  void number(const std::string& name, uint32_t value) {
    key(name, [&](GgufWriter& w) { w.u32(name, value); });
  }

  void write_keys() {
    key("general.architecture", [](GgufWriter& w) { w.string("general.architecture", "llama"); });
    number("llama.block_count", spec_.layers);
    number("llama.context_length", spec_.context);
    number("llama.embedding_length", spec_.width);
    number("llama.feed_forward_length", spec_.ffn);
    number("llama.attention.head_count", spec_.heads);
    number("llama.attention.head_count_kv", spec_.kv_heads);
    const char* eps = "llama.attention.layer_norm_rms_epsilon";
    key(eps, [&](GgufWriter& w) { w.f32(eps, 1e-5f); });
    if (spec_.head_dim) {
      number("llama.attention.key_length", spec_.head_dim);
      number("llama.attention.value_length", spec_.head_dim);
    }
    if (spec_.rotary) number("llama.rope.dimension_count", spec_.rotary);
    if (spec_.linear_scale > 0) {
      writer_.string("llama.rope.scaling.type", "linear");
      writer_.f32("llama.rope.scaling.factor", spec_.linear_scale);
    }
    for (const auto& [name, write] : spec_.keys)
      if (write && std::find(written_.begin(), written_.end(), name) == written_.end()) write(writer_);
  }

  void write_tokenizer() {
    std::vector<std::string> tokens;
    std::vector<int32_t> types;
    const auto add = [&](std::string name, int32_t type) { tokens.push_back(std::move(name)), types.push_back(type); };
    if (!spec_.gpt2) add("<unk>", 2), add("<s>", 3), add("</s>", 3);
    for (int byte = 0; byte < 256; ++byte) {
      constexpr char kHex[] = "0123456789ABCDEF";
      std::string in_alphabet;
      append_utf8(in_alphabet, byte_to_alphabet(static_cast<uint8_t>(byte)));
      if (spec_.gpt2)
        add(in_alphabet, 1);
      else
        add({'<', '0', 'x', kHex[byte >> 4], kHex[byte & 15], '>'}, 6);
    }
    while (tokens.size() < spec_.vocabulary) add("token" + std::to_string(tokens.size()), 1);
    writer_.string("tokenizer.ggml.model", spec_.gpt2 ? "gpt2" : "llama");
    writer_.strings("tokenizer.ggml.tokens", tokens);
    writer_.i32s("tokenizer.ggml.token_type", types);
    if (spec_.gpt2) {
      writer_.string("tokenizer.ggml.pre", "gpt-2").strings("tokenizer.ggml.merges", {});
      return;
    }
    writer_.f32s("tokenizer.ggml.scores", std::vector<float>(tokens.size()));
    writer_.u32("tokenizer.ggml.bos_token_id", kSyntheticBos).u32("tokenizer.ggml.eos_token_id", kSyntheticEos);
  }

  // Holds q and k back until v comes, whose type they have.
  void add(GgufWriter::Tensor tensor) {
    for (const char* part : {"attn_q.", "attn_k.", "attn_v."}) {
      const size_t at = tensor.name.find(part);
      if (!spec_.fused_qkv || at == std::string::npos) continue;
      tensor.name.replace(at, 7, "attn_qkv.");
      GgufWriter::Tensor& whole = fused_[tensor.name];
      const uint64_t rows = whole.dims.empty() ? 0 : whole.dims.back();
      whole.data.insert(whole.data.end(), tensor.data.begin(), tensor.data.end());
      tensor.dims.back() += rows;
      tensor.data = std::move(whole.data);
      whole = tensor;
      if (std::string_view(part) != "attn_v.") return;
    }
    if (!spec_.edit_tensor || spec_.edit_tensor(tensor)) writer_.tensor(std::move(tensor));
  }
  void matrix(const std::string& name, uint64_t rows, uint64_t cols, double gain, std::optional<TensorType> type = {}) {
    const TensorType as = type.value_or(spec_.type);
    const double deviation = gain / std::sqrt(static_cast<double>(cols));
    add({name,
         {cols, rows},
         static_cast<uint32_t>(as),
         random_weights(as, rows * cols, deviation, random_.bits()),
         {}});
  }
  void vector(const std::string& name, uint64_t length, double mean, double deviation) {
    add({name,
         {length},
         static_cast<uint32_t>(TensorType::kF32),
         f32_bytes(random_.normals(length, mean, deviation)),
         {}});
  }

  void write_tensors() {
    const uint64_t q = spec_.heads * head_dim(), kv = spec_.kv_heads * head_dim();
    // Where the table is the output too, its rows make the logits.
    matrix("token_embd.weight", spec_.vocabulary, spec_.width, 3);
    for (uint32_t layer = 0; layer < spec_.layers; ++layer) {
      const std::string block = "blk." + std::to_string(layer) + ".";
      vector(block + "attn_norm.weight", spec_.width, 1, 0.2);
      matrix(block + "attn_q.weight", q, spec_.width, 1.5);  // so that attention is not nearly uniform
      matrix(block + "attn_k.weight", kv, spec_.width, 1.5);
      matrix(block + "attn_v.weight", kv, spec_.width, 1, spec_.v_and_down);
      matrix(block + "attn_output.weight", spec_.width, q, 1);
      if (spec_.biases) {
        vector(block + "attn_q.bias", q, 0, 0.5);
        vector(block + "attn_k.bias", kv, 0, 0.5);
        vector(block + "attn_v.bias", kv, 0, 0.5);
        vector(block + "attn_output.bias", spec_.width, 0, 0.5);
      }
      vector(block + "ffn_norm.weight", spec_.width, 1, 0.2);
      matrix(block + "ffn_gate.weight", spec_.ffn, spec_.width, 1);
      matrix(block + "ffn_up.weight", spec_.ffn, spec_.width, 1);
      matrix(block + "ffn_down.weight", spec_.width, spec_.ffn, 1, spec_.v_and_down);
    }
    vector("output_norm.weight", spec_.width, 1, 0.2);
    if (spec_.separate_output) matrix("output.weight", spec_.vocabulary, spec_.width, 3);
    for (const GgufWriter::Tensor& more : spec_.more_tensors) writer_.tensor(more);
    const uint32_t rotary = spec_.rotary ? spec_.rotary : head_dim();
    if (spec_.rope_factors)
      add({"rope_freqs.weight",
           {rotary / 2},
           static_cast<uint32_t>(TensorType::kF32),
           f32_bytes(random_.uniforms(rotary / 2, 1, 8)),
           {}});
  }

  const SyntheticModel& spec_;
  GgufWriter writer_;
  Generator random_;
  std::vector<std::string> written_;
  std::map<std::string, GgufWriter::Tensor> fused_;
};

}  // namespace

std::vector<std::byte> random_weights(TensorType type, size_t values, double deviation, uint64_t seed) {
  if (tensor_type_info(type)->block_values == 1) return plain_weights(type, values, deviation, seed);
  const double unscaled = deviation_of(type, scaled_blocks(type, values, 1.0 / 64, seed), values);
  return scaled_blocks(type, values, deviation / unscaled / 64, seed);
}

std::vector<std::byte> make_synthetic_model(const SyntheticModel& spec) { return ModelWriter(spec).write(); }

std::vector<int32_t> random_tokens(uint32_t vocabulary, size_t count, uint64_t seed) {
  Generator random(seed);
  std::vector<int32_t> ids;
  while (ids.size() < count) ids.push_back(static_cast<int32_t>(random.below(vocabulary)));
  return ids;
}

std::vector<int32_t> random_tokens(const SyntheticModel& spec, size_t count, uint64_t seed) {
  return random_tokens(spec.vocabulary, count, seed);
}

}  // namespace pumice::test
