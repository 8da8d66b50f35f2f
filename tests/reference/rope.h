// Rotary position embedding: pair i of a head is turned by position * inverse_frequencies[i] radians.
// Source: J. Su et al., RoFormer: Enhanced Transformer with Rotary Position Embedding (2021); the two pairings are
// those of GGUF models. Thread rule: pure functions.
#pragma once

#include <cmath>
#include <cstddef>
#include <numbers>
#include <span>
#include <vector>

namespace pumice::reference {

enum class RopePairing {
  kAdjacent,  // (2i, 2i + 1): GGUF's llama files
  kHalf,      // (i, i + rot / 2): GPT-NeoX, Qwen, Gemma, Phi
};

// Rotates x (heads, head_dim) in place. The rotary dimensions are the first rot = 2 * inverse_frequencies.size() of
// each head, rot <= head_dim; the others stay as they are.
inline void rope(std::span<float> x, size_t heads, size_t head_dim, double position, RopePairing pairing,
                 std::span<const double> inverse_frequencies) {
  const size_t pairs = inverse_frequencies.size();
  for (size_t head = 0; head < heads; ++head) {
    for (size_t i = 0; i < pairs; ++i) {
      const bool adjacent = pairing == RopePairing::kAdjacent;
      float& first = x[head * head_dim + (adjacent ? 2 * i : i)];
      float& second = x[head * head_dim + (adjacent ? 2 * i + 1 : i + pairs)];
      const double angle = position * inverse_frequencies[i];
      const double a = first;
      const double b = second;
      first = static_cast<float>(a * std::cos(angle) - b * std::sin(angle));
      second = static_cast<float>(a * std::sin(angle) + b * std::cos(angle));
    }
  }
}

// Radians per position of each of the rot / 2 pairs: base^(-2i / rot), divided by `linear_scale` (GGUF's
// rope.scaling.factor of type linear; 1 is off) and by freq_factors[i] (the tensor rope_freqs.weight; empty is off).
inline std::vector<double> inverse_frequencies(size_t rot, double base, double linear_scale = 1.0,
                                               std::span<const float> freq_factors = {}) {
  std::vector<double> result(rot / 2);
  for (size_t i = 0; i < result.size(); ++i) {
    const double exponent = 2.0 * static_cast<double>(i) / static_cast<double>(rot);
    const double factor = freq_factors.empty() ? 1.0 : static_cast<double>(freq_factors[i]);
    result[i] = std::pow(base, -exponent) / linear_scale / factor;
  }
  return result;
}

struct Yarn {
  double factor = 1, original_context = 1;
  double fast = 32, slow = 1;  // turns within the original context
};

// From frequencies that are not scaled: pairs that turn faster than `fast` keep theirs, those slower than `slow` are
// divided by the factor, and between the two lies a ramp over the pairs' indices with its ends rounded outwards.
// Source: B. Peng et al., YaRN (2023), section 3.2, with llama.cpp's rounding.
inline void apply_yarn(std::span<double> frequencies, double base, const Yarn& yarn) {
  const double rot = 2.0 * static_cast<double>(frequencies.size());
  const auto index = [&](double turns) {
    const double wavelength = yarn.original_context / turns;  // of the pair sought
    return rot * std::log(wavelength / (2 * std::numbers::pi)) / (2 * std::log(base));
  };
  const double low = std::fmax(0, std::floor(index(yarn.fast)));
  const double high = std::fmin(rot - 1, std::ceil(index(yarn.slow)));
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const double divided = std::fmin(1, std::fmax(0, (static_cast<double>(i) - low) / std::fmax(0.001, high - low)));
    frequencies[i] *= 1 - divided + divided / yarn.factor;
  }
}

// The factors by which Llama 3.1 divides inverse frequencies, as GGUF's rope_freqs.weight stores them. Wavelengths
// shorter than original_context / high_freq_factor tokens stay, those longer than original_context / low_freq_factor
// are stretched by `factor`, and the inverse frequencies between are interpolated.
// Source: the rope_scaling block (rope_type llama3) of the Llama 3.1 configuration.
inline std::vector<float> llama3_factors(size_t rot, double base, double factor, double low_freq_factor,
                                         double high_freq_factor, double original_context) {
  std::vector<float> result(rot / 2);
  const std::vector<double> frequencies = inverse_frequencies(rot, base);
  for (size_t i = 0; i < result.size(); ++i) {
    const double wavelength = 2.0 * std::numbers::pi / frequencies[i];
    if (wavelength < original_context / high_freq_factor) {
      result[i] = 1.0f;
    } else if (wavelength > original_context / low_freq_factor) {
      result[i] = static_cast<float>(factor);
    } else {
      const double smooth = (original_context / wavelength - low_freq_factor) / (high_freq_factor - low_freq_factor);
      result[i] = static_cast<float>(1.0 / ((1.0 - smooth) / factor + smooth));
    }
  }
  return result;
}

}  // namespace pumice::reference
