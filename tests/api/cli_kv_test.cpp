// `pumice kv replay` and `pumice kv waste`: JSON, exit codes, line numbers, Ctrl-C.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "api/cli_support.h"
#include "support/temporary_folder.h"

namespace pumice::test::cli_kv_test {

using Json = nlohmann::json;

class CliKv : public testing::Test {
 protected:
  void SetUp() override {
    if (cli_path().empty()) GTEST_SKIP() << "the pumice program was not built";
  }
  std::string file(const std::string& content) {
    const std::string path = folder_.file("input");
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  CliResult replay(const std::string& content, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments{"kv", "replay", "--trace", file(content), "--pages", "4"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_cli(arguments);
  }
  CliResult waste(const std::string& content) { return run_cli({"kv", "waste", "--lengths", file(content)}); }

  TemporaryFolder folder_;
};

void expect_failure(const CliResult& result, int exit_code, const std::string& part) {
  EXPECT_EQ(result.exit_code, exit_code) << result.err;
  EXPECT_EQ(result.out, "");
  EXPECT_NE(result.err.find(part), std::string::npos) << result.err;
}

TEST_F(CliKv, ReplayPrintsOneObject) {
  const std::string trace =
      "{\"timestamp\": 0, \"hash_ids\": [0, 1, 2]}\n\n{\"hash_ids\": [0, 1, 3]}\r\n{\"hash_ids\": []}\n"
      "{\"hash_ids\": [18446744073709551615, 4]}";
  const CliResult result = replay(trace, {"--policy", "lru"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  const Json json = Json::parse(result.out);
  EXPECT_EQ(json["policy"], "lru");
  EXPECT_EQ(json["requests"], 4);
  EXPECT_EQ(json["blocks"], 8);
  EXPECT_EQ(json["hit_blocks"], 2);
  EXPECT_EQ(json["hit_rate"], 0.25);
  EXPECT_EQ(json["evictions"], 2);
  EXPECT_EQ(json["regret"], 0);
  EXPECT_EQ(json["best_fixed"], "lru");
  EXPECT_EQ(json["farthest_regret"], 0);
  EXPECT_GT(json["requests_per_second"], 0);
  const Json alone = Json::parse(replay(trace, {"--no-regret"}).out);
  EXPECT_EQ(alone["policy"], "adaptive");
  EXPECT_FALSE(alone.contains("regret"));
}

TEST_F(CliKv, PolicyShowsExpertsAndWhatIsLearned) {
  std::string trace;
  for (int i = 0; i < 100; ++i) trace += "{\"hash_ids\": [0, " + std::to_string(i % 7 + 1) + "]}\n";
  const std::vector<std::string> command{"kv", "policy", "--trace", file(trace), "--pages", "4"};
  const CliResult text = run_cli(command);
  ASSERT_EQ(text.exit_code, 0) << text.err;
  EXPECT_NE(text.out.find("learned"), std::string::npos);
  std::vector<std::string> as_json = command;
  as_json.push_back("--json");
  const Json json = Json::parse(run_cli(as_json).out);
  int weight = 0;
  for (const Json& expert : json["experts"]) weight += expert["weight"].get<int>();
  EXPECT_EQ(json["experts"].size(), 6u);
  EXPECT_EQ(weight, 1);
  ASSERT_FALSE(json["learned"].empty());
  for (const Json& kind : json["learned"]) EXPECT_LE(kind["comes_back"], 1);
  EXPECT_EQ(replay(trace, {"--no-learned"}).exit_code, 0);
}

TEST_F(CliKv, ReplaySaysWhichLineIsMalformed) {
  const std::string good = "{\"hash_ids\": [1]}\n";
  expect_failure(replay(good + "{\"hash_ids\": [1, 2}\n"), 6, "input:2: not a JSON object");
  expect_failure(replay(good + "\n[1, 2]\n"), 6, "input:3: not a JSON object");
  expect_failure(replay("{\"ids\": [1, 2]}\n"), 6, "input:1: no list \"hash_ids\"");
  for (const char* id : {"-1", "1.5", "\"1\"", "null", "18446744073709551616"})
    expect_failure(replay(good + "{\"hash_ids\": [0, " + id + "]}\n"), 6, "input:2: a block id");
  expect_failure(replay("\n"), 6, "no requests");
}

TEST_F(CliKv, WrongUsage) {
  expect_failure(run_cli({"kv", "replay", "--trace", "/nowhere/trace", "--pages", "4"}), 3, "/nowhere/trace");
  expect_failure(run_cli({"kv", "waste", "--lengths", "/nowhere/lengths"}), 3, "/nowhere/lengths");
  expect_failure(replay("{\"hash_ids\": [1]}\n", {"--policy", "mru"}), 2, "--policy");
  expect_failure(run_cli({"kv", "replay", "--trace", "x", "--pages", "0"}), 2, "--pages");
  expect_failure(run_cli({"kv", "replay", "--trace", "x"}), 2, "--pages");
  expect_failure(run_cli({"kv"}), 2, "subcommand");
}

TEST_F(CliKv, CtrlCEndsAReplay) {
  std::string trace;
  for (int request = 0; request < 60'000; ++request) {
    trace += "{\"hash_ids\": [" + std::to_string(10 * (request % 4000));
    for (int i = 1; i < 10; ++i) trace += "," + std::to_string(10 * (request % 4000) + i);
    trace += "]}\n";
  }
  const std::string path = file(trace);
  CliProcess process({"kv", "replay", "--trace", path, "--pages", "20000"}, "", nullptr);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  process.send(SIGINT);
  const CliResult result = process.wait();
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_EQ(result.out, "");
}

TEST_F(CliKv, WasteOfWholePages) {
  const CliResult result = waste("TIMESTAMP,ContextTokens,GeneratedTokens\r\nx,30,2\r\ny,32,1\n\nz,0,0\n");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json json = Json::parse(result.out);
  EXPECT_EQ(json["requests"], 3);
  EXPECT_EQ(json["tokens"], 65);
  EXPECT_EQ(json["pages"], 3);
  EXPECT_DOUBLE_EQ(json["waste_percent"], 100.0 * 31 / 96);
  expect_failure(waste("ContextTokens,GeneratedTokens\n1,2\n1,x\n"), 6, "input:3: column 2");
  expect_failure(waste("ContextTokens,GeneratedTokens\n1\n"), 6, "input:2: column 2");
  expect_failure(waste("a,b\n1,2\n"), 6, "no column ContextTokens");
  expect_failure(waste(""), 6, "no column ContextTokens");
  expect_failure(waste("ContextTokens,GeneratedTokens\n"), 6, "no requests");
}

TEST_F(CliKv, AzureConversationsWasteLittle) {
  const std::string lengths = PUMICE_SHARED_DIR "/traces/azure_conv_lengths.csv";
  if (!std::filesystem::exists(lengths)) GTEST_SKIP() << "no optional test data in " << PUMICE_SHARED_DIR;
  const Json json = Json::parse(run_cli({"kv", "waste", "--lengths", lengths}).out);
  EXPECT_LT(json["waste_percent"], 4);
  const Json large = Json::parse(run_cli({"kv", "waste", "--lengths", lengths, "--page-tokens", "256"}).out);
  EXPECT_GT(large["waste_percent"], 4) << "the figure depends on the page";
}

}  // namespace pumice::test::cli_kv_test
