#include "kernels/kernels.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <thread>
#include <utility>

#include "kernels/device_policy.h"
#include "vk/embedded_shaders.h"

namespace pumice {

ReduceChoice choose_reduce(const vk::DeviceCaps& caps) {
  const uint32_t size = device_policy(caps).reduce_subgroup;
  if (caps.subgroup_shuffle && caps.fixed_subgroup && std::has_single_bit(size) && size >= 8)
    return {ShaderForm::kSubgroup, size, true, size == caps.subgroup_size ? 0 : size};
  return {ShaderForm::kShared, std::min(64u, std::bit_floor(caps.max_workgroup_invocations)), false};
}

ReduceChoice choose_wide_reduce(const vk::DeviceCaps& caps) {
  const uint32_t most = device_policy(caps).scan_workgroup;
  if (most > 0) return {ShaderForm::kShared, std::min(most, std::bit_floor(caps.max_workgroup_invocations)), false};
  ReduceChoice lanes = choose_reduce(caps);
  if (lanes.full_subgroups) lanes.form = ShaderForm::kLockstep;
  return lanes;
}

std::vector<ReduceChoice> reduce_candidates(const vk::DeviceCaps& caps) {
  std::vector<ReduceChoice> candidates{choose_reduce(caps)};
  const auto add = [&](const ReduceChoice& choice) {
    if (std::find(candidates.begin(), candidates.end(), choice) == candidates.end()) candidates.push_back(choice);
  };
  if (caps.subgroup_shuffle && caps.fixed_subgroup && caps.subgroup_size_control)
    for (uint32_t size = std::max(8u, caps.min_subgroup_size); size <= caps.max_subgroup_size; size *= 2)
      add({ShaderForm::kSubgroup, size, true, size == caps.subgroup_size ? 0 : size});
  add({ShaderForm::kShared, std::min(64u, std::bit_floor(caps.max_workgroup_invocations)), false});
  return candidates;
}

uint32_t pick_candidate(Recorder recorder, const TuningKey& key, size_t count) {
  const auto candidates = static_cast<uint32_t>(count);
  if (recorder.list) recorder.list->choices.emplace(key, candidates);
  if (recorder.candidate) return std::min(*recorder.candidate, candidates - 1);
  return recorder.kernels.tuning().pick(key, candidates);
}

Kernels::~Kernels() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
}

Result<const vk::Pipeline*> Kernels::pipeline(const PipelineKey& key, bool run) {
  std::unique_lock lock(mutex_);
  Pipelines::value_type& place = *pipelines_.try_emplace(key).first;
  changed_.wait(lock, [&] { return place.second.state != State::kMaking; });
  if (place.second.state == State::kReady) return &place.second.pipeline;
  return make(place, run, lock);
}

// By the thread that found the place free. The lock is held again afterwards, also when an exception passes.
// run: also what a driver leaves until a pipeline first runs.
Result<const vk::Pipeline*> Kernels::make(Pipelines::value_type& place, bool run, std::unique_lock<std::mutex>& lock) {
  auto& [key, entry] = place;
  struct Claim {
    Kernels& kernels;
    Entry& entry;
    std::unique_lock<std::mutex>& lock;
    ~Claim() {
      lock.lock();
      entry.state = entry.pipeline.handle() ? State::kReady : State::kFailed;
      kernels.changed_.notify_all();
    }
  };
  entry.state = State::kMaking;
  lock.unlock();
  const Claim claim{*this, entry, lock};
  const std::string name(key.shader.name());
  const EmbeddedShader* shader = find_embedded_shader(name);
  if (!shader) return error(Status::kInternal, "no shader variant %s in this build", name.c_str());
  PUMICE_ASSIGN(const std::vector<uint32_t> words, spirv_of(*shader));
  PUMICE_ASSIGN(entry.pipeline, vk::Pipeline::create(device(), {.name = name,
                                                                .words = words,
                                                                .constants = key.constants,
                                                                .full_subgroups = key.full_subgroups,
                                                                .subgroup_size = key.subgroup_size}));
  if (run && device_policy(caps()).compiles_when_run) (void)run_nothing(entry.pipeline);  // errors come again
  return &entry.pipeline;
}

