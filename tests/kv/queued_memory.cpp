#include "kv/queued_memory.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace pumice::test {
namespace {

constexpr size_t kMostWrites = 4;

Error loss() { return error(Status::kDeviceLost, "the device of the test is lost"); }

}  // namespace

class QueuedMemory::Read final : public PageRead {
 public:
  explicit Read(QueuedMemory& memory) : memory_(memory) {}
  Result<bool> ready(double seconds) override {
    PUMICE_TRY(memory_.fault());
    memory_.work(memory_.random_() % 2);  // time passes
    if (seconds > 0) memory_.finish(operation);
    return memory_.finished(operation);
  }
  std::span<const std::byte> bytes() const override { return std::as_bytes(std::span(*words)); }

  uint64_t operation = 0;
  std::shared_ptr<PageWords> words = std::make_shared<PageWords>();

 private:
  QueuedMemory& memory_;
};

Result<void> QueuedMemory::fault() {
  if (lost_) return loss();
  if (failing_ && random_() % 200 == 0) return error(Status::kOutOfDeviceMemory, "a call of the test fails");
  if (failing_ && random_() % 200 == 0) throw std::bad_alloc();
  return {};
}

uint64_t QueuedMemory::queue(Operation operation) {
  operation.number = ++last_;
  queue_.push_back(std::move(operation));
  return last_;
}

Result<void> QueuedMemory::scrub(std::span<const PageId> pages) {
  PUMICE_TRY(fault());
  if (mistake_ == MemoryMistake::kNeverScrubs) return {};
  for (const PageId page : pages)
    queue({.writes = {page}, .run = [page](std::vector<PageWords>& all) { all[page] = {}; }});
  return {};
}

Result<void> QueuedMemory::copy(PageId from, PageId to) {
  PUMICE_TRY(fault());
  queue({.reads = {from}, .writes = {to}, .run = [from, to](std::vector<PageWords>& all) { all[to] = all[from]; }});
  return {};
}

Result<std::unique_ptr<PageRead>> QueuedMemory::read(PageId page) {
  PUMICE_TRY(fault());
  auto read = std::make_unique<Read>(*this);
  if (mistake_ == MemoryMistake::kHostReadsAtOnce) {
    *read->words = pages_[page];
  } else {
    read->operation =
        queue({.reads = {page}, .run = [page, to = read->words](std::vector<PageWords>& all) { *to = all[page]; }});
  }
  return std::unique_ptr<PageRead>(std::move(read));
}

Result<bool> QueuedMemory::write(PageId page, std::span<const std::byte> bytes, double seconds) {
  PUMICE_TRY(fault());
  if (bytes.size() != page_bytes()) return error(Status::kMalformed, "a page of another size");
  if (seconds == 0 && (queue_.size() > kMostWrites || random_() % 5 == 0)) return false;
  PageWords words;
  std::memcpy(words.data(), bytes.data(), bytes.size());
  if (mistake_ == MemoryMistake::kHostWritesAtOnce)
    pages_[page] = words;
  else
    queue({.writes = {page}, .run = [page, words](std::vector<PageWords>& all) { all[page] = words; }});
  return true;
}

Result<bool> QueuedMemory::settled(PageId page) {
  PUMICE_TRY(fault());
  if (mistake_ == MemoryMistake::kSettledAtOnce) return true;
  return std::ranges::none_of(
      queue_, [page](const Operation& operation) { return std::ranges::count(operation.writes, page) > 0; });
}

uint64_t QueuedMemory::step(std::function<void(std::vector<PageWords>&)> run) {
  if (lost_) return ++last_;
  return queue({.run = std::move(run)});
}

bool QueuedMemory::finished(uint64_t operation) const {
  return std::ranges::none_of(queue_, [operation](const Operation& queued) { return queued.number == operation; });
}

bool QueuedMemory::ordered(const Operation& before, const Operation& after) {
  const auto is_step = [](const Operation& operation) { return operation.reads.empty() && operation.writes.empty(); };
  const auto meet = [](const std::vector<PageId>& a, const std::vector<PageId>& b) {
    return std::ranges::find_first_of(a, b) != a.end();
  };
  return is_step(before) || is_step(after) || meet(before.writes, after.writes) || meet(before.writes, after.reads) ||
         meet(before.reads, after.writes);
}

void QueuedMemory::run_one() {
  std::vector<std::list<Operation>::iterator> free;
  for (auto at = queue_.begin(); at != queue_.end() && free.size() < 4; ++at)
    if (std::all_of(queue_.begin(), at, [&](const Operation& before) { return !ordered(before, *at); }))
      free.push_back(at);
  const auto chosen = free[random_() % free.size()];
  const Operation operation = std::move(*chosen);
  queue_.erase(chosen);
  operation.run(pages_);
}

void QueuedMemory::work(size_t operations) {
  while (operations-- > 0 && !queue_.empty()) run_one();
}

void QueuedMemory::finish(uint64_t operation) {
  while (!finished(operation)) run_one();
}

void QueuedMemory::finish_all() { work(queue_.size()); }

}  // namespace pumice::test
