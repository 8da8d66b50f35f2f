// Result<T>: the value of a fallible internal call, or an Error that says what to do about it.
//
// Thread rule: a plain value type; share it like an int. The runtime throws two things: std::bad_alloc, and
// BrokenInvariant for its own bugs. The guards of the C ABI (api/handles.h) and of every thread catch both.
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <utility>
#include <variant>

namespace pumice {

// The numeric values are those of PumiceResult in include/pumice/pumice.h.
enum class Status : int32_t {
  kOk = 0,
  kInvalidArgument = 1,
  kNotFound = 2,     // a file, a device, a name
  kMalformed = 3,    // a file's content is damaged or hostile
  kUnsupported = 4,  // well-formed, but this build or device cannot do it
  kOutOfHostMemory = 5,
  kOutOfDeviceMemory = 6,
  kDeviceLost = 7,
  kIo = 8,  // reading or writing failed
  kCancelled = 9,
  kContextFull = 10,  // more tokens than the context holds
  kTimeout = 11,
  kInternal = 12,  // a bug in Pumice
};

struct Error {
  Status status = Status::kInternal;
  std::string message;  // one line, without a final full stop; says what to do next
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}

  bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }
  const Error& error() const& { return error_; }
  Error&& error() && { return std::move(error_); }

 private:
  Error error_;
  bool ok_ = true;
};

[[gnu::format(printf, 2, 3)]] Error error(Status status, const char* format, ...);

// A bug of this library: the object that it happened in can no longer be trusted. Thrown and copied without allocating.
class BrokenInvariant : public std::exception {
 public:
  BrokenInvariant(const char* expression, const char* file, int line) noexcept;
  // One line with the expression and the place.
  const char* what() const noexcept override { return text_; }

 private:
  char text_[256];
};

[[noreturn]] void check_failed(const char* expression, const char* file, int line);

}  // namespace pumice

// Throws BrokenInvariant. For what this library alone decides: what a file, a server, a driver or the caller says is an
// Error instead. Never in a destructor or a noexcept function.
#define PUMICE_CHECK(expression) \
  ((expression) ? static_cast<void>(0) : ::pumice::check_failed(#expression, __FILE__, __LINE__))

#define PUMICE_JOIN_(a, b) a##b
#define PUMICE_JOIN(a, b) PUMICE_JOIN_(a, b)

// Returns the error of a Result<void> from the enclosing function.
#define PUMICE_TRY(expression)                                                                      \
  do {                                                                                              \
    if (auto pumice_result = (expression); !pumice_result) return std::move(pumice_result).error(); \
  } while (false)

// PUMICE_ASSIGN(auto x, f()): x is the value of f(), or its error is returned from the enclosing function.
#define PUMICE_ASSIGN(target, expression) PUMICE_ASSIGN_(target, expression, PUMICE_JOIN(pumice_result_, __LINE__))
#define PUMICE_ASSIGN_(target, expression, name) \
  auto name = (expression);                      \
  if (!name) return std::move(name).error();     \
  target = std::move(name).value()
