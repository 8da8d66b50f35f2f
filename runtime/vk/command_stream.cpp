#include "vk/command_stream.h"

#include <algorithm>
#include <utility>

namespace pumice::vk {
namespace {

constexpr uint32_t kSetsPerPool = 256, kBindingsPerSet = 10;

// Whether both are columns of one matrix.
bool same_matrix(const BufferView& a, const BufferView& b) {
  return a.stride > 0 && a.stride == b.stride && a.offset % a.stride == b.offset % b.stride;
}

bool overlap(const BufferView& a, const BufferView& b) {
  if (a.buffer != b.buffer || a.offset >= b.offset + b.size || b.offset >= a.offset + a.size) return false;
  return !same_matrix(a, b) || (a.first_column < b.end_column && b.first_column < a.end_column);
}

bool covers(const BufferView& outer, const BufferView& inner) {
  if (outer.buffer != inner.buffer || outer.offset > inner.offset ||
      inner.offset + inner.size > outer.offset + outer.size)
    return false;
  return outer.stride == 0 || (same_matrix(outer, inner) && outer.first_column <= inner.first_column &&
                               inner.end_column <= outer.end_column);
}

// `stage`, `access`: who is to see what was written, beside shaders and copies.
void full_barrier(const DeviceTable& table, VkCommandBuffer commands, VkPipelineStageFlags stage,
                  VkAccessFlags access) {
  constexpr VkPipelineStageFlags kStages = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
  const VkMemoryBarrier barrier{.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                                .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
                                .dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT |
                                                 VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT | access};
  table.vkCmdPipelineBarrier(commands, kStages, kStages | stage, 0, 1, &barrier, 0, nullptr, 0, nullptr);
}

// Also for the group counts of indirect dispatches; some GPUs flush more for it.
void argument_barrier(const DeviceTable& table, VkCommandBuffer commands) {
  full_barrier(table, commands, VK_PIPELINE_STAGE_DRAW_INDIRECT_BIT, VK_ACCESS_INDIRECT_COMMAND_READ_BIT);
}

}  // namespace

Result<CommandStream> CommandStream::create(Device& device, bool profile) {
  CommandStream stream;
  stream.device_ = &device;
  const DeviceTable& table = device.table();
  const VkCommandPoolCreateInfo pool{.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                     .queueFamilyIndex = device.queue_family()};
  VkResult result = table.vkCreateCommandPool(device.handle(), &pool, device.allocator(), &stream.pool_);
  if (result != VK_SUCCESS) return vulkan_error(result, "vkCreateCommandPool");
  if (profile && device.caps().timestamp_period_ns > 0) {
    PUMICE_ASSIGN(Profiler profiler, Profiler::create(device));
    stream.profiler_ = std::move(profiler);
  }
  return stream;
}

CommandStream& CommandStream::operator=(CommandStream&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(pool_, other.pool_);
  std::swap(commands_, other.commands_);
  std::swap(buffers_, other.buffers_);
  std::swap(parts_, other.parts_);
  std::swap(time_pool_, other.time_pool_);
  std::swap(times_, other.times_);
  std::swap(parting_, other.parting_);
  std::swap(secondaries_, other.secondaries_);
  std::swap(recordable_, other.recordable_);
  std::swap(spans_, other.spans_);
  std::swap(kinds_, other.kinds_);
  std::swap(next_cost_, other.next_cost_);
  std::swap(part_cost_, other.part_cost_);
  std::swap(own_cuts_, other.own_cuts_);
  std::swap(first_dispatch_, other.first_dispatch_);
  std::swap(pieces_, other.pieces_);
  std::swap(chunks_, other.chunks_);
  std::swap(descriptor_pools_, other.descriptor_pools_);
  std::swap(current_pool_, other.current_pool_);
  std::swap(pending_, other.pending_);
  std::swap(no_arguments_, other.no_arguments_);
  std::swap(scratch_, other.scratch_);
  std::swap(profiler_, other.profiler_);
  std::swap(error_, other.error_);
  std::swap(dispatches_, other.dispatches_);
  std::swap(barriers_, other.barriers_);
  std::swap(argument_barriers_, other.argument_barriers_);
  return *this;
}

CommandStream::~CommandStream() {
  if (!device_) return;
  if (!times_.empty()) {
    try {
      learn();
    } catch (...) {  // no memory for what it tells
    }
    device_->forget(times_);
  }
  if (device_->abandoned()) return;
  const DeviceTable& table = device_->table();
  for (VkDescriptorPool pool : descriptor_pools_)
    table.vkDestroyDescriptorPool(device_->handle(), pool, device_->allocator());
  if (time_pool_) table.vkDestroyQueryPool(device_->handle(), time_pool_, device_->allocator());
  if (pool_) table.vkDestroyCommandPool(device_->handle(), pool_, device_->allocator());
}

void CommandStream::fail(Error error) {
  if (!error_) error_ = std::move(error);
}

void CommandStream::begin(const Parting& parting) {
  const DeviceTable& table = device_->table();
  error_.reset();
  pending_.clear();
  no_arguments_.clear();
  if (!times_.empty()) learn();
  kinds_.clear();
  dispatches_ = barriers_ = argument_barriers_ = 0;
  own_cuts_ = 0;
  current_pool_ = 0;
  parts_ = 0;
  for (VkDescriptorPool pool : descriptor_pools_) table.vkResetDescriptorPool(device_->handle(), pool, 0);
  if (const VkResult reset = table.vkResetCommandPool(device_->handle(), pool_, 0); reset != VK_SUCCESS)
    return fail(vulkan_error(reset, "vkResetCommandPool"));
  parting_ = parting;
  recordable_ = device_->records();
  if (parting.timed && times_.empty())
    if (Result<void> created = create_times(); !created) return fail(std::move(created).error());
  if (Result<void> begun = begin_part(); !begun) return fail(std::move(begun).error());
  argument_barrier(table, commands_);
  if (profiler_) profiler_->begin(commands_);
}

void CommandStream::order(std::span<const Access> accesses) {
  const auto meets = [](const Access& next, const std::vector<Access>& all) {
    return std::any_of(all.begin(), all.end(), [&](const Access& before) {
      return (next.write || before.write) && overlap(next.view, before.view);
    });
  };
  bool conflict = false, arguments = false;
  for (const Access& next : accesses) {
    conflict |= meets(next, pending_);
    arguments |= next.arguments && meets(next, no_arguments_);
  }
  if (conflict || arguments) {
    if (arguments) {
      argument_barrier(device_->table(), commands_);
      no_arguments_.clear();
    } else {
      full_barrier(device_->table(), commands_, 0, 0);
    }
    pending_.clear();
    ++barriers_;
    argument_barriers_ += arguments;
  }
  pending_.insert(pending_.end(), accesses.begin(), accesses.end());
  for (const Access& access : accesses) {  // a step writes to the same ranges in every layer
    const auto known = [&](const Access& before) { return covers(before.view, access.view); };
    if (access.write && std::none_of(no_arguments_.begin(), no_arguments_.end(), known))
      no_arguments_.push_back(access);
  }
}

VkDescriptorSet CommandStream::allocate_set(VkDescriptorSetLayout layout) {
  const DeviceTable& table = device_->table();
  for (;; ++current_pool_) {
    const bool fresh = current_pool_ == descriptor_pools_.size();
    if (fresh) {
      const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, kSetsPerPool * kBindingsPerSet};
      const VkDescriptorPoolCreateInfo info{.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                            .maxSets = kSetsPerPool,
                                            .poolSizeCount = 1,
                                            .pPoolSizes = &size};
      descriptor_pools_.reserve(descriptor_pools_.size() + 1);
      VkDescriptorPool pool = VK_NULL_HANDLE;
      const VkResult result = table.vkCreateDescriptorPool(device_->handle(), &info, device_->allocator(), &pool);
      if (result != VK_SUCCESS) return fail(vulkan_error(result, "vkCreateDescriptorPool")), VK_NULL_HANDLE;
      descriptor_pools_.push_back(pool);
    }
    const VkDescriptorSetAllocateInfo info{.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                           .descriptorPool = descriptor_pools_[current_pool_],
                                           .descriptorSetCount = 1,
                                           .pSetLayouts = &layout};
    VkDescriptorSet set = VK_NULL_HANDLE;
    const VkResult result = table.vkAllocateDescriptorSets(device_->handle(), &info, &set);
    if (result == VK_SUCCESS) return set;
    if (fresh || (result != VK_ERROR_OUT_OF_POOL_MEMORY && result != VK_ERROR_FRAGMENTED_POOL))
      return fail(vulkan_error(result, "vkAllocateDescriptorSets")), VK_NULL_HANDLE;
  }
}

