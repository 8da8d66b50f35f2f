// Models in the folders of other programs: all found, none copied, nothing written.
#include "common/model_store.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/cli_support.h"
#include "apps/model_stores.h"
#include "common/model_files.h"
#include "support/tower_model.h"
#include "support/translation_model.h"

namespace pumice::test::model_store_test {

using pumice_apps::StoredModel;

const std::string kDigest(64, 'a'), kOther(64, 'b');

class ModelStore : public ::testing::Test {
 protected:
  std::vector<StoredModel> find() const {
    return pumice_apps::find_models(
        {.hugging_face = {stores_.hub()}, .ollama = {stores_.ollama()}, .lm_studio = {stores_.lm_studio()}});
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const StoredModel& model : find()) names.push_back(model.name + (model.problem.empty() ? "" : " !"));
    return names;
  }
  ModelStores stores_;
};

TEST(ModelFiles, NamesOfPartsAndTypes) {
  using namespace pumice_apps;
  EXPECT_EQ(split_name("a-00002-of-00003.gguf")->base, "a");
  EXPECT_EQ(split_name("a-00002-of-00003.GGUF")->part, 2u);
  EXPECT_EQ(split_name("a-00004-of-00003.gguf")->base, "a-00004-of-00003");
  EXPECT_EQ(split_name("a-2-of-3.gguf")->parts, 1u);
  EXPECT_FALSE(split_name("a.bin"));
  EXPECT_EQ(quantisation_of("SmolLM2-135M-Instruct.Q4_1"), "Q4_1");
  EXPECT_EQ(quantisation_of("qwen2.5-0.5b-instruct-q4_k_m"), "Q4_K_M");
  EXPECT_EQ(quantisation_of("Llama-3.2-1B-UD-IQ2_XXS"), "IQ2_XXS");
  EXPECT_EQ(quantisation_of("model_q4_k_m"), "Q4_K_M");
  EXPECT_EQ(quantisation_of("gpt-oss-20b-mxfp4"), "MXFP4");
  EXPECT_EQ(quantisation_of("gemma-bf16"), "BF16");
  EXPECT_EQ(quantisation_of("Qwen3-8B"), "");
}

TEST_F(ModelStore, AllAreFoundAndNothingIsWritten) {
  const std::string bytes = ModelStores::small_model(1);
  stores_.add_hugging_face("org--one", "c1", "one-Q8_0.gguf", bytes);
  stores_.add_hugging_face("org--one", "c1", "one-Q4_0.gguf", bytes);
  stores_.add_hugging_face("org--one", "c0", "one-Q8_0.gguf", "old", false);
  stores_.add_hugging_face("org--one", "c0", "one-F16.gguf", bytes, false);
  stores_.add_hugging_face("org--one", "c1", "mmproj-one.gguf", bytes);
  stores_.add_ollama("registry.ollama.ai/library/two/1b", kDigest, bytes);
  stores_.add_ollama("registry.ollama.ai/me/two/latest", kDigest, bytes);
  stores_.add_ollama("hf.co/org/three/Q4_0", kDigest, bytes);
  ModelStores::write(stores_.lm_studio() + "/org/four/four-F32.gguf", bytes);
  ModelStores::write(stores_.lm_studio() + "/org/four/notes.txt", "no model");
  const auto before = stores_.content();
  EXPECT_EQ(names(), (std::vector<std::string>{"org/one:F16", "org/one:Q4_0", "org/one:Q8_0", "hf.co/org/three:Q4_0",
                                               "two:1b", "me/two:latest", "org/four:F32"}));
  EXPECT_EQ(stores_.content(), before);
  const std::vector<StoredModel> models = find();
  EXPECT_EQ(models[2].bytes, bytes.size()) << "of main's commit, not of the older one";
  EXPECT_NE(models[2].projector, "");
  EXPECT_EQ(models[4].path, stores_.ollama() + "/blobs/sha256-" + kDigest);
}

TEST_F(ModelStore, PartsAreOneModelAndBrokenOnesSayWhy) {
  const std::string bytes = ModelStores::small_model(1);
  stores_.add_hugging_face("org--parts", "c", "Q8_0/m-Q8_0-00001-of-00002.gguf", bytes);
  stores_.add_hugging_face("org--parts", "c", "Q8_0/m-Q8_0-00002-of-00002.gguf", bytes);
  stores_.add_hugging_face("org--parts", "c", "m-Q4_0-00001-of-00002.gguf", bytes);
  stores_.add_hugging_face("org--gone", "c", "m.gguf", "");
  stores_.add_ollama("registry.ollama.ai/library/gone/latest", kOther, "");
  stores_.add_ollama("registry.ollama.ai/library/up/latest", "../../../etc/passwd", "");
  ModelStores::write(stores_.ollama() + "/manifests/registry.ollama.ai/library/torn/latest", "{\"layers\": [");
  ModelStores::write(stores_.lm_studio() + "/org/text/text.gguf", "this is a text");
  ModelStores::write(stores_.lm_studio() + "/org/none/none.gguf", "");
  const std::vector<StoredModel> models = find();
  ASSERT_EQ(names(), (std::vector<std::string>{"org/gone:m !", "org/parts:Q8_0", "org/parts:Q4_0 !", "gone:latest !",
                                               "torn:latest !", "up:latest !", "org/none:none !", "org/text:text !"}));
  EXPECT_EQ(models[1].parts, 2u);
  EXPECT_EQ(models[1].bytes, 2 * bytes.size());
  EXPECT_TRUE(models[1].path.ends_with("m-Q8_0-00001-of-00002.gguf"));
  EXPECT_NE(models[2].problem.find("part 2 of 2 is missing"), std::string::npos);
}

