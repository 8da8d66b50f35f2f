#include "kv/transfer.h"

#include <algorithm>
#include <cstring>

namespace pumice {
namespace {

constexpr size_t kSlots = 4;

}  // namespace

Result<PageTransfer> PageTransfer::create(vk::Device& device, const PagePool& pool, bool staged) {
  PageTransfer transfer;
  transfer.device_ = &device;
  transfer.pool_ = &pool;
  transfer.staged_ = staged || !pool.mapped(0, 0);
  const auto fill = [&](std::vector<Slot>& ring, std::optional<vk::MemoryIntent> intent) -> Result<void> {
    for (size_t i = 0; i < kSlots; ++i) {
      Slot slot;
      PUMICE_ASSIGN(slot.stream, vk::CommandStream::create(device));
      if (intent) {
        PUMICE_ASSIGN(slot.staging, device.create_buffer(pool.bytes() / pool.pages(), *intent));
      }
      ring.push_back(std::move(slot));
    }
    return {};
  };
  PUMICE_TRY(fill(transfer.commands_, std::nullopt));
  if (transfer.staged_) {
    PUMICE_TRY(fill(transfer.writes_, vk::MemoryIntent::kUpload));
    PUMICE_TRY(fill(transfer.reads_, vk::MemoryIntent::kReadback));
  } else {
    transfer.reads_.resize(kSlots);
  }
  return transfer;
}

Result<PageTransfer::Slot*> PageTransfer::next(std::vector<Slot>& ring, size_t& at) {
  Slot& slot = ring[at % ring.size()];
  PUMICE_ASSIGN(const bool free, device_->reached(slot.value));
  if (!free) return nullptr;
  ++at;
  return &slot;
}

Result<void> PageTransfer::submit(Slot& slot) {
  PUMICE_TRY(slot.stream.end());
  const VkCommandBuffer commands = slot.stream.handle();
  PUMICE_ASSIGN(slot.value, device_->submit({&commands, 1}));
  return {};
}

Result<void> PageTransfer::scrub(std::span<const PageId> pages) {
  if (pages.empty()) return {};
  PUMICE_ASSIGN(const bool free, device_->wait(commands_[next_command_ % kSlots].value));
  PUMICE_CHECK(free);
  PUMICE_ASSIGN(Slot* const slot, next(commands_, next_command_));
  slot->stream.begin();
  for (const PageId page : pages)
    for (uint32_t region = 0; region < pool_->regions(); ++region) slot->stream.fill(pool_->region(region, page), 0);
  return submit(*slot);
}

Result<void> PageTransfer::copy(PageId from, PageId to) {
  PUMICE_ASSIGN(const bool free, device_->wait(commands_[next_command_ % kSlots].value));
  PUMICE_CHECK(free);
  PUMICE_ASSIGN(Slot* const slot, next(commands_, next_command_));
  slot->stream.begin();
  for (uint32_t region = 0; region < pool_->regions(); ++region)
    slot->stream.copy(pool_->region(region, from), pool_->region(region, to));
  return submit(*slot);
}

Result<bool> PageTransfer::write(PageId page, std::span<const std::byte> bytes) {
  PUMICE_CHECK(bytes.size() == page_bytes());
  Slot* slot = nullptr;
  if (staged_) {
    PUMICE_ASSIGN(slot, next(writes_, next_write_));
    if (!slot) return false;
    slot->stream.begin();
    std::memcpy(slot->staging.mapped(), bytes.data(), bytes.size());
  }
  uint64_t at = 0;
  for (uint32_t region = 0; region < pool_->regions(); ++region) {
    const vk::BufferView target = pool_->region(region, page);
    if (slot)
      slot->stream.copy({slot->staging, at, target.size}, target);
    else
      std::memcpy(pool_->mapped(region, page), bytes.data() + at, target.size);
    at += target.size;
  }
  if (slot) PUMICE_TRY(submit(*slot));
  return true;
}

Result<bool> PageTransfer::read(PageId page) {
  if (reading_ == reads_.size()) return false;
  PUMICE_ASSIGN(Slot* const slot, next(reads_, next_read_));
  PUMICE_CHECK(slot != nullptr);  // what was taken has been reached
  if (staged_)
    slot->stream.begin();
  else
    slot->bytes.resize(page_bytes());
  uint64_t at = 0;
  for (uint32_t region = 0; region < pool_->regions(); ++region) {
    const vk::BufferView source = pool_->region(region, page);
    if (staged_)
      slot->stream.copy(source, {slot->staging, at, source.size});
    else
      std::memcpy(slot->bytes.data() + at, pool_->mapped(region, page), source.size);
    at += source.size;
  }
  if (staged_) PUMICE_TRY(submit(*slot));
  ++reading_;
  return true;
}

Result<std::optional<std::vector<std::byte>>> PageTransfer::take() {
  using None = std::optional<std::vector<std::byte>>;
  if (reading_ == 0) return None();
  Slot& slot = reads_[(next_read_ - reading_) % reads_.size()];
  if (staged_) {
    PUMICE_ASSIGN(const bool ready, device_->reached(slot.value));
    if (!ready) return None();
    slot.bytes.assign(slot.staging.mapped(), slot.staging.mapped() + slot.staging.size());
  }
  --reading_;
  return std::optional(std::move(slot.bytes));
}

Result<void> PageTransfer::wait() {
  uint64_t last = 0;
  for (const std::vector<Slot>* ring : {&commands_, &writes_, &reads_})
    for (const Slot& slot : *ring) last = std::max(last, slot.value);
  PUMICE_ASSIGN(const bool reached, device_->wait(last));
  PUMICE_CHECK(reached);
  return {};
}

}  // namespace pumice
