// Whole models with each type of keys and of values, against the reference that rounds them alike.
//
// Tolerance. As for an F16 cache (llama_comparison.h): where device and reference round a value differently, because it
// lies within their error of the middle between two codes, it is off by a whole step. That is one value in 10^4 at
// most; the rest agree as without rounding.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>

#include "model/llama_comparison.h"
#include "support/kv_reference.h"
#include "support/slice.h"

namespace pumice::test::kv_types_test {

constexpr KvFormat kFormats[] = {{KvType::kQ8_0, KvType::kQ8_0},        {KvType::kQ4_0, KvType::kQ4_0},
                                 {KvType::kQ4_0, KvType::kQ4_0, false}, {KvType::kQ8_0, KvType::kQ8_0, false},
                                 {KvType::kQ8_0, KvType::kQ4_0},        {KvType::kQ4_0, KvType::kF16},
                                 {KvType::kF16, KvType::kQ8_0},         {KvType::kF32, KvType::kQ4_0}};

class KvTypesTest : public LlamaTest {
 protected:
  static reference::CacheFormat reference_format(const KvFormat& format, uint32_t head_dim) {
    return {reference_type(format.k), reference_type(format.v), format.k_rotation(head_dim),
            format.v_rotation(head_dim)};
  }
  static ContextOptions options(const KvFormat& format) {
    return {.context_tokens = 256,
            .kv_type = format.k,
            .prefill_slice = 32,
            .kv_type_v = format.v,
            .kv_rotation = format.rotate};
  }
  void check(const SyntheticModel& model, const KvFormat& format) {
    SCOPED_TRACE(name_of(format));
    const auto loaded = load(make_synthetic_model(model));
    ASSERT_TRUE(loaded);
    vocabulary_ = model.vocabulary;
    const uint32_t head_dim = loaded->model->spec().layers[0].attention.head_dim;
    const auto text = random_tokens(model, 120, 3);
    ReferenceLogits alike(*loaded->file, text, reference_format(format, head_dim)), exact(*loaded->file, text);
    const auto in = context(*loaded, options(format));
    ASSERT_TRUE(in);
    const std::vector<size_t> lengths = {1, 17, 33, 100};
    const double difference = largest_difference(*in, alike, lengths, 3);
    const double rounding = largest_difference(*in, exact, lengths, 3);
    uint32_t other_choices = 0;
    const double decoded = decode_difference(*in, alike, 40, 20, kLogToleranceF16, &other_choices);
    std::printf("  %-24s prefill %.1e, decode %.1e; without rounding %.1e\n", name_of(format).c_str(), difference,
                decoded, rounding);
    EXPECT_LE(difference, kLogToleranceF16);
    EXPECT_LE(decoded, kLogToleranceF16);
    EXPECT_EQ(other_choices, 0u);
    EXPECT_GT(rounding, 2 * difference) << "nothing was rounded";
  }
};

TEST_F(KvTypesTest, AgreeWithTheReference) {
  const SyntheticModel model{
      .layers = 2, .width = 64, .heads = 4, .kv_heads = 2, .head_dim = 32, .separate_output = true};
  for (const KvFormat& format : slice_of(kFormats)) check(model, format);
}

TEST_F(KvTypesTest, AgreeWithTheReferenceLikeAGpu) {
  SyntheticModel model{.layers = 2, .heads = 6, .kv_heads = 2, .head_dim = 40, .separate_output = true};
  for (const Mask mask : {Mask::kDiscrete, Mask::kShared}) {
    use(mask);
    // Attention by matrices rounds to f16, by which some codes of the layer after it become their neighbours.
    model.layers = mask == Mask::kDiscrete ? 1 : 2;
    check(model, {KvType::kQ8_0, KvType::kQ4_0});
    check(model, {KvType::kQ4_0, KvType::kQ8_0});
  }
}

// The rotation makes 4 bits more accurate where some dimensions are much larger than others, as in real models.
TEST_F(KvTypesTest, RotationHelpsWithOutliers) {
  SyntheticModel model{.layers = 2, .heads = 4, .kv_heads = 2, .head_dim = 32, .separate_output = true};
  model.edit_tensor = [](GgufWriter::Tensor& tensor) {
    const bool scaled = tensor.name.ends_with("attn_k.weight") || tensor.name.ends_with("attn_v.weight");
    for (size_t row = 0; scaled && row < 64; row += 16)  // two dimensions of each head
      for (size_t i = 0; i < 64; ++i) {
        float value = 0;
        std::byte* at = tensor.data.data() + (row * 64 + i) * 4;
        std::memcpy(&value, at, 4);
        value *= 8;
        std::memcpy(at, &value, 4);
      }
    return true;
  };
  const auto loaded = load(make_synthetic_model(model));
  ASSERT_TRUE(loaded);
  vocabulary_ = model.vocabulary;
  ReferenceLogits exact(*loaded->file, random_tokens(model, 120, 3));
  double differences[2];
  for (const bool rotate : {false, true}) {
    const auto in = context(*loaded, options({KvType::kQ4_0, KvType::kQ4_0, rotate}));
    ASSERT_TRUE(in);
    differences[rotate] = largest_difference(*in, exact, {33, 65, 100}, 3);
  }
  std::printf("  with outliers: q4_0 %.2f, rotated %.2f\n", differences[0], differences[1]);
  EXPECT_LT(differences[1], 0.8 * differences[0]);
}

TEST_F(KvTypesTest, HowItIsComputedDoesNotChangeTheText) {
  PUMICE_SLICE(1);
  const SyntheticModel model{.layers = 2, .head_dim = 32, .separate_output = true, .seed = 42};
  const auto loaded = load(make_synthetic_model(model));
  ASSERT_TRUE(loaded);
  const std::vector<int32_t> prompt = random_tokens(model, 70, 11);
  const auto text = [&](const ContextOptions& chosen) {
    const auto in = context(*loaded, chosen);
    return in ? generate(*in, *open(*in), prompt, greedy_params(30)) : std::vector<int32_t>();
  };
  for (const KvFormat& format : {kFormats[0], kFormats[1], kFormats[4]}) {
    SCOPED_TRACE(name_of(format));
    const std::vector<int32_t> expected = text(options(format));
    ASSERT_EQ(expected.size(), 30u);
    ContextOptions other = options(format);
    other.record_each_step = true;
    EXPECT_EQ(text(other), expected);
    other.steps_ahead = 8;
    other.prefill_slice = 64;
    EXPECT_EQ(text(other), expected);
    other = options(format);
    other.disable_kv_cache = true;
    EXPECT_EQ(text(other), expected);
    other = options(format);
    other.max_sequences = 3;
    const auto in = context(*loaded, other);
    std::vector<std::shared_ptr<Request>> requests;
    for (uint32_t i = 0; i < 3; ++i)
      requests.push_back(submit(*in, *open(*in), i == 1 ? prompt : random_tokens(model, 9, i), greedy_params(30)));
    EXPECT_EQ(finish(*in, *requests[1]), expected) << "beside others";
  }
}

TEST_F(KvTypesTest, HeadsThatDoNotFitAreRefused) {
  const SyntheticModel model{.head_dim = 20};
  const auto loaded = load(make_synthetic_model(model));
  ASSERT_TRUE(loaded);
  EXPECT_TRUE(Context::create(*loaded->model, {}, options({KvType::kQ8_0, KvType::kQ8_0})).ok());
  const auto refused = Context::create(*loaded->model, {}, options({KvType::kQ8_0, KvType::kQ4_0}));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().status, Status::kUnsupported);
  EXPECT_NE(refused.error().message.find("use q8_0"), std::string::npos) << refused.error().message;
}

TEST_F(KvTypesTest, PagesTakeWhatTheirTypesTake) {
  const SyntheticModel model{.layers = 3, .kv_heads = 2, .head_dim = 64};
  const auto loaded = load(make_synthetic_model(model));
  ASSERT_TRUE(loaded);
  const auto bytes_of = [&](const KvFormat& format) {
    const auto in = context(*loaded, options(format));
    return in->pool().bytes() / (in->pool().pages() * kPageTokens);
  };
  EXPECT_EQ(bytes_of({KvType::kF16, KvType::kF16}), 3u * 2 * (128 + 128));
  EXPECT_EQ(bytes_of({KvType::kQ8_0, KvType::kQ8_0}), 3u * 2 * (68 + 68));
  EXPECT_EQ(bytes_of({KvType::kQ8_0, KvType::kQ4_0}), 3u * 2 * (68 + 36));
}

}  // namespace pumice::test::kv_types_test
