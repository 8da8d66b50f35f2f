// KvCache against a plain model: whatever is done to sequences, pages and tiers, a page that a list holds has just the
// content of its tokens. Pages are a few bytes of host memory here; their content is a hash of all tokens up to the
// page's end, as keys and values are.
//
// PUMICE_TEST_OPERATIONS=1000000 runs the random test as long as that.
#include "kv/kv_cache.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <random>

#include "base/integers.h"
#include "shared/step_params.h"
#include "support/temporary_folder.h"

namespace pumice {
namespace {

constexpr size_t kBytes = 64;
using Content = std::array<std::byte, kBytes>;

// What a device would compute for the page: it depends on every token up to the last one of the page.
Content content_of(std::span<const int32_t> tokens, TenantId tenant) {
  uint64_t hash = 0x9e3779b97f4a7c15u + tenant;
  for (const int32_t token : tokens) {
    hash = (hash ^ static_cast<uint32_t>(token)) * 0x100000001b3u;
    hash ^= hash >> 29;
  }
  Content content;
  for (size_t i = 0; i < kBytes; ++i) {
    hash = hash * 6364136223846793005u + 1442695040888963407u;
    content[i] = static_cast<std::byte>(hash >> 56);
  }
  return content;
}

// Host memory in place of a device; may be told to fail or to be busy.
class FakeMemory : public PageMemory {
 public:
  explicit FakeMemory(uint32_t pages) : pages_(pages) {}
  uint64_t page_bytes() const override { return kBytes; }
  Result<void> scrub(std::span<const PageId> pages) override {
    for (const PageId page : pages) pages_[page] = {};
    return {};
  }
  Result<void> copy(PageId from, PageId to) override {
    pages_[to] = pages_[from];
    return {};
  }
  Result<bool> write(PageId page, std::span<const std::byte> bytes) override {
    if (busy && ++calls_ % 3 == 0) return false;
    std::memcpy(pages_[page].data(), bytes.data(), bytes.size());
    return true;
  }
  Result<bool> read(PageId page) override {
    if (reads_.size() >= 4 || (busy && ++calls_ % 5 == 0)) return false;
    reads_.push_back({pages_[page].begin(), pages_[page].end()});
    return true;
  }
  Result<std::optional<std::vector<std::byte>>> take() override {
    using Bytes = std::optional<std::vector<std::byte>>;
    if (reads_.empty()) return Bytes();
    Bytes bytes = std::move(reads_.front());
    reads_.pop_front();
    return bytes;
  }
  Result<void> wait() override { return {}; }
  uint64_t submitted() const override { return submitted_; }
  Result<bool> finished(uint64_t submission) override { return submission < submitted_; }

  Content& at(PageId page) { return pages_[page]; }
  void step() { ++submitted_; }
  bool busy = false;

 private:
  std::vector<Content> pages_;
  std::deque<std::vector<std::byte>> reads_;
  uint64_t submitted_ = 1, calls_ = 0;
};

// A sequence as the engine drives it.
struct Text {
  PageList list;
  std::vector<int32_t> tokens;
  uint32_t computed = 0;
  std::vector<NodeId> pinned;
};

class Harness {
 public:
  Harness(uint32_t pages, uint64_t seed, const KvCacheOptions& options) : pool_(pages), memory_(pages), random_(seed) {
    Result<std::unique_ptr<KvCache>> made = KvCache::create(pool_, memory_, options);
    EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().message);
    cache_ = std::move(made).value();
    memory_.busy = true;
    for (const char* group : {"", "one", "two"}) groups_.push_back(cache_->tenant(group));
  }
  ~Harness() {
    for (Text& text : texts_) drop(text);
    const Result<bool> flushed = cache_->flush(10);  // pages that wait to be written are held
    EXPECT_TRUE(flushed.ok() && *flushed);
    memory_.step();
    EXPECT_TRUE(cache_->maintain().ok());
    EXPECT_EQ(cache_->held(), 0u) << "pages leak";
  }

