// Addresses of Redis and Valkey servers: redis://[user:password@]host[:port][/db], rediss:// for TLS.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pumice {

struct RedisUrl {
  bool tls = false;
  std::string user, password;  // either may be empty; %XX is decoded
  std::string host;            // an IPv6 address without its brackets
  uint16_t port = 6379;
  uint32_t database = 0;
};

// Status::kInvalidArgument; the message does not quote the password.
Result<RedisUrl> parse_redis_url(std::string_view url);

}  // namespace pumice
