// `pumice perplexity` as a program, against logits computed token by token with the library.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli_support.h"
#include "model/llama_comparison.h"
#include "test_paths.h"

namespace pumice::test::perplexity_test {

using Json = nlohmann::json;

const std::string kStory =
    "Once upon a time there was a miller who had three sons and one grey cat. The eldest took the mill, the second "
    "took the ass, and the youngest had to be content with the cat. \"Do not grieve,\" said the cat; \"give me a pair "
    "of boots and a bag, and you shall see that you are not so poor as you think.\" So the youth spent his last penny "
    "on the boots, and the cat went out into the forest and caught a fat hare, which he carried to the king.";

class PerplexityCli : public LlamaTest {
 protected:
  void SetUp() override {
    LlamaTest::SetUp();
    if (!IsSkipped() && cli_path().empty()) GTEST_SKIP() << "the pumice program was not built";
  }

  static Json measure(std::vector<std::string> more, const std::string& text = kStory) {
    std::vector<std::string> arguments = {"perplexity", "--json", "-q", "--no-autotune"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const CliResult result = run_cli(arguments, text);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.err, "");
    return Json::parse(result.out, nullptr, false);
  }
  static std::vector<int32_t> tokens_of(const std::string& text) {
    return Json::parse(run_cli({"tokenize", "--json"}, text).out)["ids"];
  }

  // The distributions after each token of windows that begin at multiples of `stride`, computed one by one.
  using Window = std::vector<std::vector<double>>;
  std::vector<Window> distributions(KvType type, const std::vector<int32_t>& ids, size_t size, size_t stride) {
    if (!loaded_) loaded_ = load(Gguf::open(std::string(PUMICE_MODELS_DIR) + "/storyteller-5m-Q4_K_M.gguf"));
    vocabulary_ = loaded_->model->spec().vocabulary;
    const auto in = context(*loaded_, {.context_tokens = 64, .kv_type = type});
    Sequence* sequence = open(*in);
    std::vector<Window> windows;
    for (size_t first = 0; first + size <= ids.size(); first += stride) {
      EXPECT_TRUE(in->truncate(*sequence, 0).ok());
      Window window;
      for (size_t i = 0; i < size; ++i) {
        const int32_t id = i == 0 ? ids[0] : ids[first + i];  // the begin token begins every window
        window.push_back(log_probabilities(evaluate(*in, *sequence, {&id, 1})));
      }
      windows.push_back(std::move(window));
    }
    return windows;
  }

