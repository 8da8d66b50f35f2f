#include "kv/tiers/page_reader.h"

#include <algorithm>
#include <condition_variable>
#include <deque>

#include "base/clock.h"

namespace pumice {
namespace {

using Clock = std::chrono::steady_clock;

// Pages read ahead of the caller; beyond it a job waits until some have been taken.
constexpr uint64_t kReadAheadBytes = 64u << 20;
// Pages that a job reads before the next job of the same thread has its turn.
constexpr size_t kTurn = 16;
// First guesses of the moving averages.
constexpr double kRamSeconds = 2e-6, kDiskSeconds = 1e-3, kRedisSeconds = 5e-3;

}  // namespace

struct PageReader::Job {
  struct Wanted {
    PageKey key, parent;
    std::vector<int32_t> tokens;
    WantedPage view() const { return {key, parent, tokens}; }
  };
  std::vector<Wanted> wanted;
  Tier::Deadline deadline;
  uint64_t generation = 0;
  std::atomic<bool> ended{false};  // by the caller, or by the deadline

  // Of the thread whose turn it is.
  size_t next = 0;           // the first page that has not been handed out
  size_t missed = SIZE_MAX;  // a page that the tiers up to missed_in do not have after all
  TierKind missed_in = TierKind::kRam;

  std::mutex mutex;  // guards what follows
  std::condition_variable changed;
  std::deque<PageFetch::Page> ready;
  uint64_t ready_bytes = 0;
  bool parked = false;  // enough has been read ahead
  bool finished = false;

  void finish() {
    std::lock_guard lock(mutex);
    finished = true;
    changed.notify_all();
  }
  bool park_if_full() {
    std::lock_guard lock(mutex);
    return parked = ready_bytes >= kReadAheadBytes;
  }
  void miss(TierKind tier) {
    missed = next;
    missed_in = tier;
  }
};

class PageReader::Fetch : public PageFetch {
 public:
  Fetch(PageReader* reader, JobRef job) : reader_(reader), job_(std::move(job)) {}
  ~Fetch() override { job_->ended = true; }

  std::optional<Page> take() override {
    Page page;
    bool resume = false;
    {
      std::lock_guard lock(job_->mutex);
      if (job_->ready.empty()) return std::nullopt;
      page = std::move(job_->ready.front());
      job_->ready.pop_front();
      job_->ready_bytes -= page.payload.size();
      resume = job_->parked && job_->ready_bytes <= kReadAheadBytes / 2;
      if (resume) job_->parked = false;
    }
    if (resume) reader_->advance(job_, TierKind::kRam);
    return page;
  }

  bool finished() const override {
    std::lock_guard lock(job_->mutex);
    return job_->finished || Clock::now() >= job_->deadline;
  }

  bool wait(double seconds) override {
    std::unique_lock lock(job_->mutex);
    const auto done = [&] { return job_->finished || !job_->ready.empty(); };
    return job_->changed.wait_until(lock, std::min(job_->deadline, Clock::now() + wait_time(seconds)), done) ||
           Clock::now() >= job_->deadline;
  }

