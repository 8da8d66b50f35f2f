// `pumice matrix`: what the device's compiler makes of every pipeline.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "commands.h"
#include "interrupt.h"
#include "output.h"

namespace pumice_cli {

namespace {

using Json = nlohmann::ordered_json;

struct MatrixFlags {
  DeviceFlags device;
  std::string kernel;
  bool candidates = false;
  bool json = false;
  bool csv = false;
  bool strict = false;
};

std::int32_t on_progress(void* quiet, float fraction) {
  if (!*static_cast<bool*>(quiet)) show_progress(fmt::format("compiling pipelines {:.0f}%", 100.0f * fraction));
  return interrupted() ? 1 : 0;
}

std::string constants_text(const Json& pipeline) {
  std::string text;
  for (const Json& value : pipeline["constants"]) text += fmt::format("{}{}", text.empty() ? "" : " ", value.dump());
  return text;
}

std::string problems_text(const Json& pipeline) {
  std::string text;
  for (const Json& problem : pipeline["problems"]) text += (text.empty() ? "" : "; ") + problem.get<std::string>();
  return text;
}

std::string variant_text(const Json& pipeline) {
  const std::string variant = pipeline["variant"];
  return pipeline["kernel"].get<std::string>() + (variant.empty() ? "" : "." + variant);
}

// RFC 4180.
std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + '"';
}

// One row a pipeline, one column a statistic.
std::string csv_text(const Json& report) {
  std::vector<std::string> statistics;
  for (const Json& pipeline : report) {
    for (const auto& [name, value] : pipeline["statistics"].items()) {
      if (std::find(statistics.begin(), statistics.end(), name) == statistics.end()) statistics.push_back(name);
    }
  }
  std::string text = "variant,constants,subgroup,use,workgroup,shared_bytes,push_bytes,problems";
  for (const std::string& name : statistics) text += "," + csv_field(name);
  text += "\n";
  for (const Json& pipeline : report) {
    text +=
        fmt::format("{},{},{},{},{},{},{},{}", variant_text(pipeline), constants_text(pipeline),
                    pipeline["required_subgroup_size"].dump(), csv_field(pipeline["use"]), pipeline["workgroup"].dump(),
                    pipeline["shared_bytes"].dump(), pipeline["push_bytes"].dump(), csv_field(problems_text(pipeline)));
    for (const std::string& name : statistics) {
      text += ",";
      if (pipeline["statistics"].contains(name)) text += pipeline["statistics"][name].dump();
    }
    text += "\n";
  }
  return text;
}

std::string table_text(const Json& report) {
  std::string text = fmt::format("{:<28}{:<18}{:>6}{:>8}{:>6}  {}\n", "variant", "constants", "group", "shared", "push",
                                 "problems, or the use");
  for (const Json& pipeline : report) {
    const std::string problems = problems_text(pipeline);
    text += fmt::format("{:<28}{:<18}{:>6}{:>8}{:>6}  {}\n", variant_text(pipeline), constants_text(pipeline),
                        pipeline["workgroup"].dump(), pipeline["shared_bytes"].dump(), pipeline["push_bytes"].dump(),
                        problems.empty() ? pipeline["use"].get<std::string>()
                                         : problems + " (" + pipeline["use"].get<std::string>() + ")");
  }
  return text;
}

std::string summary(const Json& report, std::size_t problematic) {
  const bool told = std::any_of(report.begin(), report.end(), [](const Json& p) { return !p["statistics"].empty(); });
  return fmt::format("{} pipelines, {} with problems{}", report.size(), problematic,
                     told ? "" : "; the driver gives no statistics, so only what does not compile was found");
}

int matrix(MatrixFlags flags) {
  catch_interrupts();
  Messages messages(flags.device);
  const pumice::Instance instance = open_instance(flags.device, &messages);
  const pumice::Device device = open_device(instance, flags.device, false);
  PumicePipelineReportOptions options = pumice_pipeline_report_options_init();
  options.kernel = flags.kernel.empty() ? nullptr : flags.kernel.c_str();
  options.candidates = flags.candidates ? 1 : 0;
  options.progress = on_progress;
  options.progress_user = &flags.device.quiet;
  const Json report = Json::parse(device.pipeline_report(options));
  show_progress("");
  const auto problematic = static_cast<std::size_t>(
      std::count_if(report.begin(), report.end(), [](const Json& p) { return !p["problems"].empty(); }));
  if (flags.json) {
    write_stdout(report.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
  } else if (flags.csv) {
    write_stdout(csv_text(report));
  } else {
    write_stdout(table_text(report) + summary(report, problematic) + "\n");
  }
  if (!flags.device.quiet && (flags.json || flags.csv)) note(summary(report, problematic));
  if (flags.strict && problematic > 0) return kExitInternal;
  return messages.exit_code();
}

}  // namespace

void add_matrix_command(CLI::App* app, Action* action) {
  auto flags = std::make_shared<MatrixFlags>();
  CLI::App* command =
      app->add_subcommand("matrix", "compile every pipeline and show the driver's statistics: registers, spills");
  command->add_option("--kernel", flags->kernel, "this one alone, such as matvec")->type_name("NAME");
  command->add_flag("--candidates", flags->candidates, "also what tuning may choose instead");
  auto* json = command->add_flag("--json", flags->json, "an array with an object for each pipeline");
  command->add_flag("--csv", flags->csv, "a line for each pipeline, a column for each statistic")->excludes(json);
  command->add_flag("--strict", flags->strict, "exit code 1 when any pipeline has a problem");
  add_device_flags(command, &flags->device);
  command->callback([=] { *action = [flags] { return matrix(*flags); }; });
}

}  // namespace pumice_cli
