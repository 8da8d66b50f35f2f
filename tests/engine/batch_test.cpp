// Batches: sequences that decode together draw what each draws alone, whoever joins and leaves and when.
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/context.h"
#include "support/engine_fixture.h"

namespace pumice::test::batch_test {

class BatchTest : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    if (IsSkipped()) return;
    loaded_ = load(make_synthetic_model(spec_));
    ASSERT_TRUE(loaded_);
  }
  struct Job {
    std::vector<int32_t> prompt;
    GenerationParams params;
    std::vector<int32_t> expected;  // drawn alone
  };
  // Prompts and lengths of many sizes; every third samples.
  std::vector<Job> jobs(uint32_t count) {
    std::vector<Job> list;
    for (uint32_t i = 0; i < count; ++i) {
      Job job;
      job.prompt = random_tokens(spec_, 1 + 37 * i % 90, i);
      job.params = i % 3 == 1 ? sampled_params(5 + 11 * i % 30, i) : greedy_params(5 + 11 * i % 30);
      const auto in = context(*loaded_, {.context_tokens = 256});
      job.expected = generate(*in, *open(*in), job.prompt, job.params);
      list.push_back(std::move(job));
    }
    return list;
  }

  SyntheticModel spec_{.layers = 2, .separate_output = true, .seed = 42};
  std::unique_ptr<LoadedModel> loaded_;
};

TEST_F(BatchTest, TogetherAsAlone) {
  const std::vector<Job> list = jobs(7);
  for (const uint32_t steps : {1u, 4u})
    for (const bool each_step : {false, true}) {
      SCOPED_TRACE(::testing::Message() << steps << " steps ahead, " << each_step);
      const auto in = context(
          *loaded_, {.context_tokens = 2048, .max_sequences = 7, .record_each_step = each_step, .steps_ahead = steps});
      std::vector<std::shared_ptr<Request>> requests;
      for (const Job& job : list) requests.push_back(submit(*in, *open(*in), job.prompt, job.params));
      for (size_t i = 0; i < list.size(); ++i) EXPECT_EQ(finish(*in, *requests[i]), list[i].expected) << i;
    }
}

// One joins every few steps, in slots that others have left; most of the time several decode.
TEST_F(BatchTest, JoiningAndLeaving) {
  const std::vector<Job> list = jobs(12);
  const auto in = context(*loaded_, {.context_tokens = 2048, .max_sequences = 4, .steps_ahead = 3});
  struct Running {
    size_t job;
    Sequence* sequence;
    std::shared_ptr<Request> request;
  };
  std::vector<Running> running;
  size_t next = 0, most = 0;
  while (next < list.size() || !running.empty()) {
    if (next < list.size() && running.size() < 4) {
      Sequence* sequence = open(*in);
      running.push_back({next, sequence, submit(*in, *sequence, list[next].prompt, list[next].params)});
      ++next;
    }
    most = std::max(most, running.size());
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(in->wait(*running.front().request, 60000).ok());
    for (auto at = running.begin(); at != running.end();) {
      if (at->request->status == RequestStatus::kRunning) {
        ++at;
        continue;
      }
      EXPECT_EQ(at->request->generated, list[at->job].expected) << "job " << at->job;
      in->close_sequence(at->sequence);
      at = running.erase(at);
    }
  }
  EXPECT_EQ(most, 4u);
}

TEST_F(BatchTest, ACancelledMemberLeavesTheOthersAlone) {
  const std::vector<Job> list = jobs(5);
  const auto in = context(*loaded_, {.context_tokens = 2048, .max_sequences = 6});
  Sequence* sequence = open(*in);
  const auto cancelled = submit(*in, *sequence, list[0].prompt, greedy_params(100));
  std::vector<std::shared_ptr<Request>> requests;
  for (const Job& job : list) requests.push_back(submit(*in, *open(*in), job.prompt, job.params));
  while (cancelled->generated_tokens < 3) ASSERT_TRUE(in->wait(*cancelled, 60000).ok());
  cancelled->cancel = true;
  for (size_t i = 0; i < list.size(); ++i) EXPECT_EQ(finish(*in, *requests[i]), list[i].expected) << i;
  (void)finish(*in, *cancelled);
  EXPECT_EQ(cancelled->status, RequestStatus::kCancelled);
  // Its slot takes another request while nothing else runs.
  ASSERT_TRUE(in->truncate(*sequence, 0).ok());
  EXPECT_EQ(generate(*in, *sequence, list[1].prompt, list[1].params), list[1].expected);
}

// Those that find no pages wait for some or give theirs up; nobody stalls, and nobody draws anything else.
TEST_F(BatchTest, TooFewPages) {
  const std::vector<Job> list = jobs(4);
  const auto in = context(*loaded_, {.context_tokens = 128, .max_sequences = 4});
  std::vector<std::shared_ptr<Request>> requests;
  for (const Job& job : list) {
    auto request = in->submit(*open(*in), job.prompt, job.params);
    if (request) requests.push_back(*request);
  }
  ASSERT_EQ(requests.size(), list.size());
  for (size_t i = 0; i < list.size(); ++i) {
    const std::vector<int32_t> ids = finish(*in, *requests[i]);
    EXPECT_EQ(ids, list[i].expected) << i;
    EXPECT_EQ(requests[i]->status, RequestStatus::kFinishedLength);
  }
}

}  // namespace pumice::test::batch_test
