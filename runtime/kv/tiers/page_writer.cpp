#include "kv/tiers/page_writer.h"

#include <new>
#include <optional>

#include "base/clock.h"

namespace pumice {

// A page on its way; counted as queued until the last tier is done with it.
struct PageWriter::Outgoing {
  Outgoing(PageWriter* its_writer, SharedPage its_page)
      : writer(its_writer), page(std::move(its_page)), generation(writer->generation_) {}
  Outgoing(const Outgoing&) = delete;
  Outgoing& operator=(const Outgoing&) = delete;
  ~Outgoing() {
    if (!queued) return;
    std::lock_guard lock(writer->mutex_);
    writer->queued_bytes_ -= page->payload.size();
    --writer->queued_;
    writer->changed_.notify_all();
  }

  bool enter_queue() {
    std::lock_guard lock(writer->mutex_);
    if (writer->queued_bytes_ + page->payload.size() > writer->queue_limit_) {
      writer->dropped_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    writer->queued_bytes_ += page->payload.size();
    ++writer->queued_;
    return queued = true;
  }

  // Empty when the page cannot be sealed.
  std::span<const std::byte> sealed() {
    std::lock_guard lock(mutex);
    if (!value) {
      Result<std::vector<std::byte>> made = writer->codec_.seal(*page);
      value = made ? std::move(made).value() : std::vector<std::byte>();
    }
    return *value;
  }

  PageWriter* writer;
  SharedPage page;
  bool queued = false;
  uint64_t generation;
  std::mutex mutex;
  std::optional<std::vector<std::byte>> value;
};

Result<std::unique_ptr<PageWriter>> PageWriter::create(Tier* disk, Tier* redis, const PageCodec& codec,
                                                       uint64_t queue_bytes, NotWritten not_written) {
  std::unique_ptr<PageWriter> writer(new PageWriter(disk, redis, codec, queue_bytes, std::move(not_written)));
  if (disk) {
    PUMICE_ASSIGN(writer->disk_worker_, Worker::start("kv-disk-write"));
  }
  if (redis) {
    PUMICE_ASSIGN(writer->redis_worker_, Worker::start("kv-redis-write"));
  }
  return writer;
}

PageWriter::~PageWriter() { stop({}); }

bool PageWriter::stop(Tier::Deadline deadline) {
  ++generation_;
  return stop_workers({disk_worker_.get(), redis_worker_.get()}, deadline);
}

void PageWriter::write(const SharedPage& page, TierKind found_in) {
  const bool to_disk = disk_ && !disk_->may_contain(page->key);
  const bool for_redis = redis_ && found_in != TierKind::kRedis;
  const bool to_redis = for_redis && redis_->may_contain(page->key);  // which it says of all while it works
  if (for_redis && !to_redis) not_written_(page->key);
  if (!to_disk && !to_redis) return;
  const auto outgoing = std::make_shared<Outgoing>(this, page);
  if (!outgoing->enter_queue()) return not_written_(page->key);
  if (to_disk) post(outgoing, disk_, *disk_worker_);
  if (to_redis) post(outgoing, redis_, *redis_worker_);
}

void PageWriter::post(const std::shared_ptr<Outgoing>& outgoing, Tier* tier, Worker& worker) {
  worker.post([this, outgoing, tier] { deliver(*outgoing, tier); });
}

// Why a write failed is in the tier's own statistics.
void PageWriter::deliver(Outgoing& outgoing, Tier* tier) {
  if (outgoing.generation != generation_) return;
  bool written = false;
  try {
    const std::span<const std::byte> value = outgoing.sealed();
    written = value.empty() || tier->write(outgoing.page->key, value).ok();
  } catch (const std::bad_alloc&) {  // as not written
  }
  if (!written) not_written_(outgoing.page->key);
}

bool PageWriter::flush(double seconds) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, wait_time(seconds), [this] { return queued_ == 0; });
}

// On the workers, so that a page that is just being written goes, too.
bool PageWriter::clear(double seconds) {
  ++generation_;
  if (redis_) redis_worker_->post([this] { static_cast<void>(redis_->clear()); });
  if (!disk_) return true;
  // The task's end is what is waited for, whether it ran or not.
  const auto done = std::make_shared<bool>(false);
  std::shared_ptr<void> end(nullptr, [this, done](void*) {
    std::lock_guard lock(mutex_);
    *done = true;
    changed_.notify_all();
  });
  disk_worker_->post([this, end = std::move(end)] { static_cast<void>(disk_->clear()); });
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, wait_time(seconds), [&] { return *done; });
}

uint64_t PageWriter::queued_bytes() const {
  std::lock_guard lock(mutex_);
  return queued_bytes_;
}

}  // namespace pumice
