// Forks, sessions, tiers and scrubs while the device is late: every page has the bytes that its text computed.
#include <gtest/gtest.h>

#include "engine/session_file.h"
#include "support/busy_device.h"
#include "support/engine_fixture.h"
#include "support/temporary_folder.h"

namespace pumice::test::page_order_test {

class PageOrderTest : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    if (IsSkipped()) return;
    loaded_ = load(make_synthetic_model(spec_));
    ASSERT_TRUE(loaded_);
    vocabulary_ = spec_.vocabulary;
    busy_.emplace(device());
  }
  void TearDown() override {
    busy_.reset();
    EngineTest::TearDown();
  }
  ContextOptions options() const {
    ContextOptions options{.context_tokens = 256, .max_sequences = 4, .exact = true, .cache = {.reuse = true}};
    options.cache.secret = Secret{std::byte{7}};
    options.cache.seconds_per_token = 1;  // loading is always worth while
    options.cache.measures = false;
    options.cache.store.ram_bytes = 64 << 20;
    return options;
  }
  std::vector<int32_t> prompt(uint64_t seed, uint32_t count) { return random_tokens(spec_, count, seed); }
  std::vector<std::byte> save(Context& in, Sequence& sequence) {
    std::vector<std::byte> bytes;
    const Result<void> saved = save_session(in, sequence, SessionKv::kExact, "digest", [&](auto part) -> Result<void> {
      bytes.insert(bytes.end(), part.begin(), part.end());
      return {};
    });
    EXPECT_TRUE(saved.ok()) << (saved.ok() ? "" : saved.error().message);
    return bytes;
  }
  std::vector<float> without_cache(std::span<const int32_t> ids) {
    return logits_of(*context(*loaded_, {.context_tokens = 256, .exact = true}), ids);
  }

  SyntheticModel spec_{.layers = 2, .separate_output = true, .seed = 42};
  std::unique_ptr<LoadedModel> loaded_;
  std::optional<BusyDevice> busy_;
};

// The copy of the partial page is still behind other work when the fork is saved.
TEST_F(PageOrderTest, ASessionOfAForkHasItsBytes) {
  const auto in = context(*loaded_, options());
  Sequence* const text = open(*in);
  (void)evaluate(*in, *text, prompt(1, 45));
  (void)logits_of(*in, prompt(2, 200));  // pages that have been used
  const std::vector<std::byte> expected = save(*in, *text);
  busy_->start();
  const Result<Sequence*> fork = in->fork(*text, 45);
  ASSERT_TRUE(fork.ok()) << fork.error().message;
  EXPECT_EQ(save(*in, **fork), expected);
  const std::vector<int32_t> next = prompt(3, 5);
  EXPECT_EQ(evaluate(*in, **fork, next), evaluate(*in, *text, next));
}

// A page is given up while a copy to it is queued, and gets other bytes from RAM.
TEST_F(PageOrderTest, WhatWasQueuedBeforeAFetchDoesNotOverwriteIt) {
  const std::vector<int32_t> wanted = prompt(1, 100);
  const std::vector<float> expected = without_cache(wanted);
  const auto in = context(*loaded_, options());
  EXPECT_EQ(logits_of(*in, wanted), expected);
  const Result<bool> flushed = in->cache().flush(60);
  ASSERT_TRUE(flushed.ok() && *flushed);
  ASSERT_TRUE(in->cache().clear(false));
  Sequence* const other = open(*in);
  (void)evaluate(*in, *other, prompt(2, 45));
  busy_->start();
  const Result<Sequence*> fork = in->fork(*other, 45);
  ASSERT_TRUE(fork.ok());
  in->close_sequence(*fork);
  EXPECT_EQ(logits_of(*in, wanted), expected);
  EXPECT_EQ(in->cache().stats().hit_pages[static_cast<size_t>(KvSource::kRam)], 3u);
  EXPECT_EQ(logits_of(*in, wanted), expected) << "what was shared on is wrong";
}

// Pages of another group are scrubbed for a request that then waits for the disk, and get its bytes meanwhile.
TEST_F(PageOrderTest, AScrubDoesNotOverwriteAFetch) {
  const TemporaryFolder folder;
  ContextOptions with = options();
  with.max_sequences = 3;
  with.prefill_slice = 32;
  with.cache.store.ram_bytes = 0;
  with.cache.store.disk_folder = folder.file("kv");
  with.cache.store.disk_bytes = 64 << 20;
  with.cache.store.admit_at_use = 1;
  const std::vector<int32_t> wanted = prompt(1, 100), other = prompt(2, 120);
  const std::vector<float> expected = without_cache(wanted);
  {
    const auto in = context(*loaded_, with);
    (void)logits_of(*in, wanted, "b");
    const Result<bool> flushed = in->cache().flush(60);
    ASSERT_TRUE(flushed.ok() && *flushed);
  }
  const auto in = context(*loaded_, with);
  (void)logits_of(*in, prompt(3, 255), "a");  // every page is of another group from now on
  ASSERT_TRUE(in->cache().clear(false));
  Sequence *const first = *in->open_sequence("c"), *const second = *in->open_sequence("b");
  const std::shared_ptr<Request> computes = submit(*in, *first, other, greedy_params(1));
  ASSERT_TRUE(in->step().ok());
  const std::shared_ptr<Request> fetches = submit(*in, *second, wanted, greedy_params(1));
  busy_->start();
  while (fetches->status == RequestStatus::kRunning) ASSERT_TRUE(in->wait(*fetches, 60000).ok());
  EXPECT_EQ(in->cache().stats().hit_pages[static_cast<size_t>(KvSource::kDisk)], 3u);
  EXPECT_GT(in->cache().stats().scrubbed_pages, 0u);
  ASSERT_TRUE(in->truncate(*second, 0).ok());
  (void)finish(*in, *computes);
  EXPECT_EQ(logits_of(*in, wanted, "b"), expected) << "from the pages that were fetched";
}

// Keys that a slide moves are those of the sequence that slid, even where another one has its place in the table by the
// time when they are moved.
TEST_F(PageOrderTest, ASlideOfASequenceThatIsGoneTouchesNoOtherText) {
  ContextOptions with = options();
  with.max_sequences = 1;
  with.cache_tokens = 512;
  with.slide = true;
  const auto in = context(*loaded_, with);
  const std::vector<int32_t> wanted = prompt(1, 150);
  const std::vector<float> expected = logits_of(*in, wanted);
  Sequence* const slides = open(*in);
  (void)evaluate(*in, *slides, prompt(2, 250));
  busy_->start();
  const std::shared_ptr<Request> request = submit(*in, *slides, prompt(3, 20), greedy_params(1));
  ASSERT_TRUE(request);
  EXPECT_GT(slides->dropped, 0u);
  request->cancel = true;
  ASSERT_TRUE(in->step().ok());
  in->close_sequence(slides);
  EXPECT_EQ(logits_of(*in, wanted), expected);
  EXPECT_EQ(in->cache().stats().hit_pages[static_cast<size_t>(KvSource::kDevice)], 4u);
}

}  // namespace pumice::test::page_order_test
