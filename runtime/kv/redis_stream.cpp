#include "kv/redis_stream.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "kv/redis_tls.h"
#include "kv/socket.h"

namespace pumice {
namespace {

class PlainStream final : public RedisStream {
 public:
  explicit PlainStream(Socket socket) : socket_(std::move(socket)) {}

  Result<void> send(std::span<const std::byte> data, Deadline deadline) override {
    while (!data.empty()) {
      const ssize_t sent = ::send(socket_.file(), data.data(), data.size(), MSG_NOSIGNAL);
      if (sent > 0) {
        data = data.subspan(static_cast<size_t>(sent));
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        PUMICE_TRY(socket_.wait(POLLOUT, deadline));
      } else if (errno != EINTR) {
        return error(Status::kIo, "Redis: %s", std::strerror(errno));
      }
    }
    return {};
  }

  Result<size_t> receive(std::span<std::byte> to, Deadline deadline) override {
    for (;;) {
      const ssize_t got = ::recv(socket_.file(), to.data(), to.size(), 0);
      if (got > 0) return static_cast<size_t>(got);
      if (got == 0) return error(Status::kIo, "Redis closed the connection");
      if (errno == EAGAIN || errno == EWOULDBLOCK) {
        PUMICE_TRY(socket_.wait(POLLIN, deadline));
      } else if (errno != EINTR) {
        return error(Status::kIo, "Redis: %s", std::strerror(errno));
      }
    }
  }

 private:
  Socket socket_;
};

}  // namespace

Result<std::unique_ptr<RedisStream>> RedisStream::connect(const RedisStreamOptions& options, Deadline deadline) {
  if (options.tls && !redis_has_tls())
    return error(Status::kUnsupported, "this build has no TLS: install libssl-dev and build again, or use redis://");
  PUMICE_ASSIGN(Socket socket, Socket::connect(options.host, options.port, options.stop, deadline));
  if (options.tls) return start_tls(std::move(socket), options, deadline);
  return std::unique_ptr<RedisStream>(std::make_unique<PlainStream>(std::move(socket)));
}

}  // namespace pumice
