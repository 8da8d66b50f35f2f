// No Redis server here: what needs one is skipped.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace pumice::test {

class RedisServer {
 public:
  static std::unique_ptr<RedisServer> start() { return nullptr; }
  void stop() {}
  std::string address() const { return {}; }
};

}  // namespace pumice::test
