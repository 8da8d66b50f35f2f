// QueuedMemory: host memory in the place of a device's, as late as a device may be.
//
// What is queued happens whenever the test says so, or when something is waited for, and operations that no order
// binds (of different pages) happen in any order. Calls fail or throw std::bad_alloc at random, a write may find no
// room, and the device can be lost. A page holds a word for each of its tokens.
#pragma once

#include <array>
#include <functional>
#include <list>
#include <memory>
#include <random>

#include "kv/pages/page_memory.h"
#include "shared/step_params.h"

namespace pumice::test {

using PageWords = std::array<uint64_t, kPageTokens>;

// What the memory gets wrong on purpose, to show that the tests find it.
enum class MemoryMistake {
  kNone,
  kHostReadsAtOnce,   // the bytes as they are now, whatever is queued
  kHostWritesAtOnce,  // likewise
  kSettledAtOnce,     // says so of every page
  kNeverScrubs,
};

class QueuedMemory : public PageMemory {
 public:
  QueuedMemory(uint32_t pages, uint64_t seed, MemoryMistake mistake = MemoryMistake::kNone)
      : pages_(pages), random_(seed), mistake_(mistake) {}

  uint64_t page_bytes() const override { return sizeof(PageWords); }
  Result<void> scrub(std::span<const PageId> pages) override;
  Result<void> copy(PageId from, PageId to) override;
  Result<std::unique_ptr<PageRead>> read(PageId page) override;
  Result<bool> write(PageId page, std::span<const std::byte> bytes, double seconds) override;
  Result<bool> settled(PageId page) override;

  // A step: it may use any page, and looks at them when it runs. Returns what finished() asks for.
  uint64_t step(std::function<void(std::vector<PageWords>&)> run);
  bool finished(uint64_t operation) const;
  void work(size_t operations);  // the device gets so much done
  void finish(uint64_t operation);
  void finish_all();
  void lose() { lost_ = true, queue_.clear(); }
  bool lost() const { return lost_; }
  void set_failing(bool failing) { failing_ = failing; }

 private:
  struct Operation {
    uint64_t number = 0;
    std::vector<PageId> reads, writes;  // neither: a step, which may use any
    std::function<void(std::vector<PageWords>&)> run;
  };
  class Read;
  static bool ordered(const Operation& before, const Operation& after);
  Result<void> fault();  // sometimes, and always of a lost device
  uint64_t queue(Operation operation);
  void run_one();

  std::vector<PageWords> pages_;
  std::list<Operation> queue_;
  uint64_t last_ = 0;
  std::mt19937_64 random_;
  MemoryMistake mistake_;
  bool lost_ = false, failing_ = false;
};

// The pages of another memory from `first` on.
class LaterPages : public PageMemory {
 public:
  LaterPages(QueuedMemory& all, PageId first) : all_(all), first_(first) {}

  uint64_t page_bytes() const override { return all_.page_bytes(); }
  Result<void> scrub(std::span<const PageId> pages) override {
    std::vector<PageId> there(pages.begin(), pages.end());
    for (PageId& page : there) page += first_;
    return all_.scrub(there);
  }
  Result<void> copy(PageId from, PageId to) override { return all_.copy(first_ + from, first_ + to); }
  Result<std::unique_ptr<PageRead>> read(PageId page) override { return all_.read(first_ + page); }
  Result<bool> write(PageId page, std::span<const std::byte> bytes, double seconds) override {
    return all_.write(first_ + page, bytes, seconds);
  }
  Result<bool> settled(PageId page) override { return all_.settled(first_ + page); }

 private:
  QueuedMemory& all_;
  PageId first_;
};

}  // namespace pumice::test
