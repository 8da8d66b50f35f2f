// PageMemory: the bytes of pages, and moving them.
//
// Everything is ordered like submissions: a step that is submitted later sees what was written or copied, and a read
// sees what was submitted before it. The host sees to it that nothing in flight writes a page that is read, or uses one
// that is written.
// Thread rule: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "kv/prefix_index.h"

namespace pumice {

class PageMemory {
 public:
  virtual ~PageMemory() = default;
  virtual uint64_t page_bytes() const = 0;
  virtual Result<void> scrub(std::span<const PageId> pages) = 0;  // overwrites them with zeros
  virtual Result<void> copy(PageId from, PageId to) = 0;
  // false: there is no room to do it now; try again later.
  virtual Result<bool> write(PageId page, std::span<const std::byte> bytes) = 0;
  // Begins to read a page; take() gives its bytes. false: as for write().
  virtual Result<bool> read(PageId page) = 0;
  // The page whose read was begun first, once it is there; nullopt: none is ready.
  virtual Result<std::optional<std::vector<std::byte>>> take() = 0;
  virtual Result<void> wait() = 0;  // until nothing is in flight

  // What has been submitted to the device so far, and whether it has finished with it.
  virtual uint64_t submitted() const = 0;
  virtual Result<bool> finished(uint64_t submission) = 0;
};

}  // namespace pumice