  void operate() {
    switch (random_() % 16) {
      case 0:
      case 1:
        if (texts_.size() < 12) open();
        break;
      case 2:
      case 3:
      case 4:
      case 5:
        if (Text* text = any()) append(*text, 1 + random_() % 100);
        break;
      case 6:
      case 7:
        if (Text* text = any()) cut(*text, static_cast<uint32_t>(random_() % (text->tokens.size() + 1)));
        break;
      case 8:
        if (Text* text = any(); text && texts_.size() < 12) fork(*text);
        break;
      case 9:
      case 10:
        if (!texts_.empty()) close(random_() % texts_.size());
        break;
      case 11:
        if (Text* text = any()) pin(*text);
        break;
      case 12:
        cache_->set_quota(groups_[random_() % 3], random_() % 2 ? UINT32_MAX : static_cast<uint32_t>(random_() % 20));
        break;
      case 13:
        cache_->set_limit(static_cast<uint32_t>(10 + random_() % pool_.pages()));
        break;
      case 14:
        cache_->set_policy(static_cast<PolicyKind>(random_() % 6));
        break;
      default:
        if (random_() % 50 == 0) cache_->clear(random_() % 2 == 0);
        if (random_() % 5 == 0) cache_->set_ttl(random_() % 2 ? 1e-4 : 0);
        break;
    }
    memory_.step();
    EXPECT_TRUE(cache_->maintain().ok());
  }

  void check() {
    for (const Text& text : texts_) check(text);
    cache_->index().check_invariants();
    EXPECT_LE(pool_.used(), pool_.pages());
  }
  KvCache& cache() { return *cache_; }

  Text& open() {
    Text text;
    text.list = cache_->open(groups_[random_() % 3]);
    texts_.push_back(std::move(text));
    return texts_.back();
  }
  void close(size_t index) {
    drop(texts_[index]);
    texts_.erase(texts_.begin() + static_cast<ptrdiff_t>(index));
  }
  // Few beginnings, so that texts meet.
  void append(Text& text, size_t count) {
    const std::vector<int32_t> before = text.tokens;
    const auto story = static_cast<int32_t>(random_() % 4);
    for (size_t i = 0; i < count; ++i)
      text.tokens.push_back(random_() % 200 == 0 ? static_cast<int32_t>(random_() % 1000)
                                                 : story * 1000 + static_cast<int32_t>(text.tokens.size()));
    if (!compute(text)) {
      text.tokens = before;
      text.computed = std::min(text.computed, static_cast<uint32_t>(before.size()));
      cache_->shrink(text.list, text.computed);
    }
  }
  // As the engine does it: settle, match, reserve, fetch, compute the rest, seal.
  bool compute(Text& text) {
    const auto total = static_cast<uint32_t>(text.tokens.size());
    const std::span<const int32_t> reusable = std::span(text.tokens).first(total - 1);
    const Result<bool> own = cache_->settle(text.list, reusable, text.computed);
    EXPECT_TRUE(own.ok());
    if (!*own) return false;
    text.computed = std::max(text.computed, cache_->match(text.list, reusable, true));
    if (!cache_->reserve(text.list, total)) return false;
    PrefixFetch fetch;
    cache_->begin_fetch(text.list, reusable, fetch);
    for (;;) {
      const Result<bool> waits = cache_->advance_fetch(text.list, reusable, fetch);
      EXPECT_TRUE(waits.ok());
      if (!waits.ok() || !*waits) break;
      (void)fetch.reading->wait(1e-4);
    }
    text.computed = std::max(text.computed, KvCache::shared_tokens(text.list));
    EXPECT_LT(text.computed, total) << "the last token is always computed";
    EXPECT_TRUE(cache_->scrub().ok());
    for (uint32_t page = text.computed / kPageTokens; page < text.list.pages.size(); ++page) {
      EXPECT_GE(page, text.list.nodes.size()) << "a shared page is written";
      memory_.at(text.list.pages[page]) = expected(text, page, total);
    }
    text.computed = total;
    cache_->seal(text.list, text.tokens, total);
    return true;
  }
  void cut(Text& text, uint32_t count) {
    text.tokens.resize(count);
    text.computed = std::min(text.computed, count);
    cache_->shrink(text.list, count);
  }
  void fork(Text& text) {
    const auto count = static_cast<uint32_t>(random_() % (text.tokens.size() + 1));
    const uint32_t computed = std::min(text.computed, count);
    Result<PageList> list = cache_->fork(text.list, text.tokens, computed);
    if (!list) {
      EXPECT_EQ(list.error().status, Status::kContextFull);
      return;
    }
    Text copy;
    copy.list = std::move(list).value();
    copy.tokens.assign(text.tokens.begin(), text.tokens.begin() + count);
    copy.computed = computed;
    // What lies behind the copied tokens of a partial page is of no account; as if they had been computed alone.
    if (computed % kPageTokens != 0) {
      const uint32_t last = computed / kPageTokens;
      EXPECT_EQ(memory_.at(copy.list.pages[last]), memory_.at(text.list.pages[last]));
      memory_.at(copy.list.pages[last]) = expected(copy, last, computed);
    }
    texts_.push_back(std::move(copy));
  }
  void pin(Text& text) {
    cache_->unpin(text.pinned);
    text.pinned = random_() % 2 ? cache_->pin(text.list) : std::vector<NodeId>();
  }

