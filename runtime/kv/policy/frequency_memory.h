// FrequencyMemory: how often blocks were asked for of late, also of those that left the cache or never came.
//
// Each use counts for half as much after every half-life, so old popularity fades. What is kept is the logarithm of
// the count as it will be seen from a fixed moment in the far past: that does not change while a block is not used, so
// blocks compare without being updated. Bounded: what has faded is forgotten. Thread rule: one thread at a time.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "kv/index/id_map.h"

namespace pumice {

class FrequencyMemory {
 public:
  // half_life: in uses of any blocks. A single use is forgotten after some `kept` half-lives.
  FrequencyMemory(double half_life, double kept) : kept_(kept) { set_half_life(half_life); }
  void set_half_life(double uses) { step_ = 1 / std::max(uses, 1.0); }
  void reserve(size_t blocks) { scores_.reserve(blocks); }

  void count(uint64_t id) {
    now_ += step_;
    double& score = scores_[id];  // 0: new
    const double apart = std::abs(now_ - score);
    score = score == 0 ? now_ : std::max(score, now_) + std::log2(1 + std::exp2(-apart));
    if (now_ >= next_sweep_) sweep();
  }
  // Binary logarithm of the decayed count, plus the number of half-lives that have passed; 0: never used.
  double score(uint64_t id) const {
    const double* score = scores_.find(id);
    return score ? *score : 0;
  }
  size_t size() const { return scores_.size(); }

 private:
  void sweep() {
    next_sweep_ = now_ + 1;
    scores_.filter([this](uint64_t, double score) { return score >= now_ - kept_; });
  }

  IdMap<double> scores_;
  double kept_;
  double now_ = 0, step_ = 0;  // in half-lives; of one use
  double next_sweep_ = 1;
};

}  // namespace pumice
