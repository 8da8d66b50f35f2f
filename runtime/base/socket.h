// TCP connections whose every step ends: at a deadline, or when their owner wants to stop.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"

namespace pumice {

namespace socket_system {
enum class For;
}

using SocketDeadline = std::chrono::steady_clock::time_point;

// Hosts' names into addresses. The system takes as long as it likes for that, so it does it on a thread of its own, and
// a caller that has waited long enough goes. A look-up that is still going on is waited for again by the next call for
// the same host, so there is one such thread at most. Thread rule: one thread at a time.
class HostNames {
 public:
  struct Lookup;
  // stop: may be null; once true the wait ends with Status::kCancelled. An address needs no look-up.
  Result<std::shared_ptr<const Lookup>> find(const std::string& host, uint16_t port, const std::atomic<bool>* stop,
                                             SocketDeadline deadline);

 private:
  std::shared_ptr<Lookup> pending_;
};

// Non-blocking. Nothing raises SIGPIPE. Move-only; thread rule: one thread at a time; `stop` may be set from any.
class Socket {
 public:
  // Tries the host's addresses in turn. stop: as above, for all that is done with the socket.
  static Result<Socket> connect(HostNames& names, const std::string& host, uint16_t port, const std::atomic<bool>* stop,
                                SocketDeadline deadline);
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&&) = delete;
  ~Socket();

  // All of it. Status::kTimeout, kIo, kCancelled: the connection is of no more use.
  Result<void> send(std::span<const std::byte> data, SocketDeadline deadline) const;
  // At least one byte; their number.
  Result<size_t> receive(std::span<std::byte> to, SocketDeadline deadline) const;

  // For TLS: what goes at once.
  struct Attempt {
    ptrdiff_t bytes = 0;  // 0: the other side has closed; below 0: none
    bool again = false;   // not now: wait first
  };
  Attempt try_send(std::span<const std::byte> data) const;
  Attempt try_receive(std::span<std::byte> to) const;
  // Until it may be tried again. At once an error when the time is up or the owner stops, however much there is to
  // read.
  Result<void> wait_readable(SocketDeadline deadline) const;
  Result<void> wait_writable(SocketDeadline deadline) const;
  Result<void> check(SocketDeadline deadline) const;  // the same without waiting

 private:
  Socket(intptr_t handle, std::string peer, const std::atomic<bool>* stop)
      : handle_(handle), peer_(std::move(peer)), stop_(stop) {}
  Result<void> wait(socket_system::For what, SocketDeadline deadline) const;
  Error failed() const;

  intptr_t handle_ = -1;  // the system's
  std::string peer_;  // for messages
  const std::atomic<bool>* stop_ = nullptr;
};

}  // namespace pumice