 private:
  Text* any() { return texts_.empty() ? nullptr : &texts_[random_() % texts_.size()]; }
  void drop(Text& text) {
    cache_->unpin(text.pinned);
    cache_->shrink(text.list, 0);
  }
  static Content expected(const Text& text, uint32_t page, uint32_t total) {
    return content_of(std::span(text.tokens).first(std::min(total, (page + 1) * kPageTokens)), text.list.tenant);
  }
  void check(const Text& text) {
    EXPECT_EQ(text.list.pages.size(), divide_up(text.computed, kPageTokens));
    for (uint32_t page = 0; page < text.computed / kPageTokens; ++page)
      ASSERT_EQ(memory_.at(text.list.pages[page]), expected(text, page, text.computed)) << "a wrong page is served";
  }

  PageAllocator pool_;
  FakeMemory memory_;
  std::mt19937_64 random_;
  std::unique_ptr<KvCache> cache_;
  std::vector<TenantId> groups_;
  std::deque<Text> texts_;
};

uint64_t operations() {
  const char* const asked = std::getenv("PUMICE_TEST_OPERATIONS");
  return asked ? std::strtoull(asked, nullptr, 10) : 20000;
}

TEST(KvCacheRandom, NoOperationServesAWrongPage) {
  KvCacheOptions options{.reuse = true, .seconds_per_token = 1};
  options.store.ram_bytes = 100 * kBytes;
  uint64_t hits[kKvSources] = {};
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    Harness harness(60, seed, options);
    for (uint64_t i = 0; i < operations() / 4; ++i) {
      harness.operate();
      if (i % 7 == 0) harness.check();
      if (::testing::Test::HasFatalFailure() || ::testing::Test::HasFailure())
        FAIL() << "seed " << seed << " step " << i;
    }
    for (size_t i = 0; i < kKvSources; ++i) hits[i] += harness.cache().stats().hit_pages[i];
  }
  EXPECT_GT(hits[0], 100u);
  EXPECT_GT(hits[1], 10u) << "nothing came back from RAM";
}

TEST(KvCacheRandom, WithoutReuseToo) {
  Harness harness(60, 9, {.reuse = false});
  for (uint64_t i = 0; i < operations() / 8; ++i) {
    harness.operate();
    if (i % 7 == 0) harness.check();
    ASSERT_FALSE(::testing::Test::HasFailure()) << "step " << i;
  }
  EXPECT_EQ(harness.cache().stats().hit_pages[0], 0u);
}

// The check above finds it when a page is not what its tokens say.
TEST(KvCacheRandom, AWrongPageWouldBeSeen) {
  const std::vector<int32_t> one(32, 1);
  std::vector<int32_t> other = one;
  other[0] = 2;
  EXPECT_NE(content_of(one, 0), content_of(other, 0));
  EXPECT_NE(content_of(one, 0), content_of(one, 1));
}

}  // namespace
}  // namespace pumice
