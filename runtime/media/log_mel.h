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

// The same of a sound that comes piece by piece; what is the highest value is known of the pieces so far. Thread rule:
// one thread at a time.
class MelStream {
 public:
  explicit MelStream(MelFilters filters);

  uint32_t bands() const { return filters_.bands; }
  void append(std::span<const float> samples);
  void end();  // behind it is silence
  bool ended() const { return ended_; }
  uint64_t samples() const { return first_sample_ + samples_.size(); }
  uint32_t frames() const { return first_frame_ + static_cast<uint32_t>(values_.size() / filters_.bands); }  // computed
  uint32_t content() const;
  // (frames, bands) from the first on, which are not forgotten; those that are not computed are silence.
  std::vector<float> window(uint32_t first, uint32_t frames) const;
  void forget(uint32_t before);  // frames

 private:
  void compute(uint32_t frame);
  double sample_at(uint64_t place) const;

  MelFilters filters_;
  std::vector<double> hann_;
  std::vector<float> samples_;  // from first_sample_ on
  uint64_t first_sample_ = 0;
  std::vector<float> values_;  // (frame, band), logarithms, from first_frame_ on
  uint32_t first_frame_ = 0;
  float highest_;
  bool ended_ = false;
};

}  // namespace pumice
