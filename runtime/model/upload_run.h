// UploadRun: brings planned pieces to the device with several threads.
//
// Every thread reads a piece from the file, repacks it and writes it: into the buffer itself where that is mapped,
// otherwise into one of its two staging buffers, whose copy runs on the device while the other is filled. The disk
// reads ahead of them. So nothing is handed from thread to thread, and each byte of a buffer has one writer, which
// makes the result the same for any number of threads.
//
// Host memory is not imported (VK_EXT_external_memory_host): no tensor can be used as it lies in the file, since the
// device's rows are interleaved, so one pass of the processor over each byte is the least, and the mapped way is just
// that. An imported staging buffer saves nothing over one that the driver allocated mapped, and an imported allocation
// for CPU and integrated devices nothing over their own mapped memory.
//
// The file is not read through its mapping (MappedFile says why), so that its pages do not count as this process's
// either; they stay in the system's cache for the next load.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "base/thread_team.h"
#include "format/device_layout.h"
#include "format/gguf.h"
#include "vk/command_stream.h"
#include "vk/device.h"

namespace pumice {

// The fraction brought so far, never falling, at last 1; true cancels. Called by the thread that loads: for every 16
// MiB of the file or every hundredth, whichever is less, and at least every 50 ms.
using LoadProgress = std::function<bool(float)>;

// Most host memory that a load takes beyond the caller's: staging and read buffers of all threads. A matrix whose rows
// are so long that eight of them do not fit takes more.
inline constexpr uint64_t kUploadHostBytes = uint64_t{96} << 20;

// Rows of a tensor, or any bytes, on their way to one buffer. Non-owning.
struct UploadPiece {
  std::span<const std::byte> source;
  const GgufTensor* tensor = nullptr;  // null: source is copied as it is, as the quant plane
  DeviceLayout layout;                 // of the tensor
  uint64_t first_row = 0, rows = 0;    // of the tensor; whole groups, but at its end
  VkBuffer target = VK_NULL_HANDLE;
  std::byte* mapped = nullptr;                // all of the target; null: by way of staging
  uint64_t quant_at = 0, scale_at = 0;        // bytes in the target
  uint64_t quant_bytes = 0, scale_bytes = 0;  // multiples of 4, but of plain bytes
};

// For one call of run(), from one thread. `pieces` are in the order in which the disk should read them.
class UploadRun {
 public:
  UploadRun(vk::Device& device, const Gguf* file, std::span<const UploadPiece> pieces);
  UploadRun(const UploadRun&) = delete;
  UploadRun& operator=(const UploadRun&) = delete;
  ~UploadRun();

  // threads: 0 for one per core. When it returns, threads have ended and copies are finished.
  Result<void> run(uint32_t threads, const LoadProgress& progress);

 private:
  struct Slot {
    vk::Buffer staging;
    vk::CommandStream copies;
    uint64_t submission = 0;  // the last that reads `staging`; 0: none
  };
  struct Worker {
    std::vector<std::byte> source;  // as read from the file
    Slot slots[2];
  };
  Result<void> prepare(uint32_t threads);
  Result<void> prepare(Worker& worker);
  Result<void> bring(const LoadProgress& progress);
  Result<void> report(const LoadProgress& progress);
  uint64_t last_copy() const;
  void run_worker();
  Result<void> work(Worker& worker);
  std::span<const UploadPiece> take();
  void read_ahead(size_t first, size_t end) const;
  Result<void> fill(Worker& worker, Slot& slot, std::span<const UploadPiece> pieces);
  Result<void> repack(Worker& worker, const UploadPiece& piece, std::byte* quant, std::byte* scale);
  void fail(Error error);

  vk::Device& device_;
  const Gguf* file_;
  std::span<const UploadPiece> pieces_;
  std::vector<Worker> workers_;
  uint64_t slot_bytes_ = 0, source_bytes_ = 0, total_bytes_ = 0;

  ThreadTeam team_;
  std::atomic<size_t> next_worker_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  size_t next_ = 0;           // piece to be taken
  size_t ahead_ = 0;          // piece that the disk has not been told of
  uint64_t ahead_bytes_ = 0;  // of the pieces from next_ to ahead_
  uint64_t done_bytes_ = 0;
  size_t working_ = 0;          // threads
  std::optional<Error> error_;  // the first
};

}  // namespace pumice
