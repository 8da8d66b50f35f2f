#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>

#include "media/picture.h"

namespace pumice {
namespace {

// Weights are whole numbers with so many fractional bits. Those of a sample, with their signs taken off, add up to less
// than twice one, so that sums of 8-bit values fit into 32 bits.
constexpr int kWeightBits = 22;

double bicubic(double x) {
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((x - 5) * x + 8) * x * -0.5 + 2 : 0;
}

double sinc(double x) {
  if (x == 0) return 1;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double weight_at(PictureFilter filter, double x) {
  x = std::abs(x);
  switch (filter) {
    case PictureFilter::kBilinear:
      return std::max(1 - x, 0.0);
    case PictureFilter::kBicubic:
      return bicubic(x);
    case PictureFilter::kLanczos:
      return x < 3 ? sinc(x) * sinc(x / 3) : 0;
  }
  return 0;
}

double radius_of(PictureFilter filter) {
  return filter == PictureFilter::kBilinear ? 1 : filter == PictureFilter::kBicubic ? 2 : 3;
}

// Of one output sample: the first input sample, and the weights from it on.
struct Taps {
  uint32_t first = 0;
  std::span<const int32_t> weights;
};

class Weights {
 public:
  Weights(uint32_t in, uint32_t out, PictureFilter filter) {
    const double scale = static_cast<double>(in) / out, stretch = std::max(scale, 1.0);
    const double reach = radius_of(filter) * stretch;
    const auto clipped = [&](double at) { return static_cast<uint32_t>(std::clamp(at, 0.0, static_cast<double>(in))); };
    std::vector<double> exact;
    for (uint32_t i = 0; i < out; ++i) {
      const double centre = (i + 0.5) * scale;
      const uint32_t first = clipped(centre - reach + 0.5), end = clipped(centre + reach + 0.5);
      exact.clear();
      double sum = 0;
      for (uint32_t at = first; at < end; ++at) {
        exact.push_back(weight_at(filter, (at - centre + 0.5) / stretch));
        sum += exact.back();
      }
      firsts_.push_back(first);
      starts_.push_back(weights_.size());
      for (const double weight : exact) {
        const double fixed = (sum != 0 ? weight / sum : weight) * (1 << kWeightBits);
        weights_.push_back(static_cast<int32_t>(fixed + (fixed < 0 ? -0.5 : 0.5)));
      }
    }
    starts_.push_back(weights_.size());
  }

  Taps operator[](uint32_t i) const {
    return {firsts_[i], std::span(weights_).subspan(starts_[i], starts_[i + 1] - starts_[i])};
  }

 private:
  std::vector<uint32_t> firsts_;
  std::vector<size_t> starts_;
  std::vector<int32_t> weights_;
};

constexpr int32_t kHalf = 1 << (kWeightBits - 1);

uint8_t narrowed(int32_t sum) { return static_cast<uint8_t>(std::clamp(sum >> kWeightBits, 0, 255)); }

Picture across(const Picture& picture, uint32_t width, PictureFilter filter) {
  const Weights weights(picture.size.width, width, filter);
  Picture result{{width, picture.size.height}, {}};
  result.rgb.resize(3 * result.size.pixels());
  for (uint32_t x = 0; x < width; ++x) {
    const Taps taps = weights[x];
    for (uint32_t y = 0; y < picture.size.height; ++y) {
      const uint8_t* in = picture.rgb.data() + 3 * (uint64_t{y} * picture.size.width + taps.first);
      int32_t sums[3] = {kHalf, kHalf, kHalf};
      for (const int32_t weight : taps.weights)
        for (int32_t& sum : sums) sum += weight * *in++;
      uint8_t* to = result.rgb.data() + 3 * (uint64_t{y} * width + x);
      for (int channel = 0; channel < 3; ++channel) to[channel] = narrowed(sums[channel]);
    }
  }
  return result;
}

Picture down(const Picture& picture, uint32_t height, PictureFilter filter) {
  const Weights weights(picture.size.height, height, filter);
  const size_t row = 3 * size_t{picture.size.width};
  Picture result{{picture.size.width, height}, {}};
  result.rgb.resize(row * height);
  std::vector<int32_t> sums(row);
  for (uint32_t y = 0; y < height; ++y) {
    const Taps taps = weights[y];
    std::fill(sums.begin(), sums.end(), kHalf);
    const uint8_t* in = picture.rgb.data() + row * taps.first;
    for (const int32_t weight : taps.weights)
      for (int32_t& sum : sums) sum += weight * *in++;
    std::transform(sums.begin(), sums.end(), result.rgb.begin() + static_cast<ptrdiff_t>(row * y), narrowed);
  }
  return result;
}

}  // namespace

Picture resample(const Picture& picture, PictureSize size, PictureFilter filter) {
  const bool wider = size.width != picture.size.width, higher = size.height != picture.size.height;
  if (wider && higher) return down(across(picture, size.width, filter), size.height, filter);
  return wider ? across(picture, size.width, filter) : higher ? down(picture, size.height, filter) : picture;
}

}  // namespace pumice
