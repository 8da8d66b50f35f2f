#include "kernels/kernels.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "kernels/device_policy.h"
#include "vk/embedded_shaders.h"

namespace pumice {

ReduceChoice choose_reduce(const vk::DeviceCaps& caps) {
  const uint32_t size = device_policy(caps).reduce_subgroup;
  if (caps.subgroup_shuffle && caps.fixed_subgroup && std::has_single_bit(size) && size >= 8)
    return {"subgroup", size, true, size == caps.subgroup_size ? 0 : size};
  return {"shared", std::min(64u, std::bit_floor(caps.max_workgroup_invocations)), false};
}

ReduceChoice choose_wide_reduce(const vk::DeviceCaps& caps) {
  const uint32_t most = device_policy(caps).scan_workgroup;
  if (most == 0) return choose_reduce(caps);
  return {"shared", std::min(most, std::bit_floor(caps.max_workgroup_invocations)), false};
}

std::vector<ReduceChoice> reduce_candidates(const vk::DeviceCaps& caps) {
  std::vector<ReduceChoice> candidates{choose_reduce(caps)};
  const auto add = [&](const ReduceChoice& choice) {
    if (std::find(candidates.begin(), candidates.end(), choice) == candidates.end()) candidates.push_back(choice);
  };
  if (caps.subgroup_shuffle && caps.fixed_subgroup && caps.subgroup_size_control)
    for (uint32_t size = std::max(8u, caps.min_subgroup_size); size <= caps.max_subgroup_size; size *= 2)
      add({"subgroup", size, true, size == caps.subgroup_size ? 0 : size});
  add({"shared", std::min(64u, std::bit_floor(caps.max_workgroup_invocations)), false});
  return candidates;
}

uint32_t pick_candidate(Recorder recorder, const TuningKey& key, size_t count) {
  const auto candidates = static_cast<uint32_t>(count);
  if (recorder.list) recorder.list->choices.emplace(key, candidates);
  if (recorder.candidate) return std::min(*recorder.candidate, candidates - 1);
  return recorder.kernels.tuning().pick(key, candidates);
}

Result<const vk::Pipeline*> Kernels::pipeline(const PipelineKey& key) {
  std::unique_lock lock(mutex_);
  while (true) {
    const auto found = pipelines_.find(key);
    if (found == pipelines_.end()) break;
    if (found->second) return found->second.get();
    made_.wait(lock);
  }
  const EmbeddedShader* shader = find_embedded_shader(key.variant);
  if (!shader) return error(Status::kInternal, "no shader variant %s in this build", key.variant.c_str());
  pipelines_[key] = nullptr;
  lock.unlock();
  Result<vk::Pipeline> made = vk::Pipeline::create(device(), {.name = key.variant,
                                                              .words = shader->words,
                                                              .constants = key.constants,
                                                              .full_subgroups = key.full_subgroups,
                                                              .subgroup_size = key.subgroup_size});
  lock.lock();
  made_.notify_all();
  if (!made) {
    pipelines_.erase(key);
    return std::move(made).error();
  }
  std::unique_ptr<vk::Pipeline>& place = pipelines_[key];
  place = std::make_unique<vk::Pipeline>(std::move(made).value());
  return place.get();
}

// Zeroed at once, by a submission of its own.
size_t Kernels::pipeline_count() {
  std::lock_guard lock(mutex_);
  return pipelines_.size();
}

Result<vk::Buffer> Kernels::make_scratch(uint64_t bytes) {
  PUMICE_ASSIGN(vk::Buffer buffer, device_->create_buffer(bytes, vk::MemoryIntent::kDevice));
  PUMICE_ASSIGN(vk::CommandStream stream, vk::CommandStream::create(*device_));
  stream.begin();
  stream.fill(buffer, 0);
  PUMICE_TRY(stream.end());
  const VkCommandBuffer commands = stream.handle();
  PUMICE_ASSIGN(const uint64_t done, device_->submit({&commands, 1}));
  PUMICE_ASSIGN(const bool reached, device_->wait(done));
  static_cast<void>(reached);
  return buffer;
}

Result<vk::BufferView> Kernels::scratch(Scratch use, uint64_t bytes) {
  if (!device_) return vk::BufferView();
  std::lock_guard lock(mutex_);
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
  PipelineKey key{dispatch.variant,
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
    recorder.stream.dispatch(**pipeline, dispatch.push, dispatch.bindings, dispatch.groups, dispatch.cost);
}

}  // namespace pumice
