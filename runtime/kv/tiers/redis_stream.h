// RedisStream: a TCP connection, with TLS if asked for, where every step has a deadline.
//
// Of its own because hiredis before 1.0 (Debian 12 has 0.14) has neither TLS nor deadlines for whole exchanges. With
// TLS the certificate and the host's name in it are verified. Nothing raises SIGPIPE. Thread rule: one thread at a
// time; `stop` may be set from any.
#pragma once

#include <memory>

#include "base/socket.h"

namespace pumice {

struct RedisStreamOptions {
  std::string host;
  uint16_t port = 0;
  bool tls = false;
  std::string ca_file;                      // with TLS; empty: the system's
  const std::atomic<bool>* stop = nullptr;  // once true, waiting ends with Status::kCancelled
};

class RedisStream {
 public:
  using Deadline = SocketDeadline;

  static Result<std::unique_ptr<RedisStream>> connect(HostNames& names, const RedisStreamOptions& options,
                                                      Deadline deadline);
  virtual ~RedisStream() = default;

  // All of it. Status::kTimeout, kIo, kCancelled: the connection is of no more use.
  virtual Result<void> send(std::span<const std::byte> data, Deadline deadline) = 0;
  // At least one byte; their number.
  virtual Result<size_t> receive(std::span<std::byte> to, Deadline deadline) = 0;
};

}  // namespace pumice