 private:
  PageReader* reader_;
  JobRef job_;
};

Result<std::unique_ptr<PageReader>> PageReader::create(const PageReaderTiers& tiers, const PageCodec& codec,
                                                       Loaded loaded) {
  std::unique_ptr<PageReader> reader(new PageReader(tiers, codec, std::move(loaded)));
  if (tiers.disk) {
    PUMICE_ASSIGN(reader->disk_worker_, Worker::start("kv-disk-read"));
  }
  if (tiers.redis) {
    PUMICE_ASSIGN(reader->redis_worker_, Worker::start("kv-redis-read"));
  }
  reader->times_[static_cast<size_t>(TierKind::kRam)].set(kRamSeconds);
  reader->times_[static_cast<size_t>(TierKind::kDisk)].set(kDiskSeconds);
  reader->times_[static_cast<size_t>(TierKind::kRedis)].set(kRedisSeconds);
  return reader;
}

PageReader::~PageReader() = default;

bool PageReader::stop(Tier::Deadline deadline) {
  return stop_workers({disk_worker_.get(), redis_worker_.get()}, deadline);
}

std::unique_ptr<PageFetch> PageReader::fetch(std::span<const WantedPage> pages, Tier::Deadline deadline) {
  auto job = std::make_shared<Job>();
  job->wanted.reserve(pages.size());
  for (const WantedPage& page : pages)
    job->wanted.push_back({page.key, page.parent, {page.tokens.begin(), page.tokens.end()}});
  job->deadline = deadline;
  job->generation = generation_;
  advance(job, TierKind::kRam);
  return std::make_unique<Fetch>(this, std::move(job));
}

StoreOutlook PageReader::look(std::span<const WantedPage> pages) const {
  StoreOutlook outlook;
  for (const WantedPage& page : pages) {
    TierKind tier = TierKind::kRam;
    if (!tiers_.ram->may_contain(page.key)) {
      if (tiers_.disk && tiers_.disk->may_contain(page.key)) {
        tier = TierKind::kDisk;
      } else if (tiers_.redis && tiers_.redis->may_contain(page.key)) {
        tier = TierKind::kRedis;
      } else {
        break;
      }
    }
    ++outlook.pages;
    outlook.seconds += seconds_per_page(tier);
    outlook.slowest = std::max(outlook.slowest, tier);
  }
  return outlook;
}

// Where the page is likely to be, beyond the tiers that were found not to have it.
std::optional<TierKind> PageReader::source(const Job& job, size_t index) const {
  const PageKey& key = job.wanted[index].key;
  const bool missed = index == job.missed;
  if (!missed && tiers_.ram->may_contain(key)) return TierKind::kRam;
  if (!(missed && job.missed_in >= TierKind::kDisk) && tiers_.disk && tiers_.disk->may_contain(key))
    return TierKind::kDisk;
  if (!(missed && job.missed_in >= TierKind::kRedis) && tiers_.redis && tiers_.redis->may_contain(key))
    return TierKind::kRedis;
  return std::nullopt;
}

void PageReader::advance(const JobRef& job, TierKind here) noexcept {
  try {
    go_on(job, here);
  } catch (...) {  // out of memory: what has been handed out is good, and nothing more comes
    job->finish();
  }
}

void PageReader::go_on(const JobRef& job, TierKind here) {
  for (size_t turn = 0; true; ++turn) {
    if (job->ended || job->next >= job->wanted.size() || Clock::now() >= job->deadline) return job->finish();
    if (job->park_if_full()) return;
    const std::optional<TierKind> where = source(*job, job->next);
    if (!where) return job->finish();
    if (*where == TierKind::kRam) {
      read_ram(*job);
      continue;
    }
    if (*where != here || turn >= kTurn) return post(job, *where);
    if (here == TierKind::kDisk) {
      read_disk(*job);
    } else {
      read_redis(*job);
      turn = kTurn;
    }
  }
}

void PageReader::post(const JobRef& job, TierKind where) {
  Worker& worker = where == TierKind::kDisk ? *disk_worker_ : *redis_worker_;
  worker.post([this, job, where] { advance(job, where); });
}

void PageReader::read_ram(Job& job) {
  const auto start = Clock::now();
  const SharedPage page = tiers_.ram->read(job.wanted[job.next].view());
  if (!page) return job.miss(TierKind::kRam);
  deliver(job, page, TierKind::kRam);
  times_[static_cast<size_t>(TierKind::kRam)].add(seconds_since(start));
}

void PageReader::read_disk(Job& job) {
  const auto start = Clock::now();
  std::vector<std::byte> value;
  const Result<bool> found = tiers_.disk->read(job.wanted[job.next].key, value, job.deadline);
  if (!found || !*found) return job.miss(TierKind::kDisk);
  if (!accept(job, std::move(value), TierKind::kDisk)) {
    tiers_.disk->erase(job.wanted[job.next].key);
    return job.miss(TierKind::kDisk);
  }
  times_[static_cast<size_t>(TierKind::kDisk)].add(seconds_since(start));
}

// Reads the pages from the next one on that no faster tier has.
void PageReader::read_redis(Job& job) {
  const size_t first = job.next;
  std::vector<PageKey> keys;
  for (size_t i = first; i < std::min(job.wanted.size(), first + kTurn); ++i) {
    if (source(job, i) != TierKind::kRedis) break;
    keys.push_back(job.wanted[i].key);
  }
  auto start = Clock::now();
  bool missing = false, spoiled = false;
  const Result<void> read = tiers_.redis->read_run(
      keys,
      [&](size_t, std::optional<std::vector<std::byte>> value) {
        spoiled = value && !accept(job, std::move(*value), TierKind::kRedis);
        missing = !value || spoiled;
        if (!missing) times_[static_cast<size_t>(TierKind::kRedis)].add(seconds_since(start));
        start = Clock::now();
        return !missing && !job.ended;
      },
      job.deadline);
  if (spoiled) tiers_.redis->erase(job.wanted[job.next].key);
  if (!read || missing) job.miss(TierKind::kRedis);
}

bool PageReader::accept(Job& job, std::vector<std::byte> value, TierKind tier) {
  const Job::Wanted& wanted = job.wanted[job.next];
  Result<SharedBytes> payload = codec_.open(std::move(value), wanted.view());
  if (!payload) {
    verification_failures_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  deliver(job,
          std::make_shared<const LoadedPage>(
              LoadedPage{wanted.key, wanted.parent, wanted.tokens, std::move(payload).value()}),
          tier);
  return true;
}

void PageReader::deliver(Job& job, const SharedPage& page, TierKind tier) {
  if (job.generation != generation_) {
    job.ended = true;
    return;
  }
  loaded_(page, tier);
  std::lock_guard lock(job.mutex);
  if (Clock::now() >= job.deadline) {
    job.ended = true;
    return;
  }
  job.ready.push_back({static_cast<uint32_t>(job.next), tier, page->payload});
  job.ready_bytes += page->payload.size();
  ++job.next;
  job.changed.notify_all();
}

}  // namespace pumice
