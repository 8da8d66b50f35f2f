// TierProblem: why a tier did not do what it was asked to. Thread rule: any thread.
#pragma once

#include <mutex>
#include <string>

#include "base/log.h"
#include "kv/tiers/tier.h"

namespace pumice {

class TierProblem {
 public:
  TierProblem(TierKind kind, Log log) : kind_(kind), log_(std::move(log)) {}

  // The first one goes to the log, too: what is wrong with a tier is told once, not for every page.
  void note(const Error& error) {
    {
      std::lock_guard lock(mutex_);
      last_ = error.message;
      if (std::exchange(told_, true)) return;
    }
    log_.write(LogLevel::kWarning, "the cache's %s tier failed and is tried again later: %s", tier_name(kind_),
               error.message.c_str());
  }
  std::string last() const {  // empty: none
    std::lock_guard lock(mutex_);
    return last_;
  }

 private:
  const TierKind kind_;
  const Log log_;
  mutable std::mutex mutex_;
  std::string last_;
  bool told_ = false;
};

}  // namespace pumice
