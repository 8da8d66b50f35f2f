// RedisTier: values in a Redis or Valkey server, which several machines may share.
//
// One value per page under kv:{namespace}:{epoch}:{key in hexadecimal}, written with SET … PX ttl NX, so that a value
// is there whole or not at all. Reading and writing have a connection each, made when first needed and again after
// failures; a circuit breaker keeps a server that is away from costing more than a try now and then. Every exchange has
// a deadline. Thread rule: as Tier's.
#pragma once

#include <memory>
#include <string>

#include "base/log.h"
#include "kv/tiers/tier.h"

namespace pumice {

struct RedisTierOptions {
  std::string url;      // redis_url.h
  std::string ca_file;  // for rediss://; empty: the system's
  std::string name_space;
  uint64_t epoch = 0;
  uint64_t ttl_seconds = 0;
  uint32_t timeout_ms = 0;  // of one exchange, and of connecting
  uint64_t max_value_bytes = 0;
  Log log;
};

class RedisTier : public Tier {
 public:
  // Does not connect yet. Status::kUnsupported: a build without hiredis, or rediss:// in one without OpenSSL.
  static Result<std::unique_ptr<RedisTier>> create(const RedisTierOptions& options);

  virtual void stop() = 0;  // whatever waits ends at once, and all that comes later fails
  virtual bool connected() const = 0;
};

}  // namespace pumice
