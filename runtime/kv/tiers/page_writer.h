// PageWriter: brings pages to the slower tiers in the background.
//
// A thread for each tier; a page is sealed once, by the first of them. What waits is bounded: a page that finds no room
// is dropped. Thread rule: any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

#include "kv/tiers/page_codec.h"
#include "kv/tiers/ram_tier.h"
#include "kv/tiers/worker.h"

namespace pumice {

class PageWriter {
 public:
  // Called, on any of the threads here, for a page that was to be written to a tier and was not.
  using NotWritten = std::function<void(const PageKey&)>;

  // disk, redis: null for none.
  static Result<std::unique_ptr<PageWriter>> create(Tier* disk, Tier* redis, const PageCodec& codec,
                                                    uint64_t queue_bytes, NotWritten not_written);
  ~PageWriter();

  // Writes the page to the tiers that are slower than `found_in` and do not have it.
  void write(const SharedPage& page, TierKind found_in);
  bool flush(double seconds);  // false: not all was written within the time
  // What waits is not written, and the tiers are cleared: the disk before this returns, Redis in the background.
  // false: the disk did not answer within the time, and is cleared when it does.
  bool clear(double seconds);
  bool stop(Tier::Deadline deadline);  // gives up what waits; as Worker::stop()
  uint64_t queued_bytes() const;
  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  struct Outgoing;

  PageWriter(Tier* disk, Tier* redis, const PageCodec& codec, uint64_t queue_bytes, NotWritten not_written)
      : disk_(disk), redis_(redis), codec_(codec), queue_limit_(queue_bytes), not_written_(std::move(not_written)) {}
  void post(const std::shared_ptr<Outgoing>& outgoing, Tier* tier, Worker& worker);
  void deliver(Outgoing& outgoing, Tier* tier);

  Tier* disk_;
  Tier* redis_;
  const PageCodec& codec_;
  const uint64_t queue_limit_;
  const NotWritten not_written_;
  std::atomic<uint64_t> dropped_{0};
  std::atomic<uint64_t> generation_{0};
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  uint64_t queued_bytes_ = 0, queued_ = 0;
  std::unique_ptr<Worker> disk_worker_, redis_worker_;  // last: they end before what they use
};

}  // namespace pumice
