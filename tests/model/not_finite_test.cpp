// Models whose weights make NaN or infinities: a request on them fails and says so, and others go on.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "support/engine_fixture.h"

namespace pumice::test::not_finite_test {

class NotFiniteTest : public EngineTest {};

// All values of the tensor, or its first.
SyntheticModel damaged(const std::string& name, float value, bool all) {
  SyntheticModel spec;
  spec.edit_tensor = [=](GgufWriter::Tensor& tensor) {
    if (tensor.name != name) return true;
    for (size_t at = 0; at < (all ? tensor.data.size() : 4); at += 4) std::memcpy(tensor.data.data() + at, &value, 4);
    return true;
  };
  return spec;
}

TEST_F(NotFiniteTest, SuchAModelFailsItsRequests) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), huge = 3e38f;
  const std::vector<int32_t> prompt = random_tokens(SyntheticModel{}, 40, 1);
  for (const SyntheticModel& spec :
       {damaged("output_norm.weight", nan, false), damaged("blk.0.attn_norm.weight", nan, true),
        damaged("blk.1.ffn_down.weight", huge, true), damaged("blk.0.attn_v.weight", huge, true)}) {
    const auto loaded = load(make_synthetic_model(spec));
    ASSERT_TRUE(loaded);
    const auto in = context(*loaded, {.context_tokens = 64});
    ASSERT_TRUE(in);
    Sequence* sequence = open(*in);
    const auto request = submit(*in, *sequence, prompt, greedy_params(8));
    ASSERT_TRUE(request);
    EXPECT_TRUE(finish(*in, *request).empty());
    EXPECT_EQ(request->status, RequestStatus::kFailed);
    EXPECT_EQ(request->error.status, Status::kMalformed);
    EXPECT_NE(request->error.message.find("NaN"), std::string::npos) << request->error.message;
  }
}

}  // namespace pumice::test::not_finite_test
