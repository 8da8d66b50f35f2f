#include "kv/policy/eviction_policy.h"

#include "kv/policy/adaptive_policy.h"
#include "kv/policy/learned_policy.h"
#include "kv/policy/random_policy.h"
#include "kv/policy/ranked_policy.h"
#include "kv/policy/s3fifo_policy.h"

namespace pumice {
namespace {

constexpr const char* kNames[] = {"lru", "lfu", "random", "s3fifo", "cost", "adaptive", "learned"};

}  // namespace

const char* policy_name(PolicyKind kind) { return kNames[static_cast<size_t>(kind)]; }

Result<PolicyKind> find_policy(std::string_view name) {
  for (size_t i = 0; i < std::size(kNames); ++i)
    if (name == kNames[i]) return static_cast<PolicyKind>(i);
  return error(Status::kInvalidArgument,
               "there is no eviction policy '%.*s'; use lru, lfu, random, s3fifo, cost, adaptive or learned",
               static_cast<int>(name.size()), name.data());
}

std::unique_ptr<EvictionPolicy> make_policy(PolicyKind kind, uint32_t capacity, uint64_t seed, bool learned) {
  switch (kind) {
    case PolicyKind::kLru:
      return std::make_unique<LruPolicy>(capacity);
    case PolicyKind::kLfu:
      return std::make_unique<LfuPolicy>(capacity);
    case PolicyKind::kRandom:
      return std::make_unique<RandomPolicy>(seed);
    case PolicyKind::kS3Fifo:
      return std::make_unique<S3FifoPolicy>(capacity);
    case PolicyKind::kCost:
      return std::make_unique<CostPolicy>(capacity);
    case PolicyKind::kAdaptive:
      return std::make_unique<AdaptivePolicy>(capacity, seed, learned);
    case PolicyKind::kLearned:
      return std::make_unique<LearnedPolicy>(capacity, seed);
  }
  check_failed("a policy of PolicyKind", __FILE__, __LINE__);
}

}  // namespace pumice
