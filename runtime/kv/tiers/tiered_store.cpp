#include "kv/tiers/tiered_store.h"

#include <condition_variable>
#include <mutex>
#include <new>

#include "base/clock.h"
#include "base/thread.h"
#include "kv/tiers/disk_tier.h"
#include "kv/tiers/page_codec.h"
#include "kv/tiers/page_reader.h"
#include "kv/tiers/page_writer.h"
#include "kv/tiers/ram_tier.h"
#include "kv/tiers/redis_tier.h"
#include "kv/tiers/use_counts.h"

namespace pumice {
namespace {

constexpr double kFlushSeconds = 1, kEndSeconds = 1;  // at the end
constexpr double kClearSeconds = 2;

// The host's log while the store has an owner.
class OwnersLog {
 public:
  explicit OwnersLog(const Log& log) : log_(log) {}
  // Outlived by this object.
  Log log() {
    return Log([this](LogLevel level, std::string_view text) { write(level, text); });
  }
  // Waits for those who are just writing.
  void end(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    ended_ = true;
    written_.wait_until(lock, deadline, [this] { return writing_ == 0; });
  }

 private:
  void write(LogLevel level, std::string_view text) {
    {
      std::lock_guard lock(mutex_);
      if (ended_) return;
      ++writing_;
    }
    log_.write(level, "%.*s", static_cast<int>(text.size()), text.data());
    std::lock_guard lock(mutex_);
    --writing_;
    written_.notify_all();
  }

  const Log log_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable written_;
  uint32_t writing_ = 0;
  bool ended_ = false;
};

class Store final : public TieredStore {
 public:
  Store(const TieredStoreOptions& options, PageCodec codec)
      : codec_(std::move(codec)),
        ram_(options.ram_bytes),
        has_ram_(options.ram_bytes > 0),
        page_bytes_(options.page_bytes),
        admit_at_use_(options.admit_at_use),
        log_(options.log) {}

  Result<void> open_tiers(const TieredStoreOptions& options);

  StoreOutlook look(std::span<const WantedPage> pages) const override { return reader_->look(pages); }
  std::unique_ptr<PageFetch> fetch(std::span<const WantedPage> pages, Tier::Deadline deadline) override {
    return reader_->fetch(pages, deadline);
  }
  void store(StoredPage page) override;
  void used(std::span<const PageKey> keys) override;
  bool flush(double seconds) override { return writer_->flush(seconds); }
  Result<void> clear() override;
  StoreStats stats() const override;

 private:
  bool end() noexcept override;
  void count_use(const PageKey& key, const SharedPage& page, TierKind found_in);
  void not_written(const PageKey& key);

