#include "kv/tiers/tier.h"

namespace pumice {

const char* tier_name(TierKind kind) {
  switch (kind) {
    case TierKind::kRam:
      return "ram";
    case TierKind::kDisk:
      return "disk";
    case TierKind::kRedis:
      return "redis";
  }
  return "unknown";
}

Result<void> Tier::read_run(std::span<const PageKey> keys, const Sink& sink, Deadline deadline) {
  for (size_t i = 0; i < keys.size(); ++i) {
    std::vector<std::byte> value;
    PUMICE_ASSIGN(const bool found, read(keys[i], value, deadline));
    if (!sink(i, found ? std::optional(std::move(value)) : std::nullopt)) break;
  }
  return {};
}

}  // namespace pumice
