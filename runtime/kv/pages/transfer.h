// PageTransfer: accesses to the pages of a pool as commands in the device's queue, which orders them with the steps.
//
// Bytes pass through staging buffers, also where the host could reach the pool by itself: it would have to wait for the
// queue, which costs more than another copy. A page in host memory: its regions in their order (PagePool::region),
// page_bytes() in all. Thread rule: one thread at a time.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "kv/pages/page_memory.h"
#include "kv/pages/page_pool.h"
#include "vk/command_stream.h"

namespace pumice {

class PageTransfer : public PageMemory {
 public:
  PageTransfer() = default;
  // Both outlive it. Whoever destroys it has waited for what it submitted.
  PageTransfer(vk::Device& device, const PagePool& pool);

  uint64_t page_bytes() const override { return pool_->bytes() / pool_->pages(); }
  Result<void> scrub(std::span<const PageId> pages) override;
  Result<void> copy(PageId from, PageId to) override;
  Result<std::unique_ptr<PageRead>> read(PageId page) override;
  Result<bool> write(PageId page, std::span<const std::byte> bytes, double seconds) override;
  Result<bool> settled(PageId page) override { return device_->reached(written_[page]); }

 private:
  struct Slot {
    vk::CommandStream stream;
    vk::Buffer staging;    // of a page; none: for scrubs and copies
    uint64_t value = 0;    // the submission that used it last
    bool reading = false;  // a PageRead looks at it
  };
  using Slots = std::deque<Slot>;  // what they hold stays in its place
  class Read;

  // One that nothing uses; a new one where there are fewer than `most`. null: all were in use for all of `seconds`.
  Result<Slot*> free_slot(Slots& slots, std::optional<vk::MemoryIntent> staging, size_t most, double seconds);
  Result<Slot*> begin_commands();  // for scrubs and copies
  Result<void> submit(Slot& slot);

  vk::Device* device_ = nullptr;
  const PagePool* pool_ = nullptr;
  std::vector<uint64_t> written_;  // by page: the last submission of this object that wrote to it
  Slots commands_, writes_, reads_;
  size_t most_writes_ = 0;
};

}  // namespace pumice
