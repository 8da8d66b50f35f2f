// ModelConfig: the hyperparameters of a decoder, as read from a model file and checked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "format/gguf.h"
#include "kernels/rope.h"

namespace pumice {

struct ModelConfig {
  std::string architecture;  // general.architecture
  std::string name;          // the beginning of general.name, printable; empty: none
  uint32_t layers = 0;
  uint32_t width = 0;  // of the hidden state
  uint32_t heads = 0, kv_heads = 0, head_dim = 0;
  uint32_t ffn_width = 0;
  uint32_t vocabulary = 0;
  uint32_t context_length = 0;  // that it was trained for
  float norm_eps = 1e-5f;
  float attention_scale = 0;  // of scores, with the magnitude that rope scaling gives to queries and keys
  uint32_t rotary = 0;        // rotated dimensions of a head
  RopePairs rope_pairs = RopePairs::kAdjacent;
  std::vector<double> rope_radians;   // (rotary / 2): radians of each pair a position
  std::vector<std::string> warnings;  // what the file leaves to guess, a line each

  uint32_t q_width() const { return heads * head_dim; }
  uint32_t kv_width() const { return kv_heads * head_dim; }
  uint32_t qkv_width() const { return q_width() + 2 * kv_width(); }
};

class ConfigReader;

// Reads the keys that decoders share, block_count and so on, and checks that they fit together.
// Status::kMalformed or kUnsupported with the key that is at fault.
Result<ModelConfig> read_common_config(ConfigReader& reader);

}  // namespace pumice
