// Layers in the host's memory: the same numbers, and what is chosen where the device's memory is short.
#include "model/host_layers.h"

#include "support/engine_fixture.h"
#include "support/family_model.h"

namespace pumice::host_layers_test {

using test::make_synthetic_model;

test::SyntheticModel shape() {
  return {.layers = 4, .width = 256, .heads = 4, .kv_heads = 4, .ffn = 1024, .type = TensorType::kQ8_0};
}

class HostLayersTest : public test::EngineTest {
 protected:
  void TearDown() override {
    if (!IsSkipped()) device().memory().set_limit(0);
    test::EngineTest::TearDown();
  }

  // After a prompt and after one more token.
  std::vector<std::vector<float>> logits(const test::LoadedModel& loaded) {
    vocabulary_ = loaded.model->spec().vocabulary;
    const auto in = context(loaded, {.context_tokens = 256});
    Sequence* sequence = open(*in);
    const std::vector<int32_t> prompt = {5, 17, 3, 99, 42, 7, 7, 21, 60};
    const int32_t next = 11;
    std::vector<std::vector<float>> all;
    all.push_back(evaluate(*in, *sequence, prompt));
    all.push_back(evaluate(*in, *sequence, {&next, 1}));
    return all;
  }

  std::unique_ptr<test::LoadedModel> load_with(HostLayers host) {
    auto loaded = std::make_unique<test::LoadedModel>();
    loaded->bytes = make_synthetic_model(shape());
    loaded->file = Gguf::from_memory(loaded->bytes).value();
    Result<Model> model = Model::load(kernels(), *loaded->file, {}, host);
    EXPECT_TRUE(model.ok()) << model.error().message;
    if (model.ok()) loaded->model = std::move(model).value();
    return loaded;
  }
};

TEST_F(HostLayersTest, GiveTheSameLogits) {
  const auto whole = load_with({});
  const auto expected = logits(*whole);
  EXPECT_EQ(whole->model->host_layers(), 0u);
  EXPECT_EQ(whole->model->host_bytes(), 0u);
  for (const uint32_t count : {1u, 2u, 4u, 1000u}) {
    const uint64_t before = device().memory().reserved_bytes();
    const auto half = load_with({.count = count});
    EXPECT_EQ(half->model->host_layers(), std::min(count, 4u));
    EXPECT_EQ(half->model->host_bytes() + half->model->device_bytes(), whole->model->device_bytes());
    EXPECT_GT(half->model->host_bytes(), 0u);
    EXPECT_LE(device().memory().reserved_bytes() - before, half->model->device_bytes() + (uint64_t{128} << 20));
    EXPECT_EQ(logits(*half), expected) << count;
  }
}

TEST_F(HostLayersTest, AsManyAsItTakesWhereMemoryIsShort) {
  const std::vector<std::byte> bytes = make_synthetic_model(shape());
  const Result<Gguf> file = Gguf::from_memory(bytes);
  const Result<ModelSpec> spec = describe(*file);
  ASSERT_TRUE(spec.ok());
  const auto bytes_with = [&](uint32_t layers) { return weight_bytes(*file, *spec, layers)->device; };
  const auto chosen = [&](HostLayers wanted, uint64_t room) { return *choose_host_layers(*file, *spec, wanted, room); };
  const HostLayers automatic{.more_if_short = true};
  EXPECT_EQ(chosen(automatic, UINT64_MAX), 0u);
  EXPECT_EQ(chosen(automatic, bytes_with(0)), 0u);
  EXPECT_EQ(chosen(automatic, bytes_with(0) - 1), 1u);
  EXPECT_EQ(chosen(automatic, bytes_with(2) * 8 / 7 + 8), 2u);  // an eighth is for a context
  EXPECT_EQ(chosen(automatic, bytes_with(2)), 3u);
  EXPECT_EQ(chosen(automatic, 0), 4u);
  EXPECT_EQ(chosen({.count = 3, .more_if_short = true}, UINT64_MAX), 3u);
  EXPECT_EQ(chosen({.count = 1}, 0), 1u);
  for (uint32_t layers = 1; layers <= 4; ++layers) EXPECT_LT(bytes_with(layers), bytes_with(layers - 1));
}

TEST_F(HostLayersTest, TheTableOfLayersStaysThere) {
  const auto keys = [](test::GgufWriter& w, const std::string& p) {
    w.u32(p + "attention.sliding_window", 20).i32s(p + "attention.sliding_window_pattern", {1, 0});
    w.u32(p + "attention.shared_kv_layers", 0).u32(p + "embedding_length_per_layer_input", 32);
    w.u32(p + "attention.key_length", 32).u32(p + "attention.value_length", 32);
    w.u32(p + "attention.key_length_swa", 16).u32(p + "rope.dimension_count", 32);
    w.u32(p + "rope.dimension_count_swa", 16);
  };
  const test::FamilyModel model{.architecture = "gemma4", .keys = keys};
  const auto loaded = load(make_family_model(model));
  EXPECT_EQ(loaded->model->host_layers(), 0u);
  const uint64_t table = uint64_t{4} * model.vocabulary * model.layers * 32;
  EXPECT_GE(loaded->model->host_bytes(), table);
  EXPECT_LE(loaded->model->host_bytes(), table + 4096) << "rows are padded";
}

// The limit stands for a device's memory, of which host layers take none.
TEST_F(HostLayersTest, AModelLargerThanTheMemoryLoads) {
  const auto whole = load_with({});
  const auto expected = logits(*whole);
  const uint64_t room = whole->model->device_bytes() * 3 / 4;
  device().memory().set_limit(device().memory().reserved_bytes() + room);
  const auto loaded = load_with({.more_if_short = true});
  EXPECT_GT(loaded->model->host_layers(), 0u);
  EXPECT_LT(loaded->model->device_bytes(), room);
  device().memory().set_limit(0);
  EXPECT_EQ(logits(*loaded), expected);
}

}  // namespace pumice::host_layers_test
