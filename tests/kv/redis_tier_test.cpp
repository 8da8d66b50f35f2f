// The Redis tier against a real server of the tests' own (skipped where redis-server is not installed) and against one
// that misbehaves in every way.
#include "kv/tiers/redis_tier.h"

#include <gtest/gtest.h>

#include <atomic>

#include "kv/tiers/circuit_breaker.h"
#include "kv/tiers/redis_tls.h"
#include "kv/tiers/redis_url.h"
#include "support/fake_server.h"
#include "support/kv_pages.h"
#include "support/redis_server.h"
#include "support/temporary_folder.h"

#ifdef PUMICE_HAS_HIREDIS

namespace pumice::redis_tier_test {

using Clock = std::chrono::steady_clock;
using test::FakeServer;
using test::Peer;
using test::random_bytes;
using test::RedisServer;

constexpr Tier::Deadline kNever = Tier::Deadline::max();

PageKey key_of(int i) { return child_key(test::secret_of(1), {}, std::vector<int32_t>{i}); }

std::unique_ptr<RedisTier> tier_at(const std::string& url, const std::string& ca_file = "", uint64_t epoch = 0,
                                   uint32_t timeout_ms = 2000) {
  auto tier = RedisTier::create({.url = url,
                                 .ca_file = ca_file,
                                 .name_space = "test",
                                 .epoch = epoch,
                                 .ttl_seconds = 60,
                                 .timeout_ms = timeout_ms,
                                 .max_value_bytes = 1 << 20});
  EXPECT_TRUE(tier) << tier.error().message;
  return std::move(tier).value();
}

std::optional<std::vector<std::byte>> get(Tier& tier, const PageKey& key) {
  std::vector<std::byte> value;
  const Result<bool> found = tier.read(key, value, kNever);
  return found && *found ? std::optional(value) : std::nullopt;
}

TEST(RedisUrl, Parts) {
  const RedisUrl url = parse_redis_url("rediss://us%40er:p%3Ass@host.example:1234/3").value();
  EXPECT_TRUE(url.tls);
  EXPECT_EQ(url.user, "us@er");
  EXPECT_EQ(url.password, "p:ss");
  EXPECT_EQ(url.host, "host.example");
  EXPECT_EQ(url.port, 1234);
  EXPECT_EQ(url.database, 3u);
  EXPECT_EQ(parse_redis_url("redis://[::1]:99").value().host, "::1");
  EXPECT_EQ(parse_redis_url("redis://:secret@h").value().password, "secret");
  EXPECT_EQ(parse_redis_url("redis://h/").value().port, 6379);
  for (const char* bad : {"", "h", "http://h", "redis://", "redis://h:0", "redis://h:99999", "redis://h:x",
                          "redis://h/x", "redis://user@h", "redis://[::1", "redis://a:%4@h", "redis://a:%zz@h"})
    EXPECT_FALSE(parse_redis_url(bad)) << bad;
  EXPECT_EQ(parse_redis_url("redis://a:hunter2@h:x").error().message.find("hunter2"), std::string::npos);
}

TEST(CircuitBreaker, OpensTriesOnceAndBacksOff) {
  CircuitBreaker breaker;
  auto now = CircuitBreaker::Clock::now();
  for (uint32_t i = 0; i < CircuitBreaker::kFailures; ++i) {
    ASSERT_TRUE(breaker.allow(now));
    breaker.failed(now);
  }
  EXPECT_FALSE(breaker.allow(now));
  EXPECT_FALSE(breaker.closed(now));
  now += CircuitBreaker::kFirstPause;
  EXPECT_TRUE(breaker.allow(now));
  EXPECT_FALSE(breaker.allow(now)) << "one probe at a time";
  breaker.failed(now);
  now += CircuitBreaker::kFirstPause;
  EXPECT_FALSE(breaker.allow(now)) << "the pause must have doubled";
  now += CircuitBreaker::kFirstPause;
  ASSERT_TRUE(breaker.allow(now));
  breaker.succeeded();
  EXPECT_TRUE(breaker.allow(now));
}

class RealRedis : public testing::Test {
 protected:
  void SetUp() override {
    server_ = RedisServer::start();
    if (!server_) GTEST_SKIP() << "no redis-server";
  }
  std::string url() const { return "redis://" + server_->address(); }

