// Pages that went through RAM, disk or Redis give the same bits as pages that never left the device; a damaged one is
// never used.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "engine/session_file.h"
#include "support/engine_fixture.h"
#include "support/fake_server.h"
#include "support/redis_server.h"
#include "support/temporary_folder.h"

namespace pumice::test::tiers_test {

namespace fs = std::filesystem;

class TiersTest : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    if (IsSkipped()) return;
    reload();
  }
  void reload() {
    loaded_ = load(make_synthetic_model(spec_));
    ASSERT_TRUE(loaded_);
    vocabulary_ = spec_.vocabulary;
  }
  // A pool of just the context, so that other texts drive pages out of the device.
  ContextOptions options(uint64_t ram_bytes, const std::string& folder = {}, const std::string& redis = {}) {
    ContextOptions options{.context_tokens = 256, .max_sequences = 2, .cache = {.reuse = true}};
    options.cache.identity = "test";
    options.cache.secret = Secret{std::byte{7}};
    options.cache.seconds_per_token = 1;  // loading is always worth while
    options.cache.measures = false;
    options.cache.store.ram_bytes = ram_bytes;
    options.cache.store.disk_folder = folder;
    options.cache.store.disk_bytes = 64 << 20;
    options.cache.store.redis_url = redis;
    options.cache.store.admit_at_use = 1;
    return options;
  }
  std::vector<int32_t> prompt(uint64_t seed, uint32_t count = 150) { return random_tokens(spec_, count, seed); }
  static void flush(Context& in) {
    const Result<bool> flushed = in.cache().flush(20);
    EXPECT_TRUE(flushed.ok() && *flushed);
  }
  static uint64_t hits(const Context& in, KvSource source) {
    return in.cache().stats().hit_pages[static_cast<size_t>(source)];
  }

  SyntheticModel spec_{.layers = 2, .separate_output = true, .seed = 42};
  std::unique_ptr<LoadedModel> loaded_;
};

TEST_F(TiersTest, ATripThroughRamChangesNoBit) {
  const auto in = context(*loaded_, options(64 << 20));
  const auto fresh = context(*loaded_, {.context_tokens = 256});
  std::vector<std::vector<float>> expected;
  for (uint64_t i = 0; i < 6; ++i) {
    expected.push_back(logits_of(*fresh, prompt(i)));
    EXPECT_EQ(logits_of(*in, prompt(i)), expected.back());
  }
  flush(*in);
  for (uint64_t i = 0; i < 6; ++i) EXPECT_EQ(logits_of(*in, prompt(i)), expected[i]) << i;
  EXPECT_GE(hits(*in, KvSource::kRam), 12u);
}

TEST_F(TiersTest, ATripThroughTheDiskAndARestartChangesNoBit) {
  const TemporaryFolder folder;
  const auto fresh = context(*loaded_, {.context_tokens = 256});
  std::vector<std::vector<float>> expected;
  for (uint64_t i = 0; i < 4; ++i) expected.push_back(logits_of(*fresh, prompt(i)));
  for (int run = 0; run < 3; ++run) {
    const auto in = context(*loaded_, options(0, folder.file("kv")));
    for (uint64_t i = 0; i < 4; ++i) EXPECT_EQ(logits_of(*in, prompt(i)), expected[i]) << "run " << run << ", " << i;
    flush(*in);
    if (run > 0) {
      EXPECT_EQ(hits(*in, KvSource::kDisk), 4u * 4) << run;
    }
  }
}

