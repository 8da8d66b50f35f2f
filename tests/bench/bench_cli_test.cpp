// `pumice bench` as a program: outputs, verification, interrupts.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "api/cli_support.h"
#include "bench/json_schema.h"
#include "support/slice.h"
#include "support/temporary_folder.h"
#include "support/translation_model.h"

namespace pumice::test::bench_cli_test {

using Json = nlohmann::json;

class BenchCli : public testing::Test {
 protected:
  void SetUp() override {
    if (cli_path().empty()) GTEST_SKIP() << "the pumice program was not built";
    const Json list = Json::parse(run_cli({"devices", "--json"}).out, nullptr, false);
    const bool usable = list.is_array() && std::any_of(list.begin(), list.end(), [](const Json& device) {
                          return device.value("usable", false);
                        });
    if (!usable) GTEST_SKIP() << "no usable Vulkan device";
  }
  static std::string read(const std::string& path) {
    std::ifstream in(path);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }
  TemporaryFolder folder_;
};

std::vector<std::string> quick(std::vector<std::string> more) {
  std::vector<std::string> arguments = {"bench", "-p", "8", "-n", "4", "-r", "2", "-q"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

TEST_F(BenchCli, TheJsonHasEveryPartAndFitsTheSchema) {
  PUMICE_SLICE(1);
  const std::string page = folder_.file("page.html");
  const CliResult result = run_cli(quick({"-d", "0,8", "--batch", "1,3", "--json", "--html", page}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  const Json json = Json::parse(result.out);
  const SchemaValidator schema(Json::parse(read(std::string(PUMICE_SOURCE_DIR) + "/apps/bench/bench.schema.json")));
  EXPECT_EQ(schema.validate(json), "");
  EXPECT_EQ(json["status"], "complete");
  EXPECT_EQ(json["verification"]["state"], "verified");
  EXPECT_EQ(json["verification"]["checks"].size(), 3u);
  ASSERT_EQ(json["tests"].size(), 4u + 2u + 1u);  // lengths times depths, the cache on and off, three at once
  for (const Json& test : json["tests"]) {
    EXPECT_EQ(test["samples"].size(), 2u);
    EXPECT_GT(test["tokens_per_second"], 0) << test;
    EXPECT_GT(test["ttft_ms"], 0) << test;
    if (test["test"] == "decode") {
      EXPECT_LE(test["gap_ms_p50"], test["gap_ms_p95"]);
    }
  }
  EXPECT_EQ(json["tests"].back()["batch"], 3);
  EXPECT_GT(json["start"]["cold_ms"], 0);
  EXPECT_GT(json["start"]["warm_ms"], 0);
  EXPECT_GT(json["memory"]["weights_bytes"], 3'000'000);
  EXPECT_GT(json["memory"]["kv_bytes"], 0);
  EXPECT_FALSE(json["kernels"].empty());
  EXPECT_NE(read(page).find("</html>"), std::string::npos);
}

TEST_F(BenchCli, OtherTasksAreVerifiedAndFaster) {
  const std::string translator = folder_.file("translator.gguf"), page = folder_.file("task.html");
  const auto bytes = pumice::test::make_translation_model({.letters = true});
  std::ofstream(translator, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  const SchemaValidator schema(Json::parse(read(std::string(PUMICE_SOURCE_DIR) + "/apps/bench/bench.schema.json")));
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{"--task", "embed"}, {"--task", "translate", "-m", translator}}) {
    std::vector<std::string> arguments = quick(more);
    arguments.insert(arguments.end(), {"--json", "--html", page});
    const CliResult result = run_cli(arguments);
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const Json json = Json::parse(result.out);
    EXPECT_EQ(schema.validate(json), "");
    EXPECT_EQ(json["verification"]["state"], "verified") << json["verification"];
    ASSERT_EQ(json["tasks"].size(), 1u);
    EXPECT_EQ(json["tasks"][0]["task"], more[1]);
    EXPECT_EQ(json["tasks"][0]["computed_samples"].size(), 2u);
    EXPECT_NE(read(page).find("times sooner"), std::string::npos);
  }
  const CliResult blind = run_cli(quick({"--task", "image"}));
  EXPECT_EQ(blind.exit_code, 2);
  EXPECT_NE(blind.err.find("--mmproj"), std::string::npos);
}

TEST_F(BenchCli, FullGoesAsDeepAsTheModel) {
  PUMICE_SLICE(2);
  const CliResult result =
      run_cli({"bench", "-p", "8", "-n", "2", "-r", "1", "--full", "--no-verify", "--batch", "2", "--json", "-q"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json json = Json::parse(result.out);
  EXPECT_EQ(json["model"]["context_length"], 512);
  std::uint32_t deepest = 0;
  for (const Json& test : json["tests"]) deepest = std::max(deepest, test["depth"].get<std::uint32_t>());
  EXPECT_GT(deepest, 400u);
  EXPECT_LT(deepest, 512u - 8u);
  EXPECT_EQ(json["tests"].size(), 4u + 2u + 1u);
  EXPECT_EQ(json["verification"]["state"], "unverified");
}

TEST_F(BenchCli, WithoutVerificationEveryOutputSaysSo) {
  for (const char* format : {"--json", "--csv", "--markdown", ""}) {
    std::vector<std::string> arguments = quick({"--parts", "none", "--no-verify"});
    if (*format) arguments.emplace_back(format);
    const CliResult result = run_cli(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_NE(result.out.find("unverified"), std::string::npos) << result.out;
  }
}

TEST_F(BenchCli, RefusesWrongUsage) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"-p", "12,"},
                                                    {"-p", "0", "-n", "0"},
                                                    {"--batch", "33"},
                                                    {"--batch", "0"},
                                                    {"--parts", "all"},
                                                    {"--json", "--csv"}}) {
    std::vector<std::string> all = {"bench"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const CliResult result = run_cli(all);
    EXPECT_EQ(result.exit_code, 2) << result.err;
    EXPECT_EQ(result.out, "");
  }
  EXPECT_EQ(run_cli(quick({"--parts", "none", "--html", "/nonexistent/page.html"})).exit_code, 5);
}

TEST_F(BenchCli, AnInterruptKeepsWhatWasMeasured) {
  CliProcess process({"bench", "-p", "8", "-n", "0", "-r", "10000", "--no-verify", "--parts", "none", "--json"}, "",
                     nullptr);
  std::this_thread::sleep_for(std::chrono::seconds(5));
  process.send(SIGINT);
  const CliResult result = process.wait();
  EXPECT_EQ(result.exit_code, 130) << result.err;
  const Json json = Json::parse(result.out, nullptr, false);
  ASSERT_TRUE(json.is_object()) << result.out;
  EXPECT_EQ(json["status"], "interrupted");
  ASSERT_EQ(json["tests"].size(), 1u);
  EXPECT_GT(json["tests"][0]["samples"].size(), 0u);
  EXPECT_LT(json["tests"][0]["samples"].size(), 10000u);
}

}  // namespace pumice::test::bench_cli_test
