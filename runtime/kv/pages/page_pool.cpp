#include "kv/pages/page_pool.h"

#include <algorithm>

#include "shared/step_params.h"

namespace pumice {
namespace {

// Of K, or of V.
uint64_t layer_bytes(uint32_t words, uint64_t pages) { return uint64_t{4} * words * kPageTokens * pages; }

}  // namespace

uint64_t page_bytes(const PageShape& shape) {
  return shape.layers * (layer_bytes(shape.k_words, 1) + layer_bytes(shape.v_words, 1));
}

Result<PagePool> PagePool::create(vk::Device& device, const PageShape& shape, uint32_t pages) {
  const uint64_t limit = device.caps().max_storage_range;
  const uint32_t widest = std::max(shape.k_words, shape.v_words);
  if (layer_bytes(widest, pages) > limit)
    return error(
        Status::kUnsupported,
        "a context of %u tokens needs %llu KiB a layer, more than this device can bind (%llu KiB); use at most %llu",
        pages * kPageTokens, static_cast<unsigned long long>(layer_bytes(widest, pages) >> 10),
        static_cast<unsigned long long>(limit >> 10),
        static_cast<unsigned long long>(limit / layer_bytes(widest, 1) * kPageTokens));
  PagePool pool(pages);
  pool.shape_ = shape;
  for (uint32_t i = 0; i < 2 * shape.layers; ++i) {
    const uint64_t bytes = layer_bytes(i % 2 == 0 ? shape.k_words : shape.v_words, pages);
    PUMICE_ASSIGN(vk::Buffer buffer, device.create_buffer(bytes, vk::MemoryIntent::kDevice));
    pool.layers_.push_back(std::move(buffer));
  }
  return pool;
}

vk::BufferView PagePool::region(uint32_t region, PageId page, uint32_t count) const {
  PUMICE_CHECK(page < pages() && count <= pages() - page);
  return {layers_[region], page * region_bytes(region), count * region_bytes(region)};
}

}  // namespace pumice
