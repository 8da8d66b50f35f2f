// The logarithm of a sound's mel spectrum as Whisper models take it.
//
// Frames of 400 samples of a 16 kHz sound, 160 apart, under a periodic Hann window; the power of 201 frequencies,
// summed by the model's filters; the logarithm to base 10, no lower than 8 below the highest value of the whole sound,
// then (x + 4) / 4. Before the sound stand its first samples mirrored, behind it 30 seconds of silence.
// Thread rule: plain functions and value types.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace pumice {

constexpr uint32_t kMelRate = 16000;       // samples a second
constexpr uint32_t kMelFrame = 400;        // samples under a window
constexpr uint32_t kMelHop = 160;          // samples from one to the next: 10 ms
constexpr uint32_t kMelFrequencies = 201;  // 0 to 8 kHz
constexpr uint32_t kMelWindowFrames = 3000;

struct MelFilters {
  uint32_t bands = 0;
  std::vector<float> weights;  // (band, frequency)
};
// Triangles on Slaney's scale, each of the same area: what Whisper's files have.
MelFilters slaney_filters(uint32_t bands);

struct Mel {
  uint32_t bands = 0;
  uint32_t frames = 0;        // of the sound and the silence behind it
  uint32_t content = 0;       // frames that lie on the sound, so that a transcript ends there
  std::vector<float> values;  // (band, frame)
};
// sound: samples from -1 to 1 at kMelRate.
Mel log_mel(std::span<const float> sound, const MelFilters& filters);

}  // namespace pumice
