// PageTransfer: moves the bytes of pages between the pool and host memory, and within the pool.
//
// Everything is ordered like submissions: a step that is submitted later sees what was written or copied, and a read
// sees what was submitted before it. Where the host reaches the pool (CPU devices) it copies by itself; the caller then
// sees to it that nothing in flight writes a page that is read, or uses one that is written. Elsewhere copies go
// through a few staging buffers.
// A page in host memory: its regions in their order (PagePool::region), page_bytes() in all.
// Thread rule: one thread at a time.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "kv/page_pool.h"
#include "vk/command_stream.h"

namespace pumice {

class PageTransfer {
 public:
  // staged: by way of staging buffers even where the host reaches the pool.
  static Result<PageTransfer> create(vk::Device& device, const PagePool& pool, bool staged = false);

  // Overwrites pages with zeros.
  Result<void> scrub(const PagePool& pool, std::span<const PageId> pages);
  Result<void> copy(const PagePool& pool, PageId from, PageId to);

  // false: all staging buffers are in use; try again later.
  Result<bool> write(const PagePool& pool, PageId page, std::span<const std::byte> bytes);
  // Begins to read a page; take() gives its bytes. false: as for write().
  Result<bool> read(const PagePool& pool, PageId page);
  // The page whose read was begun first, once it is there; nullopt: none is ready.
  Result<std::optional<std::vector<std::byte>>> take();
  uint32_t reading() const { return reading_; }  // reads begun and not taken

  Result<void> wait();  // until nothing is in flight

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
  bool staged_ = false;
  std::vector<Slot> commands_, writes_, reads_;  // rings
  size_t next_command_ = 0, next_write_ = 0, next_read_ = 0;
  uint32_t reading_ = 0;  // the last ones of reads_ before next_read_
};

}  // namespace pumice
