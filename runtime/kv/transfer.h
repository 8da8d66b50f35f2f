// PageTransfer: moves the bytes of pages between the pool and host memory, and within the pool.
//
// Where the host reaches the pool (CPU devices) it copies by itself, elsewhere through a few staging buffers.
// A page in host memory: its regions in their order (PagePool::region), page_bytes() in all.
// Thread rule: one thread at a time.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "kv/page_memory.h"
#include "kv/page_pool.h"
#include "vk/command_stream.h"

namespace pumice {

class PageTransfer : public PageMemory {
 public:
  // staged: by way of staging buffers even where the host reaches the pool.
  // The pool outlives it.
  static Result<PageTransfer> create(vk::Device& device, const PagePool& pool, bool staged = false);

  uint64_t page_bytes() const override { return pool_->bytes() / pool_->pages(); }
  Result<void> scrub(std::span<const PageId> pages) override;
  Result<void> copy(PageId from, PageId to) override;
  Result<bool> write(PageId page, std::span<const std::byte> bytes) override;
  Result<bool> read(PageId page) override;
  Result<std::optional<std::vector<std::byte>>> take() override;
  Result<void> wait() override;
  uint64_t submitted() const override { return device_->submissions(); }
  Result<bool> finished(uint64_t submission) override { return device_->reached(submission); }

 private:
  struct Slot {
    vk::CommandStream stream;
    vk::Buffer staging;  // none: for scrubs and copies
    uint64_t value = 0;
    std::vector<std::byte> bytes;  // of a read by the host itself
  };
  Result<Slot*> next(std::vector<Slot>& ring, size_t& at);  // null: in use
  Result<void> submit(Slot& slot);

  vk::Device* device_ = nullptr;
  const PagePool* pool_ = nullptr;
  bool staged_ = false;
  std::vector<Slot> commands_, writes_, reads_;  // rings
  size_t next_command_ = 0, next_write_ = 0, next_read_ = 0;
  uint32_t reading_ = 0;  // the last ones of reads_ before next_read_
};

}  // namespace pumice
