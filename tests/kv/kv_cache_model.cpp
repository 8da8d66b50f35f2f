#include "kv/kv_cache_model.h"

#include <algorithm>
#include <cstring>

#include "base/integers.h"
#include "base/random.h"

namespace pumice::test {
namespace {

constexpr uint32_t kPages = 60, kPlaces = 34, kTexts = 12, kSnapshots = 9, kMostTokens = 900;
constexpr PageId kFirstState = kPages + kPlaces;
constexpr size_t kStepsAhead = 2;

// The two low bits say whose it is; 0 is of nobody.
uint64_t word_of(uint64_t from, TenantId tenant) { return (mix64(from) & ~uint64_t{3}) | (tenant + 1); }

}  // namespace

KvCacheModel::KvCacheModel(const CacheModelOptions& options)
    : options_(options), random_(options.seed), table_(kTexts), window_table_(kTexts), shifts_(kTexts) {
  make_cache();
}

KvCacheModel::~KvCacheModel() {
  memory_->lose();
  while (!texts_.empty()) close(texts_.back());
}

void KvCacheModel::make_cache() {
  cache_.reset();
  pool_ = std::make_unique<PageAllocator>(kPages);
  memory_ = std::make_unique<QueuedMemory>(kFirstState + kTexts + kSnapshots, random_(), options_.mistake);
  places_ = std::make_unique<PageAllocator>(kPlaces);
  place_memory_ = std::make_unique<LaterPages>(*memory_, kPages);
  if (options_.window > 0)
    options_.cache.windows = {.places = places_.get(), .memory = place_memory_.get(), .tokens = options_.window};
  state_memory_ = std::make_unique<LaterPages>(*memory_, kFirstState);
  if (options_.states)
    options_.cache.states = {.memory = state_memory_.get(), .sequences = kTexts, .snapshots = kSnapshots};
  Result<std::unique_ptr<KvCache>> made = KvCache::create(*pool_, *memory_, options_.cache);
  expect(made.ok(), "the cache cannot be made");
  cache_ = std::move(made).value();
  memory_->set_failing(true);
  groups_.clear();
  for (const char* group : {"", "one", "two"}) groups_.push_back(cache_->tenant(group));
}

std::string KvCacheModel::run() {
  for (; operation_ < options_.operations && problem_.empty(); ++operation_) {
    operate();
    for (Text& text : texts_)
      if (text.running) advance(text);
    maintain();
    memory_->work(below(4));
    if (operation_ % 64 == 0) check();
  }
  while (!texts_.empty() && problem_.empty()) close(texts_.back());
  check_empty();
  for (size_t i = 0; i < kKvSources; ++i) counts_.hits[i] += cache_->stats().hit_pages[i];
  return problem_;
}

void KvCacheModel::operate() {
  Text* const idle = any(false);
  switch (below(16)) {
    case 0:
      (void)open(groups_[below(3)]);
      break;
    case 1:
    case 2:
    case 3:
    case 4:
      if (idle) start(*idle, 1 + below(100));
      break;
    case 5:
      if (idle) cut(*idle);
      break;
    case 6:
      if (idle) fork(*idle);
      break;
    case 7:
      if (Text* text = below(3) == 0 ? any(true) : idle) close(*text);
      break;
    case 8:
      if (idle) save(*idle);
      break;
    case 9:
      if (!sessions_.empty()) restore(sessions_[below(sessions_.size())]);
      break;
    case 10:
      if (idle && below(4) == 0) slide(*idle);
      break;
    case 11:
      if (below(200) == 0) lose_device();
      break;
    case 12:
      set_something();
      break;
    default:  // only steps, as most of the time
      break;
  }
}

void KvCacheModel::set_something() {
  switch (below(7)) {
    case 0:
      if (Text* const text = any(below(2) == 0)) {
        cache_->unpin(text->pinned);
        text->pinned = below(2) ? cache_->pin(text->list) : std::vector<NodeId>();
      }
      break;
    case 1:
      cache_->set_quota(groups_[below(3)], below(2) ? UINT32_MAX : static_cast<uint32_t>(below(20)));
      break;
    case 2:
      cache_->set_limit(static_cast<uint32_t>(10 + below(kPages)));
      break;
    case 3:
      cache_->set_policy(static_cast<PolicyKind>(below(6)));
      break;
    case 4:
      if (below(50) == 0) (void)cache_->clear(below(2) == 0);  // a slow disk is cleared later
      break;
    default:
      cache_->set_ttl(below(3) ? 0 : 1e-4);
      break;
  }
}

KvCacheModel::Text* KvCacheModel::any(bool running) {
  std::vector<Text*> found;
  for (Text& text : texts_)
    if (text.running == running) found.push_back(&text);
  return found.empty() ? nullptr : found[below(found.size())];
}

KvCacheModel::Text* KvCacheModel::open(TenantId tenant) {
  if (texts_.size() == kTexts) return nullptr;
  uint32_t slot = 0;
  while (std::ranges::count(texts_, slot, &Text::slot)) ++slot;
  Text& text = texts_.emplace_back();
  text.slot = slot;
  text.list = cache_->open(tenant);
  return &text;
}

void KvCacheModel::compute_words(Text& text, uint32_t from) {
  text.words.resize(from);
  for (uint32_t i = from; i < text.tokens.size(); ++i) {
    const uint64_t before = i > 0 ? text.words[i - 1] : 1;
    text.words.push_back(word_of(before + static_cast<uint64_t>(text.tokens[i]), text.list.tenant));
  }
}

void KvCacheModel::write_table(const Text& text) {
  memory_->finish(shifts_[text.slot]);
  std::vector<PageId>& row = table_[text.slot];
  row.resize(std::max(row.size(), text.list.pages.size()));
  std::ranges::copy(text.list.pages, row.begin());
  std::vector<PageId>& window = window_table_[text.slot];
  window.resize(row.size());
  for (uint32_t page = text.list.window.from; page < text.list.window.to; ++page)
    window[page] = kPages + cache_->window_place(text.list.pages[page]);
}

// Few beginnings, so that texts meet.
void KvCacheModel::start(Text& text, size_t count) {
  if (text.tokens.size() + count > kMostTokens) return;
  text.before = static_cast<uint32_t>(text.tokens.size());
  const auto story = static_cast<int32_t>(below(3));
  for (size_t i = 0; i < count; ++i)
    text.tokens.push_back(below(200) == 0 ? static_cast<int32_t>(below(1000))
                                          : story * 1000 + static_cast<int32_t>(text.tokens.size()));
  const Result<bool> own = guarded([&] { return cache_->settle(text.list, text.reusable(), text.computed); });
  expect(own.ok() || allowed(own.error()), "settle fails");
  if (!own || !*own) return refuse(text);
  const uint32_t shared = cache_->match(text.list, text.reusable(), true);
  if (!resume(text, std::max(text.computed, shared))) return refuse(text);
  compute_words(text, std::min(text.before, static_cast<uint32_t>(text.words.size())));
  write_table(text);
  if (below(3)) cache_->begin_fetch(text.list, text.reusable(), text.fetch);  // it may not be worth while
  text.running = true;
  text.failed = false;
  text.scheduled = text.computed;
}

// Raises or lowers `computed` to where computing can go on. false: that fails.
bool KvCacheModel::resume(Text& text, uint32_t tokens) {
  if (!cache_->keeps_states()) {
    text.computed = cache_->hold_window(text.list, tokens);
    return true;
  }
  const Result<uint32_t> resumed =
      guarded([&] { return cache_->resume(text.list, text.slot, text.computed, text.state_at); });
  expect(resumed.ok() || allowed(resumed.error()), "a state cannot be gone back to");
  if (!resumed) return false;
  text.computed = text.state_at = *resumed;
  return true;
}

// The text is as it was without the prompt.
void KvCacheModel::refuse(Text& text) {
  text.tokens.resize(text.before);
  text.computed = std::min(text.computed, text.before);
  cache_->shrink(text.list, text.computed);
}

void KvCacheModel::collect(Text& text) {
  while (!text.in_flight.empty() && memory_->finished(text.in_flight.front().step)) {
    seal(text, text.in_flight.front().end);
    text.in_flight.pop_front();
  }
}

void KvCacheModel::seal(Text& text, uint32_t computed) {
  (void)guarded([&]() -> Result<void> {
    cache_->seal(text.list, text.tokens, computed);
    return {};
  }).ok();
  write_table(text);
}

void KvCacheModel::maintain() {
  (void)guarded([&]() -> Result<void> {
    cache_->maintain();
    return {};
  }).ok();
}

void KvCacheModel::advance(Text& text) {
  text.failed |= memory_->lost();
  collect(text);
  if (text.failed || text.scheduled == text.tokens.size()) {
    if (text.in_flight.empty()) finish(text);
    return;
  }
  if (text.in_flight.empty()) {
    const uint32_t shared = cache_->match(text.list, text.reusable(), false);
    text.computed = text.scheduled;
    text.failed = !resume(text, std::max(text.scheduled, shared));
    text.scheduled = text.computed;
    if (text.failed || !reserve_all(text)) return;
    const Result<bool> waits =
        guarded([&]() -> Result<bool> { return cache_->advance_fetch(text.list, text.reusable(), text.fetch); });
    if (!waits) text.fetch = {};
    if (waits && *waits) return;
    text.failed = !resume(text, std::max(text.scheduled, KvCache::shared_tokens(text.list)));
    text.scheduled = text.computed;
    if (text.failed || !reserve_all(text)) return;
    write_table(text);
  }
  submit(text);
}

bool KvCacheModel::reserve_all(Text& text) {
  const auto total = static_cast<uint32_t>(text.tokens.size());
  const Result<bool> room = guarded([&]() -> Result<bool> { return cache_->reserve(text.list, total); });
  text.failed = !room || !*room;
  return !text.failed;
}

void KvCacheModel::submit(Text& text) {
  while (text.scheduled < text.tokens.size() && text.in_flight.size() < kStepsAhead && !text.failed) {
    const uint32_t first = text.scheduled;
    const auto end = static_cast<uint32_t>(std::min<size_t>(text.tokens.size(), first + 1 + below(64)));
    const Result<bool> moved = cache_->move_window(text.list, first, end - first);
    expect(moved.ok() || places_->used() == kPlaces, "a window has no page");  // there are fewer than all want
    const Result<void> scrubbed = guarded([&] { return cache_->scrub(); });
    expect(scrubbed.ok() || allowed(scrubbed.error()), "scrub fails");
    const Result<std::vector<StateMark>> marks = take_snapshots(text, first, end - first);
    expect(marks.ok() || allowed(marks.error()), "a snapshot fails");
    text.failed = !moved || !scrubbed || !marks;
    if (text.failed) return;
    write_table(text);
    expect(first / kPageTokens >= text.list.nodes.size(), "a shared page is written");
    const std::vector<uint64_t> words(text.words.begin(), text.words.begin() + end);
    const uint64_t step =
        memory_->step([this, slot = text.slot, first, words, taken = *marks](std::vector<PageWords>& pages) {
          run_step(pages, slot, first, words);
          if (options_.states) run_state(pages, slot, first, words, taken);
        });
    text.in_flight.push_back({.step = step, .end = end});
    text.scheduled = text.state_at = end;
    ++counts_.steps;
  }
}

void KvCacheModel::run_step(std::vector<PageWords>& pages, uint32_t slot, uint32_t first,
                            const std::vector<uint64_t>& words) {
  run_layer(pages, table_[slot], {0, first}, words);
  if (options_.window > 0)
    run_layer(pages, window_table_[slot], {first - std::min(first, options_.window - 1), first}, words);
}

// As prefill takes them, or as decoding does.
Result<std::vector<StateMark>> KvCacheModel::take_snapshots(Text& text, uint32_t first, uint32_t count) {
  const auto total = static_cast<uint32_t>(text.tokens.size());
  if (below(2)) return cache_->plan_snapshots(text.list, first, count, total);
  PUMICE_TRY(guarded([&] { return cache_->snapshot(text.list, text.slot, text.state_at); }));
  return std::vector<StateMark>();
}

uint64_t& KvCacheModel::state_of(std::vector<PageWords>& pages, StateId place) { return pages[kFirstState + place][0]; }

void KvCacheModel::run_state(std::vector<PageWords>& pages, uint32_t slot, uint32_t first,
                             const std::vector<uint64_t>& words, const std::vector<StateMark>& marks) {
  uint64_t& state = state_of(pages, slot);
  expect(first == 0 || state == words[first - 1], "a step begins with another text's state");
  state = words.back();
  for (const StateMark& mark : marks) {
    expect(mark.tokens > first && mark.tokens <= words.size(), "a snapshot that the step does not pass");
    state_of(pages, mark.place) = words[mark.tokens - 1];
  }
}

void KvCacheModel::run_layer(std::vector<PageWords>& pages, const std::vector<PageId>& row, PageRange seen,
                             const std::vector<uint64_t>& words) {
  for (size_t page = seen.from / kPageTokens; page < divide_up(static_cast<uint32_t>(words.size()), kPageTokens);
       ++page) {
    PageWords& at = pages[row.at(page)];
    for (size_t i = 0; i < kPageTokens; ++i) {
      const size_t token = page * kPageTokens + i;
      if (token < seen.from) continue;
      if (token < seen.to) {
        expect(at[i] == words[token], "a step reads keys that are not its text's");
      } else if (token < words.size()) {
        at[i] = words[token];
      } else {
        expect(at[i] == 0 || (at[i] & 3) == (words[0] & 3), "another group's keys are in a page");
      }
    }
  }
}

void KvCacheModel::finish(Text& text) {
  if (text.failed) {
    text.tokens.resize(text.before);
    ++counts_.failed;
  }
  text.computed = std::min(text.scheduled, static_cast<uint32_t>(text.tokens.size()));
  if (options_.states) text.computed = std::min(text.computed, text.state_at);
  text.words.resize(text.tokens.size());
  text.fetch = {};
  seal(text, text.computed);
  cache_->shrink(text.list, text.computed);
  text.running = false;
}

void KvCacheModel::expect(bool holds, const char* what) {
  if (!holds && problem_.empty())
    problem_ = "seed " + std::to_string(options_.seed) + ", operation " + std::to_string(operation_) + ": " + what;
}

// What the memory may answer.
bool KvCacheModel::allowed(const Error& error) {
  if (error.status == Status::kOutOfHostMemory) return true;
  return error.status == (memory_->lost() ? Status::kDeviceLost : Status::kOutOfDeviceMemory);
}

}  // namespace pumice::test