  PageCodec codec_;
  RamTier ram_;
  const bool has_ram_;
  const uint64_t page_bytes_;
  const uint32_t admit_at_use_;
  OwnersLog log_;
  std::mutex mutex_;  // guards counts_
  UseCounts counts_;
  std::unique_ptr<Tier> disk_;
  std::unique_ptr<RedisTier> redis_;
  std::array<std::string, kTierKinds> problems_;
  std::unique_ptr<PageWriter> writer_;
  std::unique_ptr<PageReader> reader_;  // last: its threads use all of the above
};

bool Store::end() noexcept {
  if (writer_) writer_->flush(kFlushSeconds);
  if (redis_) redis_->stop();
  const auto deadline = std::chrono::steady_clock::now() + wait_time(kEndSeconds);
  const bool read = !reader_ || reader_->stop(deadline), written = !writer_ || writer_->stop(deadline);
  log_.end(deadline);
  return read && written;
}

Result<void> Store::open_tiers(const TieredStoreOptions& options) {
  if (!options.disk_folder.empty()) {
    Result<std::unique_ptr<Tier>> disk = open_disk_tier({.folder = options.disk_folder,
                                                         .limit_bytes = options.disk_bytes,
                                                         .name_space = options.name_space,
                                                         .epoch = options.epoch,
                                                         .max_value_bytes = codec_.max_value_bytes(kMaxPageTokens),
                                                         .log = log_.log()});
    if (disk) {
      disk_ = std::move(disk).value();
    } else if (disk.error().status == Status::kUnsupported) {
      // Another process has the folder.
      problems_[static_cast<size_t>(TierKind::kDisk)] = disk.error().message;
      options.log.write(LogLevel::kWarning, "the cache goes on without its disk tier: %s",
                        disk.error().message.c_str());
    } else {
      return std::move(disk).error();
    }
  }
  if (!options.redis_url.empty()) {
    PUMICE_ASSIGN(redis_, RedisTier::create({.url = options.redis_url,
                                             .ca_file = options.redis_ca_file,
                                             .name_space = options.name_space,
                                             .epoch = options.epoch,
                                             .ttl_seconds = options.ttl_seconds,
                                             .timeout_ms = options.redis_timeout_ms,
                                             .max_value_bytes = codec_.max_value_bytes(kMaxPageTokens),
                                             .log = log_.log()}));
  }
  PUMICE_ASSIGN(writer_, PageWriter::create(disk_.get(), redis_.get(), codec_, options.queue_bytes,
                                            [this](const PageKey& key) { not_written(key); }));
  PUMICE_ASSIGN(reader_, PageReader::create({.ram = &ram_, .disk = disk_.get(), .redis = redis_.get()}, codec_,
                                            [this](const SharedPage& page, TierKind tier) {
                                              if (tier != TierKind::kRam) ram_.write(page);
                                              count_use(page->key, page, tier);
                                            }));
  return {};
}

void Store::store(StoredPage page) {
  if (page.payload.size() > kMaxPayloadBytes || (page_bytes_ && page.payload.size() != page_bytes_)) return;
  try {
    const auto shared = std::make_shared<const LoadedPage>(
        LoadedPage{page.key, page.parent, std::move(page.tokens), SharedBytes(std::move(page.payload))});
    ram_.write(shared);
    count_use(shared->key, shared, TierKind::kRam);
  } catch (const std::bad_alloc&) {  // a page less
  }
}

void Store::used(std::span<const PageKey> keys) {
  try {
    for (const PageKey& key : keys) count_use(key, nullptr, TierKind::kRam);
  } catch (const std::bad_alloc&) {  // counted at their next use
  }
}

// page: null when it is in RAM or nowhere.
void Store::count_use(const PageKey& key, const SharedPage& page, TierKind found_in) {
  const SharedPage admitted = page ? page : ram_.find(key);
  {
    std::lock_guard lock(mutex_);
    UseCounts::Entry& entry = counts_.at(key);
    if (++entry.uses < admit_at_use_ || entry.admitted) return;
    entry.admitted = admitted != nullptr;
  }
  if (!admitted) return;
  try {
    writer_->write(admitted, found_in);
  } catch (const std::bad_alloc&) {
    not_written(key);
  }
}

// It is tried again at its next use.
void Store::not_written(const PageKey& key) {
  std::lock_guard lock(mutex_);
  counts_.at(key).admitted = false;
}

Result<void> Store::clear() {
  reader_->end_all();
  const bool cleared = writer_->clear(kClearSeconds);
  ram_.clear();
  std::lock_guard lock(mutex_);
  counts_.clear();
  if (cleared) return {};
  return error(Status::kTimeout, "the cache folder does not answer; it is cleared when it does");
}

StoreStats Store::stats() const {
  StoreStats stats;
  stats.present = {has_ram_, disk_ != nullptr, redis_ != nullptr};
  stats.problems = problems_;
  stats.tiers[static_cast<size_t>(TierKind::kRam)] = ram_.stats();
  if (disk_) {
    stats.tiers[static_cast<size_t>(TierKind::kDisk)] = disk_->stats();
    stats.problems[static_cast<size_t>(TierKind::kDisk)] = disk_->last_failure();
  }
  if (redis_) {
    stats.tiers[static_cast<size_t>(TierKind::kRedis)] = redis_->stats();
    stats.problems[static_cast<size_t>(TierKind::kRedis)] = redis_->last_failure();
    stats.redis_connected = redis_->connected();
  }
  for (size_t i = 0; i < kTierKinds; ++i) stats.seconds_per_page[i] = reader_->seconds_per_page(TierKind(i));
  stats.verification_failures = reader_->verification_failures();
  stats.dropped_writes = writer_->dropped();
  stats.queued_bytes = writer_->queued_bytes();
  return stats;
}

}  // namespace

Secret store_secret(const Secret& deployment) { return KeyHasher(deployment).field("purpose", "store").finish().bytes; }

void TieredStore::End::operator()(TieredStore* store) const noexcept {
  if (store->end()) {
    delete store;
    return;
  }
  try {
    static_cast<void>(Thread::start_detached("kv-end", [store] { delete store; }));
  } catch (...) {  // too little memory even for that: the store stays
  }
}

Result<TieredStore::Owned> TieredStore::create(const TieredStoreOptions& options) {
  PUMICE_ASSIGN(PageCodec codec, PageCodec::create({.secret = options.secret,
                                                    .name_space = options.name_space,
                                                    .epoch = options.epoch,
                                                    .compress = options.compress,
                                                    .encrypt = options.encrypt,
                                                    .payload_bytes = options.page_bytes}));
  auto* const store = new Store(options, std::move(codec));
  Owned owned(store);
  PUMICE_TRY(store->open_tiers(options));
  return owned;
}

}  // namespace pumice
