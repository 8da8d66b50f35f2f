// Instances, devices and what belongs to no object.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "api/handles.h"
#include "kernels/tuning_file.h"

namespace pumice {

void LastError::set(std::string message) noexcept {
  std::lock_guard lock(mutex_);
  message_ = std::move(message);
  literal_ = nullptr;
}

void LastError::set_literal(const char* message) noexcept {
  std::lock_guard lock(mutex_);
  literal_ = message;
}

void LastError::poison(const BrokenInvariant& broken) noexcept {
  std::lock_guard lock(mutex_);
  if (!broken_) broken_ = broken;
  poisoned_.store(true, std::memory_order_release);
}

Result<void> LastError::check() const {
  if (poisoned()) return error(Status::kInternal, "the object is not usable any more");
  return {};
}

size_t LastError::copy(char* buffer, size_t capacity) const {
  std::lock_guard lock(mutex_);
  if (broken_) return copy_text(broken_->what(), buffer, capacity);
  return copy_text(literal_ ? std::string_view(literal_) : message_, buffer, capacity);
}

size_t copy_text(std::string_view text, char* buffer, size_t capacity) {
  if (buffer && capacity > 0) {
    const size_t length = std::min(text.size(), capacity - 1);
    std::memcpy(buffer, text.data(), length);
    buffer[length] = '\0';
  }
  return text.size();
}

Result<void> open_device(DeviceObject& object, const vk::Instance& instance, const vk::PhysicalDevice& physical,
                         const PumiceDeviceOptions& options, std::optional<vk::HostDevice> host) {
  vk::DeviceOptions made{.caps = physical.caps,
                         .pipeline_cache_path = options.pipeline_cache_path ? options.pipeline_cache_path : "",
                         .host = std::move(host)};
  if (options.disable_subgroups) made.caps.subgroup_shuffle = false;
  PUMICE_ASSIGN(object.device, vk::Device::create(instance, physical.handle, std::move(made)));
  object.kernels = std::make_unique<Kernels>(*object.device);
  object.autotune = !options.disable_autotune;
  if (options.pipeline_cache_path && object.autotune) {
    object.tuning_path = std::string(options.pipeline_cache_path) + ".tuning";
    read_tuning(*object.kernels, object.tuning_path, PUMICE_VERSION);
  }
  return {};
}

namespace {

std::vector<vk::DeviceCaps> caps_of(std::span<const vk::PhysicalDevice> devices) {
  std::vector<vk::DeviceCaps> caps;
  for (const vk::PhysicalDevice& device : devices) caps.push_back(device.caps);
  return caps;
}

PumiceDeviceInfo info_of(const vk::DeviceCaps& caps, bool is_default) {
  PumiceDeviceInfo info = pumice_device_info_init();
  info.index = caps.index;
  copy_text(caps.name, info.name);
  copy_text(caps.driver, info.driver);
  copy_text(caps.uuid, info.uuid);
  info.type = static_cast<PumiceDeviceType>(caps.type);
  info.vendor_id = caps.vendor_id;
  info.device_id = caps.device_id;
  info.api_version = caps.api_version;
  info.memory_bytes = caps.memory_bytes;
  info.budget_bytes = caps.budget_bytes;
  info.subgroup_size = caps.subgroup_size;
  info.usable = caps.unusable_reason.empty() ? 1 : 0;
  copy_text(caps.unusable_reason, info.reason);
  std::string environment;
  for (const vk::EnvironmentVariable& variable : caps.environment)
    environment += (environment.empty() ? "" : " ") + variable.name + "=" + variable.value;
  copy_text(environment, info.environment);
  info.is_default = is_default ? 1 : 0;
  return info;
}

Log log_of(const PumiceInstanceOptions& options) {
  return Log(
      [log = options.log, user = options.log_user, least = options.log_level](LogLevel level, std::string_view text) {
        if (static_cast<PumiceLogLevel>(level) >= least) hand_on_log(log, user, level, text);
      });
}

Result<void> create_device(const std::shared_ptr<InstanceObject>& instance, const PumiceDeviceOptions& options,
                           PumiceDevice** device) {
  PUMICE_ASSIGN(const std::span<const vk::PhysicalDevice> devices, instance->instance->devices());
  const std::vector<vk::DeviceCaps> caps = caps_of(devices);
  PUMICE_ASSIGN(const size_t chosen, vk::select_device(caps, options.selector ? options.selector : ""));
  auto object = std::make_shared<DeviceObject>();
  object->parent = instance;
  PUMICE_TRY(open_device(*object, *instance->instance, devices[chosen], options));
  *device = new PumiceDevice{std::move(object)};
  return {};
}

}  // namespace
}  // namespace pumice

using namespace pumice;

