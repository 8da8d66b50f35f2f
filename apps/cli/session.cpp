#include "session.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "common/start.h"
#include "common/system.h"
#include "interrupt.h"
#include "models.h"
#include "output.h"

namespace pumice_cli {

namespace fs = std::filesystem;

namespace {

// A file of pipelines for each device choice, under the user's cache folder.
// Empty when there is no such folder and none can be made: it only saves time.
std::string pipeline_cache_path(const pumice::Instance& instance, const std::string& selector) {
  const fs::path base = pumice_apps::cache_folder();
  if (base.empty()) return {};
  std::string key = selector;
  if (key.empty()) {
    for (const PumiceDeviceInfo& info : instance.devices()) {
      if (info.is_default) key = info.uuid;
    }
  }
  for (char& c : key) {
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-') c = '_';
  }
  std::error_code failed;
  fs::create_directories(base / "pumice", failed);
  return failed ? std::string() : (base / "pumice" / ("pipelines-" + key + ".bin")).string();
}

void announce(const pumice::Instance& instance, const PumiceDeviceInfo& device) {
  const std::string name = printable(device.name), driver = printable(device.driver);
  if (device.type != PUMICE_DEVICE_CPU) {
    note(fmt::format("using {}, driver {}", name, driver));
    return;
  }
  const std::vector<PumiceDeviceInfo> all = instance.devices();
  const bool has_gpu = std::any_of(all.begin(), all.end(), [](const PumiceDeviceInfo& other) {
    return other.usable && other.type != PUMICE_DEVICE_CPU;
  });
  note(fmt::format("{}using the CPU through {}, driver {}; this is slow", has_gpu ? "" : "no GPU found: ", name,
                   driver));
}

std::int32_t on_warm_up_progress(void* quiet, float fraction) {
  if (!*static_cast<const bool*>(quiet)) show_progress(fmt::format("preparing the kernels {:.0f}%", 100.0f * fraction));
  return interrupted() ? 1 : 0;
}

std::int32_t on_load_progress(void* quiet, float fraction) {
  if (!*static_cast<bool*>(quiet)) show_progress(fmt::format("loading the model {:.0f}%", 100.0f * fraction));
  return interrupted() ? 1 : 0;
}

}  // namespace

double now_ms() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string model_path(const std::string& path) {
  if (!path.empty()) return path_of_model(path);
  const std::string bundled = pumice_apps::bundled_model();
  if (!bundled.empty()) return bundled;
  throw Failure(kExitNotFound, fmt::format("the bundled model {} was not found (looked in {}): give -m MODEL",
                                           pumice_apps::kBundledModel,
                                           pumice_apps::model_folders().front().lexically_normal().string()));
}

void Messages::receive(void* self, PumiceLogLevel level, const char* text) {
  Messages& messages = *static_cast<Messages*>(self);
  if (level == PUMICE_LOG_ERROR) ++messages.errors_;
  if (level < PUMICE_LOG_WARNING && !messages.verbose_) return;
  if (level == PUMICE_LOG_WARNING && messages.quiet_) return;
  try {
    note(fmt::format("{}{}", level == PUMICE_LOG_WARNING ? "warning: " : "", printable(text)));
  } catch (const std::bad_alloc&) {  // nothing may be thrown into the library
  }
}

int Messages::exit_code() const {
  if (!validate_ || errors_ == 0) return kExitOk;
  note(fmt::format("{} errors were reported while --validate was on", errors_.load()));
  return kExitInternal;
}

pumice::Instance open_instance(const DeviceFlags& flags, Messages* messages) {
  PumiceInstanceOptions options = pumice_instance_options_init();
  options.log = Messages::receive;
  options.log_user = messages;
  options.validation = flags.validate ? 1 : 0;
  return pumice::Instance(options);
}

pumice::Model open_vocabulary(const pumice::Instance& instance, const std::string& path) {
  return pumice::Model(instance, model_path(path));
}

pumice::Device open_device(const pumice::Instance& instance, const DeviceFlags& flags, bool cached) {
  const std::string cache = cached ? pipeline_cache_path(instance, flags.selector) : std::string();
  PumiceDeviceOptions options = pumice_device_options_init();
  options.selector = flags.selector.empty() ? nullptr : flags.selector.c_str();
  options.pipeline_cache_path = cache.empty() ? nullptr : cache.c_str();
  options.disable_subgroups = flags.no_subgroups ? 1 : 0;
  options.disable_autotune = flags.no_autotune ? 1 : 0;
  try {
    pumice::Device device(instance, options);
    if (!flags.quiet) announce(instance, device.info());
    return device;
  } catch (const pumice::Error& error) {
    const bool device_problem = error.code() == PUMICE_NOT_FOUND || error.code() == PUMICE_UNSUPPORTED ||
                                error.code() == PUMICE_INVALID_ARGUMENT;
    if (!device_problem) throw;
    throw Failure(kExitNoDevice, fmt::format("{}; 'pumice devices' lists what there is", error.what()));
  }
}

Session::Session(const DeviceFlags& flags, Messages* messages, const std::string& path, const ContextFlags& context)
    : path_(model_path(path)), instance_(open_instance(flags, messages)), device_(open_device(instance_, flags, true)) {
  load_model(flags, flags.projector.empty() && flags.pictures ? projector_of_model(path) : flags.projector);
  // A software driver compiles on the cores that are to compute, and has nothing to choose from: as needed is sooner.
  if (!flags.no_autotune && device_.info().type != PUMICE_DEVICE_CPU) warm_up(flags, context);
}

void Session::load_model(const DeviceFlags& flags, const std::string& projector) {
  const double start = now_ms();
  bool quiet = flags.quiet;
  PumiceModelOptions options = pumice_model_options_init();
  options.path = path_.c_str();
  options.host_layers = flags.host_layers;
  options.projector = projector.empty() ? nullptr : projector.c_str();
  options.progress = on_load_progress;
  options.progress_user = &quiet;
  model_.emplace(instance_, device_, options);
  show_progress("");
  load_ms_ = now_ms() - start;
}

std::optional<pumice::Model> Session::load_draft(const ContextFlags& flags, PumiceContextOptions* options) const {
  if (flags.draft.empty()) return std::nullopt;
  const std::string path = model_path(flags.draft);
  PumiceModelOptions load = pumice_model_options_init();
  load.path = path.c_str();
  std::optional<pumice::Model> draft;
  draft.emplace(instance_, device_, load);
  options->draft = draft->get();
  options->draft_tokens = flags.draft_tokens;
  return draft;
}

void Session::warm_up(const DeviceFlags& flags, const ContextFlags& context) {
  const double start = now_ms();
  bool quiet = flags.quiet;
  const PumiceContextOptions to_come = context.options();
  PumiceWarmUpOptions options = pumice_warm_up_options_init();
  options.kv_type = to_come.kv_type;
  options.kv_type_v = to_come.kv_type_v;
  options.disable_kv_rotation = to_come.disable_kv_rotation;
  options.progress = on_warm_up_progress;
  options.progress_user = &quiet;
  model_->warm_up(options);
  show_progress("");
  warm_up_ms_ = now_ms() - start;
}

std::string Session::device_name() const { return device_.info().name; }
std::string Session::driver_name() const { return device_.info().driver; }

std::string Session::model_name() const {
  const std::string name = model_->info().name;
  return name.empty() ? fs::path(path_).filename().string() : name;
}

std::vector<float> evaluate(pumice::Sequence& sequence, const std::vector<std::int32_t>& ids, std::size_t vocabulary,
                            bool quiet) {
  constexpr std::size_t kPiece = 512;  // a whole number of pages, so that the result does not depend on it
  std::vector<float> logits;
  for (std::size_t start = 0; start < ids.size(); start += kPiece) {
    throw_if_interrupted();
    if (!quiet && start > 0) show_progress(fmt::format("reading the prompt {}/{}", start, ids.size()));
    const auto first = ids.begin() + static_cast<std::ptrdiff_t>(start);
    const std::vector<std::int32_t> piece(first,
                                          first + static_cast<std::ptrdiff_t>(std::min(kPiece, ids.size() - start)));
    logits = sequence.evaluate(piece, vocabulary);
  }
  show_progress("");
  return logits;
}

void check_prompt_fits(std::size_t prompt_tokens, std::uint32_t context_tokens) {
  if (prompt_tokens <= context_tokens) return;
  throw Failure(kExitContextTooSmall,
                fmt::format("the prompt has {} tokens but the context holds {}: shorten it or use "
                            "--ctx {}",
                            prompt_tokens, context_tokens, (prompt_tokens / 256 + 1) * 256));
}

}  // namespace pumice_cli
