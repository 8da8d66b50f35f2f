#include "kv/eviction_policy.h"

#include "kv/ranked_policy.h"

namespace pumice {
namespace {

constexpr const char* kNames[] = {"lru", "lfu", "random", "s3fifo", "cost", "adaptive"};

}  // namespace

const char* policy_name(PolicyKind kind) { return kNames[static_cast<size_t>(kind)]; }

Result<PolicyKind> find_policy(std::string_view name) {
  for (size_t i = 0; i < std::size(kNames); ++i)
    if (name == kNames[i]) return static_cast<PolicyKind>(i);
  return error(Status::kInvalidArgument,
               "there is no eviction policy '%.*s'; use lru, lfu, random, s3fifo, cost or adaptive",
               static_cast<int>(name.size()), name.data());
}

std::unique_ptr<EvictionPolicy> make_policy(PolicyKind, uint32_t capacity, uint64_t) {
  return std::make_unique<LruPolicy>(capacity);
}

}  // namespace pumice
