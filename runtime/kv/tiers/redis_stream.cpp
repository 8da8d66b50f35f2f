#include "kv/tiers/redis_stream.h"

#include "kv/tiers/redis_tls.h"

namespace pumice {
namespace {

class PlainStream final : public RedisStream {
 public:
  explicit PlainStream(Socket socket) : socket_(std::move(socket)) {}

  Result<void> send(std::span<const std::byte> data, Deadline deadline) override {
    return socket_.send(data, deadline);
  }
  Result<size_t> receive(std::span<std::byte> to, Deadline deadline) override { return socket_.receive(to, deadline); }

 private:
  Socket socket_;
};

}  // namespace

Result<std::unique_ptr<RedisStream>> RedisStream::connect(HostNames& names, const RedisStreamOptions& options,
                                                          Deadline deadline) {
  if (options.tls && !redis_has_tls())
    return error(Status::kUnsupported, "this build has no TLS: install libssl-dev and build again, or use redis://");
  PUMICE_ASSIGN(Socket socket, Socket::connect(names, options.host, options.port, options.stop, deadline));
  if (options.tls) return start_tls(std::move(socket), options, deadline);
  return std::unique_ptr<RedisStream>(std::make_unique<PlainStream>(std::move(socket)));
}

}  // namespace pumice
