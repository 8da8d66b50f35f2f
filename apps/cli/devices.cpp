// `pumice devices`: what there is to run on.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "common/start.h"
#include "output.h"

namespace pumice_cli {

namespace {

using Json = nlohmann::ordered_json;

struct DevicesFlags {
  DeviceFlags device;
  bool json = false;
  bool environment = false;
};

const char* type_name(PumiceDeviceType type) {
  switch (type) {
    case PUMICE_DEVICE_INTEGRATED:
      return "integrated";
    case PUMICE_DEVICE_DISCRETE:
      return "discrete";
    case PUMICE_DEVICE_VIRTUAL:
      return "virtual";
    case PUMICE_DEVICE_CPU:
      return "cpu";
    case PUMICE_DEVICE_OTHER:
      break;
  }
  return "other";
}

// VK_API_VERSION's fields (Vulkan specification, "Version Numbers").
std::string version_text(std::uint32_t version) {
  return fmt::format("{}.{}.{}", (version >> 22) & 0x7f, (version >> 12) & 0x3ff, version & 0xfff);
}

Json device_json(const PumiceDeviceInfo& device) {
  return {{"index", device.index},
          {"name", device.name},
          {"driver", device.driver},
          {"uuid", device.uuid},
          {"type", type_name(device.type)},
          {"vendor_id", device.vendor_id},
          {"device_id", device.device_id},
          {"api_version", version_text(device.api_version)},
          {"memory_bytes", device.memory_bytes},
          {"budget_bytes", device.budget_bytes},
          {"subgroup_size", device.subgroup_size},
          {"usable", device.usable != 0},
          {"reason", device.reason},
          {"default", device.is_default != 0}};
}

std::string device_text(const PumiceDeviceInfo& device) {
  std::string text = fmt::format("{}{:>3}  {}\n", device.is_default ? '*' : ' ', device.index, printable(device.name));
  text += fmt::format("      {}, {}, Vulkan {}, {} ({} free for us), subgroups of {}\n", type_name(device.type),
                      printable(device.driver), version_text(device.api_version), format_bytes(device.memory_bytes),
                      format_bytes(device.budget_bytes), device.subgroup_size);
  text += fmt::format("      {}\n", device.uuid);
  if (!device.usable) text += fmt::format("      not usable: {}\n", printable(device.reason));
  return text;
}

int devices(const DevicesFlags& flags) {
  Messages messages(flags.device);
  const pumice::Instance instance = open_instance(flags.device, &messages);
  const std::vector<PumiceDeviceInfo> all = instance.devices();
  if (flags.environment) {
    std::string text;
    for (const pumice_apps::EnvironmentVariable& variable : pumice_apps::asked_environment(all))
      text += variable.name + "=" + variable.value + "\n";
    write_stdout(text);
    return kExitOk;
  }
  if (flags.json) {
    Json list = Json::array();
    for (const PumiceDeviceInfo& device : all) list.push_back(device_json(device));
    write_stdout(list.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
    return kExitOk;
  }
  std::string text;
  for (const PumiceDeviceInfo& device : all) text += device_text(device);
  write_stdout(text);
  if (all.empty()) {
    note("no Vulkan device found: install your GPU's Vulkan driver, or mesa-vulkan-drivers for one that uses the CPU");
    return kExitNoDevice;
  }
  return kExitOk;
}

}  // namespace

void add_devices_command(CLI::App* app, Action* action) {
  auto flags = std::make_shared<DevicesFlags>();
  CLI::App* command = app->add_subcommand("devices", "list the Vulkan devices; * is the one taken without --device");
  command->add_flag("--json", flags->json, "an array of objects; [] when there is no device");
  command->add_flag("--environment", flags->environment,
                    "the variables that unusable devices say to set, for a script");
  add_verbosity_flags(command, &flags->device);
  command->callback([=] { *action = [flags] { return devices(*flags); }; });
}

}  // namespace pumice_cli
