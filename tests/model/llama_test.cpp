// Whole llama models on the device against the reference on the same bytes: every weight type and every variant of the
// architecture, prompts that cross slices and pages, and decode steps that cross splits of attention.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>

#include "format/dequantize.h"
#include "model/llama_comparison.h"
#include "support/slice.h"

namespace pumice::test::llama_test {

struct Case {
  const char* name;
  SyntheticModel model;
};

// Rows are whole blocks.
SyntheticModel typed(TensorType type) {
  const bool wide = tensor_type_info(type)->block_values > 32;
  SyntheticModel model{.type = type, .seed = 7};
  model.width = wide ? 256 : 64;
  model.ffn = wide ? 256 : 96;
  return model;
}

std::vector<Case> weight_types() {
  std::vector<Case> cases;
  for (const TensorTypeInfo& info : kTensorTypes)
    if (info.device) cases.push_back({info.name, typed(static_cast<TensorType>(&info - kTensorTypes))});
  SyntheticModel mixed = typed(TensorType::kQ4_K);
  mixed.v_and_down = TensorType::kQ6_K;
  cases.push_back({"Q4_K_M", mixed});
  return cases;
}

using Keys = std::map<std::string, std::function<void(GgufWriter&)>>;

Keys real(const std::string& key, float value) {
  return {{key, [=](GgufWriter& w) { w.f32(key, value); }}};
}

Keys scaling(const std::string& type, Keys more) {
  const std::string key = "llama.rope.scaling.type";
  more[key] = [=](GgufWriter& w) { w.string(key, type); };
  return more;
}

Keys joined(Keys a, const Keys& b) {
  a.insert(b.begin(), b.end());
  return a;
}

std::vector<Case> variants() {
  const std::string rope = "llama.rope.scaling.";
  const Keys factor = real(rope + "factor", 4), magnitude = real(rope + "attn_factor", 0.5f);
  return {
      {"separate output", {.separate_output = true}},
      {"biases", {.biases = true}},
      {"biases of mixed types", {.type = TensorType::kQ8_0, .v_and_down = TensorType::kQ5_0, .biases = true}},
      {"rope factors", {.rope_factors = true}},
      {"linear rope scaling", {.linear_scale = 4}},
      {"a factor without a type", {.keys = factor}},
      {"a factor of type none", {.keys = scaling("none", joined(factor, real("llama.rope.scale_linear", 8)))}},
      {"a factor of 0", {.keys = scaling("linear", real(rope + "factor", 0))}},
      {"magnitude of rotation", {.keys = magnitude}},
      {"magnitude of half a head", {.rotary = 8, .keys = magnitude}},
      {"YaRN", {.head_dim = 32, .context = 64, .keys = scaling("yarn", factor)}},
      {"YaRN with all its keys",
       {.head_dim = 32,
        .rope_factors = true,
        .keys = scaling("yarn", joined(joined(factor, magnitude), joined(real(rope + "yarn_beta_fast", 4),
                                                                         real(rope + "yarn_beta_slow", 0.5f))))}},
      {"scale of scores", {.keys = real("llama.attention.scale", 0.4f)}},
      {"half of the head rotated", {.rotary = 8}},
      {"heads wider than width / heads", {.head_dim = 24}},
      {"one kv head", {.kv_heads = 1}},
      {"as many kv heads as heads", {.kv_heads = 4}},
      {"three heads a kv head, odd sizes", {.width = 72, .heads = 6, .kv_heads = 2, .ffn = 74, .vocabulary = 317}},
      {"heads of 128", {.heads = 2, .kv_heads = 1, .head_dim = 128}},
      {"three layers", {.layers = 3, .separate_output = true, .gpt2 = true}},
      {"all at once",
       {.layers = 3,
        .heads = 6,
        .kv_heads = 3,
        .head_dim = 32,
        .type = TensorType::kQ5_1,
        .v_and_down = TensorType::kF16,
        .separate_output = true,
        .biases = true,
        .rope_factors = true,
        .linear_scale = 2,
        .rotary = 16}},
  };
}

const std::vector<size_t> kLengths = {1, 2, 16, 17, 33, 200};

class LlamaModelTest : public LlamaTest {
 protected:
  void check(const Case& c) { check(c, c.model); }
  void check(const Case& c, const SyntheticModel& reference) {
    SCOPED_TRACE(c.name);
    const auto loaded = load(make_synthetic_model(c.model));
    if (!loaded) return;
    vocabulary_ = c.model.vocabulary;
    const std::vector<std::byte> reference_bytes = make_synthetic_model(reference);
    const Result<Gguf> reference_file = Gguf::from_memory(reference_bytes);
    ASSERT_TRUE(reference_file.ok());
    ReferenceLogits expected(*reference_file, random_tokens(c.model, 210, 3));
    double worst = 0;
    uint32_t other_choices = 0;
    for (const uint32_t slice : {32u, 128u}) {
      const auto in = context(*loaded, {.context_tokens = 256, .kv_type = KvType::kF32, .prefill_slice = slice});
      if (!in) return;
      worst = std::max(worst, largest_difference(*in, expected, kLengths, 3));
    }
    const auto in = context(*loaded, {.context_tokens = 256, .kv_type = KvType::kF32});
    const double decoded = decode_difference(*in, expected, 40, 20, tolerance_, &other_choices);
    std::printf("  %-34s prefill %.1e, decode %.1e\n", c.name, worst, decoded);
    EXPECT_LE(worst, tolerance_);
    EXPECT_LE(decoded, tolerance_);
    EXPECT_EQ(other_choices, 0u);
  }

