// Structs that cross the C interface. A caller that was built against an older header has smaller ones, against a newer
// header larger ones; both begin with `size` and `next`.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/result.h"

namespace pumice {

// No version's struct is larger: a size beyond it was never filled in.
inline constexpr size_t kMostStructBytes = 1 << 16;
inline constexpr size_t kStructHead = sizeof(size_t) + sizeof(void*);

// A struct of the caller's that may be read and written as far as its size says. Sizes that no _init() function gives
// are refused, and so is a `next`, as no extension exists yet.
template <typename T>
Result<void> check_struct(const T* given, const char* name) {
  static_assert(offsetof(T, size) == 0 && offsetof(T, next) == sizeof(size_t));
  if (!given) return error(Status::kInvalidArgument, "%s: a struct is needed, not NULL", name);
  if (given->size < kStructHead || given->size > kMostStructBytes || given->size % alignof(T) != 0)
    return error(Status::kInvalidArgument, "%s: a struct of %zu bytes; fill it in with its _init() function", name,
                 given->size);
  if (given->next) return error(Status::kInvalidArgument, "%s: `next` is not NULL, and this version knows none", name);
  return {};
}

// What the caller set, over the defaults. A member that this version does not know must be zero, which is the default
// of every member that a later version adds.
template <typename T>
Result<T> taken(const T* given, const T& defaults, const char* name) {
  PUMICE_TRY(check_struct(given, name));
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  const size_t common = std::min(given->size, sizeof(T));
  if (std::any_of(bytes + common, bytes + given->size, [](unsigned char byte) { return byte != 0; }))
    return error(Status::kInvalidArgument, "%s: a member is set that this version (%zu bytes) does not know", name,
                 sizeof(T));
  T result = defaults;
  std::memcpy(&result, given, common);
  result.size = sizeof(T);
  return result;
}

// The same where the caller may pass NULL for the defaults.
template <typename T>
Result<T> taken_if_given(const T* given, const T& defaults, const char* name) {
  return given ? taken(given, defaults, name) : Result<T>(defaults);
}

// Fills in the members that the caller's struct has; check_struct() has passed.
template <typename T>
void hand_out(const T& made, T* to) {
  const size_t common = std::min(to->size, sizeof(T));
  std::memcpy(reinterpret_cast<unsigned char*>(to) + kStructHead,
              reinterpret_cast<const unsigned char*>(&made) + kStructHead, common - kStructHead);
}

}  // namespace pumice
