// CallTurn: the turn of a call that computes on an object whose calls come one after the other. A callback of the call
// may not make another one on the same object.
#pragma once

#include <mutex>

#include "base/result.h"

namespace pumice {

class CallTurn {
 public:
  // Waits for it.
  CallTurn(const void* object, std::mutex& turn) : object_(object), lock_(turn), outer_(innermost()) {
    innermost() = this;
  }
  ~CallTurn() { innermost() = outer_; }
  CallTurn(const CallTurn&) = delete;
  CallTurn& operator=(const CallTurn&) = delete;

  // An error in a callback of this thread's call on the object.
  static Result<void> check_none(const void* object) {
    for (const CallTurn* turn = innermost(); turn; turn = turn->outer_)
      if (turn->object_ == object)
        return error(Status::kInvalidArgument, "a callback of a call on this object cannot use the object");
    return {};
  }

 private:
  static const CallTurn*& innermost() {
    static thread_local const CallTurn* turn = nullptr;
    return turn;
  }
  const void* const object_;
  const std::lock_guard<std::mutex> lock_;
  const CallTurn* const outer_;
};

}  // namespace pumice
