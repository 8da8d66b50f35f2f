// How far a result may lie from its reference, and the comparison that says where it lies farthest.
//
// A dot product of k terms whose products and sums are rounded with unit roundoff u satisfies, in any order of
// summation, |fl(x.y) - x.y| <= gamma(k) * sum |x_i y_i| <= gamma(k) * |x| |y| with gamma(k) = k u / (1 - k u):
// N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, section 3.1, equations (3.4) and (3.5).
// Vulkan requires correctly rounded 32-bit additions and multiplications, so u applies to shaders as it is.
// Thread rule: pure functions.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <limits>
#include <ostream>
#include <span>
#include <string>

namespace pumice::reference {

enum class Accumulator { kF16, kF32, kF64 };

// Drivers may flush smaller 32-bit floats to zero.
inline constexpr double kSmallestNormal = 0x1p-126;

// Half of the distance from 1 to the next number: the largest relative error of one rounding to nearest.
inline double unit_roundoff(Accumulator accumulator) {
  switch (accumulator) {
    case Accumulator::kF16:
      return std::ldexp(1.0, -11);
    case Accumulator::kF32:
      return std::ldexp(1.0, -24);
    case Accumulator::kF64:
      return std::ldexp(1.0, -53);
  }
  return 0.0;
}

// Higham's gamma(k); infinite where the bound says nothing any more.
inline double gamma_bound(size_t k, Accumulator accumulator) {
  const double ku = static_cast<double>(k) * unit_roundoff(accumulator);
  return ku < 1.0 ? ku / (1.0 - ku) : std::numeric_limits<double>::infinity();
}

// The certain bound of a dot product. `k` is the longest chain of roundings that one term passes: the number of terms
// for a plain loop; terms per lane + log2(lanes) for lanes that add up their own terms and then reduce as a tree.
// `norm_product` is norm(x) * norm(y), or the sharper absolute_dot(x, y). Two more roundings are allowed for the
// rounding of the reference's own output and of an epilogue (bias, residual or scale).
inline double dot_tolerance(size_t k, double norm_product, Accumulator accumulator = Accumulator::kF32) {
  return gamma_bound(k + 2, accumulator) * norm_product + kSmallestNormal;
}

// A bound that fails with negligible probability where rounding errors are independent with mean zero: sqrt(k) in the
// place of k, `lambda` as the number of standard deviations allowed. N. J. Higham and T. Mary, A New Approach to
// Probabilistic Rounding Error Analysis, SIAM J. Sci. Comput. 41 (2019), theorem 2.4. For long rows, where the certain
// bound would let a wrong kernel pass.
inline double likely_dot_tolerance(size_t k, double norm_product, Accumulator accumulator = Accumulator::kF32,
                                   double lambda = 6.0) {
  const double roots = lambda * std::sqrt(static_cast<double>(k + 2));
  return roots * unit_roundoff(accumulator) * norm_product + kSmallestNormal;
}

// Euclidean norm.
inline double norm(std::span<const float> x) {
  double sum = 0.0;
  for (const float value : x) sum += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(sum);
}

// The sum of |x_i * y_i|.
inline double absolute_dot(std::span<const float> x, std::span<const float> y) {
  double sum = 0.0;
  for (size_t i = 0; i < x.size() && i < y.size(); ++i) {
    sum += std::fabs(static_cast<double>(x[i]) * static_cast<double>(y[i]));
  }
  return sum;
}

// The verdict on a whole output. Streams as one line for a test's message.
struct Comparison {
  bool ok = true;
  size_t count = 0;          // values compared
  size_t failures = 0;       // values outside the tolerance
  double max_abs = 0.0;      // largest |actual - expected|; infinite for a NaN or infinity that was not expected
  double max_rel = 0.0;      // largest |actual - expected| / |expected|, where expected is not 0
  size_t worst_index = 0;    // where the error is largest in units of its tolerance
  double worst_ratio = 0.0;  // that error / its tolerance; above 1 is a failure
  float actual = 0.0f;       // the values at worst_index
  float expected = 0.0f;
  size_t expected_count = 0;

  explicit operator bool() const { return ok; }

  std::string describe() const {
    char line[256];
    if (count != expected_count) {
      std::snprintf(line, sizeof line, "%zu values where %zu were expected", count, expected_count);
    } else {
      std::snprintf(line, sizeof line,
                    "%zu of %zu values outside the tolerance; max abs %.3g, max rel %.3g; worst at %zu: actual %.9g, "
                    "expected %.9g, %.3g x its tolerance",
                    failures, count, max_abs, max_rel, worst_index, static_cast<double>(actual),
                    static_cast<double>(expected), worst_ratio);
    }
    return line;
  }

  friend std::ostream& operator<<(std::ostream& out, const Comparison& c) { return out << c.describe(); }
};

// The error of one value: 0 where both are the same infinity or both NaN, infinite where only one is finite.
inline double absolute_error(float actual, float expected) {
  if (std::isnan(actual) && std::isnan(expected)) return 0.0;
  if (actual == expected) return 0.0;
  const double difference = std::fabs(static_cast<double>(actual) - static_cast<double>(expected));
  return std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference;
}

// `tolerance(i)` is the allowed absolute error of value i.
template <typename Tolerance>
Comparison compare_with(std::span<const float> actual, std::span<const float> expected, Tolerance tolerance) {
  Comparison result;
  result.count = actual.size();
  result.expected_count = expected.size();
  if (actual.size() != expected.size()) {
    result.ok = false;
    return result;
  }
  result.worst_ratio = -1.0;
  for (size_t i = 0; i < actual.size(); ++i) {
    const double difference = absolute_error(actual[i], expected[i]);
    const double allowed = tolerance(i);
    double ratio = difference == 0.0 ? 0.0 : difference / allowed;
    if (std::isnan(ratio)) ratio = std::numeric_limits<double>::infinity();
    if (difference > result.max_abs) result.max_abs = difference;
    const double size = std::fabs(static_cast<double>(expected[i]));
    if (size > 0.0 && difference / size > result.max_rel) result.max_rel = difference / size;
    if (ratio > 1.0) ++result.failures;
    if (ratio > result.worst_ratio) {
      result.worst_ratio = ratio;
      result.worst_index = i;
      result.actual = actual[i];
      result.expected = expected[i];
    }
  }
  if (result.worst_ratio < 0.0) result.worst_ratio = 0.0;
  result.ok = result.failures == 0;
  return result;
}

// Passes where |actual - expected| <= absolute + relative * |expected| for every value.
inline Comparison compare(std::span<const float> actual, std::span<const float> expected, double absolute,
                          double relative = 0.0) {
  return compare_with(actual, expected, [&](size_t i) {
    return relative == 0.0 ? absolute : absolute + relative * std::fabs(static_cast<double>(expected[i]));
  });
}

// A tolerance per value.
inline Comparison compare(std::span<const float> actual, std::span<const float> expected,
                          std::span<const double> tolerances) {
  return compare_with(actual, expected, [&](size_t i) { return i < tolerances.size() ? tolerances[i] : 0.0; });
}

}  // namespace pumice::reference
