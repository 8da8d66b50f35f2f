#include "media/log_mel.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <numbers>
#include <utility>

#include "base/result.h"

namespace pumice {
namespace {

using Complex = std::complex<double>;
using Spectrum = std::array<Complex, kMelFrame>;

constexpr size_t kMirrored = kMelFrame / 2;
constexpr size_t kSilence = size_t{30} * kMelRate;
constexpr double kLeast = 1e-10;  // power whose logarithm is taken
constexpr double kRange = 8;      // powers of ten below the highest

// Cooley and Tukey's: transforms of every fifth or second value, put together.
class Fourier {
 public:
  Fourier() {
    for (size_t i = 0; i < kMelFrame; ++i)
      turns_[i] = std::polar(1.0, -2 * std::numbers::pi * static_cast<double>(i) / kMelFrame);
  }
  void transform(const double* from, Spectrum& to) const { transform(from, 1, kMelFrame, to.data()); }

 private:
  void transform(const double* from, size_t stride, size_t count, Complex* to) const {
    if (count == 1) {
      to[0] = from[0];
      return;
    }
    const size_t parts = count % 5 == 0 ? 5 : 2, part = count / parts;
    for (size_t i = 0; i < parts; ++i) transform(from + i * stride, stride * parts, part, to + i * part);
    std::array<Complex, 5> values{};
    for (size_t k = 0; k < part; ++k) {
      for (size_t i = 0; i < parts; ++i) values[i] = to[i * part + k];
      for (size_t j = 0; j < parts; ++j) {
        Complex sum = values[0];
        for (size_t i = 1; i < parts; ++i) sum += values[i] * turns_[i * (k + j * part) * stride % kMelFrame];
        to[j * part + k] = sum;
      }
    }
  }

  std::array<Complex, kMelFrame> turns_;
};

double hertz_of(double mel) { return mel < 15 ? mel * 200 / 3 : 1000 * std::exp((mel - 15) * std::log(6.4) / 27); }

uint32_t whole_hops(uint64_t samples) { return static_cast<uint32_t>(samples / kMelHop); }

// Not clamped, and clamped to what the highest value leaves.
float logarithm(double power) { return static_cast<float>(std::log10(std::max(power, kLeast))); }
float clamped(float value, float highest) { return (std::max(value, highest - static_cast<float>(kRange)) + 4) / 4; }

}  // namespace

MelFilters slaney_filters(uint32_t bands) {
  MelFilters filters{.bands = bands, .weights = std::vector<float>(size_t{bands} * kMelFrequencies)};
  const double highest = 15 + std::log(8.0) * 27 / std::log(6.4);  // 8 kHz
  const auto edge = [&](uint32_t i) { return hertz_of(highest * i / (bands + 1)); };
  for (uint32_t band = 0; band < bands; ++band) {
    const double low = edge(band), middle = edge(band + 1), high = edge(band + 2);
    for (uint32_t i = 0; i < kMelFrequencies; ++i) {
      const double hertz = static_cast<double>(i) * kMelRate / kMelFrame;
      const double height = std::min((hertz - low) / (middle - low), (high - hertz) / (high - middle));
      filters.weights[band * kMelFrequencies + i] = static_cast<float>(std::max(0.0, height) * 2 / (high - low));
    }
  }
  return filters;
}

MelStream::MelStream(MelFilters filters) : filters_(std::move(filters)), hann_(kMelFrame), highest_(logarithm(0)) {
  PUMICE_CHECK(filters_.weights.size() == size_t{filters_.bands} * kMelFrequencies);
  for (size_t i = 0; i < kMelFrame; ++i)
    hann_[i] = 0.5 - 0.5 * std::cos(2 * std::numbers::pi * static_cast<double>(i) / kMelFrame);
}

// With what stands before and behind the sound.
double MelStream::sample_at(uint64_t place) const {
  const uint64_t at = place < kMirrored ? kMirrored - place : place - kMirrored;
  return at >= first_sample_ && at < samples() ? static_cast<double>(samples_[at - first_sample_]) : 0;
}

void MelStream::compute(uint32_t at) {
  static const Fourier fourier;
  std::array<double, kMelFrame> frame;
  for (size_t i = 0; i < kMelFrame; ++i) frame[i] = hann_[i] * sample_at(uint64_t{at} * kMelHop + i);
  Spectrum spectrum;
  fourier.transform(frame.data(), spectrum);
  std::array<double, kMelFrequencies> power;
  for (size_t i = 0; i < kMelFrequencies; ++i) power[i] = std::norm(spectrum[i]);
  for (size_t band = 0; band < filters_.bands; ++band) {
    const float* weights = &filters_.weights[band * kMelFrequencies];
    double sum = 0;
    for (size_t i = 0; i < kMelFrequencies; ++i) sum += static_cast<double>(weights[i]) * power[i];
    values_.push_back(logarithm(sum));
    highest_ = std::max(highest_, values_.back());
  }
}

void MelStream::append(std::span<const float> samples) {
  samples_.insert(samples_.end(), samples.begin(), samples.end());
  while (frames() * uint64_t{kMelHop} + kMirrored < this->samples()) compute(frames());
  // Before the next frame's first sample none is needed; but the mirrored ones are until their frames are computed.
  const uint64_t next = frames() * uint64_t{kMelHop};
  if (next < 4 * kMirrored || next - kMirrored <= first_sample_) return;
  samples_.erase(samples_.begin(), samples_.begin() + static_cast<std::ptrdiff_t>(next - kMirrored - first_sample_));
  first_sample_ = next - kMirrored;
}

void MelStream::end() {
  if (ended_) return;
  const uint32_t heard = std::min(whole_hops(samples() + kSilence), whole_hops(samples() + kMirrored + kMelHop - 1));
  while (frames() < heard) compute(frames());
  ended_ = true;
}

uint32_t MelStream::content() const { return samples() < kMirrored ? 0 : 1 + whole_hops(samples() - kMirrored); }

std::vector<float> MelStream::window(uint32_t first, uint32_t count) const {
  PUMICE_CHECK(first >= first_frame_);
  const size_t there = first < frames() ? std::min<size_t>(count, frames() - first) * filters_.bands : 0;
  std::vector<float> to(size_t{count} * filters_.bands, clamped(logarithm(0), highest_));
  const float* from = values_.data() + (there ? size_t{first - first_frame_} * filters_.bands : 0);
  for (size_t i = 0; i < there; ++i) to[i] = clamped(from[i], highest_);
  return to;
}

void MelStream::forget(uint32_t before) {
  before = std::min(before, frames());
  if (before <= first_frame_) return;
  values_.erase(values_.begin(),
                values_.begin() + static_cast<std::ptrdiff_t>(size_t{before - first_frame_} * filters_.bands));
  first_frame_ = before;
}

Mel log_mel(std::span<const float> sound, const MelFilters& filters) {
  MelStream stream(filters);
  stream.append(sound);
  stream.end();
  Mel mel{.bands = filters.bands, .frames = whole_hops(sound.size() + kSilence), .content = stream.content()};
  const std::vector<float> rows = stream.window(0, mel.frames);
  mel.values.resize(rows.size());
  for (size_t frame = 0; frame < mel.frames; ++frame)
    for (size_t band = 0; band < mel.bands; ++band)
      mel.values[band * mel.frames + frame] = rows[frame * mel.bands + band];
  return mel;
}

}  // namespace pumice