bool CommandStream::bind(const Pipeline& pipeline, std::span<const std::byte> push,
                         std::span<const BufferView> bindings, const BufferView* arguments) {
  if (error_) return false;
  const ShaderInterface& shader = pipeline.shader();
  // A mismatch between a wrapper and its shader is a bug; the shared header exists so that it cannot happen.
  PUMICE_CHECK(bindings.size() == shader.bindings.size() && bindings.size() <= kBindingsPerSet);
  PUMICE_CHECK(push.size() == shader.push_bytes);
  const VkDescriptorSet set = allocate_set(pipeline.set_layout());
  if (!set) return false;

  VkDescriptorBufferInfo infos[kBindingsPerSet];
  VkWriteDescriptorSet writes[kBindingsPerSet];
  scratch_.clear();
  for (uint32_t i = 0; i < bindings.size(); ++i) {
    const BufferView& view = bindings[i];
    PUMICE_CHECK(view.buffer && view.size > 0);
    if (view.size > device_->caps().max_storage_range)
      return fail(error(Status::kUnsupported, "%s: a binding of %llu bytes is beyond the device's %llu",
                        pipeline.name().c_str(), static_cast<unsigned long long>(view.size),
                        static_cast<unsigned long long>(device_->caps().max_storage_range))),
             false;
    if (view.offset % device_->caps().storage_alignment != 0)
      return fail(error(Status::kUnsupported, "%s: a binding at byte %llu, the device wants multiples of %llu",
                        pipeline.name().c_str(), static_cast<unsigned long long>(view.offset),
                        static_cast<unsigned long long>(device_->caps().storage_alignment))),
             false;
    infos[i] = {view.buffer, view.offset, view.size};
    writes[i] = {.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                 .dstSet = set,
                 .dstBinding = i,
                 .descriptorCount = 1,
                 .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                 .pBufferInfo = &infos[i]};
    scratch_.push_back({view, shader.bindings[i].write});
  }
  if (arguments) scratch_.push_back({*arguments, false, true});
  device_->label(commands_, pipeline.name().c_str());
  const DeviceTable& table = device_->table();
  table.vkUpdateDescriptorSets(device_->handle(), static_cast<uint32_t>(bindings.size()), writes, 0, nullptr);
  order(scratch_);
  set_ = set;
  set_state(pipeline, push);
  return true;
}

