// How fast the codec and the tiers are, for pages of 737,280 bytes. Figures, not a test: it runs only when asked for,
// with --gtest_also_run_disabled_tests --gtest_filter='*TierSpeed*'.
#include <gtest/gtest.h>

#include <cstdio>

#include "kv/tiers/disk_tier.h"
#include "kv/tiers/page_codec.h"
#include "kv/tiers/ram_tier.h"
#include "kv/tiers/redis_tier.h"
#include "kv/tiers/tiered_store.h"
#include "support/kv_pages.h"
#include "support/redis_server.h"
#include "support/temporary_folder.h"

namespace pumice::tier_speed_test {

using Clock = std::chrono::steady_clock;

constexpr size_t kPayload = 737'280, kPages = 100;

double seconds_of(const std::function<void()>& work) {
  const auto start = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void print(const char* what, double seconds) {
  std::printf("%-44s %8.0f MB/s  %7.3f ms a page\n", what, kPages * kPayload / seconds / 1e6, seconds * 1e3 / kPages);
}

void measure_codec(const std::vector<StoredPage>& text, bool compress, bool encrypt, const char* name) {
  const PageCodec codec =
      PageCodec::create({.secret = test::secret_of(1), .name_space = "n", .compress = compress, .encrypt = encrypt})
          .value();
  std::vector<LoadedPage> pages;
  for (const StoredPage& page : text) pages.push_back(test::loaded(page));
  std::vector<std::vector<std::byte>> values;
  print((std::string("seal, ") + name).c_str(), seconds_of([&] {
          for (const LoadedPage& page : pages) values.push_back(codec.seal(page).value());
        }));
  print((std::string("open, ") + name).c_str(), seconds_of([&] {
          for (size_t i = 0; i < kPages; ++i) ASSERT_TRUE(codec.open(std::move(values[i]), test::wanted(text[i])));
        }));
}

void measure_tier(Tier& tier, const std::vector<StoredPage>& text) {
  const std::string name = tier_name(tier.kind());
  const PageCodec codec = PageCodec::create({.secret = test::secret_of(1), .name_space = "n"}).value();
  std::vector<std::vector<std::byte>> values;
  std::vector<PageKey> keys;
  for (const StoredPage& page : text) {
    values.push_back(codec.seal(test::loaded(page)).value());
    keys.push_back(page.key);
  }
  print((name + " write").c_str(), seconds_of([&] {
          for (size_t i = 0; i < kPages; ++i) ASSERT_TRUE(tier.write(keys[i], values[i]));
        }));
  size_t got = 0;
  const auto sink = [&](size_t index, std::optional<std::vector<std::byte>> value) {
    got += value && codec.open(std::move(*value), test::wanted(text[index])) ? 1 : 0;
    return true;
  };
  print((name + " read and open").c_str(),
        seconds_of([&] { ASSERT_TRUE(tier.read_run(keys, sink, Tier::Deadline::max())); }));
  EXPECT_EQ(got, kPages);
}

TEST(TierSpeed, DISABLED_Figures) {
  const auto text = test::make_text(kPages, kPayload, 1);
  measure_codec(text, false, false, "plain (Poly1305)");
  measure_codec(text, false, true, "encrypted (XChaCha20-Poly1305)");
  measure_codec(text, true, false, "zstd, random bytes");
  RamTier ram(uint64_t{1} << 30);
  std::vector<SharedPage> pages;
  for (const StoredPage& page : text) pages.push_back(std::make_shared<const LoadedPage>(test::loaded(page)));
  std::printf("%-44s %8.2f us a page, whatever its size\n", "ram write (moved in)", 1e6 / kPages * seconds_of([&] {
                                                                                      for (SharedPage& page : pages)
                                                                                        ram.write(std::move(page));
                                                                                    }));
  std::printf("%-44s %8.2f us a page, whatever its size\n", "ram read (shared)",
              1e6 / kPages * seconds_of([&] {
                for (const StoredPage& page : text) ASSERT_TRUE(ram.read(test::wanted(page)));
              }));
  const test::TemporaryFolder folder;
  const auto disk =
      DiskTier::create({.folder = folder.file("kv"), .limit_bytes = uint64_t{1} << 30, .name_space = "n"}).value();
  measure_tier(*disk, text);
  const auto server = test::RedisServer::start();
  if (!server) GTEST_SKIP() << "no redis-server";
  const auto redis = RedisTier::create({.url = "redis://" + server->address(),
                                        .name_space = "n",
                                        .ttl_seconds = 60,
                                        .timeout_ms = 2000,
                                        .max_value_bytes = 1 << 20})
                         .value();
  measure_tier(*redis, text);
}

}  // namespace pumice::tier_speed_test
