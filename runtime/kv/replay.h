// Replay: drives the real prefix index and eviction policy with a recorded list of requests, without any device.
//
// A request asks for the blocks of one text. The leading ones that are there are hits; then the others are inserted one
// after another, with evictions as needed. The request's own blocks are in use meanwhile; when nothing can be evicted,
// its rest is not kept. Thread rule: any thread; a call shares nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/result.h"
#include "kv/policy/eviction_policy.h"

namespace pumice {

// Request r asks for blocks[offsets[r]] up to blocks[offsets[r + 1]], the first block of the text first.
struct ReplayTrace {
  std::span<const uint64_t> blocks;   // any ids; equal ids are equal blocks with all that comes before them
  std::span<const uint64_t> offsets;  // one more than requests, from 0 to the number of blocks
};

struct ReplayOptions {
  PolicyKind policy = PolicyKind::kAdaptive;
  uint32_t pages = 0;
  uint64_t seed = 1;
  bool learned = true;                        // whether the adaptive policy has the learned one among its experts
  bool regret = true;                         // also replays all fixed policies and farthest-next-use
  std::function<bool(double)> progress = {};  // fraction done; false: cancel. May be empty
};

struct ReplayReport {
  uint64_t requests = 0, blocks = 0, hit_blocks = 0, evictions = 0;
  double hit_rate = 0;             // hit blocks of all blocks
  double requests_per_second = 0;  // of the policy's own replay
  PolicyKind best_fixed = PolicyKind::kLru;
  double best_fixed_hit_rate = 0;
  double farthest_hit_rate = 0;  // of the policy that knows the future: evicts what is used again last
  // What the policy knew in the end.
  std::vector<Expert> experts;
  std::vector<LearnedKind> learned;
};

// Status::kInvalidArgument: offsets that do not fit, or no pages. Status::kCancelled.
Result<ReplayReport> replay(const ReplayTrace& trace, const ReplayOptions& options);

}  // namespace pumice
