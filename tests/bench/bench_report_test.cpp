// Renderers of the benchmark's report, from a fixed one; and the figures that they derive.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "bench/fixed_report.h"
#include "bench/json_schema.h"
#include "bench/report/render.h"
#include "test_paths.h"

namespace pumice_bench::bench_report_test {

using Json = nlohmann::json;
using pumice::test::SchemaValidator;

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

SchemaValidator schema() {
  std::ifstream in(std::string(PUMICE_SOURCE_DIR) + "/apps/bench/bench.schema.json");
  return SchemaValidator(Json::parse(in));
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string (*)(const Report&)> renderers() {
  return {render_table, render_json, render_csv, render_markdown, render_html};
}

TEST(BenchReport, JsonFitsTheSchema) {
  EXPECT_EQ(schema().validate(Json::parse(render_json(fixed_report()))), "");
  Report empty;
  empty.time = "2025-01-31T12:00:00Z";
  empty.device.type = "cpu";
  empty.settings = {.kv_type = "f16", .record = "replay", .repetitions = 1};
  empty.status = Status::kInterrupted;
  EXPECT_EQ(schema().validate(Json::parse(render_json(empty))), "");
}

TEST(BenchReport, TasksAreInEveryOutput) {
  const Report report = task_report();
  EXPECT_EQ(schema().validate(Json::parse(render_json(report))), "");
  for (const auto render : renderers()) {
    const std::string text = render(report);
    EXPECT_NE(text.find("embed"), std::string::npos) << text;
    EXPECT_NE(text.find("a text of 128 words"), std::string::npos) << text;
  }
  const Json task = Json::parse(render_json(report))["tasks"][0];
  EXPECT_EQ(task["times_sooner"], 50.0);
  EXPECT_EQ(task["found_samples"], Json({0.01, 0.02, 0.01}));
  EXPECT_EQ(lines_of(render_csv(report)).size(), 3u) << "a header, computed, found";
  Json bad = Json::parse(render_json(report));
  bad["tasks"][0]["task"] = "generate";
  EXPECT_NE(schema().validate(bad), "");
}

TEST(BenchReport, TheSchemaRefusesWhatDoesNotFit) {
  const SchemaValidator validator = schema();
  const Json good = Json::parse(render_json(fixed_report()));
  const auto refused = [&](const char* pointer, const Json& value) {
    Json bad = good;
    bad[Json::json_pointer(pointer)] = value;
    return !validator.validate(bad).empty();
  };
  EXPECT_TRUE(refused("/status", "fine"));
  EXPECT_TRUE(refused("/time", "yesterday"));
  EXPECT_TRUE(refused("/tests/0/samples", Json::array()));
  EXPECT_TRUE(refused("/tests/0/samples/0", "fast"));
  EXPECT_TRUE(refused("/tests/0/tokens", 1.5));
  EXPECT_TRUE(refused("/tests/0/tokens_per_second", -1));
  EXPECT_TRUE(refused("/tests/0/unknown", 1));
  EXPECT_TRUE(refused("/kernels/0/bound", "luck"));
  EXPECT_TRUE(refused("/roofs/f32_flops", nullptr));
  Json lacking = good;
  lacking.erase("device");
  EXPECT_FALSE(validator.validate(lacking).empty());
  EXPECT_FALSE(SchemaValidator(Json{{"maximum", 3}}).validate(1).empty()) << "an unknown keyword must be found";
}

TEST(BenchReport, JsonKeepsTheFigures) {
  const Json json = Json::parse(render_json(fixed_report()));
  EXPECT_EQ(json["tests"][0]["tokens_per_second"], 1000);
  EXPECT_EQ(json["tests"][1]["samples"], Json({50.5, 49.5, 51.5}));
  EXPECT_EQ(json["tests"][1]["tokens_per_joule"], 0.202);
  EXPECT_TRUE(json["tests"][0]["watts"].is_null());
  EXPECT_EQ(json["device"]["name"], "A GPU <\"fast\">, really");
  EXPECT_EQ(json["start"]["cold_ms"], 2300);
}

TEST(BenchReport, CsvHasAHeaderAndOneRowATest) {
  const auto lines = lines_of(render_csv(fixed_report()));
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_EQ(lines[0].substr(0, 11), "model,file,");
  EXPECT_TRUE(contains(lines[1], "a model,model.gguf,\"Q4_K 43, F32 13\",\"A GPU <\"\"fast\"\">, really\","));
  EXPECT_TRUE(contains(lines[2], ",decode,32,0,1,on,50.5,49.5,51.5,3,3.5,20,19.8,22.25,250,0.202,"));
  EXPECT_TRUE(contains(lines[4], ",decode,4,64,1,off,1.5,"));
  EXPECT_EQ(lines[1].back(), '\r');
}

TEST(BenchReport, TableAndMarkdownNameEveryTestAndKernel) {
  for (const auto render : {render_table, render_markdown, render_html}) {
    const std::string text = render(fixed_report());
    for (const char* part :
         {"prefill", "decode", "1000", "50.5", "19.8", "matvec", "250", "0.202", "50 % of bandwidth"})
      EXPECT_TRUE(contains(text, part)) << part << " in\n" << text;
  }
  EXPECT_TRUE(contains(render_table(fixed_report()), "without KV cache"));
  EXPECT_TRUE(contains(render_markdown(fixed_report()), "radv Mesa \\| 26"));
}

TEST(BenchReport, EveryOutputSaysWhetherItWasVerified) {
  Report report = fixed_report();
  for (const auto render : renderers()) {
    EXPECT_TRUE(contains(render(report), "verified"));
    EXPECT_FALSE(contains(render(report), "unverified"));
    EXPECT_FALSE(contains(render(report), "interrupted"));
  }
  report.verification = {};
  report.status = Status::kInterrupted;
  for (const auto render : renderers()) {
    EXPECT_TRUE(contains(render(report), "unverified"));
    EXPECT_TRUE(contains(render(report), "interrupted"));
  }
}

TEST(BenchReport, AFailedCheckIsShown) {
  Report report;
  report.status = Status::kWrong;
  report.verification = {.state = Verified::kFailed,
                         .checks = {{.name = "golden text", .passed = false, .detail = "0 of 48 tokens as expected"}}};
  for (const auto render : {render_table, render_json, render_markdown, render_html})
    EXPECT_TRUE(contains(render(report), "0 of 48 tokens as expected"));
}

TEST(BenchReport, HostileNamesAreHarmless) {
  Report report = fixed_report();
  report.device.name = "<script>\x1b[2J\xff|";
  for (const auto render : renderers()) {
    EXPECT_FALSE(contains(render(report), "\x1b"));
    EXPECT_FALSE(contains(render(report), "\xff"));
  }
  EXPECT_FALSE(contains(render_html(report), "<script"));
}

TEST(BenchReport, ThePageStandsAlone) {
  const std::string page = render_html(fixed_report());
  for (const char* part : {"<script", "src=", "href=", "@import", "url("}) EXPECT_FALSE(contains(page, part)) << part;
  EXPECT_TRUE(contains(page, "@media print"));
  std::size_t charts = 0;
  for (std::size_t at = page.find("<svg"); at != std::string::npos; at = page.find("<svg", at + 1)) ++charts;
  EXPECT_EQ(charts, 4u);  // decode, prefill, batch, roofline
  EXPECT_FALSE(contains(page, "nan"));
  EXPECT_FALSE(contains(page, "inf"));
}

TEST(BenchReport, KernelsAreRatedAgainstTheRoofThatBindsThem) {
  const Report report = fixed_report();
  const KernelRating matmul = rate_kernel(report.kernels[0], report.roofs);
  EXPECT_EQ(matmul.bound, "compute");
  EXPECT_NEAR(*matmul.percent, 50, 1e-9);  // 6e13 of the matrix units' 1.2e14
  const KernelRating matvec = rate_kernel(report.kernels[1], report.roofs);
  EXPECT_EQ(matvec.bound, "bandwidth");
  EXPECT_NEAR(*matvec.percent, 50, 1e-9);
  EXPECT_FALSE(rate_kernel(report.kernels[0], std::nullopt).percent.has_value());
  EXPECT_NEAR(rate_kernel(report.kernels[0], std::nullopt).flops_per_second, 6e13, 1);
  EXPECT_EQ(compute_roof("matvec_dot.subgroup.q4_0", *report.roofs), report.roofs->int8_ops);
  EXPECT_EQ(compute_roof("attention.subgroup.f16", *report.roofs), report.roofs->f32_flops);
}

TEST(BenchReport, NumbersKeepThreeDigits) {
  EXPECT_EQ(format_number(0.1234), "0.123");
  EXPECT_EQ(format_number(12.34), "12.3");
  EXPECT_EQ(format_number(1234.4), "1234");
  EXPECT_EQ(format_rate(0, "B"), "-");
  EXPECT_EQ(format_rate(1.05e12, "B"), "1.05 TB/s");
  EXPECT_EQ(format_size(3 << 19), "1.5 MiB");
}

}  // namespace pumice_bench::bench_report_test
