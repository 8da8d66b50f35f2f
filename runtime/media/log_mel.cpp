#include "media/log_mel.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <numbers>

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

// Sample `place` of the sound with what stands before and behind it.
double sample_at(std::span<const float> sound, size_t place) {
  if (place < kMirrored) {
    const size_t mirrored = kMirrored - place;
    return mirrored < sound.size() ? static_cast<double>(sound[mirrored]) : 0;
  }
  return place - kMirrored < sound.size() ? static_cast<double>(sound[place - kMirrored]) : 0;
}

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

Mel log_mel(std::span<const float> sound, const MelFilters& filters) {
  PUMICE_CHECK(filters.weights.size() == size_t{filters.bands} * kMelFrequencies);
  const auto count_frames = [](size_t samples) { return static_cast<uint32_t>(samples / kMelHop); };
  Mel mel{.bands = filters.bands, .frames = count_frames(sound.size() + kSilence)};
  mel.content = sound.size() < kMirrored ? 0 : 1 + count_frames(sound.size() - kMirrored);
  const uint32_t heard = std::min(mel.frames, count_frames(sound.size() + kMirrored + kMelHop - 1));
  mel.values.assign(size_t{mel.bands} * mel.frames, static_cast<float>(std::log10(kLeast)));
  std::array<double, kMelFrame> window, frame;
  for (size_t i = 0; i < kMelFrame; ++i)
    window[i] = 0.5 - 0.5 * std::cos(2 * std::numbers::pi * static_cast<double>(i) / kMelFrame);
  const Fourier fourier;
  Spectrum spectrum;
  std::array<double, kMelFrequencies> power;
  for (size_t at = 0; at < heard; ++at) {
    for (size_t i = 0; i < kMelFrame; ++i) frame[i] = window[i] * sample_at(sound, at * kMelHop + i);
    fourier.transform(frame.data(), spectrum);
    for (size_t i = 0; i < kMelFrequencies; ++i) power[i] = std::norm(spectrum[i]);
    for (size_t band = 0; band < mel.bands; ++band) {
      const float* weights = &filters.weights[band * kMelFrequencies];
      double sum = 0;
      for (size_t i = 0; i < kMelFrequencies; ++i) sum += static_cast<double>(weights[i]) * power[i];
      mel.values[band * mel.frames + at] = static_cast<float>(std::log10(std::max(sum, kLeast)));
    }
  }
  const float highest = *std::max_element(mel.values.begin(), mel.values.end());
  const float least = highest - static_cast<float>(kRange);
  for (float& value : mel.values) value = (std::max(value, least) + 4) / 4;
  return mel;
}

}  // namespace pumice
