#ifdef PUMICE_HAS_HIREDIS

#include "kv/tiers/redis_connection.h"

#include <hiredis/hiredis.h>

#include "base/printable.h"

namespace pumice {
namespace {

constexpr size_t kReceiveBytes = 256 * 1024;
constexpr size_t kMaxElements = 1u << 16;    // of a reply, in all its arrays
constexpr uint64_t kSlackBytes = 64 * 1024;  // of a reply beside its value

// What a reply may still take.
struct Allowance {
  uint64_t bytes = 0;
  size_t elements = 0;
};

// Makes an object for hiredis and puts it into its array, if it is an element. Null, which ends the parsing with an
// error, when there is no memory: exceptions must not pass through C.
template <typename Fill>
void* make_reply(const redisReadTask* task, RedisReply::Type type, Fill&& fill) noexcept {
  try {
    auto reply = std::make_unique<RedisReply>();
    reply->type = type;
    fill(*reply);
    if (!task->parent) return reply.release();
    auto& place = static_cast<RedisReply*>(task->parent->obj)->elements.at(static_cast<size_t>(task->idx));
    place = std::move(reply);
    return place.get();
  } catch (...) {
    return nullptr;
  }
}

void* create_string(const redisReadTask* task, char* text, size_t size) {
  const auto type = task->type == REDIS_REPLY_ERROR    ? RedisReply::Type::kError
                    : task->type == REDIS_REPLY_STATUS ? RedisReply::Type::kStatus
                                                       : RedisReply::Type::kString;
  uint64_t& bytes_left = static_cast<Allowance*>(task->privdata)->bytes;
  if (size > bytes_left) return nullptr;
  bytes_left -= size;
  return make_reply(task, type, [&](RedisReply& reply) {
    const auto* const bytes = reinterpret_cast<const std::byte*>(text);
    reply.bytes.assign(bytes, bytes + size);
  });
}

void* create_integer(const redisReadTask* task, long long) {
  return make_reply(task, RedisReply::Type::kInteger, [](RedisReply&) {});
}

void* create_nil(const redisReadTask* task) {
  return make_reply(task, RedisReply::Type::kNil, [](RedisReply&) {});
}

void free_reply(void* reply) { delete static_cast<RedisReply*>(reply); }

redisReplyObjectFunctions reply_functions() {
  redisReplyObjectFunctions functions{};  // of protocol version 3 nothing comes unasked
  functions.createString = create_string;
  functions.createArray = [](const redisReadTask* task, auto count) -> void* {  // int or size_t, by hiredis' version
    const auto size = static_cast<size_t>(count);
    size_t& left = static_cast<Allowance*>(task->privdata)->elements;
    const bool nested = task->parent && task->parent->parent;  // deeper than any answer that is asked for
    if (size > left || nested) return nullptr;
    left -= size;
    return make_reply(task, RedisReply::Type::kArray, [&](RedisReply& reply) { reply.elements.resize(size); });
  };
  functions.createInteger = create_integer;
  functions.createNil = create_nil;
  functions.freeObject = free_reply;
#if HIREDIS_MAJOR >= 1
  // Without these it would hand out small numbers as if they were objects.
  functions.createDouble = [](const redisReadTask*, double, char*, size_t) -> void* { return nullptr; };
  functions.createBool = [](const redisReadTask*, int) -> void* { return nullptr; };
#endif
  return functions;
}

Error no_protocol(const char* why) {
  return error(Status::kIo, "Redis: the server does not speak its protocol: %s", printable(why).c_str());
}

}  // namespace

void append_command(std::vector<std::byte>& to, std::initializer_list<std::string_view> arguments) {
  const auto add = [&](std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
    to.insert(to.end(), bytes.begin(), bytes.end());
  };
  add("*" + std::to_string(arguments.size()) + "\r\n");
  for (const std::string_view argument : arguments) {
    add("$" + std::to_string(argument.size()) + "\r\n");
    add(argument);
    add("\r\n");
  }
}

Error reply_error(const RedisReply& reply) {
  return error(Status::kIo, "Redis refused: %s", printable(reply.text().substr(0, 200)).c_str());
}

RedisConnection::RedisConnection(std::unique_ptr<RedisStream> stream, uint64_t max_reply_bytes)
    : stream_(std::move(stream)), max_reply_bytes_(max_reply_bytes), buffer_(kReceiveBytes) {
  // hiredis keeps the pointer and never writes through it.
  static redisReplyObjectFunctions functions = reply_functions();
  reader_ = redisReaderCreateWithFunctions(&functions);
}

RedisConnection::~RedisConnection() {
  if (reader_) redisReaderFree(reader_);
}

Result<std::unique_ptr<RedisConnection>> RedisConnection::over(std::unique_ptr<RedisStream> stream,
                                                               uint64_t max_reply_bytes) {
  std::unique_ptr<RedisConnection> connection(new RedisConnection(std::move(stream), max_reply_bytes));
  if (!connection->reader_) return error(Status::kOutOfHostMemory, "Redis: out of memory");
  return connection;
}

Result<std::unique_ptr<RedisConnection>> RedisConnection::open(HostNames& names, const RedisUrl& url,
                                                               const std::string& ca_file, uint64_t max_reply_bytes,
                                                               const std::atomic<bool>* stop, Deadline deadline) {
  PUMICE_ASSIGN(
      std::unique_ptr<RedisStream> stream,
      RedisStream::connect(
          names, {.host = url.host, .port = url.port, .tls = url.tls, .ca_file = ca_file, .stop = stop}, deadline));
  PUMICE_ASSIGN(std::unique_ptr<RedisConnection> connection, over(std::move(stream), max_reply_bytes));
  if (!url.password.empty()) {
    if (url.user.empty()) {
      PUMICE_ASSIGN(auto reply, connection->exchange({"AUTH", url.password}, deadline));
    } else {
      PUMICE_ASSIGN(auto reply, connection->exchange({"AUTH", url.user, url.password}, deadline));
    }
  }
  if (url.database != 0) {
    PUMICE_ASSIGN(auto reply, connection->exchange({"SELECT", std::to_string(url.database)}, deadline));
  }
  return connection;
}

Result<std::unique_ptr<RedisReply>> RedisConnection::receive(Deadline deadline) {
  Allowance left{.bytes = max_reply_bytes_ + kSlackBytes, .elements = kMaxElements};
  reader_->privdata = &left;
  for (;;) {
    void* raw = nullptr;
    if (redisReaderGetReply(reader_, &raw) != REDIS_OK) return no_protocol(reader_->errstr);
    if (raw) return std::unique_ptr<RedisReply>(static_cast<RedisReply*>(raw));
    if (reader_->len - reader_->pos > max_reply_bytes_ + kSlackBytes) return no_protocol("a reply is too long");
    PUMICE_ASSIGN(const size_t got, stream_->receive(buffer_, deadline));
    if (redisReaderFeed(reader_, reinterpret_cast<const char*>(buffer_.data()), got) != REDIS_OK)
      return no_protocol(reader_->errstr);
  }
}

Result<std::unique_ptr<RedisReply>> RedisConnection::exchange(std::initializer_list<std::string_view> arguments,
                                                              Deadline deadline) {
  std::vector<std::byte> command;
  append_command(command, arguments);
  PUMICE_TRY(send(command, deadline));
  PUMICE_ASSIGN(std::unique_ptr<RedisReply> reply, receive(deadline));
  if (reply->type == RedisReply::Type::kError) return reply_error(*reply);
  return reply;
}

}  // namespace pumice

#endif
