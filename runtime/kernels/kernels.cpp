#include "kernels/kernels.h"

#include <algorithm>
#include <bit>

#include "vk/embedded_shaders.h"

namespace pumice {

ReduceChoice choose_reduce(const vk::DeviceCaps& caps) {
  if (caps.subgroup_shuffle && caps.fixed_subgroup && std::has_single_bit(caps.subgroup_size) &&
      caps.subgroup_size >= 8)
    return {"subgroup", caps.subgroup_size, true};
  return {"shared", std::min(64u, std::bit_floor(caps.max_workgroup_invocations)), false};
}

ReduceChoice choose_wide_reduce(const vk::DeviceCaps& caps) {
  if (caps.type == vk::DeviceType::kCpu) return choose_reduce(caps);
  return {"shared", std::min(1024u, std::bit_floor(caps.max_workgroup_invocations)), false};
}

Result<const vk::Pipeline*> Kernels::pipeline(std::string_view variant, std::span<const uint32_t> constants,
                                              bool full_subgroups) {
  std::lock_guard lock(mutex_);
  Key key{std::string(variant), {constants.begin(), constants.end()}};
  const auto found = pipelines_.find(key);
  if (found != pipelines_.end()) return found->second.get();
  const EmbeddedShader* shader = find_embedded_shader(variant);
  if (!shader) return error(Status::kInternal, "no shader variant %s in this build", key.variant.c_str());
  PUMICE_ASSIGN(vk::Pipeline made, vk::Pipeline::create(device_, {.name = key.variant,
                                                                  .words = shader->words,
                                                                  .constants = constants,
                                                                  .full_subgroups = full_subgroups}));
  auto owned = std::make_unique<vk::Pipeline>(std::move(made));
  const vk::Pipeline* pipeline = owned.get();
  pipelines_.emplace(std::move(key), std::move(owned));
  return pipeline;
}

void record(Recorder recorder, const Dispatch& dispatch) {
  Result<const vk::Pipeline*> pipeline =
      recorder.kernels.pipeline(dispatch.variant, dispatch.constants, dispatch.full_subgroups);
  if (!pipeline) return recorder.stream.fail(std::move(pipeline).error());
  if (dispatch.indirect)
    recorder.stream.dispatch_indirect(**pipeline, dispatch.push, dispatch.bindings, *dispatch.indirect, dispatch.cost);
  else
    recorder.stream.dispatch(**pipeline, dispatch.push, dispatch.bindings, dispatch.groups, dispatch.cost);
}

}  // namespace pumice
