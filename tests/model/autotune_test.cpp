// Autotune: the shapes of a model are measured within a budget, on every kind of device, and agree with the reference.
#include "model/autotune.h"

#include <cmath>

#include "format/dequantize.h"
#include "kernels/matvec.h"
#include "shared/matvec.h"
#include "support/device_fixture.h"
#include "support/slice.h"

namespace pumice::autotune_test {

using test::Mask;

std::vector<WeightType> all_types() {
  std::vector<WeightType> types;
  for (uint32_t type = 0; type < kWeightTypes; ++type) types.push_back(static_cast<WeightType>(type));
  return types;
}

TEST(TuningBlocks, AreOfSaneSize) {
  for (const WeightType type : all_types()) {
    std::vector<float> values(4096);
    const auto blocks = tuning_blocks(type, values.size(), 1);
    dequantize_blocks(kWeightLayouts[static_cast<uint32_t>(type)].type, blocks, values);
    double square = 0;
    for (const float value : values) square += static_cast<double>(value) * static_cast<double>(value);
    const double root = std::sqrt(square / 4096);
    EXPECT_TRUE(root > 1e-3 && root < 100) << weight_type_name(type) << " " << root;
    EXPECT_EQ(tuning_blocks(type, values.size(), 1), blocks);
    EXPECT_NE(tuning_blocks(type, values.size(), 2), blocks);
  }
}

class AutotuneTest : public test::DeviceTest {
 protected:
  static TuningKey key(WeightType type, uint32_t flags = 0, uint32_t n = 1) {
    return {.type = static_cast<uint32_t>(type), .rows = 300, .cols = 512, .n = n, .flags = flags};
  }
  // How many candidates the wrapper offers for the key.
  static uint32_t count_of(Kernels& kernels, const TuningKey& key) {
    return static_cast<uint32_t>(
        matvec_candidates(kernels.caps(),
                          {.rows = key.rows, .cols = key.cols, .n = key.n, .gated = (key.flags & kMatvecGated) != 0})
            .size());
  }
  std::map<TuningKey, uint32_t> choices_of(Kernels& kernels, std::initializer_list<TuningKey> keys) {
    std::map<TuningKey, uint32_t> choices;
    for (const TuningKey& k : keys) choices[k] = count_of(kernels, k);
    return choices;
  }
};

// No candidate of a working driver is out: the reference and the kernels agree, in every form.
TEST_F(AutotuneTest, CandidatesAgreeWithTheReference) {
  for (const Mask mask : {Mask::kNone, Mask::kDiscrete}) {
    use(mask);
    Kernels own(device());
    std::map<TuningKey, uint32_t> choices;
    for (const WeightType type : test::slice_of(all_types())) choices[key(type)] = count_of(own, key(type));
    for (const uint32_t flags : {kMatvecNorm, kMatvecNorm | kMatvecGated})
      for (const uint32_t n : {1u, 4u, 16u}) {
        const TuningKey k = key(WeightType::kQ4_0, flags, n);
        choices[k] = count_of(own, k);
      }
    const auto summary = autotune(own, choices, {.budget_seconds = 600});
    ASSERT_TRUE(summary.ok()) << summary.error().message;
    EXPECT_EQ(summary->measured > 0, mask == Mask::kDiscrete) << "software drivers have nothing to choose from";
    EXPECT_EQ(summary->excluded, 0u) << test::mask_name(mask);
    for (const auto& [k, entry] : own.tuning().entries()) EXPECT_GT(entry.microseconds, 0.0f);
    const auto again = autotune(own, choices, {.budget_seconds = 600});
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(again->measured, 0u) << "what is known is not measured again";
    EXPECT_EQ(again->known, summary->measured);
  }
}

TEST_F(AutotuneTest, StaysWithinItsBudgetAndBeginsWithDecoding) {
  use(Mask::kDiscrete);
  Kernels own(device());
  const auto choices = choices_of(own, {key(WeightType::kQ8_0), key(WeightType::kQ8_0, 0, 16)});
  const auto none = autotune(own, choices, {.budget_seconds = -1});
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(none->left, 2u);
  EXPECT_EQ(own.tuning().size(), 0u);
  const auto first = autotune(own, choices, {.budget_seconds = 1e-9});
  ASSERT_TRUE(first.ok());
  EXPECT_LE(first->measured, 1u);
  if (first->measured == 1) {
    EXPECT_TRUE(own.tuning().find(key(WeightType::kQ8_0)).has_value());
  }
}

TEST_F(AutotuneTest, CanBeCancelled) {
  use(Mask::kDiscrete);
  Kernels own(device());
  const auto choices = choices_of(own, {key(WeightType::kQ8_0), key(WeightType::kQ4_0)});
  int calls = 0;
  const auto result = autotune(own, choices, {.budget_seconds = 60, .progress = [&](float) { return ++calls == 2; }});
  EXPECT_EQ(result.error().status, Status::kCancelled);
  EXPECT_EQ(own.tuning().size(), 1u) << "what was measured is kept";
}

}  // namespace pumice::autotune_test
