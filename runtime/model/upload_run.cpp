#include "model/upload_run.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <new>
#include <thread>
#include <utility>

namespace pumice {
namespace {

// Large enough that a submission (33 to 75 us) costs little beside its copy, small enough that the copies under way
// when a load is cancelled soon end.
constexpr uint64_t kSlotBytes = uint64_t{4} << 20;
constexpr uint64_t kReadAhead = uint64_t{64} << 20;
constexpr uint64_t kReportBytes = uint64_t{16} << 20;
constexpr auto kReportTime = std::chrono::milliseconds(50);
constexpr uint32_t kMaxThreads = 8;  // with which repacking outruns the disk and the bus

// Pieces begin at multiples of this in staging: a plane of words must, and copies like it.
uint64_t staged(uint64_t bytes) { return (bytes + 255) / 256 * 256; }

uint64_t staged(const UploadPiece& piece) { return staged(piece.quant_bytes) + staged(piece.scale_bytes); }

}  // namespace

UploadRun::UploadRun(vk::Device& device, const Gguf* file, std::span<const UploadPiece> pieces)
    : device_(device), file_(file), pieces_(pieces) {
  uint64_t staged_bytes = 0;
  for (const UploadPiece& piece : pieces) {
    total_bytes_ += piece.source.size();
    source_bytes_ = std::max<uint64_t>(source_bytes_, piece.source.size());
    if (piece.mapped) continue;
    slot_bytes_ = std::max(slot_bytes_, staged(piece));
    staged_bytes += staged(piece);
  }
  slot_bytes_ = std::max(slot_bytes_, std::min(kSlotBytes, staged_bytes));
}

UploadRun::~UploadRun() {
  stop_ = true;
  try {
    team_.join();
  } catch (...) {  // run() has thrown it, or something else that came first
  }
  device_.settle(last_copy());
}

Result<void> UploadRun::prepare(Worker& worker) {
  if (file_) worker.source.resize(source_bytes_);
  if (slot_bytes_ == 0) return {};
  for (Slot& slot : worker.slots) {
    PUMICE_ASSIGN(slot.staging, device_.create_buffer(slot_bytes_, vk::MemoryIntent::kUpload));
    PUMICE_ASSIGN(slot.copies, vk::CommandStream::create(device_));
  }
  return {};
}

// One worker is needed; without memory for more there are no more.
Result<void> UploadRun::prepare(uint32_t threads) {
  const uint64_t affordable = kUploadHostBytes / std::max<uint64_t>(1, 2 * slot_bytes_ + source_bytes_);
  if (threads == 0) threads = std::min(kMaxThreads, std::thread::hardware_concurrency());
  workers_.resize(std::max<uint64_t>(1, std::min<uint64_t>({threads, affordable, pieces_.size()})));
  PUMICE_TRY(prepare(workers_[0]));
  for (size_t i = 1; i < workers_.size(); ++i) {
    try {
      if (prepare(workers_[i])) continue;
    } catch (const std::bad_alloc&) {
    }
    workers_.resize(i);
  }
  return {};
}

Result<void> UploadRun::run(uint32_t threads, const LoadProgress& progress) {
  PUMICE_TRY(prepare(threads));
  PUMICE_TRY(bring(progress));
  if (const uint64_t last = last_copy(); last != 0) PUMICE_TRY(device_.wait(last));
  if (progress && progress(1.0f)) return error(Status::kCancelled, "loading was cancelled");
  return {};
}

Result<void> UploadRun::bring(const LoadProgress& progress) {
  working_ = workers_.size();
  const size_t started = team_.start(workers_.size(), [this] { run_worker(); });
  {
    const std::lock_guard lock(mutex_);
    working_ -= workers_.size() - started;
  }
  if (started == 0) PUMICE_TRY(work(workers_[0]));
  Result<void> reported = report(progress);
  stop_ = true;
  team_.join();
  return reported;
}

void UploadRun::run_worker() {
  // After an exception the others need not go on.
  struct Leave {
    UploadRun& run;
    bool whole = false;
    ~Leave() {
      if (!whole) run.stop_ = true;
      const std::lock_guard lock(run.mutex_);
      --run.working_;
      run.changed_.notify_one();
    }
  } leave{*this};
  if (auto result = work(workers_[next_worker_++]); !result) fail(std::move(result).error());
  leave.whole = true;
}

// Until all threads have ended, or progress() cancels.
Result<void> UploadRun::report(const LoadProgress& progress) {
  const uint64_t step = std::max<uint64_t>(1, std::min(kReportBytes, total_bytes_ / 100));
  uint64_t reported = 0;
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait_for(lock, kReportTime, [&] { return working_ == 0 || (progress && done_bytes_ >= reported + step); });
    if (error_) return *error_;
    const uint64_t done = done_bytes_;
    const bool ended = working_ == 0;
    lock.unlock();
    // The last step belongs to run(), when the copies have finished.
    while (progress) {
      reported = std::min(reported + step, done);
      const double fraction = static_cast<double>(reported) / static_cast<double>(std::max<uint64_t>(total_bytes_, 1));
      if (reported < total_bytes_ && progress(static_cast<float>(fraction)))
        return error(Status::kCancelled, "loading was cancelled");
      if (reported + step > done) break;
    }
    lock.lock();
    if (ended) return {};
  }
}

