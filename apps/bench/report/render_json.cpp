#include <nlohmann/json.hpp>

#include "bench/report/render.h"

namespace pumice_bench {

namespace {

using Json = nlohmann::ordered_json;

Json or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Json verification_json(const Verification& verification) {
  Json checks = Json::array();
  for (const Check& check : verification.checks) {
    checks.push_back({{"name", check.name}, {"passed", check.passed}, {"detail", clean_text(check.detail)}});
  }
  return {{"state", verified_name(verification.state)}, {"checks", std::move(checks)}};
}

Json device_json(const DeviceFacts& device) {
  return {{"name", clean_text(device.name)},
          {"driver", clean_text(device.driver)},
          {"type", device.type},
          {"vendor_id", device.vendor_id},
          {"device_id", device.device_id},
          {"subgroup_size", device.subgroup_size},
          {"memory_bytes", device.memory_bytes}};
}

Json model_json(const ModelFacts& model) {
  return {{"name", clean_text(model.name)},
          {"file", clean_text(model.file)},
          {"architecture", clean_text(model.architecture)},
          {"weights", clean_text(model.weights)},
          {"parameters", model.parameters},
          {"file_bytes", model.file_bytes},
          {"layers", model.layers},
          {"context_length", model.context_length}};
}

Json test_json(const Test& test) {
  return {{"test", test.name()},
          {"tokens", test.tokens},
          {"depth", test.depth},
          {"batch", test.batch},
          {"kv_cache", test.kv_cache},
          {"tokens_per_second", test.rate()},
          {"samples", test.samples},
          {"host_us_per_token", test.host_us_per_token},
          {"ttft_ms", test.ttft_ms},
          {"gap_ms_p50", or_null(test.gap_ms_p50)},
          {"gap_ms_p95", or_null(test.gap_ms_p95)},
          {"watts", or_null(test.watts)},
          {"tokens_per_joule", or_null(test.tokens_per_joule)}};
}

Json task_json(const TaskTest& test) {
  return {{"task", test.task},
          {"input", test.input},
          {"size", test.size},
          {"computed_seconds", test.computed_seconds()},
          {"found_seconds", test.found_seconds()},
          {"times_sooner", test.times_sooner()},
          {"computed_samples", test.computed},
          {"found_samples", test.found}};
}

Json kernel_json(const Kernel& kernel, const std::optional<Roofs>& roofs) {
  const KernelRating rating = rate_kernel(kernel, roofs);
  return {{"phase", kernel.prefill ? "prefill" : "decode"},
          {"kernel", clean_text(kernel.name)},
          {"calls", kernel.calls},
          {"microseconds", kernel.microseconds},
          {"bytes", kernel.bytes},
          {"flops", kernel.flops},
          {"bytes_per_second", rating.bytes_per_second},
          {"flops_per_second", rating.flops_per_second},
          {"bound", rating.bound.empty() ? Json(nullptr) : Json(rating.bound)},
          {"percent_of_roof", or_null(rating.percent)}};
}

Json memory_json(const Memory& memory) {
  return {{"weights_bytes", memory.weights_bytes},
          {"kv_bytes", memory.kv_bytes},
          {"workspace_bytes", memory.workspace_bytes},
          {"host_bytes", memory.host_bytes},
          {"host_peak_bytes", memory.host_peak_bytes}};
}

Json roofs_json(const Roofs& roofs) {
  return {{"read_bytes_per_second", roofs.read_bytes},
          {"copy_bytes_per_second", roofs.copy_bytes},
          {"f32_flops", roofs.f32_flops},
          {"f16_flops", roofs.f16_flops},
          {"int8_ops", roofs.int8_ops},
          {"matrix_flops", roofs.matrix_flops}};
}

}  // namespace

std::string render_json(const Report& report) {
  Json tests = Json::array(), tasks = Json::array(), kernels = Json::array();
  for (const Test& test : report.tests) tests.push_back(test_json(test));
  for (const TaskTest& test : report.tasks) tasks.push_back(task_json(test));
  for (const Kernel& kernel : report.kernels) kernels.push_back(kernel_json(kernel, report.roofs));
  const Settings& settings = report.settings;
  const Json json = {
      {"format", "pumice-bench/1"},
      {"version", report.version},
      {"time", report.time},
      {"status", status_name(report.status)},
      {"verification", verification_json(report.verification)},
      {"host",
       {{"processor", clean_text(report.host.processor)},
        {"cores", report.host.cores},
        {"system", clean_text(report.host.system)}}},
      {"device", device_json(report.device)},
      {"model", model_json(report.model)},
      {"settings",
       {{"kv_type", settings.kv_type},
        {"record", settings.record},
        {"repetitions", settings.repetitions},
        {"steps_ahead", settings.steps_ahead},
        {"prefill_slice", settings.prefill_slice}}},
      {"tests", std::move(tests)},
      {"tasks", std::move(tasks)},
      {"start",
       report.start ? Json{{"cold_ms", report.start->cold_ms}, {"warm_ms", report.start->warm_ms}} : Json(nullptr)},
      {"memory", report.memory ? memory_json(*report.memory) : Json(nullptr)},
      {"power_source", report.power_source.empty() ? Json(nullptr) : Json(clean_text(report.power_source))},
      {"roofs", report.roofs ? roofs_json(*report.roofs) : Json(nullptr)},
      {"kernels", std::move(kernels)}};
  return json.dump(2) + "\n";
}

}  // namespace pumice_bench
