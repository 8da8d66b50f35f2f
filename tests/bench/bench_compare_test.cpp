// `pumice bench compare`: reading our results and llama-bench's, matching, verdicts, malformed files.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "api/cli_support.h"
#include "bench/fixed_report.h"
#include "bench/report/compare.h"
#include "bench/report/render.h"
#include "support/temporary_folder.h"

namespace pumice_bench::bench_compare_test {

using Json = nlohmann::json;
using pumice::test::CliResult;
using pumice::test::run_cli;

// What llama-bench -o jsonl writes, without the fields that are not read.
constexpr const char* kPeerLines =
    R"({"build_commit":"abc","build_number":7000,"gpu_info":"A GPU","model_filename":"/mnt/model.gguf","n_prompt":128,"n_gen":0,"n_depth":0,"avg_ts":500.0,"stddev_ts":5.0,"samples_ts":[495,500,505]}
{"build_commit":"abc","build_number":7000,"gpu_info":"A GPU","model_filename":"/mnt/model.gguf","n_prompt":0,"n_gen":32,"n_depth":0,"avg_ts":50.4,"stddev_ts":1.0,"samples_ts":[50.4,49.4,51.4]}

{"build_commit":"abc","build_number":7000,"gpu_info":"A GPU","model_filename":"/mnt/model.gguf","n_prompt":128,"n_gen":32,"n_depth":0,"avg_ts":90.0,"stddev_ts":1.0,"samples_ts":[90]}
{"build_commit":"abc","build_number":7000,"gpu_info":"A GPU","model_filename":"/mnt/other.gguf","n_prompt":0,"n_gen":32,"n_depth":512,"avg_ts":40.0,"stddev_ts":1.0}
)";

std::string peer_array() {
  std::string text = kPeerLines, array = "[";
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    if (end > at) array += (array.size() > 1 ? "," : "") + text.substr(at, end - at);
    at = end + 1;
  }
  return array + "]";
}

std::string problem_of(const std::string& text) {
  try {
    read_results(text, "file");
  } catch (const MalformedResults& malformed) {
    return malformed.what();
  }
  return "";
}

TEST(BenchCompare, ReadsItsOwnResults) {
  const Results results = read_results(render_json(fixed_report()), "own.json");
  EXPECT_EQ(results.standing, "verified");
  ASSERT_EQ(results.tests.size(), 4u);
  EXPECT_EQ(results.tests[0].task, "prefill");
  EXPECT_EQ(results.tests[0].model, "model.gguf");
  EXPECT_EQ(results.tests[1].samples, (std::vector<double>{50.5, 49.5, 51.5}));
  EXPECT_EQ(results.tests[2].batch, 4u);
  EXPECT_FALSE(results.tests[3].kv_cache);
  Report report = fixed_report();
  report.verification = {};
  report.status = Status::kInterrupted;
  EXPECT_EQ(read_results(render_json(report), "own.json").standing, "unverified, interrupted");
}

TEST(BenchCompare, ReadsLinesAndArraysOfThePeer) {
  for (const std::string& text : {std::string(kPeerLines), peer_array()}) {
    const Results results = read_results(text, "peer");
    ASSERT_EQ(results.tests.size(), 3u);
    EXPECT_EQ(results.skipped, 1u);
    EXPECT_EQ(results.tests[0].model, "model.gguf");
    EXPECT_EQ(results.tests[0].tokens, 128u);
    EXPECT_EQ(results.tests[2].depth, 512u);
    EXPECT_EQ(results.tests[2].samples, std::vector<double>{40.0});
    EXPECT_EQ(results.standing, "llama.cpp build 7000");
  }
}

TEST(BenchCompare, MatchesTestsAndJudgesThem) {
  const std::vector<Results> files = {read_results(kPeerLines, "peer"),
                                      read_results(render_json(fixed_report()), "own")};
  const std::vector<Comparison> rows = compare(files);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].base.task, "prefill");
  EXPECT_EQ(rows[0].verdict, Verdict::kFaster);
  EXPECT_NEAR(rows[0].ratio.value, 2, 0.02);
  EXPECT_EQ(rows[1].verdict, Verdict::kWithinNoise);
  const std::vector<Comparison> back = compare({files[1], files[0]});
  ASSERT_EQ(back.size(), 2u);
  EXPECT_EQ(back[0].verdict, Verdict::kSlower);
  const std::string table = render_comparison(files, rows);
  for (const char* part : {"faster", "within noise", "Welch", "A  peer", "B  own", "1 of prompt and generation"})
    EXPECT_NE(table.find(part), std::string::npos) << part << " in\n" << table;
  const Json json = Json::parse(render_comparison_json(files, rows));
  EXPECT_EQ(json["comparisons"][0]["verdict"], "faster");
  EXPECT_LT(json["comparisons"][0]["ratio_low"], json["comparisons"][0]["ratio"]);
}