TEST_F(TiersTest, ATripThroughRedisChangesNoBit) {
  const std::unique_ptr<RedisServer> server = RedisServer::start();
  if (!server) GTEST_SKIP() << "redis-server is not installed";
  const auto fresh = context(*loaded_, {.context_tokens = 256});
  std::vector<std::vector<float>> expected;
  for (uint64_t i = 0; i < 4; ++i) expected.push_back(logits_of(*fresh, prompt(i)));
  for (int run = 0; run < 2; ++run) {
    Result<std::unique_ptr<Context>> in =
        Context::create(*loaded_->model, {}, options(0, {}, "redis://" + server->address()));
    if (!in && in.error().status == Status::kUnsupported) GTEST_SKIP() << in.error().message;
    ASSERT_TRUE(in.ok()) << in.error().message;
    for (uint64_t i = 0; i < 4; ++i) EXPECT_EQ(logits_of(**in, prompt(i)), expected[i]) << "run " << run << ", " << i;
    flush(**in);
    if (run > 0) {
      EXPECT_EQ(hits(**in, KvSource::kRedis), 4u * 4);
    }
  }
}

// PUMICE_TEST_PROMPTS=200 for as many.
TEST_F(TiersTest, RandomPromptsThroughEveryTierChangeNoBit) {
  const char* const asked = std::getenv("PUMICE_TEST_PROMPTS");
  const uint64_t count = asked ? std::strtoull(asked, nullptr, 10) : 16;
  const TemporaryFolder folder;
  const std::unique_ptr<RedisServer> server = RedisServer::start();
  struct Place {
    const char* name;
    ContextOptions options;
    KvSource source;
  };
  std::vector<Place> places{{"device", options(0), KvSource::kDevice},
                            {"RAM", options(64 << 20), KvSource::kRam},
                            {"disk", options(0, folder.file("kv")), KvSource::kDisk}};
  if (server) places.push_back({"Redis", options(0, {}, "redis://" + server->address()), KvSource::kRedis});
  const std::vector<int32_t> beginnings[] = {prompt(1, 200), prompt(2, 130), prompt(3, 90)};
  for (Place& place : places) {
    place.options.exact = true;
    ContextOptions without = place.options;
    without.cache = {};
    const auto fresh = context(*loaded_, without);
    auto in = context(*loaded_, place.options);
    std::mt19937_64 random(11);
    uint64_t found = 0;
    for (uint64_t i = 0; i < count; ++i) {
      std::vector<int32_t> text = beginnings[random() % 3];
      text.resize(1 + random() % text.size());
      const std::vector<int32_t> more = prompt(100 + random() % 20, static_cast<uint32_t>(1 + random() % 50));
      text.insert(text.end(), more.begin(), more.end());
      ASSERT_EQ(logits_of(*in, text), logits_of(*fresh, text)) << place.name << ", prompt " << i;
      if (i % 10 != 9) continue;
      flush(*in);
      found += hits(*in, place.source);
      in.reset();  // a restart
      in = context(*loaded_, place.options);
    }
    EXPECT_GT(found, 0u) << place.name;
    std::printf("  %s: %llu prompts, %llu pages found there\n", place.name, static_cast<unsigned long long>(count),
                static_cast<unsigned long long>(found));
  }
}

TEST_F(TiersTest, OfAnotherModelKeyOrTenantNothingIsFound) {
  const TemporaryFolder folder;
  const std::string path = folder.file("kv");
  {
    const auto in = context(*loaded_, options(0, path));
    (void)logits_of(*in, prompt(1));
    flush(*in);
  }
  const auto found = [&](const ContextOptions& with, std::string_view group = {}) {
    const auto in = context(*loaded_, with);
    const Result<Sequence*> sequence = in->open_sequence(group);
    (void)evaluate(*in, **sequence, prompt(1));
    return hits(*in, KvSource::kDisk);
  };
  EXPECT_EQ(found(options(0, path)), 4u);
  ContextOptions other = options(0, path);
  other.cache.identity = "another model";
  EXPECT_EQ(found(other), 0u);
  other = options(0, path);
  other.cache.secret = Secret{std::byte{8}};
  EXPECT_EQ(found(other), 0u);
  other = options(0, path);
  other.cache.store.epoch = 1;
  EXPECT_EQ(found(other), 0u);
  EXPECT_EQ(found(options(0, path), "someone else"), 0u);
  EXPECT_EQ(found(options(0, path)), 4u) << "the others left it as it was";
}

