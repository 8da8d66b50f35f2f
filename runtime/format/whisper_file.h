// WhisperFile: a parsed model file of whisper.cpp (".bin").
//
// Contract: the bytes may be hostile. Every length, count and product is proven consistent with the file's size before
// use; memory is bounded by a small multiple of that size; a refused file gives a one-line reason. An accepted file
// holds exactly the tensors of its architecture, each once and of the right shape, and row lengths are whole blocks.
// All views point into the bytes given. Thread rule: plain values; immutable after reading. Source: whisper.cpp's
// convert-pt-to-ggml.py.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "format/tensor_type.h"

namespace pumice {

struct WhisperSizes {
  uint32_t vocabulary = 0;
  uint32_t audio_context = 0, audio_state = 0, audio_heads = 0, audio_layers = 0;
  uint32_t text_context = 0, text_state = 0, text_heads = 0, text_layers = 0;
  uint32_t mels = 0;
};

struct WhisperTensor {
  std::string_view name;
  TensorType type = TensorType::kF32;
  std::array<uint64_t, 3> sizes = {1, 1, 1};  // innermost first
  std::span<const std::byte> data;            // not aligned
};

struct WhisperFile {
  WhisperSizes sizes;
  std::span<const std::byte> mel_filters;  // (mel, frequency) F32, not aligned
  uint32_t mel_frequencies = 0;
  std::vector<std::string_view> words;  // any bytes; fewer than the vocabulary: the rest are special tokens
  std::vector<WhisperTensor> tensors;   // by name

  const WhisperTensor* find(std::string_view name) const;  // nullptr: none
};

// Status::kMalformed, or kUnsupported for a type or size that is not known.
Result<WhisperFile> read_whisper_file(std::span<const std::byte> file);

}  // namespace pumice
