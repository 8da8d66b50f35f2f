// RedisConnection: commands to one Redis or Valkey server and their replies, in order. Only where PUMICE_HAS_HIREDIS.
//
// hiredis parses the replies; the bytes come through RedisStream, for its deadlines and TLS. Nothing that a server
// sends makes it allocate more than the limit. After an error the connection is of no more use. Thread rule: one thread
// at a time.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kv/tiers/redis_stream.h"
#include "kv/tiers/redis_url.h"

struct redisReader;

namespace pumice {

struct RedisReply {
  enum class Type { kString, kArray, kInteger, kNil, kStatus, kError } type = Type::kNil;
  std::vector<std::byte> bytes;  // of a string, a status, an error
  std::vector<std::unique_ptr<RedisReply>> elements;

  std::string_view text() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
};

// Adds a command in the protocol's form.
void append_command(std::vector<std::byte>& to, std::initializer_list<std::string_view> arguments);

class RedisConnection {
 public:
  using Deadline = RedisStream::Deadline;

  // Connects, authenticates and selects the database. max_reply_bytes: of one reply.
  static Result<std::unique_ptr<RedisConnection>> open(HostNames& names, const RedisUrl& url,
                                                       const std::string& ca_file, uint64_t max_reply_bytes,
                                                       const std::atomic<bool>* stop, Deadline deadline);
  // On a stream that is there already.
  static Result<std::unique_ptr<RedisConnection>> over(std::unique_ptr<RedisStream> stream, uint64_t max_reply_bytes);
  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;
  ~RedisConnection();

  Result<void> send(std::span<const std::byte> commands, Deadline deadline) {
    return stream_->send(commands, deadline);
  }
  // The reply to the oldest command that has none yet; an error reply is a reply.
  Result<std::unique_ptr<RedisReply>> receive(Deadline deadline);
  // One command; an error reply is Status::kIo.
  Result<std::unique_ptr<RedisReply>> exchange(std::initializer_list<std::string_view> arguments, Deadline deadline);

 private:
  RedisConnection(std::unique_ptr<RedisStream> stream, uint64_t max_reply_bytes);

  std::unique_ptr<RedisStream> stream_;
  uint64_t max_reply_bytes_;
  redisReader* reader_;
  std::vector<std::byte> buffer_;
};

Error reply_error(const RedisReply& reply);

}  // namespace pumice