// Whatever happens to the files, the answer is the same.
TEST_F(TiersTest, DamageOnDiskIsAMiss) {
  const auto fresh = context(*loaded_, {.context_tokens = 256});
  const std::vector<float> expected = logits_of(*fresh, prompt(1));
  std::mt19937 random(3);
  uint64_t found = 0;
  for (int i = 0; i < 12; ++i) {
    const TemporaryFolder folder;
    const std::string path = folder.file("kv");
    {
      const auto in = context(*loaded_, options(0, path));
      (void)logits_of(*in, prompt(1));
      flush(*in);
    }
    for (const auto& entry : fs::recursive_directory_iterator(path)) {
      if (!entry.is_regular_file() || entry.file_size() == 0) continue;
      if (i % 3 == 2) {
        fs::resize_file(entry.path(), random() % entry.file_size());
        continue;
      }
      std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
      const auto at = static_cast<std::streamoff>(random() % entry.file_size());
      file.seekg(at);
      const char byte = static_cast<char>(file.get() ^ (1 << random() % 8));
      file.seekp(at);
      file.put(byte);
    }
    const auto in = context(*loaded_, options(0, path));
    EXPECT_EQ(logits_of(*in, prompt(1)), expected) << i;
    found += hits(*in, KvSource::kDisk);
  }
  EXPECT_LT(found, 12u * 4) << "nothing was damaged";
}

TEST_F(TiersTest, AFolderThatCannotBeMadeIsSaid) {
  const Result<std::unique_ptr<Context>> refused = Context::create(*loaded_->model, {}, options(0, "/proc/nowhere"));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().status, Status::kIo);
  EXPECT_NE(refused.error().message.find("/proc/nowhere"), std::string::npos);
}

// Requests wait for what arrives, not for what does not: far less than one time-out here, let alone one for each.
TEST_F(TiersTest, ASilentServerCostsNextToNothing) {
  const FakeServer server([](const Peer& peer) {
    while (!peer.receive().empty()) {
    }
  });
  ContextOptions with = options(0, {}, server.url());
  with.cache.seconds_per_token = 1e-3;
  with.cache.store.redis_timeout_ms = 20000;
  const auto fresh = context(*loaded_, {.context_tokens = 256});
  Result<std::unique_ptr<Context>> in = Context::create(*loaded_->model, {}, with);
  if (!in && in.error().status == Status::kUnsupported) GTEST_SKIP() << in.error().message;
  ASSERT_TRUE(in.ok()) << in.error().message;
  for (uint64_t i = 0; i < 4; ++i) EXPECT_EQ(logits_of(**in, prompt(i)), logits_of(*fresh, prompt(i)));
  EXPECT_GT((*in)->cache().stats().fetches, 0u);
  EXPECT_LT((*in)->cache().stats().seconds_fetching, 5);
}

class SessionTest : public TiersTest {
 protected:
  std::vector<std::byte> save(Context& in, Sequence& sequence, SessionKv kv) {
    std::vector<std::byte> bytes;
    const Result<void> saved =
        save_session(in, sequence, kv, "digest", [&](std::span<const std::byte> part) -> Result<void> {
          bytes.insert(bytes.end(), part.begin(), part.end());
          return {};
        });
    EXPECT_TRUE(saved.ok()) << (saved.ok() ? "" : saved.error().message);
    return bytes;
  }
  static Result<Sequence*> read(Context& in, std::span<const std::byte> bytes, std::string_view digest = "digest") {
    return load_session(in, "", digest, {.size = bytes.size(), .read = [bytes](uint64_t at, std::span<std::byte> to) {
                                           std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(at), to.size(),
                                                       to.begin());
                                           return Result<void>();
                                         }});
  }
};