void CommandStream::set_state(const Pipeline& pipeline, std::span<const std::byte> push) {
  const DeviceTable& table = device_->table();
  table.vkCmdBindPipeline(commands_, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.handle());
  table.vkCmdBindDescriptorSets(commands_, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.layout(), 0, 1, &set_, 0, nullptr);
  if (!push.empty())
    table.vkCmdPushConstants(commands_, pipeline.layout(), VK_SHADER_STAGE_COMPUTE_BIT, 0,
                             static_cast<uint32_t>(push.size()), push.data());
}

void CommandStream::dispatch(const Pipeline& pipeline, std::span<const std::byte> push,
                             std::span<const BufferView> bindings, Groups groups, Cost cost, bool independent) {
  const uint32_t* limit = device_->caps().max_groups;
  if (groups.x > limit[0] || groups.y > limit[1] || groups.z > limit[2])
    return fail(error(Status::kUnsupported, "%s: %u x %u x %u workgroups are beyond the device's limit",
                      pipeline.name().c_str(), groups.x, groups.y, groups.z));
  if (groups.x == 0 || groups.y == 0 || groups.z == 0) return;
  DispatchKind kind{pipeline.handle(), groups, cost};
  const uint32_t counts[3] = {groups.x, groups.y, groups.z};
  for (uint32_t axis = pipeline.shader().counts_groups && !independent ? 1 : 0; axis < 3; ++axis)
    if (counts[axis] > kind.parts) kind.axis = axis, kind.parts = counts[axis];
  cut_before_dispatch(kind);
  if (!bind(pipeline, push, bindings, nullptr)) return;
  if (profiler_) profiler_->before(commands_, pipeline.name(), cost.bytes, cost.flops);
  if (const uint32_t pieces = pieces_of(kind); pieces > 1)
    dispatch_pieces(pipeline, push, kind, pieces);
  else
    device_->table().vkCmdDispatch(commands_, groups.x, groups.y, groups.z);
  if (profiler_) profiler_->after(commands_);
  ++dispatches_;
}

void CommandStream::dispatch_indirect(const Pipeline& pipeline, std::span<const std::byte> push,
                                      std::span<const BufferView> bindings, BufferView arguments, Cost cost) {
  cut_before_dispatch({pipeline.handle(), Groups{0, 0, 0}, cost});
  if (!bind(pipeline, push, bindings, &arguments)) return;
  if (profiler_) profiler_->before(commands_, pipeline.name(), cost.bytes, cost.flops);
  device_->table().vkCmdDispatchIndirect(commands_, arguments.buffer, arguments.offset);
  if (profiler_) profiler_->after(commands_);
  ++dispatches_;
}

void CommandStream::copy(BufferView source, BufferView target) {
  if (error_) return;
  target.size = source.size;
  const Access accesses[] = {{source, false}, {target, true}};
  order(accesses);
  const VkBufferCopy region{source.offset, target.offset, source.size};
  device_->table().vkCmdCopyBuffer(commands_, source.buffer, target.buffer, 1, &region);
}

void CommandStream::fill(BufferView target, uint32_t word) {
  if (error_) return;
  const Access access{target, true};
  order({&access, 1});
  device_->table().vkCmdFillBuffer(commands_, target.buffer, target.offset, target.size, word);
}

Result<void> CommandStream::end() {
  if (error_) return *error_;
  full_barrier(device_->table(), commands_, VK_PIPELINE_STAGE_HOST_BIT, VK_ACCESS_HOST_READ_BIT);
  return end_part();
}

Result<uint64_t> CommandStream::submit(const CommandStream* before) {
  chunks_.clear();
  if (before)
    for (size_t i = 0; i < before->parts_; ++i)
      chunks_.push_back({.commands = before->buffers_[i], .secondary = before->secondary(i)});
  for (size_t i = 0; i < parts_; ++i)
    chunks_.push_back({buffers_[i], parting_.timed ? &times_[i] : nullptr, secondary(i)});
  return device_->submit(chunks_);
}

Result<void> CommandStream::run() {
  PUMICE_ASSIGN(const uint64_t value, submit());
  const Result<bool> finished = device_->wait(value);
  if (finished) return {};
  device_->settle(value);
  return finished.error();
}

}  // namespace pumice::vk
