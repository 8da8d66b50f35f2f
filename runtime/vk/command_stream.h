// CommandStream: one recorded, replayable sequence of GPU operations with automatic barriers.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vk/pipeline.h"
#include "vk/profiler.h"

namespace pumice::vk {

struct Groups {
  uint32_t x = 1, y = 1, z = 1;
};

// What a dispatch costs at least, for the profiler: bytes moved and floating point operations.
struct Cost {
  double bytes = 0, flops = 0;
};

// Records between begin() and end(); what is recorded may be submitted any number of times, also several times in
// flight. Every operation sees the results of those before it that wrote to what it reads or writes; operations that
// do not depend on each other may overlap. Everything recorded sees all earlier submissions. The host sees writes to
// mapped buffers once the submission has finished.
//
// Errors while recording are kept and returned by end(). Thread rule: one thread at a time. The caller waits for all
// submissions of a stream before begin() or destruction.
class CommandStream {
 public:
  static Result<CommandStream> create(Device& device, bool profile = false);

  CommandStream() = default;
  CommandStream(CommandStream&& other) noexcept { *this = std::move(other); }
  CommandStream& operator=(CommandStream&& other) noexcept;
  ~CommandStream();

  // timed: what each part takes is measured, as Device::release() needs it. `rows` tells recordings apart whose parts
  // take about as long as they did.
  void begin(bool timed = false, uint32_t rows = 0);
  // What follows may be submitted later than what comes before, see Chunk.
  void cut();
  // bindings: one view per binding of the shader, in order. push: exactly the shader's push constant block.
  void dispatch(const Pipeline& pipeline, std::span<const std::byte> push, std::span<const BufferView> bindings,
                Groups groups, Cost cost = {});
  // The group counts are three uint32 at `arguments`, written by an earlier operation or by the host.
  void dispatch_indirect(const Pipeline& pipeline, std::span<const std::byte> push,
                         std::span<const BufferView> bindings, BufferView arguments, Cost cost = {});
  void copy(BufferView source, BufferView target);  // source.size bytes
  void fill(BufferView target, uint32_t word);      // size a multiple of 4
  void fail(Error error);                           // keeps the first error; nothing more is recorded
  Result<void> end();
  // Submits what was recorded, behind what `before` has; as Device::submit().
  Result<uint64_t> submit(const CommandStream* before = nullptr);
  // Submits what was recorded, and returns when it has finished or nothing of it can run any more.
  Result<void> run();

  explicit operator bool() const { return pool_ != VK_NULL_HANDLE; }
  size_t parts() const { return parts_; }
  uint32_t dispatches() const { return dispatches_; }
  uint32_t barriers() const { return barriers_; }
  uint32_t argument_barriers() const { return argument_barriers_; }  // those of them that a dispatch's group counts need
  // After a submission has finished; empty without profiling or when the driver wrote no timestamps.
  std::vector<ProfiledOperation> profile() { return profiler_ ? profiler_->read() : std::vector<ProfiledOperation>{}; }

 private:
  struct Access {
    BufferView view;
    bool write;
    bool arguments = false;  // of an indirect dispatch
  };
  bool bind(const Pipeline& pipeline, std::span<const std::byte> push, std::span<const BufferView> bindings,
            const BufferView* arguments);
  VkDescriptorSet allocate_set(VkDescriptorSetLayout layout);
  Result<void> begin_part();
  Result<void> end_part();
  Result<void> create_times();
  void order(std::span<const Access> accesses);
  Device* device_ = nullptr;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  VkCommandBuffer commands_ = VK_NULL_HANDLE;  // the part that is being recorded
  std::vector<VkCommandBuffer> buffers_;       // of all parts, also of longer recordings before
  size_t parts_ = 0;
  VkQueryPool time_pool_ = VK_NULL_HANDLE;
  std::vector<ChunkTime> times_;  // of each part, once recordings are timed; never moves
  bool timed_ = false;
  uint32_t timed_rows_ = 0;
  std::vector<Chunk> chunks_;  // of submit()
  std::vector<VkDescriptorPool> descriptor_pools_;
  size_t current_pool_ = 0;
  std::vector<Access> pending_, scratch_;
  std::vector<Access> no_arguments_;  // writes that indirect dispatches do not see yet
  std::optional<Profiler> profiler_;
  std::optional<Error> error_;
  uint32_t dispatches_ = 0, barriers_ = 0, argument_barriers_ = 0;
};

}  // namespace pumice::vk
