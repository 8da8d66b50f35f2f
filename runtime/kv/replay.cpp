#include "kv/replay.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <vector>

#include "base/random.h"
#include "kv/index/prefix_index.h"
#include "kv/policy/farthest_policy.h"
#include "kv/policy/shadow_cache.h"

namespace pumice {
namespace {

constexpr PolicyKind kFixed[] = {PolicyKind::kLru, PolicyKind::kLfu, PolicyKind::kRandom, PolicyKind::kS3Fifo,
                                 PolicyKind::kCost};
constexpr size_t kRequestsPerProgress = 256;

struct Count {
  uint64_t hits = 0, evictions = 0;
  double seconds = 0;
};

class Replay {
 public:
  Replay(const ReplayTrace& trace, const ReplayOptions& options)
      : trace_(trace), options_(options), runs_(options.regret ? std::size(kFixed) + 2 : 1) {}

  Result<void> check() const {
    const auto offsets = trace_.offsets;
    const bool fits = !offsets.empty() && offsets.front() == 0 && offsets.back() == trace_.blocks.size() &&
                      std::is_sorted(offsets.begin(), offsets.end());
    if (!fits) return error(Status::kInvalidArgument, "offsets must rise from 0 to the number of blocks");
    if (options_.pages == 0) return error(Status::kInvalidArgument, "a cache needs at least one page");
    return {};
  }

  PrefixIndex index(PolicyKind policy) const {
    return PrefixIndex(
        {.policy = policy, .capacity = options_.pages, .seed = options_.seed, .learned = options_.learned});
  }

  // The real index, which is empty so far.
  Result<Count> run(PrefixIndex& index) {
    Count count;
    std::vector<Block> chain;
    const auto begin = std::chrono::steady_clock::now();
    PUMICE_TRY(for_each_request([&](size_t request, std::span<const uint64_t> ids) {
      chain.clear();
      for (const uint64_t id : ids) chain.push_back({.key = key_of(id), .tokens = {}});
      count.hits += serve(index, chain, static_cast<double>(request));
    }));
    count.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    for (const uint64_t evictions : index.evictions()) count.evictions += evictions;
    return count;
  }

  // What evicts the block that is used again last.
  Result<Count> run_farthest() {
    const std::vector<uint64_t> next_uses = next_uses_of(trace_.blocks, trace_.offsets);
    ShadowCache cache(std::make_unique<FarthestPolicy>(next_uses, options_.pages), options_.pages);
    Count count;
    std::vector<BlockInfo> chain;
    PUMICE_TRY(for_each_request([&](size_t, std::span<const uint64_t> ids) {
      chain.clear();
      for (const uint64_t id : ids)
        chain.push_back({.id = block_id(key_of(id)),
                         .parent = chain.empty() ? 0 : chain.back().id,
                         .depth = static_cast<uint32_t>(chain.size())});
      count.hits += cache.request(chain);
    }));
    return count;
  }

  double rate(const Count& count) const {
    return trace_.blocks.empty() ? 0 : static_cast<double>(count.hits) / static_cast<double>(trace_.blocks.size());
  }

 private:
  static PageKey key_of(uint64_t id) {
    PageKey key;
    const uint64_t mixed = SplitMix(id).next();
    std::memcpy(key.bytes.data(), &mixed, sizeof mixed);
    return key;
  }

  uint32_t serve(PrefixIndex& index, std::span<const Block> chain, double now) const {
    std::vector<NodeId> nodes = index.match(chain, now);
    const auto hits = static_cast<uint32_t>(nodes.size());
    for (size_t i = hits; i < chain.size(); ++i) {
      if (index.size() >= options_.pages && !index.evict(EvictionCause::kCapacity)) break;
      const NodeId node = index.insert(nodes.empty() ? kNoNode : nodes.back(), chain[i], 0, 0, now);
      if (node == kNoNode) break;
      nodes.push_back(node);
    }
    for (const NodeId node : nodes) index.release(node, now);
    return hits;
  }

  template <typename Serve>
  Result<void> for_each_request(Serve serve_request) {
    const size_t requests = trace_.offsets.size() - 1;
    for (size_t request = 0; request < requests; ++request) {
      const uint64_t first = trace_.offsets[request];
      serve_request(request, trace_.blocks.subspan(first, trace_.offsets[request + 1] - first));
      if (!options_.progress || request % kRequestsPerProgress != 0) continue;
      const double done =
          static_cast<double>(finished_runs_) + static_cast<double>(request) / static_cast<double>(requests);
      if (!options_.progress(done / static_cast<double>(runs_)))
        return error(Status::kCancelled, "the replay was cancelled");
    }
    ++finished_runs_;
    return {};
  }

  const ReplayTrace& trace_;
  const ReplayOptions& options_;
  size_t runs_, finished_runs_ = 0;
};

}  // namespace

Result<ReplayReport> replay(const ReplayTrace& trace, const ReplayOptions& options) {
  Replay runs(trace, options);
  PUMICE_TRY(runs.check());
  PrefixIndex index = runs.index(options.policy);
  PUMICE_ASSIGN(const Count own, runs.run(index));
  ReplayReport report{.requests = trace.offsets.size() - 1,
                      .blocks = trace.blocks.size(),
                      .hit_blocks = own.hits,
                      .evictions = own.evictions,
                      .hit_rate = runs.rate(own),
                      .experts = index.experts(),
                      .learned = index.learned()};
  report.requests_per_second = own.seconds > 0 ? static_cast<double>(report.requests) / own.seconds : 0;
  if (!options.regret) return report;
  for (const PolicyKind policy : kFixed) {
    PrefixIndex fixed = runs.index(policy);
    PUMICE_ASSIGN(const Count count, policy == options.policy ? Result<Count>(own) : runs.run(fixed));
    if (policy != kFixed[0] && runs.rate(count) <= report.best_fixed_hit_rate) continue;
    report.best_fixed = policy;
    report.best_fixed_hit_rate = runs.rate(count);
  }
  PUMICE_ASSIGN(const Count farthest, runs.run_farthest());
  report.farthest_hit_rate = runs.rate(farthest);
  return report;
}

}  // namespace pumice
