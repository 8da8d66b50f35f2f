// Whisper model files made up for tests: every tensor of the architecture, filled with random bytes unless said
// otherwise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "format/whisper_file.h"

namespace pumice::test {

struct WrittenTensor {
  std::string name;
  std::vector<uint32_t> sizes;  // innermost first
  TensorType type = TensorType::kF32;
};

class WhisperWriter {
 public:
  static constexpr WhisperSizes kSmall = {.vocabulary = 40,
                                          .audio_context = 20,
                                          .audio_state = 64,
                                          .audio_heads = 2,
                                          .audio_layers = 2,
                                          .text_context = 16,
                                          .text_state = 64,
                                          .text_heads = 2,
                                          .text_layers = 1,
                                          .mels = 3};
  WhisperSizes sizes;
  uint32_t magic = 0x67676d6c, file_type = 0, frequencies = 201, words = 30;
  std::vector<WrittenTensor> tensors;
  std::function<std::vector<std::byte>(const WrittenTensor&, size_t values)> contents;
  std::function<std::string(uint32_t)> word = [](uint32_t id) { return std::string(id % 5, 'w'); };
  std::vector<float> filters;

  // matrices: the type of weights of rank 2.
  explicit WhisperWriter(TensorType matrices = TensorType::kF32, const WhisperSizes& of = kSmall)
      : sizes(of), matrices_(matrices) {
    const uint32_t width = sizes.audio_state;
    add("encoder.positional_embedding", {width, sizes.audio_context});
    add("encoder.conv1.weight", {3, sizes.mels, width}, TensorType::kF16);
    add("encoder.conv1.bias", {1, width});
    add("encoder.conv2.weight", {3, width, width}, TensorType::kF16);
    add("encoder.conv2.bias", {1, width});
    for (const char* name : {"encoder.ln_post", "decoder.ln"}) add_norm(name);
    add("decoder.positional_embedding", {width, sizes.text_context});
    add("decoder.token_embedding.weight", {width, sizes.vocabulary}, matrices);
    for (uint32_t i = 0; i < sizes.audio_layers; ++i) add_block("encoder.blocks." + std::to_string(i), {"attn"});
    for (uint32_t i = 0; i < sizes.text_layers; ++i)
      add_block("decoder.blocks." + std::to_string(i), {"attn", "cross_attn"});
  }

  std::vector<std::byte> finish() {
    bytes_.clear();
    put({magic, sizes.vocabulary, sizes.audio_context, sizes.audio_state, sizes.audio_heads, sizes.audio_layers,
         sizes.text_context, sizes.text_state, sizes.text_heads, sizes.text_layers, sizes.mels, file_type, sizes.mels,
         frequencies});
    const auto given = std::as_bytes(std::span(filters));
    bytes_.insert(bytes_.end(), given.begin(), given.end());
    if (given.empty()) fill(size_t{sizes.mels} * frequencies * sizeof(float));
    put({words});
    for (uint32_t i = 0; i < words; ++i) put({static_cast<uint32_t>(word(i).size())}), text(word(i));
    for (const WrittenTensor& tensor : tensors) put_tensor(tensor);
    return bytes_;
  }

 private:
  void add(std::string name, std::vector<uint32_t> tensor_sizes, TensorType type = TensorType::kF32) {
    tensors.push_back({std::move(name), std::move(tensor_sizes), type});
  }
  void add_norm(const std::string& name) {
    add(name + ".weight", {sizes.audio_state});
    add(name + ".bias", {sizes.audio_state});
  }
  void add_block(const std::string& name, std::initializer_list<const char*> attentions) {
    const uint32_t width = sizes.audio_state;
    for (const std::string attention : attentions) {
      add_norm(name + "." + attention + "_ln");
      for (const char* part : {".query", ".key", ".value", ".out"}) {
        add(name + "." + attention + part + ".weight", {width, width}, matrices_);
        if (std::string(part) != ".key") add(name + "." + attention + part + ".bias", {width});
      }
    }
    add_norm(name + ".mlp_ln");
    add(name + ".mlp.0.weight", {width, 4 * width}, matrices_);
    add(name + ".mlp.0.bias", {4 * width});
    add(name + ".mlp.2.weight", {4 * width, width}, matrices_);
    add(name + ".mlp.2.bias", {width});
  }
  void put(std::initializer_list<uint32_t> numbers) {
    for (const uint32_t number : numbers)
      for (int i = 0; i < 4; ++i) bytes_.push_back(static_cast<std::byte>(number >> (8 * i)));
  }
  void text(const std::string& characters) {
    for (const char character : characters) bytes_.push_back(static_cast<std::byte>(character));
  }
  void fill(size_t count) {
    for (size_t i = 0; i < count; ++i) bytes_.push_back(static_cast<std::byte>(random_.next()));
  }
  void put_tensor(const WrittenTensor& tensor) {
    put({static_cast<uint32_t>(tensor.sizes.size()), static_cast<uint32_t>(tensor.name.size()),
         static_cast<uint32_t>(tensor.type)});
    size_t values = 1;
    for (const uint32_t size : tensor.sizes) put({size}), values *= size;
    text(tensor.name);
    const TensorTypeInfo* info = tensor_type_info(tensor.type);
    if (contents) {
      const std::vector<std::byte> made = contents(tensor, values);
      bytes_.insert(bytes_.end(), made.begin(), made.end());
    } else if (info) {
      fill(values / info->block_values * info->block_bytes);
    }
  }

  TensorType matrices_;
  SplitMix random_{1};
  std::vector<std::byte> bytes_;
};

}  // namespace pumice::test