  // Where the device multiplies in f16 or 8 bits, the keys and values of the prompt carry that rounding.
  void expect_rounded_products() {
    if (!caps().cooperative_matrices.empty() || caps().integer_dot_accelerated) tolerance_ = kLogToleranceF16;
  }

  double tolerance_ = kLogTolerance;
};

TEST_F(LlamaModelTest, WeightTypesAgreeWithTheReference) {
  for (const Case& c : slice_of(weight_types())) check(c);
}

TEST_F(LlamaModelTest, VariantsAgreeWithTheReference) {
  for (const Case& c : slice_of(variants())) check(c);
}

// The scale of an NVFP4 matrix is a tensor of its own. The reference has it in the exponents of the blocks.
TEST_F(LlamaModelTest, ScalesOfTensorsAgreeWithTheReference) {
  SyntheticModel scaled = typed(TensorType::kNVFP4), doubled = scaled;
  for (uint32_t layer = 0; layer < scaled.layers; ++layer)
    for (const char* name : {".attn_k", ".ffn_down"}) {
      const float two[] = {2};
      scaled.more_tensors.push_back({.name = "blk." + std::to_string(layer) + name + ".scale",
                                     .dims = {1},
                                     .type = static_cast<uint32_t>(TensorType::kF32),
                                     .data = f32_bytes(two)});
    }
  doubled.edit_tensor = [](GgufWriter::Tensor& tensor) {
    if (!tensor.name.ends_with(".attn_k.weight") && !tensor.name.ends_with(".ffn_down.weight")) return true;
    for (size_t block = 0; block < tensor.data.size(); block += 36)
      for (size_t i = 0; i < 4; ++i) {
        const auto bits = static_cast<uint8_t>(tensor.data[block + i]);
        tensor.data[block + i] = static_cast<std::byte>(bits < 8 ? 2 * bits : bits + 8);
      }
    return true;
  };
  check({"a scale of 2", scaled}, doubled);
}

// The reference reads the same weights apart.
TEST_F(LlamaModelTest, FusedQueriesKeysAndValuesAgreeWithTheReference) {
  for (const TensorType type : {TensorType::kF32, TensorType::kQ8_0}) {
    const SyntheticModel apart{.kv_heads = 1, .type = type, .biases = true};
    SyntheticModel fused = apart;
    fused.fused_qkv = true;
    check({"fused", fused}, apart);
  }
}

TEST_F(LlamaModelTest, NumbersForEachLayerAreReadAsOne) {
  const SyntheticModel plain{.layers = 3, .kv_heads = 2};
  SyntheticModel arrays = plain;
  const auto each = [&](const std::string& key, int32_t value) {
    arrays.keys[key] = [=](GgufWriter& w) { w.i32s(key, {value, value, value}); };
  };
  each("llama.attention.head_count", 4);
  each("llama.attention.head_count_kv", 2);
  each("llama.feed_forward_length", 96);
  check({"arrays", arrays}, plain);
}

TEST_F(LlamaModelTest, MaskedDevicesAgreeWithTheReference) {
  SyntheticModel mixed = typed(TensorType::kQ4_K);
  mixed.v_and_down = TensorType::kQ6_K;
  mixed.biases = true;
  for (const Mask mask : {Mask::kDiscrete, Mask::kShared}) {
    use(mask);
    if (mask == Mask::kDiscrete) expect_rounded_products();
    check({mask_name(mask), mixed});
    tolerance_ = kLogTolerance;
    check({mask_name(mask), {.type = TensorType::kF32, .separate_output = true}});
  }
}

// Small enough for keys of 256 tokens and slices of 32 within bindings of 16 KiB, while weights take several slabs.
TEST_F(LlamaModelTest, SlabsAgreeWithTheReference) {
  use(Mask::kSmallBindings);
  const SyntheticModel small{.kv_heads = 1,
                             .type = TensorType::kQ8_0,
                             .v_and_down = TensorType::kQ5_1,
                             .separate_output = true,
                             .biases = true};
  const auto loaded = load(make_synthetic_model(small));
  ASSERT_TRUE(loaded);
  EXPECT_GT(loaded->model->weights().embedding.slabs.size(), 1u);
  vocabulary_ = small.vocabulary;
  ReferenceLogits expected(*loaded->file, random_tokens(small, 210, 3));
  const auto in = context(*loaded, {.context_tokens = 256, .kv_type = KvType::kF32});
  ASSERT_TRUE(in);
  uint32_t other_choices = 0;
  EXPECT_LE(largest_difference(*in, expected, kLengths, 3), kLogTolerance);
  EXPECT_LE(decode_difference(*in, expected, 40, 20, kLogTolerance, &other_choices), kLogTolerance);
  EXPECT_EQ(other_choices, 0u);
  const auto refused = Context::create(*loaded->model, {}, {.context_tokens = 64, .prefill_slice = 128});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().status, Status::kInvalidArgument);
}

