#include "kv/tiers/tiered_store.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "kv/tiers/disk_record.h"
#include "support/fake_server.h"
#include "support/kv_pages.h"
#include "support/redis_server.h"
#include "support/temporary_folder.h"

namespace pumice::tiered_store_test {

using Clock = std::chrono::steady_clock;
using test::make_text;
using test::wanted;

constexpr uint64_t kMiB = 1 << 20;

TieredStore::Owned open_store(TieredStoreOptions options) {
  if (options.disk_bytes == 0) options.disk_bytes = 64 * kMiB;
  options.secret = test::secret_of(1);
  auto store = TieredStore::create(options);
  EXPECT_TRUE(store) << store.error().message;
  return std::move(store).value();
}

std::vector<PageFetch::Page> fetch_all(TieredStore& store, const std::vector<StoredPage>& text,
                                       std::chrono::milliseconds time = std::chrono::seconds(20)) {
  const auto pages = wanted(text);
  const auto fetch = store.fetch(pages, Clock::now() + time);
  std::vector<PageFetch::Page> got;
  for (;;) {
    if (auto page = fetch->take()) {
      EXPECT_EQ(page->index, got.size());
      EXPECT_TRUE(test::same_bytes(page->payload, text[got.size()].payload)) << "a wrong page";
      got.push_back(std::move(*page));
    } else if (fetch->finished()) {
      if (auto last = fetch->take()) {
        got.push_back(std::move(*last));
        continue;
      }
      return got;
    } else {
      fetch->wait(1);
    }
  }
}

void store_all(TieredStore& store, const std::vector<StoredPage>& text) {
  for (const StoredPage& page : text) store.store(page);
}

TierStats of(const StoreStats& stats, TierKind kind) { return stats.tiers[static_cast<size_t>(kind)]; }

size_t count_tier(const std::vector<PageFetch::Page>& pages, TierKind tier) {
  return static_cast<size_t>(
      std::count_if(pages.begin(), pages.end(), [&](const PageFetch::Page& page) { return page.tier == tier; }));
}

TEST(TieredStore, RamAlone) {
  const auto store = open_store({.ram_bytes = 10 * kMiB});
  const auto text = make_text(20, 10'000, 1), other = make_text(3, 10'000, 2);
  store_all(*store, text);
  EXPECT_EQ(store->look(wanted(text)).pages, 20u);
  EXPECT_EQ(store->look(wanted(other)).pages, 0u);
  const auto pages = fetch_all(*store, text);
  EXPECT_EQ(count_tier(pages, TierKind::kRam), 20u);
  EXPECT_TRUE(fetch_all(*store, other).empty());
  EXPECT_TRUE(fetch_all(*store, {}).empty());
  std::vector<StoredPage> gap = text;
  gap[7].tokens[3] ^= 1;  // the same key, other tokens
  EXPECT_EQ(fetch_all(*store, gap).size(), 7u);
  EXPECT_TRUE(store->clear());
  EXPECT_TRUE(fetch_all(*store, text).empty());
}

TEST(TieredStore, NothingAtAll) {
  const auto store = open_store({});
  const auto text = make_text(3, 100, 1);
  store_all(*store, text);
  EXPECT_EQ(store->look(wanted(text)).pages, 0u);
  EXPECT_TRUE(fetch_all(*store, text).empty());
  EXPECT_TRUE(store->flush(1));
}

TEST(TieredStore, DiskAtTheSecondUse) {
  const test::TemporaryFolder folder;
  const auto once = make_text(4, 10'000, 1), twice = make_text(4, 10'000, 2), again = make_text(4, 10'000, 3),
             fetched = make_text(4, 10'000, 4);
  {
    const auto store = open_store({.ram_bytes = 10 * kMiB, .disk_folder = folder.file("kv")});
    for (const auto* text : {&once, &twice, &again, &again, &fetched}) store_all(*store, *text);
    std::vector<PageKey> keys;
    for (const StoredPage& page : twice) keys.push_back(page.key);
    store->used(keys);
    EXPECT_EQ(fetch_all(*store, fetched).size(), 4u);
    EXPECT_TRUE(store->flush(10));
    EXPECT_EQ(of(store->stats(), TierKind::kDisk).writes, 12u);
    store->used(keys);
    EXPECT_TRUE(store->flush(10));
    EXPECT_EQ(of(store->stats(), TierKind::kDisk).writes, 12u) << "written once";
  }
  const auto store = open_store({.ram_bytes = 10 * kMiB, .disk_folder = folder.file("kv")});
  EXPECT_TRUE(fetch_all(*store, once).empty());
  for (const auto* text : {&twice, &again, &fetched})
    EXPECT_EQ(count_tier(fetch_all(*store, *text), TierKind::kDisk), 4u);
  EXPECT_EQ(count_tier(fetch_all(*store, twice), TierKind::kRam), 4u) << "a page from disk goes to RAM";
  EXPECT_GT(store->stats().seconds_per_page[static_cast<size_t>(TierKind::kDisk)], 0);
  EXPECT_TRUE(store->clear());
  EXPECT_TRUE(fetch_all(*store, twice).empty());
}

TEST(TieredStore, WithoutRamEveryModeOfTheCodec) {
  const test::TemporaryFolder folder;
  const auto text = make_text(30, 50'000, 1);
  for (const bool compress : {false, true}) {
    for (const bool encrypt : {false, true}) {
      const auto store = open_store({.disk_folder = folder.file(std::to_string(2 * compress + encrypt)),
                                     .admit_at_use = 1,
                                     .page_bytes = 50'000,
                                     .compress = compress,
                                     .encrypt = encrypt});
      store_all(*store, text);
      store_all(*store, make_text(1, 49'999, 5));  // of another size: refused
      EXPECT_TRUE(store->flush(10));
      EXPECT_EQ(of(store->stats(), TierKind::kDisk).writes, 30u);
      EXPECT_EQ(count_tier(fetch_all(*store, text), TierKind::kDisk), 30u);
    }
  }
}

// Damage on disk ends the text before the damaged page, and the page is not offered again.
TEST(TieredStore, DamagedPageIsAMissFromThereOn) {
  const test::TemporaryFolder folder;
  const auto text = make_text(6, 5000, 1);
  const TieredStoreOptions options{.disk_folder = folder.file("kv"), .admit_at_use = 1};
  {
    const auto store = open_store(options);
    store_all(*store, text);
    EXPECT_TRUE(store->flush(10));
  }
  const std::string path = segment_path(folder.file("kv"), 1);
  auto bytes = test::read_file_bytes(path);
  const auto at = std::search(bytes.begin(), bytes.end(), reinterpret_cast<const char*>(text[3].payload.data()),
                              reinterpret_cast<const char*>(text[3].payload.data()) + 16);
  ASSERT_NE(at, bytes.end());
  at[1000] = static_cast<char>(at[1000] ^ 4);
  test::write_file(path, bytes);
  const auto store = open_store(options);
  EXPECT_EQ(store->look(wanted(text)).pages, 6u);
  EXPECT_EQ(fetch_all(*store, text).size(), 3u);
  EXPECT_EQ(store->stats().verification_failures, 1u);
  EXPECT_EQ(store->look(wanted(text)).pages, 3u);
  store_all(*store, {text[3]});
  EXPECT_TRUE(store->flush(10));
  EXPECT_EQ(fetch_all(*store, text).size(), 6u) << "written again";
}

TEST(TieredStore, OtherEpochTenantAndNamespaceMiss) {
  const test::TemporaryFolder folder;
  const auto text = make_text(3, 5000, 1);
  TieredStoreOptions options{
      .secret = test::secret_of(1), .disk_folder = folder.file("kv"), .disk_bytes = kMiB, .admit_at_use = 1};
  {
    const auto store = TieredStore::create(options).value();
    store_all(*store, text);
    EXPECT_TRUE(store->flush(10));
    EXPECT_EQ(fetch_all(*store, text).size(), 3u);
  }
  TieredStoreOptions changed = options;
  changed.epoch = 1;
  EXPECT_TRUE(fetch_all(*TieredStore::create(changed).value(), text).empty());
  changed = options;
  changed.name_space = "other";
  EXPECT_TRUE(fetch_all(*TieredStore::create(changed).value(), text).empty());
  changed = options;
  changed.secret = test::secret_of(2);
  {
    const auto store = TieredStore::create(changed).value();
    EXPECT_TRUE(fetch_all(*store, text).empty());
    EXPECT_EQ(store->stats().verification_failures, 1u);
  }
}

TEST(TieredStore, ASecondProcessWorksWithoutTheFolder) {
  const test::TemporaryFolder folder;
  const TieredStoreOptions options{.ram_bytes = kMiB, .disk_folder = folder.file("kv")};
  const auto first = open_store(options), second = open_store(options);
  EXPECT_TRUE(first->stats().present[static_cast<size_t>(TierKind::kDisk)]);
  EXPECT_FALSE(second->stats().present[static_cast<size_t>(TierKind::kDisk)]);
  EXPECT_NE(second->stats().problems[static_cast<size_t>(TierKind::kDisk)], "");
  const auto text = make_text(3, 5000, 1);
  store_all(*second, text);
  EXPECT_EQ(fetch_all(*second, text).size(), 3u);
}

TEST(TieredStore, AFullQueueDropsPages) {
  const test::TemporaryFolder folder;
  const auto store = open_store(
      {.disk_folder = folder.file("kv"), .disk_bytes = 100 * kMiB, .admit_at_use = 1, .queue_bytes = 250'000});
  store_all(*store, make_text(500, 100'000, 1));  // faster than they can be sealed and written
  EXPECT_TRUE(store->flush(10));
  const StoreStats stats = store->stats();
  EXPECT_EQ(of(stats, TierKind::kDisk).writes + stats.dropped_writes, 500u);
  EXPECT_GT(stats.dropped_writes, 0u);
  EXPECT_EQ(stats.queued_bytes, 0u);
}

// What a tier could not take is offered to it again at the next use.
TEST(TieredStore, AFailedWriteIsTriedAgain) {
  const test::TemporaryFolder folder;
  const auto text = make_text(1, 10'000, 1);
  const auto store =
      open_store({.ram_bytes = kMiB, .disk_folder = folder.file("kv"), .admit_at_use = 1, .queue_bytes = 9'999});
  store_all(*store, text);
  EXPECT_EQ(store->stats().dropped_writes, 1u);
  store->used(std::vector{text[0].key});
  EXPECT_EQ(store->stats().dropped_writes, 2u);
}

// More than is read ahead: the fetch waits for its caller and goes on.
TEST(TieredStore, ALongTextIsReadInPortions) {
  const test::TemporaryFolder folder;
  const auto text = make_text(40, 3 * kMiB, 1);
  const auto store = open_store({.disk_folder = folder.file("kv"), .disk_bytes = 1024 * kMiB, .admit_at_use = 1});
  store_all(*store, text);
  EXPECT_TRUE(store->flush(30));
  const auto fetch = store->fetch(wanted(text), Clock::now() + std::chrono::seconds(30));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_FALSE(fetch->finished());
  size_t pages = 0;
  while (fetch->wait(10) && fetch->take()) ++pages;
  EXPECT_EQ(pages, 40u);
}

TEST(TieredStore, ADroppedFetchStops) {
  const test::TemporaryFolder folder;
  const auto text = make_text(100, 50'000, 1);
  const auto store = open_store({.disk_folder = folder.file("kv"), .admit_at_use = 1});
  store_all(*store, text);
  EXPECT_TRUE(store->flush(30));
  for (int i = 0; i < 20; ++i) store->fetch(wanted(text), Clock::now() + std::chrono::seconds(10));
  EXPECT_EQ(fetch_all(*store, text).size(), 100u);
  EXPECT_LT(of(store->stats(), TierKind::kDisk).hits, 1000u);
  EXPECT_TRUE(fetch_all(*store, text, std::chrono::milliseconds(-1)).empty()) << "no time left";
}

#ifdef PUMICE_HAS_HIREDIS

TEST(TieredStore, RedisIsSharedAndFeedsTheLocalTiers) {
  const auto server = test::RedisServer::start();
  if (!server) GTEST_SKIP() << "no redis-server";
  const test::TemporaryFolder folder;
  const auto text = make_text(40, 20'000, 1);
  const TieredStoreOptions options{
      .ram_bytes = 10 * kMiB, .redis_url = "redis://" + server->address(), .redis_timeout_ms = 2000, .admit_at_use = 1};
  {
    const auto store = open_store(options);
    store_all(*store, text);
    EXPECT_TRUE(store->flush(10));
    EXPECT_TRUE(store->stats().redis_connected);
  }
  TieredStoreOptions with_disk = options;
  with_disk.disk_folder = folder.file("kv");
  {
    const auto store = open_store(with_disk);
    store_all(*store, make_text(1, 20'000, 1));  // the first page is nearer
    const auto pages = fetch_all(*store, text);
    EXPECT_EQ(count_tier(pages, TierKind::kRam), 1u);
    EXPECT_EQ(count_tier(pages, TierKind::kRedis), 39u);
    EXPECT_TRUE(store->flush(10));
    EXPECT_EQ(of(store->stats(), TierKind::kDisk).writes, 40u);
    EXPECT_EQ(of(store->stats(), TierKind::kRedis).writes, 1u) << "what came from there is not sent back";
  }
  const auto store = open_store(with_disk);
  server->stop();
  EXPECT_EQ(count_tier(fetch_all(*store, text), TierKind::kDisk), 40u);
}

// A server that takes connections and never says a word.
class SilentRedis : public testing::Test {
 protected:
  const test::FakeServer server_{[](const test::Peer& peer) { peer.sleep(std::chrono::minutes(1)); }};
  const test::TemporaryFolder folder_;
  TieredStoreOptions options_{.ram_bytes = kMiB,
                              .disk_folder = folder_.file("kv"),
                              .redis_url = server_.url(),
                              .redis_timeout_ms = 10'000,
                              .admit_at_use = 1};
};

TEST_F(SilentRedis, DoesNotSlowTheLocalTiers) {
  const auto store = open_store(options_);
  const auto stuck = make_text(5, 1000, 9), text = make_text(30, 100'000, 1);
  const auto fetch = store->fetch(wanted(stuck), Clock::now() + std::chrono::seconds(10));  // waits for Redis
  const auto start = Clock::now();
  store_all(*store, text);
  while (of(store->stats(), TierKind::kDisk).writes < 30 && Clock::now() - start < std::chrono::seconds(8))
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(fetch_all(*store, text).size(), 30u);  // some from disk: RAM holds ten
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(5));
  EXPECT_FALSE(fetch->finished());
  EXPECT_FALSE(fetch->take());
}

TEST_F(SilentRedis, DoesNotHoldUpTheEnd) {
  auto store = open_store(options_);
  const auto text = make_text(5, 1000, 9);
  store_all(*store, text);
  const auto fetch = store->fetch(wanted(make_text(2, 10, 3)), Clock::now() + std::chrono::seconds(10));
  const auto start = Clock::now();
  store.reset();
  EXPECT_LT(Clock::now() - start, std::chrono::milliseconds(1800));
  options_.redis_url.clear();
  EXPECT_EQ(fetch_all(*open_store(options_), text).size(), 5u) << "the disk got its pages";
}

TEST_F(SilentRedis, DoesNotOutlastTheDeadline) {
  const auto store = open_store(options_);
  const auto start = Clock::now();
  EXPECT_TRUE(fetch_all(*store, make_text(3, 10, 3), std::chrono::milliseconds(100)).empty());
  EXPECT_LT(Clock::now() - start, std::chrono::milliseconds(1500));
}

// A server that gives one value for every key: pages of others, of another tenant.
TEST(TieredStore, AnswersOfTheWrongPageAreMisses) {
  const std::string other(5000, 'x');
  const test::FakeServer server([&](const test::Peer& peer) {
    for (std::string asked; !(asked = peer.receive()).empty();) {
      for (size_t at = asked.find("GET"); at != std::string::npos; at = asked.find("GET", at + 1))
        peer.send("$5000\r\n" + other + "\r\n");
      if (asked.find("DEL") != std::string::npos) peer.send(":1\r\n");
    }
  });
  const auto store = open_store({.ram_bytes = kMiB, .redis_url = server.url()});
  EXPECT_TRUE(fetch_all(*store, make_text(10, 1000, 1)).empty());
  EXPECT_EQ(store->stats().verification_failures, 1u);
}

#endif

}  // namespace pumice::tiered_store_test
