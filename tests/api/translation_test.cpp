// Translation and embedding as the C++ layer offers them: texts in, texts out; goldens where the optional data folder
// is present.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "pumice/pumice.hpp"
#include "support/temporary_folder.h"
#include "support/translation_model.h"
#include "test_paths.h"

namespace pumice::test::translation_test {

using Json = nlohmann::json;

class TranslationApiTest : public ::testing::Test {
 protected:
  // Skips the test where there is no device.
  bool open_device() {
    try {
      device_.emplace(instance_);
    } catch (const pumice::Error&) {
      return false;
    }
    return true;
  }
  pumice::Model open(const std::vector<std::byte>& bytes) {
    PumiceModelOptions options = pumice_model_options_init();
    options.data = bytes.data();
    options.data_size = bytes.size();
    return pumice::Model(instance_, *device_, options);
  }

  pumice::Instance instance_;
  std::optional<pumice::Device> device_;
};

std::vector<std::byte> small_model() { return make_translation_model({.letters = true}); }

TEST_F(TranslationApiTest, WhiteSpaceStaysAndTextsKeepTheirOrder) {
  if (!open_device()) GTEST_SKIP() << "no device";
  const auto bytes = small_model();
  const pumice::Model model = open(bytes);
  PumiceTranslatorOptions with = pumice_translator_options_init();
  with.beam = 2;
  pumice::Translator translator(model, with);
  PumiceTranslateOptions options = pumice_translate_options_init();
  options.max_tokens = 6;
  std::vector<std::string> outputs;
  const std::vector<std::string> texts = {"  ab cd. De f!\n\ng\n", "", " \n", "hij"};
  translator.translate(texts, options, [&](const PumiceTranslation& made) {
    EXPECT_EQ(made.text, outputs.size());
    EXPECT_EQ(made.rank, 0u);
    outputs.emplace_back(made.output, made.length);
    return true;
  });
  ASSERT_EQ(outputs.size(), texts.size());
  EXPECT_TRUE(outputs[0].starts_with("  "));
  EXPECT_NE(outputs[0].find("\n\n"), std::string::npos);
  EXPECT_TRUE(outputs[0].ends_with("\n"));
  EXPECT_EQ(outputs[1], "");
  EXPECT_EQ(outputs[2], " \n");
  const PumiceTranslatorInfo info = translator.info();
  EXPECT_EQ(info.sentences, 4u);
  EXPECT_EQ(info.encoded_sentences, 4u);
  EXPECT_EQ(translator.translate(texts[0]).substr(0, 2), "  ");
}

// Whatever is longer than a source may be is cut, and nothing is left out.
TEST_F(TranslationApiTest, LongSentencesAreCutAtSpaces) {
  if (!open_device()) GTEST_SKIP() << "no device";
  const auto bytes = small_model();
  const pumice::Model model = open(bytes);
  PumiceTranslatorOptions with = pumice_translator_options_init();
  with.source_tokens = 12;
  pumice::Translator translator(model, with);
  PumiceTranslateOptions options = pumice_translate_options_init();
  options.max_tokens = 2;
  std::string words;
  for (int i = 0; i < 20; ++i) words += i % 7 == 6 ? "abcdefghijklmnopqrstuvw " : "ab cd ";
  translator.translate({words, std::string(100, 'x')}, options, [](const PumiceTranslation&) { return true; });
  const PumiceTranslatorInfo info = translator.info();
  EXPECT_GE(info.source_tokens_done, 100u + 20 * 4);
  EXPECT_GT(info.sentences, 10u);
}

TEST_F(TranslationApiTest, LanguagesAlternativesAndErrors) {
  if (!open_device()) GTEST_SKIP() << "no device";
  const auto bytes = small_model();
  const pumice::Model model = open(bytes);
  PumiceTranslatorOptions with = pumice_translator_options_init();
  with.beam = 3;
  pumice::Translator translator(model, with);
  PumiceTranslateOptions options = pumice_translate_options_init();
  options.max_tokens = 5;
  options.alternatives = 3;
  std::vector<double> scores;
  const auto take = [&](const PumiceTranslation& made) {
    EXPECT_EQ(made.rank, scores.size());
    scores.push_back(made.score);
    return true;
  };
  translator.translate({"abc"}, options, take);
  EXPECT_EQ(scores.size(), 3u);
  EXPECT_TRUE(std::is_sorted(scores.rbegin(), scores.rend()));
  const auto code_of = [&](const std::vector<std::string>& texts, const PumiceTranslateOptions& asked) {
    try {
      translator.translate(texts, asked, [](const PumiceTranslation&) { return true; });
    } catch (const pumice::Error& error) {
      return error.code();
    }
    return PUMICE_OK;
  };
  EXPECT_EQ(code_of({"One. Two."}, options), PUMICE_INVALID_ARGUMENT);
  options.whole = 1;
  EXPECT_EQ(code_of({"One. Two."}, options), PUMICE_OK);
  options.alternatives = 4;
  EXPECT_EQ(code_of({"a"}, options), PUMICE_INVALID_ARGUMENT);
  options.alternatives = 1;
  for (const char* no_language : {"xx", "x", "</s>", ""}) {
    options.to = no_language;
    EXPECT_EQ(code_of({"a"}, options), PUMICE_NOT_FOUND) << no_language;
  }
  options.to = "<2pt>";
  EXPECT_EQ(code_of({"a"}, options), PUMICE_OK);
  options.to = "pt";
  EXPECT_EQ(code_of({"a"}, options), PUMICE_OK);
  try {
    translator.translate({"a"}, options, [&](const PumiceTranslation&) {
      translator.info();  // of the call that it is in
      return true;
    });
    ADD_FAILURE() << "a callback used its own translator";
  } catch (const pumice::Error& error) {
    EXPECT_EQ(error.code(), PUMICE_INVALID_ARGUMENT);
  }
  EXPECT_THROW(translator.translate({"a"}, options, [](const PumiceTranslation&) { return false; }), pumice::Error);
  EXPECT_THROW(pumice::Context{model}, pumice::Error);
}

// Groups, quotas and statistics of the cache of sources, and a folder that outlives the translator.
TEST_F(TranslationApiTest, SourcesAreCachedLikePages) {
  if (!open_device()) GTEST_SKIP() << "no device";
  const auto bytes = small_model();
  const pumice::Model model = open(bytes);
  const TemporaryFolder folder;
  const std::string path = folder.file("sources");
  const std::array<uint8_t, 32> secret{};
  PumiceCacheOptions cache = pumice_cache_options_init();
  cache.disk_folder = path.c_str();
  PumiceTranslatorOptions with = pumice_translator_options_init();
  with.cache = &cache;
  EXPECT_THROW(pumice::Translator(model, with), pumice::Error) << "a folder needs a secret";
  cache.secret = secret.data();
  PumiceTranslateOptions options = pumice_translate_options_init();
  options.max_tokens = 4;
  const auto translate = [&](pumice::Translator& translator, const char* group) {
    options.group = group;
    std::string output;
    translator.translate({"abcdef. Ghij."}, options, [&](const PumiceTranslation& made) {
      output.assign(made.output, made.length);
      return true;
    });
    return output;
  };
  std::string first;
  {
    pumice::Translator translator(model, with);
    first = translate(translator, nullptr);
    EXPECT_EQ(translate(translator, ""), first);
    EXPECT_EQ(translate(translator, "others"), first);
    EXPECT_EQ(translator.info().encoded_sentences, 4u) << "two for each group";
    const PumiceCacheStats stats = translator.cache_stats();
    EXPECT_EQ(stats.lookups, 6u);
    EXPECT_EQ(stats.looked_up_pages, 6u);
    EXPECT_EQ(stats.hit_pages[PUMICE_SOURCE_DEVICE], 2u);
    EXPECT_EQ(stats.sealed_pages, 4u);
    EXPECT_EQ(stats.pages_cached, 4u);
    EXPECT_GT(stats.page_bytes, 0u);
    EXPECT_EQ(stats.tiers[1].present, 1);
    translator.set_group_quota("others", 32);
    EXPECT_EQ(translator.cache_stats().evictions_quota, 1u);
    PumiceCacheStats broken = pumice_cache_stats_init();
    broken.size = 3;
    EXPECT_EQ(pumice_translator_get_cache_stats(translator.get(), &broken), PUMICE_INVALID_ARGUMENT);
  }
  pumice::Translator translator(model, with);
  EXPECT_EQ(translate(translator, nullptr), first);
  const PumiceCacheStats stats = translator.cache_stats();
  EXPECT_EQ(stats.hit_pages[PUMICE_SOURCE_DISK] + stats.fetches_not_worth, 2u);
}

// A golden line's translations: equal ids, scores within 1e-3.
void check_line(pumice::Translator& translator, const Json& line, bool beam) {
  PumiceTranslateOptions options = pumice_translate_options_init();
  options.max_tokens = line["limit"];
  options.whole = 1;
  options.alternatives = beam ? 4 : 1;
  const Json expected = beam ? line["beam4"] : Json::array({line["greedy"]});
  size_t rank = 0;
  translator.translate({line["text"]}, options, [&](const PumiceTranslation& made) {
    const std::vector<int32_t> ids(made.ids, made.ids + made.id_count);
    EXPECT_EQ(ids, expected[rank]["ids"].get<std::vector<int32_t>>()) << line["text"] << " " << rank;
    EXPECT_NEAR(made.score, expected[rank]["score"].get<double>(), 1e-3);
    ++rank;
    return true;
  });
  EXPECT_EQ(rank, expected.size());
}

TEST_F(TranslationApiTest, GoldensWhereTheyAre) {
  if (!open_device()) GTEST_SKIP() << "no device";
  size_t lines = 0;
  for (const std::string name : {"aren-transliteration-F16", "random-marian-F32"}) {
    const std::string model_path = std::string(PUMICE_SHARED_DIR) + "/models/" + name + ".gguf";
    std::ifstream golden(std::string(PUMICE_SHARED_DIR) + "/models/golden/translation/" + name + ".jsonl");
    if (!golden || !std::filesystem::exists(model_path)) continue;
    const pumice::Model model(instance_, *device_, model_path);
    PumiceTranslatorOptions with = pumice_translator_options_init();
    with.length_penalty = 1;
    with.beam = 4;
    pumice::Translator beam(model, with);
    with.beam = 1;
    pumice::Translator greedy(model, with);
    for (std::string text; std::getline(golden, text); ++lines) {
      const Json line = Json::parse(text);
      check_line(greedy, line, false);
      check_line(beam, line, true);
    }
  }
  if (lines == 0) GTEST_SKIP() << "the data folder with golden translations is not there";
}

}  // namespace pumice::test::translation_test
