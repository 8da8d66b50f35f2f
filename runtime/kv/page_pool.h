// PagePool: the persistent device buffers of the KV cache and who owns which page of them.
//
// A page holds the keys and values of kPageTokens tokens in every layer; one id addresses all of it. Each layer has a
// buffer for K and one for V, made once; pages are handed out and taken back, nothing is ever moved or concatenated.
// A page that comes to another tenant than the one before has to be scrubbed first: the pool says which.
// Word layout of a page: shaders/shared/kv_write.h. Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "kv/prefix_index.h"
#include "vk/device.h"

namespace pumice {

struct PageShape {
  uint32_t layers = 0;
  uint32_t k_words = 0, v_words = 0;  // of a token in one layer
};

uint64_t page_bytes(const PageShape& shape);  // K and V of all layers

class PagePool {
 public:
  // Status::kUnsupported when a layer's buffer would be larger than the device can bind.
  static Result<PagePool> create(vk::Device& device, const PageShape& shape, uint32_t pages);

  std::optional<PageId> allocate(TenantId tenant = 0);  // nullopt: none is free
  void release(PageId page);

  // Pages handed out since that still hold another tenant's keys and values; no step may run on them before they are
  // overwritten.
  std::span<const PageId> unscrubbed() const { return unscrubbed_; }
  void scrubbed() { unscrubbed_.clear(); }
  void overwritten(PageId page) { std::erase(unscrubbed_, page); }

  uint32_t pages() const { return pages_; }
  uint32_t used() const { return pages_ - static_cast<uint32_t>(free_.size()); }
  uint64_t bytes() const { return page_bytes(shape_) * pages_; }
  vk::BufferView k(uint32_t layer) const { return layers_[2 * layer]; }
  vk::BufferView v(uint32_t layer) const { return layers_[2 * layer + 1]; }

  // A page's bytes lie in regions: K and V of layer 0, of layer 1, …
  uint32_t regions() const { return static_cast<uint32_t>(layers_.size()); }
  vk::BufferView region(uint32_t region, PageId page) const;
  std::byte* mapped(uint32_t region, PageId page) const;  // null where the host cannot reach it (all but CPU devices)

 private:
  uint64_t region_bytes(uint32_t region) const { return layers_[region].size() / pages_; }

  PageShape shape_;
  uint32_t pages_ = 0;
  std::vector<vk::Buffer> layers_;  // K and V of layer 0, of layer 1, …
  std::vector<PageId> free_;        // the last is handed out next
  std::vector<bool> taken_;
  std::vector<TenantId> owner_;  // the last one; kNoTenant: none yet
  std::vector<PageId> unscrubbed_;
};

}  // namespace pumice
