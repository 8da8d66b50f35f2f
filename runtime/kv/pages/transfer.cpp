#include "kv/pages/transfer.h"

#include <algorithm>
#include <cstring>

namespace pumice {
namespace {

// Of pages on their way to the device: enough for a step of a small model, and no fewer than a few large pages.
constexpr uint64_t kStagedBytes = 16u << 20;
constexpr uint64_t kFewestWrites = 4, kMostWrites = 64;
// As many as callers have under way: each is given back, and what is in flight is bounded by the steps that are.
constexpr size_t kAsNeeded = SIZE_MAX;

uint64_t nanoseconds(double seconds) { return static_cast<uint64_t>(1e9 * std::clamp(seconds, 0.0, 1e6)); }

}  // namespace

class PageTransfer::Read final : public PageRead {
 public:
  Read(vk::Device& device, Slot& slot) : device_(device), slot_(slot) { slot_.reading = true; }
  Read(const Read&) = delete;
  Read& operator=(const Read&) = delete;
  ~Read() override { slot_.reading = false; }

  Result<bool> ready(double seconds) override { return device_.wait(slot_.value, nanoseconds(seconds)); }
  std::span<const std::byte> bytes() const override { return {slot_.staging.mapped(), slot_.staging.size()}; }

 private:
  vk::Device& device_;
  Slot& slot_;
};

PageTransfer::PageTransfer(vk::Device& device, const PagePool& pool)
    : device_(&device),
      pool_(&pool),
      written_(pool.pages()),
      most_writes_(std::clamp(kStagedBytes / page_bytes(), kFewestWrites, kMostWrites)) {}

Result<PageTransfer::Slot*> PageTransfer::free_slot(Slots& slots, std::optional<vk::MemoryIntent> staging, size_t most,
                                                    double seconds) {
  Slot* oldest = nullptr;
  for (Slot& slot : slots)
    if (!slot.reading && (!oldest || slot.value < oldest->value)) oldest = &slot;
  const bool more = slots.size() < most;
  if (oldest) {
    PUMICE_ASSIGN(const bool free, device_->wait(oldest->value, more ? 0 : nanoseconds(seconds)));
    if (free) return oldest;
  }
  if (!more) return nullptr;
  Slot slot;
  PUMICE_ASSIGN(slot.stream, vk::CommandStream::create(*device_));
  if (staging) {
    PUMICE_ASSIGN(slot.staging, device_->create_buffer(page_bytes(), *staging));
  }
  return &slots.emplace_back(std::move(slot));
}

Result<PageTransfer::Slot*> PageTransfer::begin_commands() {
  PUMICE_ASSIGN(Slot* const slot, free_slot(commands_, std::nullopt, kAsNeeded, 0));
  slot->stream.begin();
  return slot;
}

Result<void> PageTransfer::submit(Slot& slot) {
  PUMICE_TRY(slot.stream.end());
  PUMICE_ASSIGN(slot.value, slot.stream.submit());
  return {};
}

Result<void> PageTransfer::scrub(std::span<const PageId> pages) {
  if (pages.empty()) return {};
  PUMICE_ASSIGN(Slot* const slot, begin_commands());
  std::vector<PageId> sorted(pages.begin(), pages.end());
  std::ranges::sort(sorted);
  for (auto first = sorted.begin(), end = first; first != sorted.end(); first = end) {
    while (end != sorted.end() && *end - *first == end - first) ++end;  // pages next to each other at once
    const auto count = static_cast<uint32_t>(end - first);
    for (uint32_t region = 0; region < pool_->regions(); ++region)
      slot->stream.fill(pool_->region(region, *first, count), 0);
  }
  PUMICE_TRY(submit(*slot));
  for (const PageId page : pages) written_[page] = slot->value;
  return {};
}

Result<void> PageTransfer::copy(PageId from, PageId to) {
  PUMICE_ASSIGN(Slot* const slot, begin_commands());
  for (uint32_t region = 0; region < pool_->regions(); ++region)
    slot->stream.copy(pool_->region(region, from), pool_->region(region, to));
  PUMICE_TRY(submit(*slot));
  written_[to] = slot->value;
  return {};
}

Result<bool> PageTransfer::write(PageId page, std::span<const std::byte> bytes, double seconds) {
  if (bytes.size() != page_bytes())
    return error(Status::kMalformed, "a page has %llu bytes, not %zu", static_cast<unsigned long long>(page_bytes()),
                 bytes.size());
  PUMICE_ASSIGN(Slot* const slot, free_slot(writes_, vk::MemoryIntent::kUpload, most_writes_, seconds));
  if (!slot) return false;
  std::memcpy(slot->staging.mapped(), bytes.data(), bytes.size());
  slot->stream.begin();
  uint64_t at = 0;
  for (uint32_t region = 0; region < pool_->regions(); ++region) {
    const vk::BufferView target = pool_->region(region, page);
    slot->stream.copy({slot->staging, at, target.size}, target);
    at += target.size;
  }
  PUMICE_TRY(submit(*slot));
  written_[page] = slot->value;
  return true;
}

Result<std::unique_ptr<PageRead>> PageTransfer::read(PageId page) {
  PUMICE_ASSIGN(Slot* const slot, free_slot(reads_, vk::MemoryIntent::kReadback, kAsNeeded, 0));
  auto read = std::make_unique<Read>(*device_, *slot);
  slot->stream.begin();
  uint64_t at = 0;
  for (uint32_t region = 0; region < pool_->regions(); ++region) {
    const vk::BufferView source = pool_->region(region, page);
    slot->stream.copy(source, {slot->staging, at, source.size});
    at += source.size;
  }
  PUMICE_TRY(submit(*slot));
  return std::unique_ptr<PageRead>(std::move(read));
}

}  // namespace pumice
