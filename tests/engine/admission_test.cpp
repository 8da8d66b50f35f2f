// Admission: requests that do not fit together take turns, and each draws what it draws alone.
#include "engine/admission.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/engine_fixture.h"

namespace pumice::test::admission_test {

class AdmissionTest : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    if (IsSkipped()) return;
    loaded_ = load(make_synthetic_model(spec_));
    ASSERT_TRUE(loaded_);
    vocabulary_ = spec_.vocabulary;
  }
  std::vector<int32_t> prompt(uint32_t count, uint64_t seed) const { return random_tokens(spec_, count, seed); }
  std::vector<int32_t> alone(std::span<const int32_t> ids, uint32_t tokens) {
    const auto in = context(*loaded_, {.context_tokens = 512});
    return generate(*in, *open(*in), ids, greedy_params(tokens));
  }
  static ContextOptions pages(uint32_t count, uint32_t sequences, bool reuse = true) {
    return {.context_tokens = count * kPageTokens, .max_sequences = sequences, .cache = {.reuse = reuse}};
  }
  struct Job {
    Sequence* sequence = nullptr;
    std::shared_ptr<Request> request;
    std::vector<int32_t> prompt;
  };
  Job start(Context& in, uint32_t count, uint64_t seed, uint32_t tokens) {
    Job job{.sequence = open(in), .request = nullptr, .prompt = prompt(count, seed)};
    job.request = submit(in, *job.sequence, job.prompt, greedy_params(tokens));
    return job;
  }
  void expect_as_alone(Context& in, Job& job, uint32_t tokens) {
    EXPECT_EQ(finish(in, *job.request), alone(job.prompt, tokens));
    EXPECT_EQ(job.request->status, RequestStatus::kFinishedLength) << job.request->error.message;
  }
  // Steps until all have ended. Somebody always has something in flight, or something ends.
  void run(Context& in) {
    for (Result<bool> busy = true; busy.ok() && *busy;) {
      busy = in.step();
      ASSERT_TRUE(busy.ok()) << busy.error().message;
      (void)in.wait_for(in.oldest_in_flight(), 1'000'000'000).ok();
    }
  }

  SyntheticModel spec_{.layers = 2, .separate_output = true, .seed = 42};
  std::unique_ptr<LoadedModel> loaded_;
};

TEST_F(AdmissionTest, PromptsThatDoNotFitTogetherTakeTurns) {
  for (const bool reuse : {true, false}) {
    const auto in = context(*loaded_, pages(6, 3, reuse));
    std::vector<Job> jobs;
    for (uint64_t i = 0; i < 3; ++i) jobs.push_back(start(*in, 100, i, 4));
    ASSERT_TRUE(in->step().ok());
    EXPECT_EQ(jobs[0].request->queue_place, 0u);
    EXPECT_EQ(jobs[1].request->queue_place, 1u) << "its four pages are not among the two that are left";
    EXPECT_EQ(jobs[2].request->queue_place, 2u);
    EXPECT_EQ(jobs[1].request->status, RequestStatus::kRunning);
    EXPECT_TRUE(jobs[1].sequence->kv.pages.empty()) << "who waits holds nothing";
    run(*in);
    for (Job& job : jobs) expect_as_alone(*in, job, 4);
    // The first one has lost its pages to the third; its text goes on all the same.
    std::vector<int32_t> whole = jobs[0].sequence->tokens;
    const std::vector<int32_t> more = prompt(5, 9);
    whole.insert(whole.end(), more.begin(), more.end());
    EXPECT_EQ(generate(*in, *jobs[0].sequence, more, greedy_params(6)), alone(whole, 6));
    in->cache().index().check_invariants();
  }
}

TEST_F(AdmissionTest, NobodyOvertakes) {
  const auto in = context(*loaded_, pages(6, 3));
  Job running = start(*in, 100, 0, 20), large = start(*in, 150, 1, 4), small = start(*in, 20, 2, 4);
  while (large.request->phase == RequestPhase::kQueued) {
    ASSERT_TRUE(in->wait(*running.request, 60000).ok());
    running.request->generated.clear();
    if (large.request->phase == RequestPhase::kQueued) {
      ASSERT_EQ(small.request->phase, RequestPhase::kQueued) << "it would fit, but is not the first";
    }
  }
  run(*in);
  expect_as_alone(*in, large, 4);
  expect_as_alone(*in, small, 4);
}

TEST_F(AdmissionTest, DecodingRequestsThatOutgrowThePoolAllReachTheirEnd) {
  for (const bool reuse : {true, false}) {
    const auto in = context(*loaded_, pages(5, 3, reuse));
    std::vector<Job> jobs;
    for (uint64_t i = 0; i < 3; ++i) jobs.push_back(start(*in, 30, 10 + i, 70));  // four pages each in the end
    run(*in);
    for (Job& job : jobs) {
      EXPECT_EQ(job.request->generated_tokens, 70u);
      expect_as_alone(*in, job, 70);
    }
    in->cache().index().check_invariants();
    for (Job& job : jobs) in->close_sequence(job.sequence);
    EXPECT_EQ(in->cache().held(), 0u);
  }
}