extern "C" {

const char* pumice_result_name(PumiceResult result) {
  switch (result) {
    case PUMICE_OK:
      return "ok";
    case PUMICE_INVALID_ARGUMENT:
      return "invalid argument";
    case PUMICE_NOT_FOUND:
      return "not found";
    case PUMICE_MALFORMED:
      return "malformed file";
    case PUMICE_UNSUPPORTED:
      return "unsupported";
    case PUMICE_OUT_OF_HOST_MEMORY:
      return "out of host memory";
    case PUMICE_OUT_OF_DEVICE_MEMORY:
      return "out of device memory";
    case PUMICE_DEVICE_LOST:
      return "device lost";
    case PUMICE_IO:
      return "input/output error";
    case PUMICE_CANCELLED:
      return "cancelled";
    case PUMICE_CONTEXT_FULL:
      return "context full";
    case PUMICE_TIMEOUT:
      return "timeout";
    case PUMICE_INTERNAL:
      return "internal error";
  }
  return "unknown result";
}

PumiceResult pumice_instance_create(const PumiceInstanceOptions* options, PumiceInstance** instance) {
  return guarded(nullptr, [&]() -> Result<void> {
    if (!instance) return invalid("instance");
    PUMICE_ASSIGN(const PumiceInstanceOptions given,
                  taken_if_given(options, pumice_instance_options_init(), "instance options"));
    vk::InstanceOptions made{.validation = given.validation != 0};
    if (given.log) made.log = log_of(given);
    auto object = std::make_shared<InstanceObject>();
    object->instance = std::make_unique<vk::Instance>(std::move(made));
    *instance = new PumiceInstance{std::move(object)};
    return {};
  });
}

void pumice_instance_destroy(PumiceInstance* instance) { delete instance; }

size_t pumice_instance_error(const PumiceInstance* instance, char* buffer, size_t capacity) {
  return instance ? instance->object->last_error.copy(buffer, capacity) : copy_text("", buffer, capacity);
}

PumiceResult pumice_device_count(PumiceInstance* instance, uint32_t* count) {
  if (!instance || !count) return PUMICE_INVALID_ARGUMENT;
  return guarded(&instance->object->last_error, [&]() -> Result<void> {
    PUMICE_ASSIGN(const std::span<const vk::PhysicalDevice> devices, instance->object->instance->devices());
    *count = static_cast<uint32_t>(devices.size());
    return {};
  });
}

PumiceResult pumice_device_get_info(PumiceInstance* instance, uint32_t index, PumiceDeviceInfo* info) {
  if (!instance) return PUMICE_INVALID_ARGUMENT;
  return guarded(&instance->object->last_error, [&]() -> Result<void> {
    PUMICE_TRY(check_struct(info, "info"));
    PUMICE_ASSIGN(const std::span<const vk::PhysicalDevice> devices, instance->object->instance->devices());
    const std::vector<vk::DeviceCaps> caps = caps_of(devices);
    if (index >= caps.size())
      return error(Status::kNotFound, "there is no device %u; there are %zu", index, caps.size());
    const Result<size_t> chosen = vk::select_device(caps, "");
    hand_out(info_of(caps[index], chosen && *chosen == index), info);
    return {};
  });
}

PumiceResult pumice_device_create_auto(PumiceInstance* instance, const PumiceDeviceOptions* options,
                                       PumiceDevice** device) {
  if (!instance) return PUMICE_INVALID_ARGUMENT;
  return guarded(&instance->object->last_error, [&]() -> Result<void> {
    if (!device) return invalid("device");
    PUMICE_ASSIGN(const PumiceDeviceOptions given,
                  taken_if_given(options, pumice_device_options_init(), "device options"));
    return create_device(instance->object, given, device);
  });
}

void pumice_device_destroy(PumiceDevice* device) { delete device; }

PumiceResult pumice_device_describe(const PumiceDevice* device, PumiceDeviceInfo* info) {
  if (!device) return PUMICE_INVALID_ARGUMENT;
  return guarded(&device->object->last_error, [&]() -> Result<void> {
    PUMICE_TRY(check_struct(info, "info"));
    const vk::DeviceCaps& caps = device->object->device->caps();
    bool is_default = false;
    if (!device->object->lent) {
      PUMICE_ASSIGN(const std::span<const vk::PhysicalDevice> devices, device->object->parent->instance->devices());
      const Result<size_t> chosen = vk::select_device(caps_of(devices), "");
      is_default = chosen && *chosen == caps.index;
    }
    hand_out(info_of(caps, is_default), info);
    return {};
  });
}

PumiceResult pumice_device_set_budget(PumiceDevice* device, uint64_t bytes) {
  if (!device) return PUMICE_INVALID_ARGUMENT;
  return guarded(&device->object->last_error, [&]() -> Result<void> {
    device->object->device->memory().set_limit(bytes);
    return {};
  });
}

PumiceResult pumice_device_get_memory(PumiceDevice* device, PumiceDeviceMemory* memory) {
  if (!device) return PUMICE_INVALID_ARGUMENT;
  return guarded(&device->object->last_error, [&]() -> Result<void> {
    PUMICE_TRY(check_struct(memory, "memory"));
    PumiceDeviceMemory made = pumice_device_memory_init();
    made.used_bytes = device->object->device->memory().reserved_bytes();
    const uint64_t limit = device->object->device->memory().limit();
    made.allowed_bytes = std::min(device->object->device->memory_allowance(), limit != 0 ? limit : UINT64_MAX);
    hand_out(made, memory);
    return {};
  });
}

size_t pumice_device_error(const PumiceDevice* device, char* buffer, size_t capacity) {
  return device ? device->object->last_error.copy(buffer, capacity) : copy_text("", buffer, capacity);
}

}  // extern "C"
