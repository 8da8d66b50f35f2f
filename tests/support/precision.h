// The accuracy that Vulkan promises of 32-bit shader arithmetic, as relative errors: the specification's appendix on
// SPIR-V, "Precision and Operation of SPIR-V Instructions". A unit in the last place is at most 2^-23 of the value.
// Additions and multiplications are correctly rounded; see reference/numerics.h for their sums. Thread rule: pure
// functions.
#pragma once

#include <cmath>

#include "kernels/kernels.h"

namespace pumice::test {

inline constexpr double kUlp = 0x1p-23, kRounding = 0x1p-24;
inline constexpr double kDivision = 2.5 * kUlp, kInverseSqrt = 2 * kUlp;
// Of a value below 5 that is rotated by position. cos and sin: truncated by 3e-8, six roundings of numbers up to 1;
// then two products and a sum.
inline constexpr double kRopeError = 2 * 5 * (3e-8 + 8 * 0x1p-24);
inline double exp_error(double x) { return (3 + 2 * std::fabs(x)) * kUlp; }

// The longest chain of roundings of one term when a workgroup sums `terms`: each lane its own, then the lanes in any
// order.
inline size_t reduce_chain(const ReduceChoice& reduce, size_t terms) {
  return (terms + reduce.workgroup - 1) / reduce.workgroup + reduce.workgroup;
}

// An activation's absolute error at x, where it is y: silu x / (1 + e^-x) has one exp, addition and division, and so
// has gelu x / (1 + e^-2z) with, in 2z, four more units of roundings (z is cubic in x). Beyond the range of exp the
// result is flushed to 0; the reference's 1 + tanh(z), a double, cancels there.
inline double silu_error(double x, double y) { return std::fabs(y) * (exp_error(x) + kDivision + 2 * kUlp) + 1e-36; }
inline double gelu_error(double x, double y) {
  const double z2 = 1.5957691216057308 * (x + 0.044715 * x * x * x);
  return std::fabs(y) * (exp_error(z2) + (4 * std::fabs(z2) + 2) * kUlp + kDivision) + std::fabs(x) * 0x1p-52;
}

}  // namespace pumice::test