  std::unique_ptr<LoadedModel> loaded_;
};

struct Expected {
  double sum = 0, squares = 0;
  size_t count = 0;
  void add(double value) { sum += value, squares += value * value, ++count; }
  double mean() const { return sum / static_cast<double>(count); }
  double standard_error() const {
    const auto n = static_cast<double>(count);
    return std::sqrt((squares / n - mean() * mean()) / (n - 1));
  }
};

TEST_F(PerplexityCli, CountsTheTokensAfterTheMiddleOfEachWindow) {
  const std::vector<int32_t> ids = tokens_of(kStory);
  ASSERT_GE(ids.size(), 96u);
  ASSERT_LT(ids.size(), 160u) << "the test has become slow";
  const Json json = measure({"--ctx", "32", "--kv-type", "f32"});
  Expected right, shifted;
  const auto windows = distributions(KvType::kF32, ids, 32, 32);
  for (size_t w = 0; w < windows.size(); ++w)
    for (size_t i = 17; i < 32; ++i) {
      right.add(-windows[w][i - 1][static_cast<size_t>(ids[32 * w + i])]);
      shifted.add(-windows[w][i - 2][static_cast<size_t>(ids[32 * w + i])]);
    }
  EXPECT_EQ(json["scored_tokens"], right.count);
  EXPECT_EQ(json["windows"], ids.size() / 32);
  EXPECT_EQ(json["complete"], true);
  EXPECT_NEAR(json["mean_negative_log_probability"].get<double>(), right.mean(), 1e-3);
  EXPECT_NEAR(json["perplexity"].get<double>(), std::exp(right.mean()), 2e-3 * std::exp(right.mean()));
  EXPECT_NEAR(json["perplexity_standard_error"].get<double>(), std::exp(right.mean()) * right.standard_error(),
              1e-2 * std::exp(right.mean()));
  EXPECT_GT(std::fabs(shifted.mean() - right.mean()), 1e-2) << "the test could not fail";
}

TEST_F(PerplexityCli, WithAStrideCountsTheLastTokensOfEachWindow) {
  const std::vector<int32_t> ids = tokens_of(kStory);
  const Json json = measure({"--ctx", "32", "--stride", "24", "--kv-type", "f32"});
  Expected right;
  const auto windows = distributions(KvType::kF32, ids, 32, 24);
  for (size_t w = 0; w < windows.size(); ++w)
    for (size_t i = 8; i < 32; ++i) right.add(-windows[w][i - 1][static_cast<size_t>(ids[24 * w + i])]);
  EXPECT_EQ(json["scored_tokens"], right.count);
  EXPECT_NEAR(json["mean_negative_log_probability"].get<double>(), right.mean(), 1e-3);
}

TEST_F(PerplexityCli, ComparesTwoKvTypes) {
  const std::vector<int32_t> ids = tokens_of(kStory);
  const Json json = measure({"--ctx", "32", "--kv-type", "f32", "--compare-kv-type", "f16"});
  const auto p = distributions(KvType::kF32, ids, 32, 32), q = distributions(KvType::kF16, ids, 32, 32);
  std::vector<double> divergences;
  Expected divergence, ratio;
  for (size_t w = 0; w < p.size(); ++w)
    for (size_t i = 16; i < 31; ++i) {
      double sum = 0;
      for (size_t t = 0; t < vocabulary_; ++t) sum += std::exp(p[w][i][t]) * (p[w][i][t] - q[w][i][t]);
      divergence.add(sum);
      divergences.push_back(sum);
      const auto next = static_cast<size_t>(ids[32 * w + i + 1]);
      ratio.add(p[w][i][next] - q[w][i][next]);
    }
  std::sort(divergences.begin(), divergences.end());
  const Json& compared = json["comparison"];
  ASSERT_GT(divergence.mean(), 0);
  EXPECT_NEAR(compared["kl_divergence_mean"].get<double>(), divergence.mean(), 1e-9 + 0.1 * divergence.mean());
  EXPECT_NEAR(compared["kl_divergence_max"].get<double>(), divergences.back(), 1e-9 + 0.1 * divergences.back());
  EXPECT_NEAR(compared["log_perplexity_difference"].get<double>(), ratio.mean(), 1e-5);
  EXPECT_NEAR(std::log(json["compared"]["perplexity"].get<double>() / json["perplexity"].get<double>()), ratio.mean(),
              1e-5);
  EXPECT_LE(compared["kl_divergence_median"], compared["kl_divergence_q99"]);
  EXPECT_GE(compared["same_top"].get<double>(), 0.9);
  EXPECT_EQ(json["kv_bytes_per_token"].get<double>(), 2 * json["compared"]["kv_bytes_per_token"].get<double>());
  const Json same = measure({"--ctx", "32", "--compare-kv-type", "f16"});
  EXPECT_EQ(same["comparison"]["kl_divergence_max"], 0) << "equal distributions do not diverge";
  EXPECT_EQ(same["comparison"]["same_top"], 1);
}

TEST_F(PerplexityCli, AShortTextIsOneWindow) {
  const std::vector<int32_t> ids = tokens_of(kStory);
  const CliResult result = run_cli({"perplexity", "--json"}, kStory);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("fewer than a window of 512"), std::string::npos) << result.err;
  const Json json = Json::parse(result.out);
  EXPECT_EQ(json["windows"], 1);
  EXPECT_EQ(json["scored_tokens"], ids.size() - (ids.size() / 2 + 1));
  EXPECT_EQ(measure({}, "Once")["scored_tokens"], 1) << "a begin token and one that it predicts";
  const std::string exact = measure({"--ctx", std::to_string(ids.size())})["windows"].dump();
  EXPECT_EQ(exact, "1");
}

TEST_F(PerplexityCli, RefusesWhatHasNothingToPredict) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"perplexity"},
        {"perplexity", "--no-special", "-p", "a"},
        {"perplexity", "--ctx", "64", "--stride", "65", "-p", "Once upon a time"},
        {"perplexity", "--ctx", "1", "-p", "Once"},
        {"perplexity", "--kv-type", "q9", "-p", "Once"}}) {
    const CliResult result = run_cli(arguments, "");
    EXPECT_EQ(result.exit_code, 2) << result.err;
    EXPECT_EQ(result.out, "");
    EXPECT_NE(result.err.find("pumice: "), std::string::npos);
  }
  EXPECT_EQ(run_cli({"perplexity", "-f", "/nonexistent/text.txt"}).exit_code, 3);
}

TEST_F(PerplexityCli, TakesTextThatIsNotUtf8) {
  const CliResult result = run_cli({"perplexity", "--ctx", "32"}, kStory.substr(0, 40) + "\xff\xfe" + kStory);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("not valid UTF-8 at byte 40"), std::string::npos) << result.err;
  EXPECT_EQ(result.out.rfind("perplexity", 0), 0u) << result.out;
}

TEST_F(PerplexityCli, AnInterruptKeepsWhatThereIs) {
  std::string text;
  while (text.size() < 400000) text += kStory;
  CliProcess process({"perplexity", "--json", "--ctx", "64"}, text, nullptr);
  std::this_thread::sleep_for(std::chrono::milliseconds(2000));
  process.send(SIGINT);
  const CliResult result = process.wait();
  EXPECT_EQ(result.exit_code, 130) << result.err;
  if (result.out.empty()) GTEST_SKIP() << "nothing was scored within two seconds";
  const Json json = Json::parse(result.out);
  EXPECT_EQ(json["complete"], false);
  EXPECT_GT(json["scored_tokens"], 0);
  EXPECT_LT(json["windows_done"], json["windows"]);
}

}  // namespace pumice::test::perplexity_test
