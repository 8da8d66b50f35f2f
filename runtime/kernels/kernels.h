// Kernels: the pipelines of one device, made on first use, and the few types that every kernel's wrapper shares.
//
// Each operation K has its own header kernels/K.h with a struct of arguments and one function that records it:
//   rms_norm(recorder, {.x = x, .weight = w, .y = y, .n = rows, .cols = width, .eps = 1e-5f});
// Errors of recording (a pipeline that cannot be made) are kept by the stream and returned by its end(). With a list, a
// recorder records nothing and lists what it would need instead: so the code that records an operation is also the only
// one that says which pipelines it takes.
#pragma once

#include <compare>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/integers.h"
#include "base/result.h"
#include "base/thread_team.h"
#include "kernels/shader.h"
#include "kernels/tuning.h"
#include "vk/command_stream.h"
#include "vk/device.h"

namespace pumice {

// Float rows (n, cols) on the device: row r begins at r * stride floats.
struct FloatRows {
  vk::BufferView view;
  uint32_t stride = 0;

  // For an operation that touches no other columns.
  vk::BufferView columns(uint32_t first, uint32_t count) const {
    vk::BufferView part = view;
    part.stride = uint64_t{4} * stride;
    part.first_column = uint64_t{4} * first;
    part.end_column = part.first_column + uint64_t{4} * count;
    return part;
  }
};

// How a workgroup reduces: within one full subgroup, or through shared memory.
struct ReduceChoice {
  ShaderForm form = ShaderForm::kShared;  // or kSubgroup, or what a kernel has for software drivers
  uint32_t workgroup = 64;
  bool full_subgroups = false;
  uint32_t subgroup_size = 0;  // with full_subgroups; 0: DeviceCaps::subgroup_size
  bool operator==(const ReduceChoice&) const = default;
};
ReduceChoice choose_reduce(const vk::DeviceCaps& caps);
// For a kernel whose lanes go through a vocabulary: as many as pay, or those of a vector register ("lockstep").
ReduceChoice choose_wide_reduce(const vk::DeviceCaps& caps);

// The same with every other size that subgroups can have on the device: what tuning may choose from.
std::vector<ReduceChoice> reduce_candidates(const vk::DeviceCaps& caps);

// A shader with its specialisation.
struct PipelineKey {
  Shader shader;
  std::vector<uint32_t> constants;  // values of specialisation constants 0, 1, 2, …
  bool full_subgroups = false;
  uint32_t subgroup_size = 0;  // with full_subgroups; 0: DeviceCaps::subgroup_size
  auto operator<=>(const PipelineKey&) const = default;
};

// Memory that operations use for intermediate results. One operation of a use runs at a time, as the automatic barriers
// order them, whichever streams they are in.
enum class Scratch { kActivations, kActivationScales, kPartials, kCounters };

// Thread-safe: several threads may make pipelines at once. Pipelines and scratch memory live as long as it does; the
// device outlives it.
class Kernels {
 public:
  explicit Kernels(vk::Device& device) : device_(&device) {}
  // Without a device, for recorders that only list.
  explicit Kernels(vk::DeviceCaps caps) : caps_(std::move(caps)) {}
  ~Kernels();  // waits for the pipelines that are being made

  vk::Device& device() {
    PUMICE_CHECK(device_ != nullptr);
    return *device_;
  }
  const vk::DeviceCaps& caps() const { return device_ ? device_->caps() : caps_; }
  Tuning& tuning() { return tuning_; }

  // Never waits. True: pipeline() will not wait for any of `keys`, unless to say again why it cannot be made. False:
  // those that are missing are being made by threads of this object, so far that their first use does not wait either.
  bool prepare(std::span<const PipelineKey> keys);
  // Made on first use; a call that finds it being made waits for it.
  // run: also what a driver leaves until a pipeline first runs.
  Result<const vk::Pipeline*> pipeline(const PipelineKey& key, bool run = false);
  Result<const vk::Pipeline*> pipeline(Shader shader, std::span<const uint32_t> constants, bool full_subgroups,
                                       uint32_t subgroup_size = 0) {
    return pipeline({shader, {constants.begin(), constants.end()}, full_subgroups, subgroup_size});
  }
  size_t pipeline_count();  // that are made
  // At least `bytes`; kCounters are 0 between operations. What a recorded stream refers to stays valid when more is
  // asked for later. Without a device: a view of nothing.
  Result<vk::BufferView> scratch(Scratch use, uint64_t bytes);

 private:
  static constexpr size_t kScratchUses = 4;
  Result<vk::Buffer> make_scratch(uint64_t bytes);

  enum class State { kFailed, kWanted, kMaking, kReady };
  struct Entry {
    State state = State::kFailed;  // also: never begun
    vk::Pipeline pipeline;         // kMaking: its maker's alone
  };
  using Pipelines = std::map<PipelineKey, Entry>;
  Result<const vk::Pipeline*> make(Pipelines::value_type& place, bool run, std::unique_lock<std::mutex>& lock);
  Result<void> run_nothing(const vk::Pipeline& pipeline);
  bool start_workers();
  void work();

  vk::Device* device_ = nullptr;
  vk::DeviceCaps caps_;
  Tuning tuning_;
  std::mutex scratch_mutex_;
  std::vector<vk::Buffer> scratch_[kScratchUses];  // the last is the largest
  std::mutex mutex_;                               // of what follows
  std::condition_variable changed_;
  Pipelines pipelines_;  // entries stay where they are
  bool stop_ = false;
  std::mutex nothing_mutex_;
  vk::CommandStream nothing_;  // with nothing_mutex_
  vk::Buffer nothing_memory_;  // zeros
  size_t working_ = 0;
  ThreadTeam workers_;  // make what is wanted; started when something is
};

// What operations need, listed instead of recorded.
struct RecordList {
  std::vector<PipelineKey> pipelines;     // in order of first use, each once
  std::map<TuningKey, uint32_t> choices;  // what tuning decides, and between how many candidates
};

struct Recorder {
  Kernels& kernels;
  vk::CommandStream& stream;  // not touched with a list
  RecordList* list = nullptr;
  std::optional<uint32_t> candidate = {};  // of every tuned choice, instead of the measured one; the last if too high
};

// Which of a kernel's `count` candidates to record.
uint32_t pick_candidate(Recorder recorder, const TuningKey& key, size_t count);

// What a wrapper hands to record(): a shader with its constants, and one dispatch of it.
struct Dispatch {
  Shader shader;
  std::span<const uint32_t> constants;
  bool full_subgroups = false;
  uint32_t subgroup_size = 0;
  std::span<const std::byte> push;
  std::span<const vk::BufferView> bindings;
  vk::Groups groups;
  const vk::BufferView* indirect = nullptr;  // instead of groups
  vk::Cost cost;
  bool independent = false;  // its workgroups do without gl_NumWorkGroups, though the shader names it
};
void record(Recorder recorder, const Dispatch& dispatch);

template <typename Push>
std::span<const std::byte> push_bytes(const Push& push) {
  return std::as_bytes(std::span(&push, 1));
}

}  // namespace pumice
