// PagePool: the persistent device buffers of the KV cache and who owns which page of them.
//
// A page holds the keys and values of kPageTokens tokens in every layer; one id addresses all of it. Each layer has a
// buffer for K and one for V, made once (or one for the state that it keeps of a sequence, which is a page then); pages
// are handed out and taken back, nothing is ever moved or concatenated. Word layout of a page:
// shaders/shared/kv_write.h. Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "kv/pages/page_allocator.h"
#include "shared/step_params.h"
#include "vk/device.h"

namespace pumice {

struct PageShape {
  std::vector<uint32_t> region_words;  // of a token: K and V of the first layer with attention, of the next, …
  uint32_t tokens = kPageTokens;       // of a page; 1: what is kept of a sequence as a whole
};

uint64_t page_bytes(const PageShape& shape);  // K and V of all layers

class PagePool : public PageAllocator {
 public:
  PagePool() : PageAllocator(0) {}
  // Status::kUnsupported when a layer's buffer would be larger than the device can bind.
  static Result<PagePool> create(vk::Device& device, const PageShape& shape, uint32_t pages);
  // Without its buffers, which fill() makes; it gives out no page before.
  static Result<PagePool> plan(const vk::Device& device, const PageShape& shape, uint32_t pages);
  Result<void> fill(vk::Device& device);
  bool filled() const { return !layers_.empty(); }

  uint64_t bytes() const { return page_bytes(shape_) * pages(); }
  vk::BufferView whole(uint32_t region) const { return layers_[region]; }

  // A page's bytes lie in regions: K and V of layer 0, of layer 1, …
  uint32_t regions() const { return static_cast<uint32_t>(layers_.size()); }
  vk::BufferView region(uint32_t region, PageId page, uint32_t count = 1) const;  // of `count` pages

 private:
  explicit PagePool(uint32_t pages) : PageAllocator(pages) {}
  uint64_t region_bytes(uint32_t region) const { return layers_[region].size() / pages(); }

  PageShape shape_;
  std::vector<vk::Buffer> layers_;  // K and V of layer 0, of layer 1, …
};

}  // namespace pumice
