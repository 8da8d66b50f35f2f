// Adapters through the C interface and on the command line, of the bundled model.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "cli_support.h"
#include "pumice/pumice.h"
#include "serve/http_client.h"
#include "support/adapter_file.h"
#include "support/slice.h"
#include "support/temporary_folder.h"
#include "test_paths.h"

namespace pumice::test::adapters_api_test {

using Json = nlohmann::json;

const std::string kModel = std::string(PUMICE_MODELS_DIR) + "/storyteller-5m-Q4_K_M.gguf";

AdapterFile file_of(uint64_t seed) {
  const Result<Gguf> model = Gguf::open(kModel);
  AdapterFile file{.seed = seed};
  for (const GgufTensor& tensor : model->tensors())
    if (tensor.name.find("attn_q.weight") != std::string_view::npos || tensor.name.ends_with("ffn_down.weight"))
      file.tensors.push_back(
          {std::string(tensor.name), static_cast<uint32_t>(tensor.dims[1]), static_cast<uint32_t>(tensor.dims[0])});
  return file;
}

std::string written(const TemporaryFolder& folder, const char* name, const AdapterFile& file) {
  const std::string path = folder.file(name);
  const std::vector<std::byte> bytes = make_adapter(file);
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return path;
}

class AdaptersCli : public ::testing::Test {
 protected:
  void SetUp() override {
    if (cli_path().empty()) GTEST_SKIP() << "the pumice program was not built";
    if (run_cli({"devices", "-q"}).exit_code == 4) GTEST_SKIP() << "no usable Vulkan device";
  }
  static Json top(const std::vector<std::string>& loras) {
    std::vector<std::string> arguments = {"top", "--json", "-q", "--no-autotune", "-p", "Once upon a time"};
    for (const std::string& lora : loras) arguments.insert(arguments.end(), {"--lora", lora});
    const CliResult result = run_cli(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return Json::parse(result.out, nullptr, false).value("top", Json());
  }
  TemporaryFolder folder_;
};

TEST_F(AdaptersCli, ScalesChooseWhatIsComputed) {
  PUMICE_SLICE(3);
  const std::string one = written(folder_, "one.gguf", file_of(1)), two = written(folder_, "two=2.gguf", file_of(2));
  const Json base = top({}), with_one = top({one}), with_both = top({one, two});
  EXPECT_NE(with_one, base);
  EXPECT_NE(with_both, with_one);
  EXPECT_EQ(top({one + "=0"}), base);
  EXPECT_EQ(top({one + "=1", two + "=0"}), with_one);
  EXPECT_NE(top({one + "=-0.5"}), with_one);
}

TEST_F(AdaptersCli, ASessionKeepsItsAdapters) {
  const std::string one = written(folder_, "one.gguf", file_of(1)), session = folder_.file("s");
  const auto run = [&](const std::string& text, const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"run", text, "-q", "-n", "4", "--no-autotune", "--session", session};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_cli(arguments);
  };
  EXPECT_EQ(run("Once", {"--lora", one + "=0.5"}).exit_code, 0);
  EXPECT_EQ(run("and", {"--lora", one + "=0.5"}).exit_code, 0);
  const CliResult other = run("and", {"--lora", one}), none = run("and", {});
  EXPECT_NE(other.exit_code, 0);
  EXPECT_NE(other.err.find("other adapters"), std::string::npos) << other.err;
  EXPECT_NE(none.exit_code, 0);
  EXPECT_NE(none.err.find("adapter"), std::string::npos) << none.err;
}

TEST_F(AdaptersCli, WrongFilesAreNamed) {
  const std::string missing = folder_.file("missing.gguf");
  const CliResult none = run_cli({"top", "-q", "-p", "a", "--lora", missing});
  EXPECT_NE(none.exit_code, 0);
  EXPECT_NE(none.err.find("missing.gguf"), std::string::npos) << none.err;
  const CliResult model = run_cli({"top", "-q", "-p", "a", "--lora", kModel});
  EXPECT_NE(model.exit_code, 0);
  EXPECT_NE(model.err.find("not a LoRA adapter"), std::string::npos) << model.err;
  const std::string adapter = written(folder_, "one.gguf", file_of(1));
  const CliResult swapped = run_cli({"top", "-q", "-p", "a", "-m", adapter});
  EXPECT_NE(swapped.exit_code, 0);
  EXPECT_NE(swapped.err.find("--lora"), std::string::npos) << swapped.err;
}

TEST_F(AdaptersCli, RequestsToAServerChooseThem) {
  if (run_cli({"serve", "--help"}).out.find("--port") == std::string::npos) GTEST_SKIP() << "built without Boost";
  const ServerProcess server({"--ctx", "512", "--parallel", "4", "--lora", written(folder_, "one.gguf", file_of(1)),
                              "--lora", written(folder_, "two.gguf", file_of(2)) + "=0"});
  ASSERT_GT(server.port(), 0);
  const Json list = server.ask("GET", "/lora-adapters").json();
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0]["scale"], 1);
  EXPECT_EQ(list[1]["scale"], 0);
  const auto text = [&](const Json& lora) {
    Json body = {{"prompt", "Once upon a time there was"}, {"max_tokens", 12}, {"temperature", 0}};
    if (!lora.is_null()) body["lora"] = lora;
    return server.post("/v1/completions", body).json();
  };
  const auto said = [&](const Json& lora) { return text(lora)["choices"][0]["text"]; };
  const Json one = {{"id", 0}, {"scale", 1}}, two = {{"id", 1}, {"scale", 0.5}};
  const Json base = said(Json::array()), with_one = said({}), with_both = said(Json::array({one, two}));
  EXPECT_NE(base, with_one);
  EXPECT_NE(with_one, with_both);
  EXPECT_EQ(said(Json::array({one})), with_one);
  EXPECT_EQ(said(Json::array({{{"id", 1}, {"scale", 0}}})), base) << "those that are not named are 0";
  for (const Json& wrong : {Json::array({{{"id", 2}, {"scale", 1}}}), Json::array({{{"id", 0}}}), Json("all"),
                            Json::array({1}), Json::array({{{"id", -1}, {"scale", 1}}})})
    EXPECT_TRUE(text(wrong).contains("error")) << wrong;
}