  std::unique_ptr<RedisServer> server_;
};

TEST_F(RealRedis, KeepsValuesUnderNamespaceAndEpoch) {
  const auto tier = tier_at(url()), other_epoch = tier_at(url(), "", 1), other_database = tier_at(url() + "/2");
  EXPECT_FALSE(tier->connected());
  const auto value = random_bytes(700'000, 1);
  EXPECT_FALSE(get(*tier, key_of(1)));
  ASSERT_TRUE(tier->write(key_of(1), value));
  ASSERT_TRUE(tier->write(key_of(1), random_bytes(10, 2))) << "one that is there already stays, without an error";
  EXPECT_EQ(get(*tier, key_of(1)), value);
  EXPECT_FALSE(get(*other_epoch, key_of(1)));
  EXPECT_FALSE(get(*other_database, key_of(1)));
  EXPECT_TRUE(tier->connected());
  tier->erase(key_of(1));
  EXPECT_FALSE(get(*tier, key_of(1)));
  EXPECT_EQ(tier->last_failure(), "");
}

TEST_F(RealRedis, ReadsManyAtOnceInOrderUntilEnough) {
  const auto tier = tier_at(url());
  std::vector<PageKey> keys;
  for (int i = 0; i < 40; ++i) {
    keys.push_back(key_of(i));
    if (i == 30) continue;
    ASSERT_TRUE(tier->write(keys.back(), random_bytes(1000, static_cast<uint64_t>(i))));
  }
  size_t next = 0;
  const auto sink = [&](size_t index, std::optional<std::vector<std::byte>> value) {
    EXPECT_EQ(index, next++);
    EXPECT_EQ(value.has_value(), index != 30);
    EXPECT_TRUE(!value || *value == random_bytes(1000, index));
    return value.has_value();
  };
  ASSERT_TRUE(tier->read_run(keys, sink, kNever));
  EXPECT_EQ(next, 31u);
  EXPECT_EQ(get(*tier, key_of(39)), random_bytes(1000, 39)) << "replies that were not wanted must not shift the others";
}

TEST_F(RealRedis, ClearDropsItsOwnValuesAlone) {
  const auto tier = tier_at(url()), other = tier_at(url(), "", 10);
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(tier->write(key_of(i), random_bytes(10, 1)));
    ASSERT_TRUE(other->write(key_of(i), random_bytes(10, 1)));
  }
  ASSERT_TRUE(tier->clear());
  for (int i = 0; i < 30; ++i) {
    EXPECT_FALSE(get(*tier, key_of(i)));
    EXPECT_TRUE(get(*other, key_of(i)));
  }
}

TEST_F(RealRedis, ComesBackAfterTheServerWasAway) {
  const auto tier = tier_at(url(), "", 0, 100);
  ASSERT_TRUE(tier->write(key_of(1), random_bytes(10, 1)));
  ASSERT_TRUE(get(*tier, key_of(1)));
  server_->pause();
  const auto start = Clock::now();
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(get(*tier, key_of(1)));
  EXPECT_LT(Clock::now() - start, std::chrono::milliseconds(2000)) << "the breaker must spare most of the waiting";
  EXPECT_FALSE(tier->may_contain(key_of(1)));
  server_->resume();
  bool back = false;
  for (int i = 0; i < 100 && !back; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    back = get(*tier, key_of(1)).has_value();
  }
  EXPECT_TRUE(back);
  EXPECT_TRUE(tier->may_contain(key_of(1)));
}

TEST(RedisTier, Password) {
  const auto server = RedisServer::start({"--requirepass", "s3cret", "--user", "reader", "on", ">word", "~*", "+@all"});
  if (!server) GTEST_SKIP() << "no redis-server";
  const auto good = tier_at("redis://:s3cret@" + server->address());
  const auto user = tier_at("redis://reader:word@" + server->address());
  const auto bad = tier_at("redis://:wrong@" + server->address()), none = tier_at("redis://" + server->address());
  ASSERT_TRUE(good->write(key_of(1), random_bytes(10, 1))) << good->last_failure();
  EXPECT_TRUE(get(*user, key_of(1))) << user->last_failure();
  EXPECT_FALSE(get(*bad, key_of(1)));
  EXPECT_NE(bad->last_failure().find("WRONGPASS"), std::string::npos) << bad->last_failure();
  EXPECT_FALSE(get(*none, key_of(1)));
  EXPECT_NE(none->last_failure().find("NOAUTH"), std::string::npos) << none->last_failure();
}

// A certificate for `name` that is its own authority.
bool make_certificate(const test::TemporaryFolder& folder, const std::string& name, const std::string& subject) {
  return test::run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-keyout", folder.file(name + ".key"), "-out", folder.file(name + ".crt"), "-subj",
                    "/CN=test", "-addext", "subjectAltName=" + subject});
}

