// HostileRedis: a server that speaks as much of Redis as the tier needs, or, given a behaviour, misbehaves. On an
// unused port of 127.0.0.1, in threads of its own.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace pumice::faults {

std::vector<const char*> hostile_behaviours();

class HostileRedis {
 public:
  explicit HostileRedis(const std::string& behaviour = "");  // empty: none
  ~HostileRedis();
  std::string url() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pumice::faults
