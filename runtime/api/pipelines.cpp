// Pipelines: what a device's compiler makes of them, as JSON; making and tuning those of a model.
#include <cmath>
#include <cstdio>

#include "api/handles.h"
#include "engine/warm_up.h"
#include "kernels/pipeline_report.h"
#include "kernels/tuning_file.h"
#include "model/catalogue.h"

namespace pumice {
namespace {

std::string json_string(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    char escaped[8];
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
      quoted += escaped;
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

std::string json_number(double value) {
  char text[40];
  if (!std::isfinite(value)) return "null";
  std::snprintf(text, sizeof text, value == std::floor(value) && std::fabs(value) < 0x1p53 ? "%.0f" : "%.17g", value);
  return text;
}

template <typename Range, typename Render>
std::string json_list(const char* brackets, const Range& range, Render&& render) {
  std::string text(1, brackets[0]);
  for (const auto& item : range) {
    if (text.size() > 1) text += ',';
    text += render(item);
  }
  text += brackets[1];
  return text;
}

std::string statistics_json(const std::vector<vk::PipelineExecutable>& executables) {
  std::vector<std::pair<std::string, double>> all;
  for (const vk::PipelineExecutable& executable : executables)
    for (const vk::PipelineStatistic& statistic : executable.statistics)
      all.emplace_back((executables.size() > 1 ? executable.name + ": " : "") + statistic.name, statistic.value);
  return json_list("{}", all,
                   [](const auto& pair) { return json_string(pair.first) + ":" + json_number(pair.second); });
}

std::string report_json(const PipelineReport& report) {
  const PipelineKey& key = report.pipeline.key;
  const std::string name(key.shader.name());
  const size_t dot = name.find('.');
  const auto count = [](uint64_t value) { return std::to_string(value); };
  const auto flag = [](bool value) { return std::string(value ? "true" : "false"); };
  const auto words = [&](const std::vector<uint32_t>& list) {
    return json_list("[]", list, [](uint32_t value) { return std::to_string(value); });
  };
  std::vector<uint32_t> subgroups;
  for (const vk::PipelineExecutable& executable : report.executables) subgroups.push_back(executable.subgroup_size);
  return "{\"kernel\":" + json_string(name.substr(0, dot)) +
         ",\"variant\":" + json_string(dot == std::string::npos ? "" : name.substr(dot + 1)) +
         ",\"constants\":" + words(key.constants) + ",\"full_subgroups\":" + flag(key.full_subgroups) +
         ",\"required_subgroup_size\":" + count(key.subgroup_size) + ",\"use\":" + json_string(report.pipeline.use) +
         ",\"decode\":" + flag(report.pipeline.decode) + ",\"candidate\":" + count(report.pipeline.candidate) +
         ",\"workgroup\":" + count(report.workgroup) + ",\"shared_bytes\":" + count(report.shared_bytes) +
         ",\"push_bytes\":" + count(report.push_bytes) + ",\"subgroup_sizes\":" + words(subgroups) +
         ",\"statistics\":" + statistics_json(report.executables) +
         ",\"problems\":" + json_list("[]", report.problems, json_string) + "}";
}

Result<WarmUpSummary> warm_up_object(const ModelObject& object, const PumiceWarmUpOptions& options) {
  if (!object.model) return invalid("the model was opened without a device; load it with one");
  const DeviceObject& device = *object.device;
  PUMICE_TRY(device.device->check());
  PUMICE_ASSIGN(const KvFormat kv, translate_kv(options.kv_type, options.kv_type_v, options.disable_kv_rotation));
  WarmUpOptions translated{.kv = kv,
                           .autotune = device.autotune && options.autotune_seconds >= 0,
                           .autotune_seconds = options.autotune_seconds};
  if (options.progress)
    translated.progress = [&](float fraction) { return options.progress(options.progress_user, fraction) != 0; };
  // A table that cannot be kept only costs time at the next start.
  translated.tuned = [&] {
    if (device.tuning_path.empty()) return;
    const Result<void> written = write_tuning(*device.kernels, device.tuning_path, PUMICE_VERSION);
    if (!written)
      device.device->log().write(LogLevel::kWarning, "tuning not kept: %s", written.error().message.c_str());
  };
  return warm_up(*object.model, translated);
}

}  // namespace
}  // namespace pumice

using namespace pumice;

extern "C" {

PumiceResult pumice_device_pipeline_report(PumiceDevice* device, const PumicePipelineReportOptions* options) {
  if (!device) return PUMICE_INVALID_ARGUMENT;
  return guarded(&device->object->last_error, [&]() -> Result<void> {
    PUMICE_ASSIGN(const PumicePipelineReportOptions given,
                  taken(options, pumice_pipeline_report_options_init(), "options"));
    if (!given.write) return invalid("options have no write function");
    PipelineReportOptions translated{.kernel = given.kernel ? given.kernel : ""};
    if (given.progress)
      translated.progress = [&](float fraction) { return given.progress(given.progress_user, fraction) != 0; };
    vk::Device& reported = *device->object->device;
    PUMICE_ASSIGN(const std::vector<PipelineReport> reports,
                  report_pipelines(reported, pipeline_catalogue(reported.caps(), given.candidates != 0), translated));
    const std::string text = json_list("[]", reports, report_json);
    given.write(given.write_user, text.data(), text.size());
    return {};
  });
}

PumiceResult pumice_model_warm_up(PumiceModel* model, const PumiceWarmUpOptions* options, PumiceWarmUpInfo* info) {
  if (!model) return PUMICE_INVALID_ARGUMENT;
  return guarded(&model->object->last_error, [&]() -> Result<void> {
    if (info) PUMICE_TRY(check_struct(info, "info"));
    PUMICE_ASSIGN(const PumiceWarmUpOptions given, taken_if_given(options, pumice_warm_up_options_init(), "options"));
    PUMICE_ASSIGN(const WarmUpSummary summary, warm_up_object(*model->object, given));
    if (!info) return {};
    PumiceWarmUpInfo made = pumice_warm_up_info_init();
    made.pipelines = summary.pipelines;
    made.tuned = summary.tuning.measured;
    made.changed = summary.tuning.changed;
    made.excluded = summary.tuning.excluded;
    hand_out(made, info);
    return {};
  });
}

}  // extern "C"
