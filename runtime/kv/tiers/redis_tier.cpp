#include "kv/tiers/redis_tier.h"

#include "kv/tiers/redis_tls.h"
#include "kv/tiers/redis_url.h"

#ifdef PUMICE_HAS_HIREDIS

#include <algorithm>
#include <atomic>
#include <mutex>

#include "base/clock.h"
#include "base/thread.h"
#include "kv/tiers/circuit_breaker.h"
#include "kv/tiers/redis_connection.h"
#include "kv/tiers/tier_problem.h"

namespace pumice {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kInFlight = 8;  // requests sent ahead of the reply that is read
// A server that has said nothing for so long has failed, even if the caller would not have waited longer.
constexpr auto kPatience = std::chrono::milliseconds(50);
// A server whose SCAN never ends is no reason to go on for ever.
constexpr auto kClearTime = std::chrono::minutes(5);

// For MATCH: the text stands for itself.
std::string escape_pattern(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (std::string_view("*?[]\\^-").find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

class Implementation final : public RedisTier {
 public:
  Implementation(const RedisTierOptions& options, RedisUrl url)
      : options_(options), url_(std::move(url)), problem_(TierKind::kRedis, options.log) {}

  TierKind kind() const override { return TierKind::kRedis; }
  bool may_contain(const PageKey&) const override { return !stop_ && reading_.breaker.closed(Clock::now()); }
  Result<bool> read(const PageKey& key, std::vector<std::byte>& value, Deadline deadline) override;
  Result<void> read_run(std::span<const PageKey> keys, const Sink& sink, Deadline deadline) override;
  Result<void> write(const PageKey& key, std::span<const std::byte> value) override;
  void erase(const PageKey& key) override;
  Result<void> clear() override;
  TierStats stats() const override;
  void stop() override { stop_ = true; }
  bool connected() const override { return reading_.connected || writing_.connected; }
  std::string last_failure() const override { return problem_.last(); }

 private:
  // A connection and whether the server has been well of late.
  struct Lane {
    std::mutex mutex;  // guards names and connection
    HostNames names;
    std::unique_ptr<RedisConnection> connection;
    std::atomic<bool> connected{false};
    CircuitBreaker breaker;
  };
  // What a piece of work tells of itself: once something has come, it must not be done again from the start.
  struct Progress {
    bool any = false;
  };

  template <typename Work>
  Result<void> run(Lane& lane, Deadline deadline, Work&& work);
  template <typename Work>
  Result<void> run_in_turn(Lane& lane, Deadline deadline, Work&& work, bool& server_failed);
  template <typename Work>
  Result<void> attempt(Lane& lane, Deadline deadline, Work&& work, Progress& progress);
  Result<void> pipeline(RedisConnection& connection, std::span<const PageKey> keys, const Sink& sink, Deadline deadline,
                        Progress& progress);
  Result<void> scan_and_delete(RedisConnection& connection);
  Deadline soon(Deadline deadline) const {
    return std::min(deadline, Clock::now() + std::chrono::milliseconds(options_.timeout_ms));
  }
  std::string prefix() const { return "kv:" + options_.name_space + ":" + std::to_string(options_.epoch) + ":"; }
  std::string name_of(const PageKey& key) const { return prefix() + to_hex(key); }

  const RedisTierOptions options_;
  const RedisUrl url_;
  std::atomic<bool> stop_{false};
  Lane reading_, writing_;
  mutable std::mutex mutex_;  // guards what follows
  TierStats stats_;
  TierProblem problem_;
};

// work(connection, progress) -> Result<void>, on the lane's connection.
template <typename Work>
Result<void> Implementation::run(Lane& lane, Deadline deadline, Work&& work) {
  bool server_failed = false;
  Result<void> done = run_in_turn(lane, deadline, work, server_failed);
  if (server_failed) problem_.note(done.error());  // with no lock held: the log is the host's
  return done;
}

// A connection that had lain idle may have been closed by the server meanwhile; then the work is done once more on a
// new one.
template <typename Work>
Result<void> Implementation::run_in_turn(Lane& lane, Deadline deadline, Work&& work, bool& server_failed) {
  std::lock_guard lock(lane.mutex);
  if (stop_) return error(Status::kCancelled, "Redis: the cache is being closed");
  if (!lane.breaker.allow(Clock::now())) return error(Status::kIo, "Redis: not tried again so soon after failures");
  CircuitBreaker::Attempt trial(lane.breaker);
  const auto start = Clock::now();
  Progress progress;
  const bool reused = lane.connection != nullptr;
  Result<void> done = attempt(lane, deadline, work, progress);
  if (!done && done.error().status == Status::kIo && reused && !progress.any)
    done = attempt(lane, deadline, work, progress);
  if (done) {
    trial.succeeded();
    return done;
  }
  // When the end has come, or the caller's own time is up too soon, that says nothing about the server.
  const bool too_soon = done.error().status == Status::kTimeout && Clock::now() >= deadline &&
                        (progress.any || Clock::now() - start < kPatience);
  server_failed = done.error().status != Status::kCancelled && !too_soon;
  if (server_failed) trial.failed(Clock::now());
  std::lock_guard stats_lock(mutex_);
  ++stats_.failures;
  return done;
}

template <typename Work>
Result<void> Implementation::attempt(Lane& lane, Deadline deadline, Work&& work, Progress& progress) {
  if (!lane.connection) {
    PUMICE_ASSIGN(lane.connection, RedisConnection::open(lane.names, url_, options_.ca_file, options_.max_value_bytes,
                                                         &stop_, soon(deadline)));
  }
  lane.connected = true;
  Result<void> done = error(Status::kInternal, "Redis: not asked");
  try {
    done = work(*lane.connection, progress);
  } catch (...) {  // in the midst of an exchange: the connection goes, too
    done = caught_error();
  }
  if (!done) {
    lane.connection.reset();
    lane.connected = false;
  }
  return done;
}

Result<bool> Implementation::read(const PageKey& key, std::vector<std::byte>& value, Deadline deadline) {
  bool found = false;
  PUMICE_TRY(read_run(
      std::span(&key, 1),
      [&](size_t, std::optional<std::vector<std::byte>> got) {
        found = got.has_value();
        if (found) value = std::move(*got);
        return false;
      },
      deadline));
  return found;
}

Result<void> Implementation::read_run(std::span<const PageKey> keys, const Sink& sink, Deadline deadline) {
  const auto start = Clock::now();
  const Sink counting = [&](size_t index, std::optional<std::vector<std::byte>> value) {
    {
      std::lock_guard lock(mutex_);
      ++stats_.reads;
      ++(value ? stats_.hits : stats_.misses);
      if (value) stats_.read_bytes += value->size();
    }
    return sink(index, std::move(value));
  };
  Result<void> done = run(reading_, deadline, [&](RedisConnection& connection, Progress& progress) {
    return pipeline(connection, keys, counting, deadline, progress);
  });
  std::lock_guard lock(mutex_);
  stats_.seconds_reading += seconds_since(start);
  return done;
}

Result<void> Implementation::pipeline(RedisConnection& connection, std::span<const PageKey> keys, const Sink& sink,
                                      Deadline deadline, Progress& progress) {
  size_t sent = 0;
  const auto send_until = [&](size_t end) -> Result<void> {
    std::vector<std::byte> commands;
    for (; sent < std::min(end, keys.size()); ++sent) append_command(commands, {"GET", name_of(keys[sent])});
    return connection.send(commands, soon(deadline));
  };
  PUMICE_TRY(send_until(kInFlight));
  bool wanted = true;
  for (size_t i = 0; i < sent; ++i) {
    PUMICE_ASSIGN(const std::unique_ptr<RedisReply> reply, connection.receive(soon(deadline)));
    progress.any = true;
    if (!wanted) continue;  // what was asked for ahead must be read, too
    const bool value = reply->type == RedisReply::Type::kString;
    if (!value && reply->type != RedisReply::Type::kNil) return reply_error(*reply);
    wanted = sink(i, value ? std::optional(std::move(reply->bytes)) : std::nullopt);
    if (wanted) {
      PUMICE_TRY(send_until(i + 1 + kInFlight));
    }
  }
  return {};
}

Result<void> Implementation::write(const PageKey& key, std::span<const std::byte> value) {
  const auto start = Clock::now();
  const std::string_view text(reinterpret_cast<const char*>(value.data()), value.size());
  const std::string ttl = std::to_string(options_.ttl_seconds * 1000);
  Result<void> done = run(writing_, Deadline::max(), [&](RedisConnection& connection, Progress&) -> Result<void> {
    PUMICE_ASSIGN(const auto reply,
                  connection.exchange({"SET", name_of(key), text, "PX", ttl, "NX"}, soon(Deadline::max())));
    return {};  // nil: it is there already
  });
  std::lock_guard lock(mutex_);
  stats_.seconds_writing += seconds_since(start);
  if (done) {
    ++stats_.writes;
    stats_.written_bytes += value.size();
  }
  return done;
}

void Implementation::erase(const PageKey& key) {
  static_cast<void>(run(reading_, Deadline::max(), [&](RedisConnection& connection, Progress&) -> Result<void> {
    PUMICE_ASSIGN(const auto reply, connection.exchange({"DEL", name_of(key)}, soon(Deadline::max())));
    return {};
  }));
}

Result<void> Implementation::clear() {
  return run(writing_, Deadline::max(),
             [&](RedisConnection& connection, Progress&) { return scan_and_delete(connection); });
}

Result<void> Implementation::scan_and_delete(RedisConnection& connection) {
  const std::string pattern = escape_pattern(prefix()) + "*";
  std::string cursor = "0";
  const Deadline end = Clock::now() + kClearTime;
  do {
    if (Clock::now() >= end) return error(Status::kTimeout, "Redis: clearing took too long; what is left expires");
    PUMICE_ASSIGN(const auto reply,
                  connection.exchange({"SCAN", cursor, "MATCH", pattern, "COUNT", "1000"}, soon(Deadline::max())));
    if (reply->elements.size() != 2) return error(Status::kIo, "Redis: the answer to SCAN is of another form");
    cursor = reply->elements[0]->text();
    for (const auto& name : reply->elements[1]->elements) {
      if (!name->text().starts_with(prefix()))
        return error(Status::kIo, "Redis: the answer to SCAN is of another form");
      PUMICE_ASSIGN(const auto deleted, connection.exchange({"DEL", name->text()}, soon(Deadline::max())));
    }
  } while (cursor != "0");
  return {};
}

TierStats Implementation::stats() const {
  std::lock_guard lock(mutex_);
  return stats_;
}

}  // namespace

Result<std::unique_ptr<RedisTier>> RedisTier::create(const RedisTierOptions& options) {
  PUMICE_ASSIGN(RedisUrl url, parse_redis_url(options.url));
  if (url.tls && !redis_has_tls())
    return error(Status::kUnsupported, "this build has no TLS for Redis: install libssl-dev and build again");
  if (options.ttl_seconds == 0 || options.ttl_seconds > UINT32_MAX)
    return error(Status::kInvalidArgument, "values in Redis need a time to live from 1 s on");
  return std::unique_ptr<RedisTier>(std::make_unique<Implementation>(options, std::move(url)));
}

}  // namespace pumice

#else

namespace pumice {

Result<std::unique_ptr<RedisTier>> RedisTier::create(const RedisTierOptions& options) {
  PUMICE_ASSIGN(const RedisUrl url, parse_redis_url(options.url));
  return error(Status::kUnsupported, "this build has no Redis tier (for %s): install libhiredis-dev and build again",
               url.host.c_str());
}

}  // namespace pumice

#endif
