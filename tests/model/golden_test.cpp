// Trained models on the device: the bundled one, and small public ones where the optional data folder is present.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "model/llama_comparison.h"
#include "test_paths.h"

namespace pumice::test::golden_test {

struct Golden {
  std::vector<int32_t> prompt, generated;
};

// Lines `prompt_ids: 1 2` and `gen_ids: 3 4`.
Golden read_golden(const std::string& path) {
  Golden golden;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    const size_t colon = line.find(": ");
    if (colon == std::string::npos) continue;
    std::istringstream ids(line.substr(colon + 2));
    for (int32_t id = 0; line.compare(0, colon, "prompt_ids") == 0 && ids >> id;) golden.prompt.push_back(id);
    for (int32_t id = 0; line.compare(0, colon, "gen_ids") == 0 && ids >> id;) golden.generated.push_back(id);
  }
  return golden;
}

std::vector<int32_t> read_json_tokens(const std::string& path) {
  std::ifstream in(path);
  return nlohmann::json::parse(in, nullptr, false).value("tokens", std::vector<int32_t>());
}

// "Once upon a time" after the beginning-of-text token of the bundled model.
const std::vector<int32_t> kBundledPrompt = {4095, 1840, 701, 258, 502};

class GoldenModelTest : public EngineTest {
 protected:
  // nullptr, with the test skipped, where the file is absent.
  std::unique_ptr<LoadedModel> open_model(const std::string& path) {
    auto loaded = load(Gguf::open(path));
    if (loaded) vocabulary_ = loaded->model->spec().vocabulary;
    return loaded;
  }

  // Of `golden.generated`, those that are the argmax when the model reads the golden text.
  size_t followed(const LoadedModel& loaded, const Golden& golden, KvType type) {
    const auto in = context(loaded, {.context_tokens = 128, .kv_type = type});
    Sequence* sequence = open(*in);
    std::vector<float> logits = evaluate(*in, *sequence, golden.prompt);
    size_t same = 0;
    for (const int32_t id : golden.generated) {
      same += reference::argmax(logits) == static_cast<uint32_t>(id) ? 1 : 0;
      logits = evaluate(*in, *sequence, {&id, 1});
    }
    return same;
  }

  void expect_golden_text(const LoadedModel& loaded, const Golden& golden, ContextOptions options) {
    const auto in = context(loaded, options);
    Sequence* sequence = open(*in);
    GenerationParams params = greedy_params(static_cast<uint32_t>(golden.generated.size()));
    params.ignore_eos = true;
    EXPECT_EQ(generate(*in, *sequence, golden.prompt, params), golden.generated);
  }
};

// The text that llama.cpp's CPU backend writes with the bundled file dequantised to F32, where it rounds nothing.
TEST_F(GoldenModelTest, BundledModelWritesTheTextOfItsDequantisedWeights) {
  Golden golden{kBundledPrompt, {425, 305, 258, 531, 385, 328, 258, 693, 385}};
  while (golden.generated.size() < 48) golden.generated.insert(golden.generated.end(), {305, 356, 756, 314, 324});
  golden.generated.resize(48);
  const auto loaded = open_model(std::string(PUMICE_MODELS_DIR) + "/storyteller-5m-Q4_K_M.gguf");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(followed(*loaded, golden, KvType::kF32), 48u);
  expect_golden_text(*loaded, golden, {.context_tokens = 128, .kv_type = KvType::kF32});
  expect_golden_text(*loaded, golden, {.context_tokens = 128, .kv_type = KvType::kF16});
}

// Log-probabilities of a trained model, whose activations are larger than a random one's.
TEST_F(GoldenModelTest, BundledModelAgreesWithTheReference) {
  const auto loaded = open_model(std::string(PUMICE_MODELS_DIR) + "/storyteller-5m-Q4_K_M.gguf");
  ASSERT_TRUE(loaded);
  std::vector<int32_t> text = kBundledPrompt;
  for (const int32_t id : read_json_tokens(std::string(PUMICE_MODELS_DIR) + "/golden-Q4_K_M.json")) text.push_back(id);
  ASSERT_EQ(text.size(), 53u);
  ReferenceLogits expected(*loaded->file, text);
  for (const KvType type : {KvType::kF32, KvType::kF16}) {
    const auto in = context(*loaded, {.context_tokens = 64, .kv_type = type, .prefill_slice = 32});
    Sequence* sequence = open(*in);
    double worst = log_difference(evaluate(*in, *sequence, std::span(text).first(34)), expected.after(34));
    for (size_t i = 34; i < text.size(); ++i)
      worst = std::max(worst,
                       log_difference(evaluate(*in, *sequence, std::span(text).subspan(i, 1)), expected.after(i + 1)));
    std::printf("  bundled model, %s keys and values: %.1e\n", type_name(type), worst);
    EXPECT_LE(worst, type == KvType::kF32 ? kLogTolerance : kLogToleranceF16);
  }
}

TEST_F(GoldenModelTest, UnquantisedModelsWriteTheGoldenText) {
  const std::string models = std::string(PUMICE_SHARED_DIR) + "/models/";
  if (!std::filesystem::exists(models)) GTEST_SKIP() << "optional test data not present: " << models;
  for (const std::string name : {"stories260K-F32", "stories260K-F16", "babyllama-tok361-F16"}) {
    SCOPED_TRACE(name);
    const Golden golden = read_golden(models + "golden/" + name + ".txt");
    ASSERT_EQ(golden.generated.size(), 64u);
    const auto loaded = open_model(models + name + ".gguf");
    ASSERT_TRUE(loaded);
    expect_golden_text(*loaded, golden, {.context_tokens = 128, .kv_type = KvType::kF32});
    expect_golden_text(*loaded, golden, {.context_tokens = 128, .kv_type = KvType::kF16});
    EXPECT_EQ(followed(*loaded, golden, KvType::kF16), 64u);
  }
}

// The golden texts of quantised files were written with activations rounded to 8 bits, so free-running texts part at
// the first near tie; read along the golden text nearly every token is the best one.
TEST_F(GoldenModelTest, QuantisedModelsFollowTheGoldenText) {
  const std::string models = std::string(PUMICE_SHARED_DIR) + "/models/";
  if (!std::filesystem::exists(models)) GTEST_SKIP() << "optional test data not present: " << models;
  for (const std::string name : {"stories260K-Q4_0", "stories260K-Q5_1", "stories260K-Q8_0", "babyllama-tok361-Q4_K_M",
                                 "babyllama-tok361-Q8_0"}) {
    const Golden golden = read_golden(models + "golden/" + name + ".txt");
    ASSERT_EQ(golden.generated.size(), 64u) << name;
    const auto loaded = open_model(models + name + ".gguf");
    ASSERT_TRUE(loaded) << name;
    const size_t same = followed(*loaded, golden, KvType::kF16);
    std::printf("  %-24s %zu of 64\n", name.c_str(), same);
    EXPECT_GE(same, 58u) << name;  // 90 %
  }
  const Golden golden{kBundledPrompt, read_json_tokens(models + "own/golden-Q4_K_M.json")};
  const auto loaded = open_model(models + "own/storyteller-5m-Q4_K_M.gguf");
  ASSERT_TRUE(loaded);
  const size_t same = followed(*loaded, golden, KvType::kF16);
  std::printf("  %-24s %zu of %zu\n", "storyteller-5m-Q4_K_M", same, golden.generated.size());
  EXPECT_GE(10 * same, 9 * golden.generated.size());
}

}  // namespace pumice::test::golden_test
