// FakeServer: a TCP server on an unused port of 127.0.0.1 that treats each connection as a test wants it to.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace pumice::test {

// One accepted connection; both functions give up when the server ends.
class Peer {
 public:
  Peer(int file, const std::atomic<bool>& stop) : file_(file), stop_(stop) {}

  bool send(std::string_view data) const {
    while (!data.empty()) {
      const ssize_t sent = ::send(file_, data.data(), data.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      data.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  // What has come; empty: the other side is gone.
  std::string receive() const {
    char buffer[65536];
    for (;;) {
      pollfd ready{.fd = file_, .events = POLLIN, .revents = 0};
      if (stop_) return {};
      if (::poll(&ready, 1, 10) <= 0) continue;
      const ssize_t got = ::recv(file_, buffer, sizeof buffer, 0);
      return got > 0 ? std::string(buffer, static_cast<size_t>(got)) : std::string();
    }
  }
  void sleep(std::chrono::milliseconds time) const {
    const auto end = std::chrono::steady_clock::now() + time;
    while (!stop_ && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }

 private:
  int file_;
  const std::atomic<bool>& stop_;
};

class FakeServer {
 public:
  using Handler = std::function<void(const Peer&)>;  // the connection is closed when it returns

  explicit FakeServer(Handler handler) : handler_(std::move(handler)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      return;
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { accept(); });
  }
  ~FakeServer() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    for (std::thread& connection : connections_) connection.join();
    ::close(listener_);
  }
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }
  int port() const { return port_; }
  int accepted() const { return accepted_; }

 private:
  void accept() {
    while (!stop_) {
      pollfd ready{.fd = listener_, .events = POLLIN, .revents = 0};
      if (::poll(&ready, 1, 10) <= 0) continue;
      const int file = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (file < 0) continue;
      ++accepted_;
      connections_.emplace_back([this, file] {
        handler_(Peer(file, stop_));
        ::close(file);
      });
    }
  }

  Handler handler_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<bool> stop_{false};
  std::atomic<int> accepted_{0};
  std::thread thread_;
  std::vector<std::thread> connections_;  // of the accepting thread, until it has ended
};

}  // namespace pumice::test
