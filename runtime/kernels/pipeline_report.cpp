#include "kernels/pipeline_report.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>
#include <utility>

#include "vk/embedded_shaders.h"

namespace pumice {
namespace {

// Drivers' names for what every compiler has; the same meaning has other words in each. Mesa 26: RADV, ANV, NVK,
// Turnip, Honeykrisp; Mesa's other drivers and closed ones use some of the same.
constexpr std::string_view kSpills[] = {"Spilled VGPRs",    "Spilled SGPRs", "Spill Count",         "Spills",
                                        "Spills to memory", "Scratch size",  "Scratch Memory Size", "Scratch",
                                        "STP Count",        "SLM size"};
// Subgroups that fit a compute unit's scheduler at once.
constexpr std::string_view kResidentSubgroups[] = {"Subgroups per SIMD", "Max Waves Per Core", "Max warps/SM",
                                                   "Threads"};

std::optional<double> find(const vk::PipelineExecutable& executable, std::span<const std::string_view> names) {
  for (const vk::PipelineStatistic& statistic : executable.statistics)
    if (std::find(names.begin(), names.end(), statistic.name) != names.end()) return statistic.value;
  return std::nullopt;
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, value == std::floor(value) ? "%.0f" : "%.2f", value);
  return text;
}

PipelineReport report_one(vk::Device& device, const CataloguedPipeline& pipeline) {
  PipelineReport report{.pipeline = pipeline};
  const PipelineKey& key = pipeline.key;
  const std::string name(key.shader.name());
  const EmbeddedShader* shader = find_embedded_shader(name);
  if (!shader) {
    report.failure = "no such variant in this build";
    return report;
  }
  const auto words = spirv_of(*shader);
  if (!words) {
    report.failure = words.error().message;
    return report;
  }
  if (const auto interface = vk::reflect(*words, key.constants)) {
    report.shared_bytes = interface->shared_bytes;
    report.workgroup = interface->invocations();
    report.push_bytes = interface->push_bytes;
  }
  const Result<vk::Pipeline> made = vk::Pipeline::create(device, {.name = name,
                                                                  .words = *words,
                                                                  .constants = key.constants,
                                                                  .full_subgroups = key.full_subgroups,
                                                                  .subgroup_size = key.subgroup_size,
                                                                  .statistics = true});
  if (!made) {
    report.failure = made.error().message;
    return report;
  }
  if (auto executables = vk::read_statistics(device, *made))
    report.executables = std::move(executables).value();
  else
    report.failure = executables.error().message;
  return report;
}

}  // namespace

void find_problems(std::vector<PipelineReport>& reports) {
  double most_resident = 0;
  for (const PipelineReport& report : reports)
    for (const vk::PipelineExecutable& executable : report.executables)
      most_resident = std::max(most_resident, find(executable, kResidentSubgroups).value_or(0));
  for (PipelineReport& report : reports) {
    if (!report.failure.empty()) report.problems.push_back(report.failure);
    for (const vk::PipelineExecutable& executable : report.executables) {
      for (const vk::PipelineStatistic& statistic : executable.statistics)
        if (statistic.value > 0 &&
            std::find(std::begin(kSpills), std::end(kSpills), statistic.name) != std::end(kSpills))
          report.problems.push_back(statistic.name + " " + number(statistic.value));
      const std::optional<double> resident = find(executable, kResidentSubgroups);
      if (report.pipeline.decode && resident && 2 * *resident < most_resident)
        report.problems.push_back("room for " + number(*resident) + " of " + number(most_resident) + " subgroups");
    }
  }
}

Result<std::vector<PipelineReport>> report_pipelines(vk::Device& device, std::vector<CataloguedPipeline> catalogue,
                                                     const PipelineReportOptions& options) {
  if (!options.kernel.empty())
    std::erase_if(catalogue, [&](const CataloguedPipeline& pipeline) {
      const std::string_view name = pipeline.key.shader.name();
      return name != options.kernel && !name.starts_with(options.kernel + ".");
    });
  if (catalogue.empty()) return error(Status::kNotFound, "no kernel is named %s", options.kernel.c_str());
  std::vector<PipelineReport> reports;
  for (const CataloguedPipeline& pipeline : catalogue) {
    if (options.progress && options.progress(static_cast<float>(reports.size()) / static_cast<float>(catalogue.size())))
      return error(Status::kCancelled, "the report was cancelled");
    reports.push_back(report_one(device, pipeline));
  }
  find_problems(reports);
  return reports;
}

}  // namespace pumice
