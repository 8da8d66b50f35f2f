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

// An activation's absolute error at x: silu x / (1 + e^-x) has one exp, addition and division. gelu 0.5 x (2 - 2 /
// (e^2z + 1)) feels the error of e^2z at most by half, and the few roundings of z (cubic in x) times z e^2z / (e^2z +
// 1)^2 < 0.23; the difference keeps its absolute error where it cancels. Beyond the range of exp the result is flushed
// to 0.
inline double silu_error(double x, double y) { return std::fabs(y) * (exp_error(x) + kDivision + 2 * kUlp) + 1e-36; }
inline double gelu_error(double x) { return 20 * kUlp * std::fabs(x) + 1e-36; }

}  // namespace pumice::test