std::unique_ptr<RedisServer> start_tls_server(const test::TemporaryFolder& folder, const std::string& name) {
  return RedisServer::start(
      {"--tls-cert-file", folder.file(name + ".crt"), "--tls-key-file", folder.file(name + ".key"),
       "--tls-ca-cert-file", folder.file(name + ".crt"), "--tls-auth-clients", "no"},
      true);
}

TEST(RedisTier, Tls) {
  const test::TemporaryFolder folder;
  if (!redis_has_tls() || !make_certificate(folder, "good", "IP:127.0.0.1,DNS:localhost") ||
      !make_certificate(folder, "elsewhere", "DNS:elsewhere.example"))
    GTEST_SKIP() << "no TLS in this build, or no openssl";
  const auto server = start_tls_server(folder, "good"), elsewhere = start_tls_server(folder, "elsewhere");
  if (!server || !elsewhere) GTEST_SKIP() << "no redis-server with TLS";
  const auto value = random_bytes(700'000, 1);
  for (const char* host : {"127.0.0.1", "localhost"}) {
    const auto tier =
        tier_at("rediss://" + std::string(host) + ":" + std::to_string(server->port()), folder.file("good.crt"));
    ASSERT_TRUE(tier->write(key_of(1), value)) << tier->last_failure();
    EXPECT_EQ(get(*tier, key_of(1)), value);
  }
  const auto stranger = tier_at("rediss://" + server->address());  // the system's authorities do not know it
  EXPECT_FALSE(get(*stranger, key_of(1)));
  EXPECT_NE(stranger->last_failure().find("not trusted"), std::string::npos) << stranger->last_failure();
  const auto other_name = tier_at("rediss://" + elsewhere->address(), folder.file("elsewhere.crt"));
  EXPECT_FALSE(get(*other_name, key_of(1)));
  EXPECT_NE(other_name->last_failure().find("not trusted"), std::string::npos) << other_name->last_failure();
  const auto plain = tier_at("redis://" + server->address(), "", 0, 300);
  EXPECT_FALSE(get(*plain, key_of(1)));
}

TEST(RedisTier, ADeadServerCostsLittle) {
  const auto tier = tier_at("redis://127.0.0.1:" + std::to_string(test::unused_port()));
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(tier->write(key_of(i), random_bytes(10, 1)));
  EXPECT_LT(tier->stats().failures, 100u) << "not every write may be an attempt";
  EXPECT_FALSE(tier->connected());
}

struct Misbehaviour {
  const char* name;
  FakeServer::Handler handler;
};

std::vector<Misbehaviour> misbehaviours() {
  using std::chrono::milliseconds;
  const auto answer = [](std::string_view text) {
    return [text = std::string(text)](const Peer& peer) {
      peer.receive();
      peer.send(text);
      peer.sleep(milliseconds(60'000));
    };
  };
  return {
      {"Silence", answer("")},
      {"Closes", [](const Peer&) {}},
      {"ClosesLate", [](const Peer& peer) { peer.receive(); }},
      {"Garbage", answer("hello, this is no Redis\r\n\r\n")},
      {"HalfReply", answer("$100\r\nabc")},
      {"HalfReplyThenCloses",
       [](const Peer& peer) {
         peer.receive();
         peer.send("$100\r\nabc");
       }},
      {"HugeLength", answer("$9000000000000000000\r\n")},
      {"NegativeLength", answer("$-5\r\n")},
      {"ManyElements", answer("*2000000000\r\n")},
      {"DeepArrays", answer("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n")},
      {"NestedArrays", answer("*65000\r\n*65000\r\n*65000\r\n*65000\r\n*65000\r\n")},
      {"ManyArrays",
       [](const Peer& peer) {
         peer.receive();
         peer.send("*60000\r\n");
         while (peer.send("*60000\r\n" + std::string(60'000 * 4, ':'))) {
         }
       }},
      {"NewerProtocol", answer("%1\r\n+a\r\n,1.5\r\n")},
      {"NewerNumber", answer(",1.5\r\n")},
      {"NewerTruth", answer("#t\r\n")},
      {"Integer", answer(":5\r\n")},
      {"Error", answer("-ERR no\r\n")},
      {"Array", answer("*2\r\n:1\r\n$1\r\nx\r\n")},
      {"Drips",
       [](const Peer& peer) {
         peer.receive();
         peer.send("$1000000\r\n");
         while (peer.send("x")) peer.sleep(milliseconds(10));
       }},
      {"Endless",
       [](const Peer& peer) {
         peer.receive();
         peer.send("$900000000\r\n");
         while (peer.send(std::string(60'000, 'x'))) {
         }
       }},
  };
}

TEST(RedisTier, AMisbehavingServerIsAMiss) {
  for (const Misbehaviour& misbehaviour : misbehaviours()) {
    SCOPED_TRACE(misbehaviour.name);
    const FakeServer server(misbehaviour.handler);
    const auto tier = tier_at(server.url(), "", 0, 150);
    for (int i = 0; i < 8; ++i) {
      std::vector<std::byte> value;
      const Result<bool> found = tier->read(key_of(i), value, kNever);
      EXPECT_FALSE(found && *found);
      EXPECT_FALSE(found) << "that was no honest miss";
    }
    EXPECT_FALSE(tier->may_contain(key_of(0))) << "the breaker must be open";
    EXPECT_GE(server.accepted(), 1);
    EXPECT_LE(server.accepted(), 7);
    EXPECT_NE(tier->last_failure(), "");
  }
}

TEST(RedisTier, StopEndsWaiting) {
  const FakeServer server([](const Peer& peer) { peer.sleep(std::chrono::milliseconds(60'000)); });
  const auto tier = tier_at(server.url(), "", 0, 3'600'000);
  std::thread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    tier->stop();
  });
  EXPECT_FALSE(get(*tier, key_of(1)));
  stopper.join();
}

// One whose answers are always there, so that nothing ever waits; each is an honest page of names that never end.
TEST(RedisTier, StopEndsAnEndlessAnswer) {
  const FakeServer server([](const Peer& peer) {
    const std::string page = "*2\r\n$1\r\n7\r\n*1\r\n$12\r\nkv:test:0:ab\r\n:1\r\n";
    std::string pages;
    for (int i = 0; i < 1000; ++i) pages += page;
    while (peer.send(pages)) {
    }
  });
  const auto tier = tier_at(server.url(), "", 0, 3'600'000);
  std::thread stopper([&] {
    while (server.accepted() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    tier->stop();
  });
  EXPECT_EQ(tier->clear().error().status, Status::kCancelled);
  stopper.join();
}

TEST(RedisTier, ClearingDeletesNothingOfOthers) {
  std::atomic<int> deleted{0};
  const FakeServer server([&](const Peer& peer) {
    for (std::string command = peer.receive(); !command.empty(); command = peer.receive()) {
      if (command.find("DEL") != std::string::npos) ++deleted;
      peer.send("*2\r\n$1\r\n0\r\n*1\r\n$5\r\nother\r\n");
    }
  });
  EXPECT_FALSE(tier_at(server.url())->clear());
  EXPECT_EQ(deleted, 0);
}

TEST(RedisTier, WhatAServerSaysIsPrintable) {
  const FakeServer server([](const Peer& peer) {
    peer.receive();
    peer.send(
        "-ERR \x1b]0;title\x07\x1b[2J \xc2\x9b"
        "31m \x9b\r\n");
  });
  const auto tier = tier_at(server.url());
  EXPECT_FALSE(get(*tier, key_of(1)));
  const std::string failure = tier->last_failure();
  EXPECT_NE(failure.find("title"), std::string::npos) << failure;
  for (const char c : failure) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << failure;
}

// Whatever the system's look-up does, and however long.
TEST(RedisTier, AHostWithoutAddressIsAMiss) {
  const auto tier = tier_at("redis://no-such-host.invalid", "", 0, 100);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(get(*tier, key_of(i)));
  EXPECT_NE(tier->last_failure().find("no-such-host.invalid"), std::string::npos) << tier->last_failure();
}

// The server closes connections that lie idle; the next use must not fail for that.
TEST(RedisTier, AnIdleConnectionThatWasClosedIsMadeAnew) {
  std::atomic<int> answered{0};
  const FakeServer server([&](const Peer& peer) {
    if (peer.receive().empty()) return;
    peer.send("$2\r\nok\r\n");
    ++answered;
  });
  const auto tier = tier_at(server.url());
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(get(*tier, key_of(i))) << tier->last_failure();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_EQ(answered, 5);
}

}  // namespace pumice::redis_tier_test

#else

TEST(RedisTier, SaysThatTheBuildHasNone) {
  const auto tier = pumice::RedisTier::create({.url = "redis://h", .ttl_seconds = 1});
  ASSERT_FALSE(tier);
  EXPECT_EQ(tier.error().status, pumice::Status::kUnsupported);
}

#endif