// A dispatch of no workgroups. One at a time, with a stream and memory that stay: the driver compiles in one thread
// anyway, and validation layers of 2023 may crash where a stream is destroyed beside another thread that records.
Result<void> Kernels::run_nothing(const vk::Pipeline& pipeline) {
  const std::lock_guard lock(nothing_mutex_);
  if (!nothing_memory_) {
    constexpr uint64_t kBytes = 64;
    PUMICE_ASSIGN(nothing_memory_, device().create_buffer(kBytes, vk::MemoryIntent::kShared));
    std::memset(nothing_memory_.mapped(), 0, kBytes);
  }
  if (!nothing_) {
    PUMICE_ASSIGN(nothing_, vk::CommandStream::create(device()));
  }
  const std::vector<vk::BufferView> bindings(pipeline.shader().bindings.size(), nothing_memory_);
  nothing_.begin();
  nothing_.dispatch_indirect(pipeline, std::vector<std::byte>(pipeline.shader().push_bytes), bindings, nothing_memory_);
  PUMICE_TRY(nothing_.end());
  return nothing_.run();
}

bool Kernels::prepare(std::span<const PipelineKey> keys) {
  const std::lock_guard lock(mutex_);
  bool ready = true;
  for (const PipelineKey& key : keys) {
    const auto [place, fresh] = pipelines_.try_emplace(key);
    Entry& entry = place->second;
    if (fresh) entry.state = State::kWanted;
    ready = ready && (entry.state == State::kReady || entry.state == State::kFailed);
  }
  if (ready) return true;
  if (start_workers()) {
    changed_.notify_all();
    return false;
  }
  // pipeline() makes them, then: slower, but it works.
  for (auto& [key, entry] : pipelines_)
    if (entry.state == State::kWanted) entry.state = State::kFailed;
  return true;
}

bool Kernels::start_workers() {
  const uint32_t cores = std::clamp(std::thread::hardware_concurrency(), 1u, 4u);
  if (working_ == 0) working_ = workers_.start(cores, [this] { work(); });
  return working_ > 0;
}

void Kernels::work() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    const auto wanted = std::find_if(pipelines_.begin(), pipelines_.end(),
                                     [](const auto& place) { return place.second.state == State::kWanted; });
    if (wanted == pipelines_.end()) {
      changed_.wait(lock);
      continue;
    }
    // What goes wrong is told by pipeline(), to the one who needs it.
    try {
      (void)make(*wanted, true, lock);
    } catch (...) {
    }
  }
}

size_t Kernels::pipeline_count() {
  const std::lock_guard lock(mutex_);
  return static_cast<size_t>(std::count_if(pipelines_.begin(), pipelines_.end(),
                                           [](const auto& place) { return place.second.state == State::kReady; }));
}

// Zeroed at once, by a submission of its own.
Result<vk::Buffer> Kernels::make_scratch(uint64_t bytes) {
  PUMICE_ASSIGN(vk::Buffer buffer, device_->create_buffer(bytes, vk::MemoryIntent::kDevice));
  PUMICE_ASSIGN(vk::CommandStream stream, vk::CommandStream::create(*device_));
  stream.begin();
  stream.fill(buffer, 0);
  PUMICE_TRY(stream.end());
  PUMICE_TRY(stream.run());
  return buffer;
}

Result<vk::BufferView> Kernels::scratch(Scratch use, uint64_t bytes) {
  if (!device_) return vk::BufferView();
  const std::lock_guard lock(scratch_mutex_);
  std::vector<vk::Buffer>& buffers = scratch_[static_cast<size_t>(use)];
  if (buffers.empty() || buffers.back().size() < bytes) {
    constexpr uint64_t kLeast = 16384;
    const uint64_t grown = buffers.empty() ? kLeast : 2 * buffers.back().size();
    PUMICE_ASSIGN(vk::Buffer made, make_scratch(std::max(bytes + 3, grown) / 4 * 4));
    buffers.push_back(std::move(made));
  }
  return vk::BufferView(buffers.back(), 0, bytes);
}

void record(Recorder recorder, const Dispatch& dispatch) {
  PipelineKey key{dispatch.shader,
                  {dispatch.constants.begin(), dispatch.constants.end()},
                  dispatch.full_subgroups,
                  dispatch.subgroup_size};
  if (recorder.list) {
    std::vector<PipelineKey>& listed = recorder.list->pipelines;
    if (std::find(listed.begin(), listed.end(), key) == listed.end()) listed.push_back(std::move(key));
    return;
  }
  Result<const vk::Pipeline*> pipeline = recorder.kernels.pipeline(key);
  if (!pipeline) return recorder.stream.fail(std::move(pipeline).error());
  if (dispatch.indirect)
    recorder.stream.dispatch_indirect(**pipeline, dispatch.push, dispatch.bindings, *dispatch.indirect, dispatch.cost);
  else
    recorder.stream.dispatch(**pipeline, dispatch.push, dispatch.bindings, dispatch.groups, dispatch.cost,
                             dispatch.independent);
}

}  // namespace pumice