TEST(AdaptersApi, AreReadWithoutADevice) {
  PumiceInstance* instance = nullptr;
  ASSERT_EQ(pumice_instance_create(nullptr, &instance), PUMICE_OK);
  PumiceModelOptions model_options = pumice_model_options_init();
  model_options.path = kModel.c_str();
  PumiceModel* model = nullptr;
  ASSERT_EQ(pumice_model_load(instance, nullptr, &model_options, &model), PUMICE_OK);
  const std::vector<std::byte> bytes = make_adapter(file_of(1));
  PumiceAdapterOptions options = pumice_adapter_options_init();
  PumiceAdapter* adapter = nullptr;
  EXPECT_EQ(pumice_adapter_load(model, nullptr, &adapter), PUMICE_INVALID_ARGUMENT);
  EXPECT_EQ(pumice_adapter_load(model, &options, &adapter), PUMICE_INVALID_ARGUMENT);
  options.data = bytes.data();
  options.data_size = bytes.size();
  EXPECT_EQ(pumice_adapter_load(nullptr, &options, &adapter), PUMICE_INVALID_ARGUMENT);
  EXPECT_EQ(pumice_adapter_load(model, &options, nullptr), PUMICE_INVALID_ARGUMENT);
  ASSERT_EQ(pumice_adapter_load(model, &options, &adapter), PUMICE_OK);
  PumiceAdapterInfo info = pumice_adapter_info_init();
  ASSERT_EQ(pumice_adapter_get_info(adapter, &info), PUMICE_OK);
  EXPECT_STREQ(info.name, "random");
  EXPECT_EQ(info.rank, 4u);
  EXPECT_EQ(info.tensors, file_of(1).tensors.size());
  PumiceContextOptions context = pumice_context_options_init();
  PumiceEstimate without = pumice_estimate_init(), with = pumice_estimate_init();
  ASSERT_EQ(pumice_model_estimate(model, &context, &without), PUMICE_OK);
  const PumiceAdapter* const adapters[] = {adapter};
  context.adapters = adapters;
  context.adapter_count = 1;
  ASSERT_EQ(pumice_model_estimate(model, &context, &with), PUMICE_OK);
  EXPECT_EQ(without.adapter_bytes, 0u);
  EXPECT_GT(with.adapter_bytes, 0u);
  context.adapters = nullptr;
  EXPECT_EQ(pumice_model_estimate(model, &context, &with), PUMICE_INVALID_ARGUMENT);
  pumice_model_destroy(model);
  EXPECT_EQ(pumice_adapter_get_info(adapter, &info), PUMICE_OK) << "it keeps its model";
  pumice_adapter_destroy(adapter);
  pumice_adapter_destroy(nullptr);
  pumice_instance_destroy(instance);
}

}  // namespace pumice::test::adapters_api_test
