// PageReader: reads the pages of a text from the tiers, ahead of the caller.
//
// Pages in RAM are handed out at once; for the others there is a thread for each tier, so that a slow tier holds up
// only the texts whose next page lies there. A page that one tier has lost or spoiled is looked for in the next slower
// one; the read ends when none has it. Thread rule: one caller's thread; the reader must outlive its fetches' use.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <mutex>

#include "kv/tiers/page_codec.h"
#include "kv/tiers/ram_tier.h"
#include "kv/tiers/tiered_store.h"
#include "kv/tiers/worker.h"

namespace pumice {

// Moving average of what reading a page takes, in seconds. Thread rule: any thread.
class PageTime {
 public:
  void set(double seconds) { seconds_.store(seconds, std::memory_order_relaxed); }
  void add(double seconds) {
    const double before = seconds_.load(std::memory_order_relaxed);
    set(before + kWeight * (seconds - before));  // of two at once one may be lost
  }
  double seconds() const { return seconds_.load(std::memory_order_relaxed); }

 private:
  static constexpr double kWeight = 0.2;  // half of it is the last three pages
  std::atomic<double> seconds_{0};
};

struct PageReaderTiers {
  RamTier* ram = nullptr;
  Tier* disk = nullptr;   // null: none
  Tier* redis = nullptr;  // null: none
};

class PageReader {
 public:
  // Called on the reader's threads and on the caller's with each page that is handed out.
  using Loaded = std::function<void(const SharedPage&, TierKind)>;

  static Result<std::unique_ptr<PageReader>> create(const PageReaderTiers& tiers, const PageCodec& codec,
                                                    Loaded loaded);
  ~PageReader();

  std::unique_ptr<PageFetch> fetch(std::span<const WantedPage> pages, Tier::Deadline deadline);
  StoreOutlook look(std::span<const WantedPage> pages) const;
  void end_all() { ++generation_; }  // the fetches so far hand out no more pages
  bool stop(Tier::Deadline deadline);  // as Worker::stop()
  double seconds_per_page(TierKind kind) const { return times_[static_cast<size_t>(kind)].seconds(); }
  uint64_t verification_failures() const { return verification_failures_.load(std::memory_order_relaxed); }

 private:
  struct Job;
  class Fetch;
  using JobRef = std::shared_ptr<Job>;

  PageReader(const PageReaderTiers& tiers, const PageCodec& codec, Loaded loaded)
      : tiers_(tiers), codec_(codec), loaded_(std::move(loaded)) {}
  // Goes on with the job on the thread `here` (RAM: the caller's) until it is finished or another's turn.
  void advance(const JobRef& job, TierKind here) noexcept;
  void go_on(const JobRef& job, TierKind here);
  void post(const JobRef& job, TierKind where);
  std::optional<TierKind> source(const Job& job, size_t index) const;
  void read_ram(Job& job);
  void read_disk(Job& job);
  void read_redis(Job& job);
  bool accept(Job& job, std::vector<std::byte> value, TierKind tier);
  void deliver(Job& job, const SharedPage& page, TierKind tier);

  PageReaderTiers tiers_;
  const PageCodec& codec_;
  Loaded loaded_;
  std::array<PageTime, kTierKinds> times_;
  std::atomic<uint64_t> verification_failures_{0}, generation_{0};
  std::unique_ptr<Worker> disk_worker_, redis_worker_;  // last: they end before what they use
};

}  // namespace pumice
