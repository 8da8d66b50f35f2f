// Turns on a context: one call at a time uses it, and what must not wait for a long one does not take a turn.
//
// A poll reads what the last turn has published. What is destroyed while another call has its turn is put aside and
// removed at the end of that turn. A callback of the caller's that runs within a turn may not begin another one on the
// same context; what is logged during a turn is handed on after it.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/log.h"
#include "pumice/pumice.h"

namespace pumice {

struct ContextObject;

// Something of a context's whose removal takes a turn.
struct Retired {
  Retired* next_retired = nullptr;
  virtual ~Retired() = default;
  virtual void release() noexcept = 0;  // takes it out of the context; in a turn. It is deleted after the turn
};

// Removes the object, now or at the end of the turn that another call has. Never waits for that.
void retire(std::shared_ptr<ContextObject> context, Retired* object) noexcept;

class Turn {
 public:
  explicit Turn(ContextObject& owner);             // waits for it; not when mine(owner)
  Turn(ContextObject& owner, std::try_to_lock_t);  // does not; see taken()
  ~Turn();
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  bool taken() const { return taken_; }
  static bool mine(const ContextObject& owner);  // this thread is in a turn on it

  // Others have their turns as long as one exists: for a callback of the caller's. This thread's turn on the owner is
  // the innermost one.
  class Pause {
   public:
    Pause();
    ~Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    Turn& turn_;
  };

 private:
  friend void hand_on_log(PumiceLogCallback log, void* user, LogLevel level, std::string_view text) noexcept;
  struct Message {
    PumiceLogCallback log;
    void* user;
    LogLevel level;
    std::string text;
  };
  void begin() noexcept;
  void end() noexcept;

  static thread_local Turn* innermost_;
  ContextObject& owner_;
  Turn* outer_ = nullptr;
  Retired* gone_ = nullptr;
  std::vector<Message> messages_;
  bool taken_ = false;
};

// Calls the log callback, or, in a turn, sees to it that it is called after that. Drops what there is no memory for.
void hand_on_log(PumiceLogCallback log, void* user, LogLevel level, std::string_view text) noexcept;

}  // namespace pumice
