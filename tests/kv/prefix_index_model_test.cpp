// PrefixIndex against a plain model: random operations, every answer compared. PUMICE_TEST_OPERATIONS sets how many.
#include "kv/prefix_index_model.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace pumice::test::prefix_index_model_test {

uint64_t operations() {
  const char* asked = std::getenv("PUMICE_TEST_OPERATIONS");
  return asked ? std::strtoull(asked, nullptr, 10) : 100'000;
}

TEST(PrefixIndexModel, AgreesWhilePoliciesChange) {
  PrefixIndexModel model({.operations = operations(), .policy = PolicyKind::kAdaptive, .switch_policies = true});
  EXPECT_EQ(model.run(), "");
  EXPECT_GT(model.evicted(), operations() / 50);
  EXPECT_GT(model.hits(), operations() / 50);
}

TEST(PrefixIndexModel, LruGivesUpTheLeastRecentlyUsed) {
  PrefixIndexModel model({.operations = operations() / 4, .seed = 2});
  EXPECT_EQ(model.run(), "");
}

TEST(PrefixIndexModel, EveryPolicyAgrees) {
  for (const PolicyKind policy : {PolicyKind::kLfu, PolicyKind::kRandom, PolicyKind::kS3Fifo, PolicyKind::kCost,
                                  PolicyKind::kAdaptive, PolicyKind::kLearned}) {
    PrefixIndexModel model({.operations = operations() / 10, .seed = 3, .policy = policy});
    EXPECT_EQ(model.run(), "") << policy_name(policy);
  }
}

TEST(PrefixIndexModel, FindsEachMistakeOfAWrongModel) {
  for (const Mistake mistake : {Mistake::kForgetsPins, Mistake::kForgetsTokens, Mistake::kNeverExpires,
                                Mistake::kIgnoresQuota, Mistake::kMostRecentFirst}) {
    PrefixIndexModel model({.operations = 20'000, .seed = 4, .mistake = mistake});
    EXPECT_NE(model.run(), "") << "mistake " << static_cast<int>(mistake);
  }
}

}  // namespace pumice::test::prefix_index_model_test
