// Redis is not built here: tests that are named after it are left out, and this has their names compile.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

namespace pumice::test {

class Peer {
 public:
  bool send(std::string_view) const { return false; }
  std::string receive() const { return {}; }
  void sleep(std::chrono::milliseconds) const {}
};

class FakeServer {
 public:
  explicit FakeServer(const std::function<void(const Peer&)>&) {}
  std::string url() const { return "redis://127.0.0.1:1"; }
};

}  // namespace pumice::test
