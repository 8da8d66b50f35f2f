// A small random model that hears, as a file of whisper.cpp's. Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "format/tensor_type.h"

namespace pumice::test {

struct WhisperModel {
  bool multilingual = false;
  TensorType type = TensorType::kF32;  // of matrices; convolutions are F16 where it is not F32
  uint32_t width = 64, heads = 2, layers = 1, decoder_layers = 1, bands = 80, text_context = 64;
  uint32_t audio_context = 1500;  // of 20 ms: 30 seconds
  uint64_t seed = 1;
};

std::vector<std::byte> make_whisper_model(const WhisperModel& model);

// Seconds of noise and tones that rise and fall, at 16 kHz.
std::vector<float> made_up_sound(double seconds, uint64_t seed);

}  // namespace pumice::test
