#include "kv/pages/page_pool.h"

#include <algorithm>

namespace pumice {
namespace {

uint64_t bytes_of(const PageShape& shape, uint32_t words, uint64_t pages) {
  return uint64_t{4} * words * shape.tokens * pages;
}

Error too_large(const PageShape& shape, uint32_t words, uint32_t pages, uint64_t limit) {
  const char* what = shape.tokens == 1 ? "places for states" : "tokens of context";
  return error(Status::kUnsupported,
               "%u %s need %llu KiB a layer, more than this device can bind (%llu KiB); use at most %llu",
               pages * shape.tokens, what, static_cast<unsigned long long>(bytes_of(shape, words, pages) >> 10),
               static_cast<unsigned long long>(limit >> 10),
               static_cast<unsigned long long>(limit / bytes_of(shape, words, 1) * shape.tokens));
}

}  // namespace

uint64_t page_bytes(const PageShape& shape) {
  uint64_t bytes = 0;
  for (const uint32_t words : shape.region_words) bytes += bytes_of(shape, words, 1);
  return bytes;
}

Result<PagePool> PagePool::create(vk::Device& device, const PageShape& shape, uint32_t pages) {
  PUMICE_ASSIGN(PagePool pool, plan(device, shape, pages));
  PUMICE_TRY(pool.fill(device));
  return pool;
}

Result<PagePool> PagePool::plan(const vk::Device& device, const PageShape& shape, uint32_t pages) {
  const uint64_t limit = device.caps().max_storage_range;
  const uint32_t widest = *std::max_element(shape.region_words.begin(), shape.region_words.end());
  if (bytes_of(shape, widest, pages) > limit) return too_large(shape, widest, pages, limit);
  PagePool pool(pages);
  pool.shape_ = shape;
  pool.close(true);
  return pool;
}

Result<void> PagePool::fill(vk::Device& device) {
  std::vector<vk::Buffer> layers;
  for (const uint32_t words : shape_.region_words) {
    PUMICE_ASSIGN(vk::Buffer buffer, device.create_buffer(bytes_of(shape_, words, pages()), vk::MemoryIntent::kPages));
    layers.push_back(std::move(buffer));
  }
  layers_ = std::move(layers);
  close(false);
  return {};
}

vk::BufferView PagePool::region(uint32_t region, PageId page, uint32_t count) const {
  PUMICE_CHECK(page < pages() && count <= pages() - page);
  return {layers_[region], page * region_bytes(region), count * region_bytes(region)};
}

}  // namespace pumice