Result<void> UploadRun::work(Worker& worker) {
  for (size_t turn = 0;; ++turn) {
    const std::span<const UploadPiece> pieces = take();
    if (pieces.empty()) return {};
    PUMICE_TRY(fill(worker, worker.slots[turn % 2], pieces));
  }
}

// The next pieces, as many as one slot holds; none when all are taken or the run stops.
std::span<const UploadPiece> UploadRun::take() {
  const uint64_t most = slot_bytes_ != 0 ? slot_bytes_ : kSlotBytes;
  size_t first = 0, end = 0, ahead_first = 0, ahead_end = 0;
  {
    std::lock_guard lock(mutex_);
    if (stop_) return {};
    first = end = next_;
    for (uint64_t bytes = 0; end < pieces_.size(); ++end) {
      bytes += staged(pieces_[end]);
      if (end > first && bytes > most) break;
      ahead_bytes_ -= std::min<uint64_t>(ahead_bytes_, pieces_[end].source.size());
    }
    next_ = end;
    ahead_first = ahead_ = std::max(ahead_, end);
    for (; ahead_ < pieces_.size() && ahead_bytes_ < kReadAhead; ++ahead_)
      ahead_bytes_ += pieces_[ahead_].source.size();
    ahead_end = ahead_;
  }
  read_ahead(ahead_first, ahead_end);
  return pieces_.subspan(first, end - first);
}

// Pieces that lie side by side in the file are named to the system at once.
void UploadRun::read_ahead(size_t first, size_t end) const {
  if (!file_) return;
  for (size_t i = first; i < end;) {
    const std::byte* from = pieces_[i].source.data();
    size_t size = 0;
    for (; i < end && pieces_[i].source.data() == from + size; ++i) size += pieces_[i].source.size();
    file_->will_fetch({from, size});
  }
}

Result<void> UploadRun::fill(Worker& worker, Slot& slot, std::span<const UploadPiece> pieces) {
  bool copies = false;
  uint64_t at = 0;
  for (const UploadPiece& piece : pieces) {
    if (stop_) return {};
    if (piece.mapped) {
      PUMICE_TRY(repack(worker, piece, piece.mapped + piece.quant_at, piece.mapped + piece.scale_at));
    } else {
      if (!std::exchange(copies, true)) {
        PUMICE_TRY(device_.wait(slot.submission));
        slot.copies.begin();
      }
      const uint64_t scale_at = at + staged(piece.quant_bytes);
      PUMICE_TRY(repack(worker, piece, slot.staging.mapped() + at, slot.staging.mapped() + scale_at));
      const auto copy = [&](uint64_t from, uint64_t to, uint64_t bytes) {
        vk::BufferView target;
        target.buffer = piece.target;
        target.offset = to;
        target.size = bytes;
        if (bytes != 0) slot.copies.copy({slot.staging, from, bytes}, target);
      };
      copy(at, piece.quant_at, piece.quant_bytes);
      copy(scale_at, piece.scale_at, piece.scale_bytes);
      at += staged(piece);
    }
    std::lock_guard lock(mutex_);
    done_bytes_ += piece.source.size();
    changed_.notify_one();
  }
  if (!copies) return {};
  PUMICE_TRY(slot.copies.end());
  PUMICE_ASSIGN(slot.submission, slot.copies.submit());
  return {};
}

Result<void> UploadRun::repack(Worker& worker, const UploadPiece& piece, std::byte* quant, std::byte* scale) {
  std::span<const std::byte> source = piece.source;
  if (file_) {
    PUMICE_ASSIGN(source, file_->fetch(piece.source, worker.source));
  }
  if (!piece.tensor) {
    std::memcpy(quant, source.data(), source.size());
    return {};
  }
  // The piece as a matrix of its own.
  GgufTensor rows = *piece.tensor;
  rows.dims = {rows.cols(), piece.rows, 1, 1};
  rows.data = source;
  DeviceLayout layout = piece.layout;
  layout.rows = piece.rows;
  repack_rows(rows, 0, piece.rows, layout, {reinterpret_cast<uint32_t*>(quant), piece.quant_bytes / 4},
              {reinterpret_cast<uint32_t*>(scale), piece.scale_bytes / 4});
  return {};
}

uint64_t UploadRun::last_copy() const {
  uint64_t last = 0;
  for (const Worker& worker : workers_)
    for (const Slot& slot : worker.slots) last = std::max(last, slot.submission);
  return last;
}

void UploadRun::fail(Error error) {
  std::lock_guard lock(mutex_);
  if (!error_) error_ = std::move(error);
  stop_ = true;
  changed_.notify_one();
}

}  // namespace pumice
