// PageMemory: the bytes of pages, and the one order in which they are read and written.
//
// Every access is queued, on every device: it happens after all that was called here or submitted as a step before it,
// and before all that comes later. So a page may get another owner as soon as the last access to it has been called.
// Two things are outside of that order, and the caller minds them: a step reads its row of the page table when it runs,
// not when it is submitted (see settled()); and a read has its bytes later than it was begun.
//
// An error is told and leaves the page as it was, or lost with the device. Thread rule: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "kv/index/prefix_index.h"

namespace pumice {

// A read under way: of the page's bytes as they were when it was begun. Destroying it abandons it; its memory outlives
// it.
class PageRead {
 public:
  virtual ~PageRead() = default;
  // Whether the bytes are there; waits for them at most so long.
  virtual Result<bool> ready(double seconds = 0) = 0;
  virtual std::span<const std::byte> bytes() const = 0;  // once they are
};

class PageMemory {
 public:
  virtual ~PageMemory() = default;
  virtual uint64_t page_bytes() const = 0;
  // None of these waits, but for write() where it is told to.
  virtual Result<void> scrub(std::span<const PageId> pages) = 0;  // overwrites them with zeros
  virtual Result<void> copy(PageId from, PageId to) = 0;
  virtual Result<std::unique_ptr<PageRead>> read(PageId page) = 0;
  // false: as many writes as have room are on their way, for all of `seconds`.
  virtual Result<bool> write(PageId page, std::span<const std::byte> bytes, double seconds = 0) = 0;

  // Whether all that was written or copied to the page has happened, so that a step which is in flight already may be
  // pointed to it.
  virtual Result<bool> settled(PageId page) = 0;
};

}  // namespace pumice
