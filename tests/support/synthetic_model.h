// SyntheticModel: a small random `llama` GGUF file in memory, for tests of whole models without a model file.
//
//   const std::vector<std::byte> file = make_synthetic_model({.layers = 2, .width = 128, .type = TensorType::kQ8_0});
//
// Weights have the deviation (row length)^-0.5, so that activations stay near 1 from layer to layer, and logits have a
// deviation of about 3, so that they are well spread but no token is certain. The same spec gives the same bytes with
// every compiler. Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "support/gguf_writer.h"

namespace pumice::test {

struct SyntheticModel {
  uint32_t layers = 2, width = 64, heads = 4, kv_heads = 2;
  uint32_t head_dim = 0;  // 0: width / heads; else written as key_length and value_length
  uint32_t ffn = 96;
  uint32_t vocabulary = 300;  // at least 259: three control tokens and the bytes, or 256 bytes for gpt2
  uint32_t context = 1024;
  TensorType type = TensorType::kF32;
  std::optional<TensorType> v_and_down;  // instead of `type` for attn_v and ffn_down
  bool separate_output = false;
  bool biases = false;        // of q, k, v and the attention output
  bool rope_factors = false;  // Llama 3's rope_freqs
  float linear_scale = 0;     // 0: none
  uint32_t rotary = 0;        // 0: the whole head
  bool fused_qkv = false;     // the rows of q, k and v in one tensor, and their biases
  bool gpt2 = false;          // the tokenizer's kind
  uint64_t seed = 1;

  // For hostile files: written instead of the key of that name (an empty function leaves it out), and what may change
  // a tensor before it is written; false leaves it out.
  std::map<std::string, std::function<void(GgufWriter&)>> keys;
  std::function<bool(GgufWriter::Tensor&)> edit_tensor;
  std::vector<GgufWriter::Tensor> more_tensors;
};

inline constexpr int32_t kSyntheticBos = 1, kSyntheticEos = 2;  // of the llama vocabulary

std::vector<std::byte> make_synthetic_model(const SyntheticModel& spec);

// Blocks of `type` whose decoded values have mean 0 and about this deviation.
std::vector<std::byte> random_weights(TensorType type, size_t values, double deviation, uint64_t seed);

// `count` ids of a vocabulary, or of the model's.
std::vector<int32_t> random_tokens(uint32_t vocabulary, size_t count, uint64_t seed);
std::vector<int32_t> random_tokens(const SyntheticModel& spec, size_t count, uint64_t seed);

}  // namespace pumice::test
