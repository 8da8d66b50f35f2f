// The part of KvCacheModel that changes sequences on which nothing runs.
#include <algorithm>
#include <cstring>

#include "base/integers.h"
#include "base/random.h"
#include "kv/kv_cache_model.h"

namespace pumice::test {

void KvCacheModel::cut(Text& text) {
  const auto count = static_cast<uint32_t>(below(text.tokens.size() + 1));
  text.tokens.resize(count);
  text.words.resize(count);
  text.computed = std::min(text.computed, count);
  cache_->shrink(text.list, count);
}

void KvCacheModel::fork(Text& text) {
  Text* const copy = open(text.list.tenant);
  if (!copy) return;
  const auto count = static_cast<uint32_t>(below(text.tokens.size() + 1));
  const uint32_t computed = std::min(text.computed, count);
  Result<PageList> list = guarded([&] { return cache_->fork(text.list, text.tokens, computed); });
  write_table(text);
  if (!list) {
    expect(list.error().status == Status::kContextFull || allowed(list.error()), "fork fails");
    return close(*copy);
  }
  copy->list = std::move(list).value();
  copy->tokens.assign(text.tokens.begin(), text.tokens.begin() + count);
  copy->words.assign(text.words.begin(), text.words.begin() + count);
  copy->computed = computed;
  if (options_.states && computed > 0 && text.state_at == computed) {
    const Result<void> copied = guarded([&] { return cache_->copy_state(text.slot, copy->slot); });
    expect(copied.ok() || allowed(copied.error()), "a state cannot be copied");
    if (copied) copy->state_at = computed;
  }
  write_table(*copy);
  ++counts_.forks;
}

// Takes pages after the first one out, and moves those behind them as the engine's kernel does.
void KvCacheModel::slide(Text& text) {
  if (options_.states) return;
  text.computed = cache_->hold_window(text.list, text.computed);
  const uint32_t full = text.computed / kPageTokens;
  if (full < 3) return;
  const auto count = static_cast<uint32_t>(1 + below(full - 2)), dropped = count * kPageTokens;
  if (!cache_->window_is_behind(text.computed - dropped, 1)) return;
  const Result<bool> own = guarded([&] { return cache_->drop(text.list, 1, count); });
  expect(own.ok() || allowed(own.error()), "drop fails");
  write_table(text);
  if (!own || !*own) return;
  const auto cut_out = [&](auto& of) { of.erase(of.begin() + kPageTokens, of.begin() + kPageTokens + dropped); };
  cut_out(text.tokens);
  cut_out(text.words);
  text.computed -= dropped;
  std::vector<uint64_t> before(text.words.begin(), text.words.begin() + text.computed), after = before;
  const uint64_t group = text.list.tenant + 1;
  for (size_t i = kPageTokens; i < after.size(); ++i) after[i] = (mix64(before[i] + dropped) & ~uint64_t{3}) | group;
  std::ranges::copy(after, text.words.begin());
  compute_words(text, text.computed);
  const size_t first = text.list.window.from * size_t{kPageTokens};
  shifts_[text.slot] = memory_->step([this, slot = text.slot, before, after, first](std::vector<PageWords>& pages) {
    const auto move = [&](const std::vector<PageId>& row, size_t from) {
      for (size_t i = from; i < before.size(); ++i) {
        uint64_t& word = pages[row.at(i / kPageTokens)][i % kPageTokens];
        expect(word == before[i], "keys that are not the text's are moved");
        word = after[i];
      }
    };
    move(table_[slot], 0);
    if (options_.window > 0) move(window_table_[slot], first);
  });
  ++counts_.slid;
}

void KvCacheModel::save(Text& text) {
  Session session{.tenant = text.list.tenant, .tokens = text.tokens, .words = text.words, .computed = text.computed};
  Result<std::vector<std::byte>> beside =
      guarded([&] { return cache_->read_beside(text.list, text.slot, text.state_at, session.computed); });
  if (!beside) return expect(allowed(beside.error()), "what is beside the pages cannot be read");
  session.beside = std::move(*beside);
  for (uint32_t page = 0; page < divide_up(session.computed, kPageTokens); ++page) {
    Result<std::vector<std::byte>> bytes = guarded([&] { return cache_->read_page(text.list.pages[page]); });
    if (!bytes) return expect(allowed(bytes.error()), "a page cannot be read");
    PageWords words;
    expect(bytes->size() == sizeof words, "a page of another size");
    std::memcpy(words.data(), bytes->data(), sizeof words);
    const uint32_t first = page * kPageTokens, count = std::min(kPageTokens, session.computed - first);
    expect(std::equal(words.begin(), words.begin() + count, text.words.begin() + first), "a session has wrong keys");
    session.pages.push_back(std::move(*bytes));
  }
  ++counts_.saved;
  sessions_.push_back(std::move(session));
  if (sessions_.size() > 4) sessions_.pop_front();
}

void KvCacheModel::restore(const Session& session) {
  Text* const text = open(session.tenant);
  if (!text) return;
  const Result<bool> room = guarded([&]() -> Result<bool> { return cache_->reserve(text->list, session.computed); });
  if (!room || !*room) return close(*text);
  for (size_t page = 0; page < session.pages.size(); ++page) {
    const Result<void> written =
        guarded([&] { return cache_->write_page(text->list.pages[page], session.pages[page]); });
    if (written) continue;
    expect(allowed(written.error()), "a page cannot be written");
    return close(*text);
  }
  const Result<void> written =
      guarded([&] { return cache_->write_beside(text->list, text->slot, session.computed, session.beside); });
  if (!written) {
    expect(allowed(written.error()) || places_->used() == places_->pages(), "a session's window cannot be written");
    return close(*text);
  }
  text->list.sealing = session.computed == 0;
  text->tokens = session.tokens;
  text->words = session.words;
  text->computed = text->state_at = session.computed;
  write_table(*text);
  ++counts_.restored;
}

void KvCacheModel::close(Text& text) {
  if (text.running) {
    if (!text.in_flight.empty()) memory_->finish(text.in_flight.back().step);
    collect(text);
    finish(text);
  }
  cache_->unpin(text.pinned);
  cache_->shrink(text.list, 0);
  std::erase_if(texts_, [&](const Text& other) { return &other == &text; });
}

// Everything goes on to work, and nothing waits for ever; then there is a new device.
void KvCacheModel::lose_device() {
  memory_->lose();
  for (Text& text : texts_)
    if (text.running) advance(text);
  for (int i = 0; i < 3; ++i) operate();
  (void)guarded([&] { return cache_->flush(60); }).ok();
  while (!texts_.empty()) close(texts_.back());
  check_empty();
  for (size_t i = 0; i < kKvSources; ++i) counts_.hits[i] += cache_->stats().hit_pages[i];
  ++counts_.lost_devices;
  sessions_.clear();
  std::ranges::fill(shifts_, 0);
  make_cache();
}

void KvCacheModel::check() {
  cache_->index().check_invariants();
  expect(pool_->used() <= pool_->pages(), "more pages than there are");
  for (Text& text : texts_) {
    if (text.running) continue;
    expect(text.list.pages.size() >= divide_up(text.computed, kPageTokens), "pages are missing");
    const std::vector<uint64_t> words(text.words.begin(), text.words.begin() + text.computed);
    write_table(text);
    const std::vector<PageId> held = text.list.pages, window = window_table_[text.slot];
    const PageRange parts = text.list.window;
    const bool stated = options_.states && text.computed > 0 && text.state_at == text.computed;
    memory_->step([this, words, held, window, parts, stated, slot = text.slot](std::vector<PageWords>& pages) {
      if (stated) expect(state_of(pages, slot) == words.back(), "a sequence has another state");
      for (size_t i = 0; i < words.size(); ++i) {
        const size_t page = i / kPageTokens;
        expect(pages[held[page]][i % kPageTokens] == words[i], "a page has not the keys of its text");
        if (page >= parts.from && page < parts.to)
          expect(pages[window[page]][i % kPageTokens] == words[i], "a window has not the keys of its text");
      }
    });
  }
}

// With no sequence left.
void KvCacheModel::check_empty() {
  if (!problem_.empty()) return;
  memory_->set_failing(false);
  memory_->finish_all();
  const Result<bool> flushed = cache_->flush(60);
  expect(memory_->lost() || !flushed.ok() || *flushed, "spills do not end");
  expect(cache_->held() == 0, "pages leak");
}

}  // namespace pumice::test