TEST_F(LlamaModelTest, F16CacheAgreesWithinItsRounding) {
  const SyntheticModel model{.layers = 3, .separate_output = true};
  const auto loaded = load(make_synthetic_model(model));
  ASSERT_TRUE(loaded);
  vocabulary_ = model.vocabulary;
  ReferenceLogits expected(*loaded->file, random_tokens(model, 210, 3));
  const auto in = context(*loaded, {.context_tokens = 256, .kv_type = KvType::kF16, .prefill_slice = 32});
  ASSERT_TRUE(in);
  const double worst = largest_difference(*in, expected, kLengths, 6);
  std::printf("  F16 keys and values: %.1e\n", worst);
  EXPECT_LE(worst, kLogToleranceF16);
  EXPECT_GT(worst, kLogTolerance / 20) << "the cache is not F16";
}

// Decode attention splits its keys at every 256.
TEST_F(LlamaModelTest, DecodeCrossesSplitsOfAttention) {
  const SyntheticModel model{.heads = 4, .kv_heads = 2, .separate_output = true};
  const auto loaded = load(make_synthetic_model(model));
  ASSERT_TRUE(loaded);
  vocabulary_ = model.vocabulary;
  const auto in = context(*loaded, {.context_tokens = 800, .kv_type = KvType::kF32});
  ASSERT_TRUE(in);
  for (const size_t prompt : {250u, 505u, 760u}) {
    ReferenceLogits expected(*loaded->file, random_tokens(model, prompt, 5));
    uint32_t other_choices = 0;
    EXPECT_LE(decode_difference(*in, expected, prompt, 14, kLogTolerance, &other_choices), kLogTolerance) << prompt;
    EXPECT_EQ(other_choices, 0u) << prompt;
  }
}

// The comparison notices what it is there for.
TEST_F(LlamaModelTest, OneChangedWeightShows) {
  SyntheticModel model{.layers = 3, .separate_output = true};
  const auto right = load(make_synthetic_model(model));
  ASSERT_TRUE(right);
  vocabulary_ = model.vocabulary;
  ReferenceLogits expected(*right->file, random_tokens(model, 40, 3));
  for (const char* name : {"blk.0.attn_k.weight", "blk.1.ffn_down.weight", "blk.2.attn_norm.weight"}) {
    model.edit_tensor = [name](GgufWriter::Tensor& tensor) {
      if (tensor.name == name) {  // one value in the middle of the tensor, by one
        float value = 0;
        std::byte* at = tensor.data.data() + tensor.data.size() / 8 * 4;
        std::memcpy(&value, at, 4);
        value += 1;
        std::memcpy(at, &value, 4);
      }
      return true;
    };
    const auto wrong = load(make_synthetic_model(model));
    ASSERT_TRUE(wrong);
    const auto in = context(*wrong, {.context_tokens = 64, .kv_type = KvType::kF32, .prefill_slice = 32});
    ASSERT_TRUE(in);
    EXPECT_GT(largest_difference(*in, expected, {17, 33}, 3), 2 * kLogTolerance) << name;
  }
}

}  // namespace pumice::test::llama_test
