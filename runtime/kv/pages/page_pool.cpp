#include "kv/pages/page_pool.h"

#include <algorithm>

#include "shared/step_params.h"

namespace pumice {
namespace {

uint64_t bytes_of(uint32_t words, uint64_t pages) { return uint64_t{4} * words * kPageTokens * pages; }

}  // namespace

uint64_t page_bytes(const PageShape& shape) {
  uint64_t bytes = 0;
  for (const uint32_t words : shape.region_words) bytes += bytes_of(words, 1);
  return bytes;
}

Result<PagePool> PagePool::create(vk::Device& device, const PageShape& shape, uint32_t pages) {
  const uint64_t limit = device.caps().max_storage_range;
  const uint32_t widest = *std::max_element(shape.region_words.begin(), shape.region_words.end());
  if (bytes_of(widest, pages) > limit)
    return error(
        Status::kUnsupported,
        "a context of %u tokens needs %llu KiB a layer, more than this device can bind (%llu KiB); use at most %llu",
        pages * kPageTokens, static_cast<unsigned long long>(bytes_of(widest, pages) >> 10),
        static_cast<unsigned long long>(limit >> 10),
        static_cast<unsigned long long>(limit / bytes_of(widest, 1) * kPageTokens));
  PagePool pool(pages);
  pool.shape_ = shape;
  for (const uint32_t words : shape.region_words) {
    PUMICE_ASSIGN(vk::Buffer buffer, device.create_buffer(bytes_of(words, pages), vk::MemoryIntent::kDevice));
    pool.layers_.push_back(std::move(buffer));
  }
  return pool;
}

vk::BufferView PagePool::region(uint32_t region, PageId page, uint32_t count) const {
  PUMICE_CHECK(page < pages() && count <= pages() - page);
  return {layers_[region], page * region_bytes(region), count * region_bytes(region)};
}

}  // namespace pumice