// What was told before a request gave its pages up is not told again.
TEST_F(AdmissionTest, ASuspendedRequestGoesOnWhereItWas) {
  const auto in = context(*loaded_, pages(3, 2));
  Job first = start(*in, 30, 1, 60), second = start(*in, 30, 2, 30);
  bool suspended = false;
  while (second.request->status == RequestStatus::kRunning) {
    ASSERT_TRUE(in->step().ok());
    suspended = suspended || (second.request->generated_tokens > 0 && second.request->queue_place > 0);
    (void)in->wait_for(in->oldest_in_flight(), 1'000'000'000).ok();
  }
  EXPECT_TRUE(suspended);
  EXPECT_EQ(second.request->generated, alone(second.prompt, 30));
  EXPECT_EQ(second.request->prompt_done, 30u);
  expect_as_alone(*in, first, 60);
}

TEST_F(AdmissionTest, AQueuedRequestCanBeCancelledAndAbandoned) {
  const auto in = context(*loaded_, pages(4, 4));
  Job running = start(*in, 100, 0, 20);
  Job cancelled = start(*in, 100, 1, 4), abandoned = start(*in, 100, 2, 4), last = start(*in, 100, 3, 4);
  ASSERT_TRUE(in->step().ok());
  cancelled.request->cancel = true;
  ASSERT_TRUE(in->step().ok());
  EXPECT_EQ(cancelled.request->status, RequestStatus::kCancelled);
  EXPECT_EQ(last.request->queue_place, 2u);
  in->abandon(*abandoned.request);
  EXPECT_EQ(abandoned.request->status, RequestStatus::kCancelled);
  EXPECT_FALSE(abandoned.sequence->busy);
  run(*in);
  expect_as_alone(*in, running, 20);
  expect_as_alone(*in, last, 4);
}

TEST_F(AdmissionTest, WhatCanNeverFitIsRefusedAtOnce) {
  const auto in = context(*loaded_, pages(8, 2));
  Sequence* const sequence = open(*in);
  in->cache().set_limit(3);
  const auto refused = in->submit(*sequence, prompt(100, 1), greedy_params(2));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().status, Status::kContextFull);
  EXPECT_TRUE(sequence->tokens.empty());
  EXPECT_FALSE(sequence->busy);
  in->cache().set_limit(8);
  EXPECT_EQ(generate(*in, *sequence, prompt(100, 1), greedy_params(2)).size(), 2u);
}

// Keys and values that the tokens alone would not give again stay, and whom they leave no room is told.
TEST_F(AdmissionTest, RestoredPagesAreNotGivenUp) {
  const auto in = context(*loaded_, pages(4, 2));
  const std::vector<std::byte> page(in->cache().page_bytes(), std::byte{0});
  const std::vector<int32_t> tokens = prompt(60, 1);
  const auto restored = in->restore({}, {.tokens = tokens, .computed = 59, .dropped = 0, .next_page = [&] {
                                           return Result<std::vector<std::byte>>(page);
                                         }});
  ASSERT_TRUE(restored.ok());
  Sequence* const other = open(*in);
  const auto request = submit(*in, *other, prompt(100, 2), greedy_params(2));
  EXPECT_TRUE(finish(*in, *request).empty());
  EXPECT_EQ(request->status, RequestStatus::kFailed);
  EXPECT_EQ(request->error.status, Status::kContextFull);
  EXPECT_TRUE(other->tokens.empty()) << "nor does its prompt stay in the sequence";
  EXPECT_TRUE(other->kv.pages.empty());
  EXPECT_EQ((*restored)->computed, 59u);
  EXPECT_EQ(generate(*in, *other, prompt(50, 3), greedy_params(2)), alone(prompt(50, 3), 2));
}

// Several that begin alike wait for the first one's pages, and nobody behind them waits for them.
TEST_F(AdmissionTest, WhoWaitsForAnothersPagesHoldsNobodyUp) {
  const auto in = context(*loaded_, {.context_tokens = 1024, .max_sequences = 3, .cache = {.reuse = true}});
  std::vector<int32_t> shared = prompt(300, 1);
  const auto first = submit(*in, *open(*in), shared, greedy_params(2));
  const auto alike = submit(*in, *open(*in), shared, greedy_params(2));
  const auto other = submit(*in, *open(*in), prompt(40, 2), greedy_params(2));
  while (other->phase == RequestPhase::kQueued) ASSERT_TRUE(in->step().ok());
  EXPECT_EQ(alike->phase, RequestPhase::kQueued);
  EXPECT_EQ(alike->queue_place, 0u);
  run(*in);
  EXPECT_EQ(alike->cached_tokens, 288u);
  EXPECT_EQ(first->generated, alike->generated);
}

}  // namespace pumice::test::admission_test
