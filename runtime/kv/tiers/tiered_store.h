// TieredStore: pages outside device memory, in host RAM, on disk and in Redis; reads and writes happen on its own
// threads.
//
// Pages come from a cache that has just sealed them and go to RAM at once; to the slower tiers they go when they are
// used a second time (stored again, fetched, or named by used()). A fetch reads the pages of a text in their order and
// ends at the first one that no tier has in time and genuine: every page is verified before it is handed out. Nothing
// here ever fails a caller: what cannot be had is a miss. Thread rule: one caller's thread at a time; the workers are
// the store's own.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/log.h"
#include "kv/tiers/stored_page.h"
#include "kv/tiers/tier.h"

namespace pumice {

// The secret of the tiers in a deployment with this one.
Secret store_secret(const Secret& deployment);

struct TieredStoreOptions {
  Secret secret{};            // authenticates, and with `encrypt` also encrypts, every page outside the process
  uint64_t ram_bytes = 0;     // 0: no such tier
  std::string disk_folder;    // empty: no such tier; made when it does not exist
  uint64_t disk_bytes = 0;    // most that the folder may take
  std::string redis_url;      // redis://[user:password@]host[:port][/db] or rediss:// (TLS); empty: no such tier
  std::string redis_ca_file;  // for rediss://; empty: the system's
  std::string name_space = "default";  // of keys in Redis, and of the disk folder's records
  uint64_t epoch = 0;                  // raised when a model is updated: values of another one are never read
  uint64_t ttl_seconds = 7 * 86400;    // of values in Redis
  uint32_t redis_timeout_ms = 200;     // of one exchange
  uint32_t admit_at_use = 2;           // uses before a page goes to disk and to Redis
  uint64_t page_bytes = 0;             // of every payload, others are refused; 0: any size
  bool compress = false;               // zstd; on disk and in Redis
  bool encrypt = false;                // XChaCha20-Poly1305; on disk and in Redis
  uint64_t queue_bytes = 256u << 20;   // pages waiting to be written; beyond it new ones are dropped
  Log log;                             // hears of a tier's first failure
};

// What memory alone knows of a text's pages.
struct StoreOutlook {
  uint32_t pages = 0;  // leading pages that may be had
  double seconds = 0;  // how long loading them is likely to take, from moving averages
  TierKind slowest = TierKind::kRam;
};

struct StoreStats {
  std::array<TierStats, kTierKinds> tiers{};
  std::array<bool, kTierKinds> present{};
  std::array<std::string, kTierKinds> problems{};     // why a tier that was asked for is not there, or its last failure
  std::array<double, kTierKinds> seconds_per_page{};  // moving averages of loading
  uint64_t verification_failures = 0;
  uint64_t dropped_writes = 0;  // the queue was full
  uint64_t queued_bytes = 0;
  bool redis_connected = false;
};

// A running read of a text's pages. Destroying it cancels what has not begun; it must not outlive its store.
class PageFetch {
 public:
  virtual ~PageFetch() = default;
  struct Page {
    uint32_t index = 0;  // in the list that was asked for; they come in order without a gap
    TierKind tier = TierKind::kRam;
    SharedBytes payload;  // shares the memory of the RAM tier
  };
  virtual std::optional<Page> take() = 0;  // nullopt: none is ready now
  virtual bool finished() const = 0;       // nothing more will come after what take() still has
  // Waits until a page is ready or the fetch has finished; false: neither within the time.
  virtual bool wait(double seconds) = 0;
};

class TieredStore {
 public:
  // Writes what is queued for disk within a second, then gives up. What still waits for a disk that does not answer
  // keeps the store's memory and folder until it does, and logs nothing any more.
  struct End {
    void operator()(TieredStore* store) const noexcept;
  };
  using Owned = std::unique_ptr<TieredStore, End>;
  static Result<Owned> create(const TieredStoreOptions& options);
  virtual ~TieredStore() = default;

  virtual StoreOutlook look(std::span<const WantedPage> pages) const = 0;
  // Pages that come later than the deadline do not come.
  virtual std::unique_ptr<PageFetch> fetch(std::span<const WantedPage> pages, Tier::Deadline deadline) = 0;
  // A page that has been sealed. Returns at once.
  virtual void store(StoredPage page) = 0;
  // These were used again (a hit in device memory): counts for admission to the slower tiers.
  virtual void used(std::span<const PageKey> keys) = 0;
  // Waits until all that was stored is written; false: not within the time.
  virtual bool flush(double seconds) = 0;
  // Status::kTimeout: a disk that does not answer is cleared when it does.
  virtual Result<void> clear() = 0;
  virtual StoreStats stats() const = 0;

 private:
  virtual bool end() noexcept = 0;  // false: something still waits for the disk
};

}  // namespace pumice