TEST(BenchCompare, TasksMatchWithAndWithoutTheCache) {
  const Report base = task_report();
  Report other = base;
  for (double& seconds : other.tasks[0].found) seconds /= 4;
  const std::vector<Results> files = {read_results(render_json(base), "a"), read_results(render_json(other), "b")};
  ASSERT_EQ(files[0].tests.size(), 2u);
  EXPECT_EQ(files[0].tests[0].samples, (std::vector<double>{2, 2, 2}));  // a second
  const std::vector<Comparison> rows = compare(files);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_FALSE(rows[0].base.kv_cache);
  EXPECT_NEAR(rows[0].ratio.value, 1, 1e-9);
  EXPECT_NEAR(rows[1].ratio.value, 4, 1e-9);
  const std::string table = render_comparison(files, rows);
  EXPECT_NE(table.find("embed"), std::string::npos);
  EXPECT_NE(table.find("(not cached)"), std::string::npos);
  Json broken = Json::parse(render_json(base));
  broken["tasks"][0].erase("found_samples");
  EXPECT_NE(problem_of(broken.dump()).find("found_samples"), std::string::npos);
}

TEST(BenchCompare, OtherDepthsModelsAndBatchesDoNotMatch) {
  const Results own = read_results(render_json(fixed_report()), "own");
  for (int what = 0; what < 5; ++what) {
    Results other = own;
    for (Measurement& test : other.tests) {
      if (what == 0) test.depth += 1;
      if (what == 1) test.model = "another.gguf";
      if (what == 2) test.batch += 10;
      if (what == 3) test.tokens += 1;
      if (what == 4) test.kv_cache = !test.kv_cache;
    }
    EXPECT_TRUE(compare({own, other}).empty()) << what;
  }
}

TEST(BenchCompare, MalformedFilesAreRefusedInOneLine) {
  Json own = Json::parse(render_json(fixed_report()));
  std::vector<std::string> texts = {"",
                                    "{",
                                    "[]",
                                    "[1]",
                                    "3",
                                    "{}",
                                    "{\"model_filename\": 3}",
                                    "\xff\xfe",
                                    std::string(kPeerLines) + "{\"broken\n",
                                    "{\"format\":\"pumice-bench/9\"}",
                                    "{\"format\":\"pumice-bench/1\"}"};
  for (const auto& [pointer, value] : std::vector<std::pair<std::string, Json>>{{"/tests/0/samples", Json::array()},
                                                                                {"/tests/0/samples/0", 0},
                                                                                {"/tests/0/samples/0", "fast"},
                                                                                {"/tests/0/tokens", -1},
                                                                                {"/tests/0/depth", "deep"},
                                                                                {"/tests", 3},
                                                                                {"/device", 3},
                                                                                {"/model", Json::object()}}) {
    Json bad = own;
    bad[Json::json_pointer(pointer)] = value;
    texts.push_back(bad.dump());
  }
  texts.push_back(R"({"model_filename":"m","n_prompt":1,"n_gen":0,"avg_ts":0})");
  texts.push_back(R"({"model_filename":"m","n_prompt":1,"n_gen":0})");
  for (const std::string& text : texts) {
    const std::string problem = problem_of(text);
    EXPECT_EQ(problem.rfind("file: ", 0), 0u) << problem << " of " << text;
    EXPECT_EQ(problem.find('\n'), std::string::npos);
  }
  EXPECT_NE(problem_of(std::string(kPeerLines) + "{\"broken\n").find("line 6"), std::string::npos);
}

TEST(BenchCompareCli, ExitCodesAndStreams) {
  if (pumice::test::cli_path().empty()) GTEST_SKIP() << "the pumice program was not built";
  const pumice::test::TemporaryFolder folder;
  const std::string own = folder.file("own.json"), peer = folder.file("peer.jsonl"), broken = folder.file("broken");
  std::ofstream(own) << render_json(fixed_report());
  std::ofstream(peer) << kPeerLines;
  std::ofstream(broken) << "{\"format\": ";
  const CliResult good = run_cli({"bench", "compare", peer, own});
  EXPECT_EQ(good.exit_code, 0) << good.err;
  EXPECT_NE(good.out.find("faster"), std::string::npos);
  EXPECT_EQ(good.err, "");
  EXPECT_TRUE(Json::accept(run_cli({"bench", "compare", "--json", peer, own}).out));
  const auto expect_failure = [](const CliResult& result, int exit_code) {
    EXPECT_EQ(result.exit_code, exit_code) << result.err;
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  };
  expect_failure(run_cli({"bench", "compare", own, broken}), 6);
  expect_failure(run_cli({"bench", "compare", own, "/nonexistent.json"}), 3);
  expect_failure(run_cli({"bench", "compare", own, folder.file("")}), 3);
  expect_failure(run_cli({"bench", "compare", own}), 2);
  std::ofstream(broken) << R"({"model_filename":"another","n_prompt":1,"n_gen":0,"avg_ts":3})";
  expect_failure(run_cli({"bench", "compare", own, broken}), 2);
}

}  // namespace pumice_bench::bench_compare_test
