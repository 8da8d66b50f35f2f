// On software drivers the logits after a prompt are the same, bit for bit, in whatever slices it was evaluated: every
// projection of a row is independent of the rows beside it (kernels/matvec.h, model/step.h), and attention takes keys
// in the order of their pages.
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/context.h"
#include "kernels/matmul.h"
#include "kernels/matvec.h"
#include "support/engine_fixture.h"

namespace pumice::test::slices_test {

class SlicesTest : public EngineTest {
 protected:
  // Logits after the prompt, evaluated `slice` tokens at a time.
  std::vector<float> after(std::span<const int32_t> prompt, size_t slice) {
    const auto in = context(*loaded_, {.context_tokens = 256, .prefill_slice = 128});
    Sequence* sequence = open(*in);
    std::vector<float> logits;
    for (size_t from = 0; from < prompt.size(); from += slice)
      logits = evaluate(*in, *sequence, prompt.subspan(from, std::min(slice, prompt.size() - from)));
    return logits;
  }
  void load_type(TensorType type) {
    spec_.type = type;
    loaded_ = load(make_synthetic_model(spec_));
    ASSERT_TRUE(loaded_);
    vocabulary_ = spec_.vocabulary;
  }

  SyntheticModel spec_{.layers = 2, .separate_output = true, .seed = 42};
  std::unique_ptr<LoadedModel> loaded_;
};

TEST_F(SlicesTest, DoNotChangeABitOfTheLogits) {
  for (const TensorType type : {TensorType::kF16, TensorType::kQ8_0, TensorType::kQ4_0}) {
    load_type(type);
    if (!choose_matvec(caps(), {.rows = 64, .cols = 64}).lanes() || takes_matmul(caps(), 100, Exactness::kNone))
      GTEST_SKIP() << "not promised here";
    const std::vector<int32_t> prompt = random_tokens(spec_, 100, 21);
    const std::vector<float> whole = after(prompt, prompt.size());
    for (const size_t slice : {64u, 50u, 32u, 17u, 5u, 1u})
      EXPECT_TRUE(after(prompt, slice) == whole) << tensor_type_name(type) << ", slices of " << slice;
  }
}

// As on a GPU, where a few rows have other kernels than many: the comparison above sees differences of rounding.
TEST_F(SlicesTest, MayRoundOtherwiseOnOtherDevices) {
  use(Mask::kDiscrete);
  load_type(TensorType::kQ4_0);
  const std::vector<int32_t> prompt = random_tokens(spec_, 100, 21);
  const std::vector<float> whole = after(prompt, prompt.size()), steps = after(prompt, 1);
  EXPECT_FALSE(steps == whole);
  for (size_t i = 0; i < whole.size(); ++i) ASSERT_NEAR(steps[i], whole[i], 1e-3) << i;
}

}  // namespace pumice::test::slices_test
