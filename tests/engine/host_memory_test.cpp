// Host memory that runs out in a call leaves sequences and requests as they were, and the next call works.
#include <gtest/gtest.h>

#include "support/allocation_count.h"
#include "support/engine_fixture.h"

namespace pumice::test::host_memory_test {

class HostMemoryTest : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    if (IsSkipped()) return;
    loaded_ = load(make_synthetic_model(spec_));
    ASSERT_TRUE(loaded_);
    vocabulary_ = spec_.vocabulary;
    in_ = context(*loaded_, {.context_tokens = 256, .max_sequences = 3, .cache = {.reuse = true}});
    // Pipelines and what else is made once.
    Sequence* const sequence = open(*in_);
    (void)evaluate(*in_, *sequence, ids_);
    (void)generate(*in_, *sequence, ids_, greedy_params(5));
    in_->close_sequence(sequence);
    EXPECT_TRUE(in_->cache().clear(false));
  }
  void TearDown() override {
    in_.reset();
    EngineTest::TearDown();
  }
  // Calls work() with the first, the second, … allocation failing, until it succeeds without. failed(): after each.
  template <typename Work, typename Failed>
  void sweep(Work work, Failed failed) {
    for (size_t n = 0; n < 2000; ++n) {
      SCOPED_TRACE(n);
      bool done = false, all_there = false;
      {
        const FailingAllocation failing(n);
        try {
          done = work();
        } catch (const std::bad_alloc&) {
        }
        all_there = !FailingAllocation::failed();
      }
      if (done && all_there) return;
      failed();
      if (HasFatalFailure()) return;
    }
    FAIL() << "it never succeeds";
  }
  SyntheticModel spec_{.layers = 2, .separate_output = true, .seed = 42};
  std::vector<int32_t> ids_ = random_tokens(spec_, 70, 11);
  std::unique_ptr<LoadedModel> loaded_;
  std::unique_ptr<Context> in_;
};

TEST_F(HostMemoryTest, Submitting) {
  Sequence* const sequence = open(*in_);
  std::shared_ptr<Request> request;
  sweep(
      [&] {
        auto submitted = in_->submit(*sequence, ids_, greedy_params(5));
        if (submitted) request = *submitted;
        return submitted.ok();
      },
      [&] {
        ASSERT_FALSE(sequence->busy);
        ASSERT_TRUE(sequence->tokens.empty());
        const auto busy = in_->step();
        ASSERT_TRUE(busy.ok() && !*busy) << "no request is left half-registered";
      });
  ASSERT_TRUE(request);
  EXPECT_EQ(finish(*in_, *request).size(), 5u);
}

}  // namespace pumice::test::host_memory_test
