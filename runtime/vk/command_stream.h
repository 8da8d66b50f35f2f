// CommandStream: one recorded, replayable sequence of GPU operations with automatic barriers.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vk/pipeline.h"
#include "vk/profiler.h"

namespace pumice::vk {

// How a recording is cut into what may be submitted at different times.
struct Parting {
  bool timed = false;   // what each part takes is measured, as Device::release() needs it
  double longest = 0;   // microseconds of a part, as far as costs are known; 0: parts end at cut() alone
  bool apart = false;   // a dispatch of which nothing is known is a part of its own
  bool operator==(const Parting&) const = default;
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

  void begin(const Parting& parting = {});
  // What follows may be submitted later than what comes before, see Chunk.
  void cut();
  // bindings: one view per binding of the shader, in order. push: exactly the shader's push constant block.
  // independent: its workgroups do without gl_NumWorkGroups, even if the shader names it.
  void dispatch(const Pipeline& pipeline, std::span<const std::byte> push, std::span<const BufferView> bindings,
                Groups groups, Cost cost = {}, bool independent = false);
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
  bool recordable() const { return recordable_; }  // see Chunk::secondary
  // Whether another recording of the same, by what is known now, would be cut otherwise.
  bool improvable(const Parting& parting) const;
  uint32_t dispatches() const { return dispatches_; }
  uint32_t barriers() const { return barriers_; }
  uint32_t argument_barriers() const { return argument_barriers_; }  // of them for a dispatch's group counts
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
  // The dispatches of a part, or a piece of one.
  struct Span {
    uint32_t first = 0, count = 0, pieces = 1;
    bool operator==(const Span&) const = default;
  };
  Result<void> begin_part();
  Result<void> end_part();
  Result<void> create_times();
  Result<void> add_buffers();
  Result<void> begin_commands(VkCommandBuffer commands, const VkCommandBufferInheritanceInfo* inherited);
  void cut_before_dispatch(const DispatchKind& kind);
  uint32_t pieces_of(const DispatchKind& kind) const;
  void dispatch_pieces(const Pipeline& pipeline, std::span<const std::byte> push, const DispatchKind& kind,
                       uint32_t pieces);
  void set_state(const Pipeline& pipeline, std::span<const std::byte> push);
  void learn();
  size_t learn_part(size_t part);
  bool divisible(size_t part) const;
  void expect(size_t part);
  VkCommandBuffer secondary(size_t part) const { return recordable_ ? secondaries_[part] : VK_NULL_HANDLE; }
  void order(std::span<const Access> accesses);
  Device* device_ = nullptr;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  VkCommandBuffer commands_ = VK_NULL_HANDLE;  // the part that is being recorded
  std::vector<VkCommandBuffer> buffers_;       // of all parts, also of longer recordings before
  size_t parts_ = 0;
  VkQueryPool time_pool_ = VK_NULL_HANDLE;
  std::vector<ChunkTime> times_;  // of each part, once recordings are timed; never moves
  Parting parting_;
  std::vector<VkCommandBuffer> secondaries_;  // as buffers_, which execute them; as far as recordings had some
  bool recordable_ = false;
  std::vector<Span> spans_;                   // of parts
  std::vector<DispatchKind> kinds_;           // of dispatches, where parts are timed
  double next_cost_ = 0;                      // microseconds of the next dispatch; 0: not known
  double part_cost_ = 0;                      // of the dispatches in the part so far; < 0: not known
  size_t own_cuts_ = 0;                       // parts that no cut() has ended
  uint32_t first_dispatch_ = 0, pieces_ = 1;  // of the part
  VkDescriptorSet set_ = VK_NULL_HANDLE;      // of the last operation
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