TEST_F(SessionTest, GoingOnEqualsNeverHavingStopped) {
  for (const SessionKv kv : {SessionKv::kExact, SessionKv::kTokens, SessionKv::kQ8}) {
    const ContextOptions with{.context_tokens = 256, .max_sequences = 3, .cache = {.reuse = true}};
    const auto in = context(*loaded_, with);
    Sequence* const sequence = open(*in);
    (void)generate(*in, *sequence, prompt(1, 70), greedy_params(20));
    const std::vector<std::byte> bytes = save(*in, *sequence, kv);
    const std::vector<int32_t> next = prompt(2, 5);
    const auto expected = generate(*in, *sequence, next, greedy_params(30));
    const auto other = context(*loaded_, with);
    const Result<Sequence*> loaded = read(*other, bytes);
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    EXPECT_EQ((*loaded)->computed, kv == SessionKv::kTokens ? 0u : 89u);
    const auto found = generate(*other, **loaded, next, greedy_params(30));
    if (kv == SessionKv::kQ8)
      EXPECT_EQ(found.size(), expected.size());
    else
      EXPECT_EQ(found, expected) << static_cast<int>(kv);
    EXPECT_EQ(other->cache().index().size(), kv == SessionKv::kTokens ? 3u : 0u) << "its pages are shared";
  }
}

TEST_F(SessionTest, EightBitsAreNearAndSmall) {
  const auto in = context(*loaded_, {.context_tokens = 256, .max_sequences = 2});
  Sequence* const sequence = open(*in);
  (void)evaluate(*in, *sequence, prompt(1, 96));
  const std::vector<std::byte> exact = save(*in, *sequence, SessionKv::kExact);
  const std::vector<std::byte> small = save(*in, *sequence, SessionKv::kQ8);
  EXPECT_LT(small.size(), exact.size() * 6 / 10);
  const Result<Sequence*> loaded = read(*in, small);
  ASSERT_TRUE(loaded.ok());
  const std::vector<int32_t> next = prompt(2, 3);
  const std::vector<float> a = evaluate(*in, *sequence, next), b = evaluate(*in, **loaded, next);
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::fabs(static_cast<double>(a[i] - b[i])));
  EXPECT_LT(worst, 0.1);
  EXPECT_GT(worst, 0) << "nothing was rounded";
}

TEST_F(SessionTest, DamageIsRefused) {
  const auto in = context(*loaded_, {.context_tokens = 128, .max_sequences = 2});
  Sequence* const sequence = open(*in);
  (void)evaluate(*in, *sequence, prompt(1, 40));
  const std::vector<std::byte> bytes = save(*in, *sequence, SessionKv::kExact);
  ASSERT_TRUE(read(*in, bytes).ok());
  in->close_sequence(in->sequences()[1].get());
  std::mt19937 random(5);
  for (int i = 0; i < 300; ++i) {
    std::vector<std::byte> damaged = bytes;
    if (i % 3 == 0)
      damaged.resize(random() % damaged.size());
    else if (i % 3 == 1)
      damaged[i < 200 ? random() % 300 : random() % damaged.size()] ^= static_cast<std::byte>(1 << random() % 8);
    else
      damaged.insert(damaged.end(), 1 + random() % 50, std::byte{});
    const Result<Sequence*> refused = read(*in, damaged);
    ASSERT_FALSE(refused.ok()) << i;
    EXPECT_FALSE(refused.error().message.empty());
  }
  EXPECT_EQ(read(*in, bytes, "another").error().status, Status::kUnsupported);
  const auto small = context(*loaded_, {.context_tokens = 32});
  EXPECT_EQ(read(*small, bytes).error().status, Status::kContextFull);
}

TEST_F(SessionTest, AnotherKvTypeComputesAgain) {
  const auto in = context(*loaded_, {.context_tokens = 128});
  Sequence* const sequence = open(*in);
  (void)evaluate(*in, *sequence, prompt(1, 40));
  const std::vector<std::byte> bytes = save(*in, *sequence, SessionKv::kExact);
  const auto other = context(*loaded_, {.context_tokens = 128, .kv_type = KvType::kF32});
  const Result<Sequence*> loaded = read(*other, bytes);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_EQ((*loaded)->tokens.size(), 40u);
  EXPECT_EQ((*loaded)->computed, 0u);
}

}  // namespace pumice::test::tiers_test
