// Long tests of many cases that are alike try a part of them in a run, so that all tests end within minutes.
// PUMICE_TEST_SLICE: which part, 0 (the default) to kSlices - 1, or "all" (./check --all).
#pragma once

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <vector>

namespace pumice::test {

inline constexpr size_t kSlices = 4;

// The part that is asked for; none: all.
inline std::optional<size_t> asked_slice() {
  const char* const asked = std::getenv("PUMICE_TEST_SLICE");
  if (asked && std::strcmp(asked, "all") == 0) return std::nullopt;
  return asked ? std::strtoull(asked, nullptr, 10) : 0;
}

// Every kSlices-th case, or one where they are fewer.
template <typename Cases>
auto slice_of(const Cases& cases) {
  std::vector all(std::begin(cases), std::end(cases));
  const std::optional<size_t> slice = asked_slice();
  if (!slice) return all;
  const size_t step = std::clamp<size_t>(all.size(), 1, kSlices);
  decltype(all) some;
  for (size_t i = *slice % step; i < all.size(); i += step) some.push_back(all[i]);
  return some;
}
template <typename T>
std::vector<T> slice_of(std::initializer_list<T> cases) {
  return slice_of(std::vector<T>(cases));
}

// In a long test: leaves it to the part `i` of 0 to kSlices - 1.
#define PUMICE_SLICE(i)                                                                 \
  if (::pumice::test::asked_slice().value_or(i) % ::pumice::test::kSlices != size_t{i}) \
  GTEST_SKIP() << "a test of slice " #i ": PUMICE_TEST_SLICE=" #i ", or ./check --all"

}  // namespace pumice::test
