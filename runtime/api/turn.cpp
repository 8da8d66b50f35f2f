#include "api/turn.h"

#include "api/handles.h"

namespace pumice {
namespace {

// In a turn: takes what was retired out of the context. Gives the list of what is to be deleted.
Retired* release_retired(ContextObject& owner) noexcept {
  Retired* const list = owner.retired.exchange(nullptr, std::memory_order_acquire);
  for (Retired* object = list; object; object = object->next_retired) object->release();
  return list;
}

// Whether something waits to be removed. A write, so that whoever retires something after it sees the turn given back.
bool any_retired(ContextObject& owner) noexcept {
  Retired* none = nullptr;
  return !owner.retired.compare_exchange_strong(none, nullptr, std::memory_order_acq_rel);
}

// Without a turn, as what goes may retire its parents.
void remove_all(Retired* list) noexcept {
  while (list) delete std::exchange(list, list->next_retired);
}

}  // namespace

thread_local Turn* Turn::innermost_ = nullptr;

Turn::Turn(ContextObject& owner) : owner_(owner) {
  owner.turn.lock();
  begin();
}

Turn::Turn(ContextObject& owner, std::try_to_lock_t) : owner_(owner) {
  if (!mine(owner) && owner.turn.try_lock()) begin();
}

Turn::~Turn() {
  if (!taken_) return;
  end();
  // Whatever was retired since then found the turn taken.
  while (any_retired(owner_) && owner_.turn.try_lock()) {
    begin();
    end();
  }
}

void Turn::begin() noexcept {
  taken_ = true;
  outer_ = std::exchange(innermost_, this);
  gone_ = release_retired(owner_);
}

void Turn::end() noexcept {
  for (RequestObject* request : owner_.requests) request->publish();
  innermost_ = outer_;
  owner_.turn.unlock();
  remove_all(std::exchange(gone_, nullptr));
  for (const Message& message : std::exchange(messages_, {}))
    hand_on_log(message.log, message.user, message.level, message.text);
}

bool Turn::mine(const ContextObject& owner) {
  const Turn* turn = innermost_;
  while (turn && &turn->owner_ != &owner) turn = turn->outer_;
  return turn != nullptr;
}

Turn::Pause::Pause() : turn_(*innermost_) { turn_.end(); }

Turn::Pause::~Pause() {
  turn_.owner_.turn.lock();
  turn_.begin();
}

void retire(std::shared_ptr<ContextObject> context, Retired* object) noexcept {
  object->next_retired = context->retired.load(std::memory_order_relaxed);
  while (!context->retired.compare_exchange_weak(object->next_retired, object, std::memory_order_acq_rel)) {
  }
  const Turn turn(*context, std::try_to_lock);  // that it begins is enough
}

void hand_on_log(PumiceLogCallback log, void* user, LogLevel level, std::string_view text) noexcept {
  try {
    if (Turn::innermost_)
      Turn::innermost_->messages_.push_back({log, user, level, std::string(text)});
    else
      log(user, static_cast<PumiceLogLevel>(level), std::string(text).c_str());
  } catch (...) {
  }
}

}  // namespace pumice
