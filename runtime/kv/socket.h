// Socket: a non-blocking TCP connection. Private to RedisStream.
#pragma once

#include <atomic>
#include <chrono>
#include <string>

#include "base/result.h"

namespace pumice {

class Socket {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  // Tries the host's addresses in turn. stop: may be null; see RedisStreamOptions.
  static Result<Socket> connect(const std::string& host, uint16_t port, const std::atomic<bool>* stop,
                                Deadline deadline);
  Socket(Socket&& other) noexcept;
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  Socket& operator=(Socket&&) = delete;
  ~Socket();

  int file() const { return file_; }
  // Until reading (POLLIN) or writing (POLLOUT) may go on.
  Result<void> wait(short events, Deadline deadline) const;

 private:
  Socket(int file, const std::atomic<bool>* stop) : file_(file), stop_(stop) {}

  int file_ = -1;
  const std::atomic<bool>* stop_ = nullptr;
};

}  // namespace pumice