TEST_F(ModelStore, NamesMeanWhatTheySay) {
  const std::string bytes = ModelStores::small_model(1);
  stores_.add_hugging_face("org--one", "c", "one-Q8_0.gguf", bytes);
  stores_.add_hugging_face("org--one", "c", "one-Q4_0.gguf", bytes);
  stores_.add_ollama("registry.ollama.ai/library/two/latest", kDigest, bytes);
  stores_.add_ollama("registry.ollama.ai/library/two/1b", kDigest, bytes);
  const std::vector<StoredModel> models = find();
  const auto means = [&](const std::string& name) {
    std::string all;
    for (const StoredModel& model : pumice_apps::models_named(models, name)) all += model.name + " ";
    return all;
  };
  EXPECT_EQ(means("ORG/one:q8_0"), "org/one:Q8_0 ");
  EXPECT_EQ(means("one:Q4_0"), "org/one:Q4_0 ");
  EXPECT_EQ(means("one-q4_0.gguf"), "org/one:Q4_0 ");
  EXPECT_EQ(means("org/one"), "org/one:Q4_0 org/one:Q8_0 ");
  EXPECT_EQ(means("two"), "two:latest ");
  EXPECT_EQ(means("two:1b"), "two:1b ");
  EXPECT_EQ(means("three"), "");
}

TEST_F(ModelStore, FoldersThatLinkToThemselvesEnd) {
  ModelStores::write(stores_.lm_studio() + "/org/one/one.gguf", ModelStores::small_model(1));
  std::filesystem::create_directory_symlink(stores_.lm_studio(), stores_.lm_studio() + "/org/again");
  EXPECT_FALSE(find().empty());
}

TEST_F(ModelStore, EachKindNamesWhatTakesIt) {
  if (cli_path().empty()) GTEST_SKIP() << "the program was not built";
  const auto add = [&](const char* name, const std::vector<std::byte>& bytes) {
    ModelStores::write(stores_.lm_studio() + "/" + name, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  };
  add("a.gguf", make_translation_model({}));
  add("b.gguf", make_tower_model({}));
  ModelStores::write(stores_.lm_studio() + "/c.gguf", ModelStores::small_model(1));
  const CliResult text = CliProcess::of_program(cli_path(), {"models", stores_.lm_studio()}).wait();
  EXPECT_NE(text.out.find("translation: pumice translate"), std::string::npos) << text.out << text.err;
  const CliResult listed = CliProcess::of_program(cli_path(), {"models", stores_.lm_studio(), "--json"}).wait();
  const nlohmann::json list = nlohmann::json::parse(listed.out, nullptr, false);
  ASSERT_TRUE(list.is_array() && list.size() == 3) << listed.out << listed.err;
  const char* const kinds[] = {"translation", "projector", "decoder"};
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(list[i]["runs"] == true && list[i]["kind"] == kinds[i]) << list[i];
}

TEST_F(ModelStore, TheProgramListsAndOpensThem) {
  if (cli_path().empty()) GTEST_SKIP() << "the program was not built";
  const std::string bytes = ModelStores::small_model(1);
  stores_.add_hugging_face("org--one", "c", "one-Q8_0.gguf", bytes);
  stores_.add_hugging_face("org--one", "c", "one-Q4_0.gguf", bytes);
  stores_.add_ollama("registry.ollama.ai/library/two/latest", kDigest, bytes);
  ModelStores::write(stores_.lm_studio() + "/org/bad/bad-Q8_0.gguf", "GGUF and no more");
  const auto before = stores_.content();
  const auto run = [&](std::vector<std::string> arguments) {
    std::vector<std::string> all = {"-u",
                                    "XDG_CACHE_HOME",
                                    "HF_HUB_CACHE=" + stores_.hub(),
                                    "OLLAMA_MODELS=" + stores_.ollama(),
                                    "HOME=" + stores_.home(),
                                    cli_path()};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return CliProcess::of_program("/usr/bin/env", all).wait();
  };
  const CliResult listed = run({"models", "--json"});
  const nlohmann::json list = nlohmann::json::parse(listed.out, nullptr, false);
  ASSERT_TRUE(list.is_array() && list.size() == 4) << listed.out << listed.err;
  EXPECT_EQ(list[0]["name"], "org/one:Q4_0");
  EXPECT_EQ(list[0]["family"], "llama");
  EXPECT_EQ(list[0]["bytes"], bytes.size());
  EXPECT_TRUE(list[0]["runs"] == true && list[0]["memory_bytes"] > bytes.size() / 2) << listed.out;
  EXPECT_EQ(list[3]["name"], "org/bad:Q8_0");
  EXPECT_TRUE(list[3]["runs"] == false && !list[3]["problem"].get<std::string>().empty());
  EXPECT_EQ(run({"inspect", "-m", "two"}).exit_code, 0);
  EXPECT_EQ(run({"inspect", "-m", "one:q4_0"}).exit_code, 0);
  const CliResult several = run({"inspect", "-m", "org/one"});
  EXPECT_EQ(several.exit_code, 2);
  EXPECT_NE(several.err.find("org/one:Q4_0, org/one:Q8_0"), std::string::npos) << several.err;
  const CliResult none = run({"inspect", "-m", "org/none"});
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_NE(none.err.find("pumice pull org/none"), std::string::npos) << none.err;
  EXPECT_EQ(run({"inspect", "-m", stores_.lm_studio()}).exit_code, 6);
  EXPECT_EQ(stores_.content(), before);
}

}  // namespace pumice::test::model_store_test
