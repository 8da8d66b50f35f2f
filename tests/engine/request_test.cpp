// Requests: how they end, and that whatever ends them leaves sequence, context and device usable.
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/context.h"
#include "support/engine_fixture.h"

namespace pumice::test::request_test {

class RequestTest : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    if (IsSkipped()) return;
    loaded_ = load(make_synthetic_model(spec_));
    ASSERT_TRUE(loaded_);
    vocabulary_ = spec_.vocabulary;
  }
  std::vector<int32_t> prompt(uint32_t count) const { return random_tokens(spec_, count, 11); }
  std::vector<int32_t> alone(std::span<const int32_t> ids, const GenerationParams& params) {
    const auto in = context(*loaded_, {.context_tokens = 512});
    return generate(*in, *open(*in), ids, params);
  }
  // The sequence still does what a fresh one with the same tokens would.
  void expect_usable(Context& in, Sequence& sequence) {
    std::vector<int32_t> whole = sequence.tokens;
    const std::vector<int32_t> more = random_tokens(spec_, 3, 99);
    whole.insert(whole.end(), more.begin(), more.end());
    EXPECT_EQ(generate(in, sequence, more, greedy_params(6)), alone(whole, greedy_params(6)));
  }
  static void expect_code(const Result<std::shared_ptr<Request>>& result, Status status) {
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(static_cast<int>(result.error().status), static_cast<int>(status)) << result.error().message;
    EXPECT_FALSE(result.error().message.empty());
  }

  SyntheticModel spec_{.layers = 2, .separate_output = true, .seed = 42};
  std::unique_ptr<LoadedModel> loaded_;
};

TEST_F(RequestTest, EndsAtAStopToken) {
  const std::vector<int32_t> free = alone(prompt(20), greedy_params(40));
  ASSERT_EQ(free.size(), 40u);
  // A token that first comes somewhere in the middle, so that steps ahead of it must be undone.
  size_t at = 12;
  while (at < 39 && std::find(free.begin(), free.begin() + static_cast<ptrdiff_t>(at), free[at]) !=
                        free.begin() + static_cast<ptrdiff_t>(at))
    ++at;
  ASSERT_LT(at, 39u);
  const std::vector<int32_t> before(free.begin(), free.begin() + static_cast<ptrdiff_t>(at));
  for (const uint32_t steps : {1u, 4u, 16u})
    for (const bool each_step : {false, true}) {
      SCOPED_TRACE(::testing::Message() << steps << " steps ahead, " << each_step);
      const auto in = context(*loaded_, {.context_tokens = 512, .record_each_step = each_step, .steps_ahead = steps},
                              {7, free[at], 8});
      Sequence* sequence = open(*in);
      RequestStatus status{};
      EXPECT_EQ(generate(*in, *sequence, prompt(20), greedy_params(40), &status), before);
      EXPECT_EQ(status, RequestStatus::kFinishedEos);
      EXPECT_EQ(sequence->tokens.size(), 20 + at + 1) << "the stop token is part of the sequence";
      EXPECT_EQ(sequence->tokens.back(), free[at]);
      expect_usable(*in, *sequence);

      ASSERT_TRUE(in->truncate(*sequence, 0).ok());
      GenerationParams ignoring = greedy_params(40);
      ignoring.ignore_eos = true;
      EXPECT_EQ(generate(*in, *sequence, prompt(20), ignoring, &status), free);
      EXPECT_EQ(status, RequestStatus::kFinishedLength);
    }
}

TEST_F(RequestTest, MoreStopTokensThanTheDeviceKnows) {
  const std::vector<int32_t> free = alone(prompt(20), greedy_params(10));
  std::vector<int32_t> stops;
  for (int32_t id = 0; stops.size() < kMaxStopTokens + 3; ++id)
    if (std::count(free.begin(), free.end(), id) == 0) stops.push_back(id);
  stops.push_back(free[5]);
  const auto in = context(*loaded_, {.context_tokens = 64, .steps_ahead = 8}, stops);
  Sequence* sequence = open(*in);
  RequestStatus status{};
  const std::vector<int32_t> ids = generate(*in, *sequence, prompt(20), greedy_params(0), &status);
  EXPECT_EQ(status, RequestStatus::kFinishedEos);
  EXPECT_TRUE(std::equal(ids.begin(), ids.end(), free.begin())) << "ends at the first of them";
  EXPECT_EQ(sequence->tokens.back(), free[5]);
  expect_usable(*in, *sequence);
}

TEST_F(RequestTest, AStopTokenAtOnceGivesNothing) {
  const std::vector<int32_t> free = alone(prompt(20), greedy_params(1));
  ASSERT_EQ(free.size(), 1u);
  const auto in = context(*loaded_, {.context_tokens = 64}, {free[0]});
  RequestStatus status{};
  EXPECT_TRUE(generate(*in, *open(*in), prompt(20), greedy_params(0), &status).empty());
  EXPECT_EQ(status, RequestStatus::kFinishedEos);
}

TEST_F(RequestTest, OneTokenIsEnough) {
  const auto in = context(*loaded_, {.context_tokens = 64});
  Sequence* sequence = open(*in);
  const std::shared_ptr<Request> request = submit(*in, *sequence, prompt(1), greedy_params(1));
  EXPECT_EQ(finish(*in, *request).size(), 1u);
  EXPECT_EQ(request->status, RequestStatus::kFinishedLength);
  EXPECT_EQ(request->generated_tokens, 1u);
  EXPECT_EQ(request->prompt_done, 1u);
  expect_usable(*in, *sequence);
}

TEST_F(RequestTest, CancelledBeforeItStarts) {
  const auto in = context(*loaded_, {.context_tokens = 512});
  Sequence* sequence = open(*in);
  const std::shared_ptr<Request> request = submit(*in, *sequence, prompt(50), greedy_params(10));
  request->cancel = true;
  EXPECT_TRUE(finish(*in, *request).empty());
  EXPECT_EQ(request->status, RequestStatus::kCancelled);
  EXPECT_EQ(in->stats().submissions, 0u);
  EXPECT_EQ(in->pool().used(), 0u) << "nothing is computed, so nothing is kept";
  expect_usable(*in, *sequence);
  in->close_sequence(sequence);
  EXPECT_EQ(in->pool().used(), 0u);
}

TEST_F(RequestTest, CancelledDuringPrefill) {
  const auto in = context(*loaded_, {.context_tokens = 512, .prefill_slice = 32});
  Sequence* sequence = open(*in);
  const std::shared_ptr<Request> request = submit(*in, *sequence, prompt(400), greedy_params(10));
  ASSERT_TRUE(in->step().ok());  // at most two slices
  EXPECT_LE(in->stats().submissions, 2u);
  request->cancel = true;
  EXPECT_TRUE(finish(*in, *request).empty());
  EXPECT_EQ(request->status, RequestStatus::kCancelled);
  EXPECT_LE(sequence->computed, 64u);
  EXPECT_EQ(in->pool().used(), divide_up(sequence->computed, kPageTokens)) << "pages that hold nothing are given back";
  expect_usable(*in, *sequence);
  ASSERT_TRUE(in->truncate(*sequence, 0).ok());
  EXPECT_EQ(in->pool().used(), 0u);
}

TEST_F(RequestTest, CancelledDuringDecode) {
  for (const uint32_t steps : {1u, 8u}) {
    const auto in = context(*loaded_, {.context_tokens = 512, .steps_ahead = steps});
    Sequence* sequence = open(*in);
    const std::shared_ptr<Request> request = submit(*in, *sequence, prompt(30), greedy_params(0));
    while (request->generated.size() < 5) ASSERT_TRUE(in->step().ok());
    request->cancel = true;
    const std::vector<int32_t> ids = finish(*in, *request);
    EXPECT_EQ(request->status, RequestStatus::kCancelled);
    EXPECT_EQ(sequence->tokens.size(), 30 + ids.size()) << "tokens that nobody saw are not part of the sequence";
    const std::vector<int32_t> expected = alone(prompt(30), greedy_params(static_cast<uint32_t>(ids.size())));
    EXPECT_EQ(ids, expected);
    EXPECT_EQ(in->pool().used(), divide_up(sequence->computed, kPageTokens));
    expect_usable(*in, *sequence);
  }
}

TEST_F(RequestTest, AbandonedAtAnyMoment) {
  const auto in = context(*loaded_, {.context_tokens = 512, .prefill_slice = 32, .steps_ahead = 4});
  for (int steps = 0; steps < 12; ++steps) {
    Sequence* sequence = open(*in);
    std::shared_ptr<Request> request = submit(*in, *sequence, prompt(100), greedy_params(20));
    for (int i = 0; i < steps; ++i) ASSERT_TRUE(in->wait(*request, 0).ok());
    in->abandon(*request);
    EXPECT_NE(request->status, RequestStatus::kRunning);
    EXPECT_FALSE(sequence->busy);
    request.reset();
    if (steps % 4 == 3) expect_usable(*in, *sequence);
    in->close_sequence(sequence);
    EXPECT_EQ(in->pool().used(), 0u);
  }
}

TEST_F(RequestTest, ClosingASequenceEndsItsRequest) {
  const auto in = context(*loaded_, {.context_tokens = 512, .max_sequences = 2});
  Sequence* kept = open(*in);
  Sequence* closed = open(*in);
  const std::shared_ptr<Request> staying = submit(*in, *kept, prompt(30), greedy_params(20));
  const std::shared_ptr<Request> going = submit(*in, *closed, prompt(100), greedy_params(20));
  ASSERT_TRUE(in->step().ok());
  in->close_sequence(closed);
  EXPECT_EQ(going->status, RequestStatus::kCancelled);
  EXPECT_EQ(finish(*in, *staying), alone(prompt(30), greedy_params(20)));
}

TEST_F(RequestTest, ContextDestroyedWhileARequestRuns) {
  auto in = context(*loaded_, {.context_tokens = 512});
  const std::shared_ptr<Request> request = submit(*in, *open(*in), prompt(100), greedy_params(20));
  ASSERT_TRUE(in->step().ok());
  in.reset();  // the fixture fails where anything in use was destroyed
  EXPECT_EQ(alone(prompt(5), greedy_params(3)).size(), 3u);
}

TEST_F(RequestTest, FillsTheContextExactly) {
  for (const uint32_t length : {1u, 60u, 63u, 64u}) {
    const auto in = context(*loaded_, {.context_tokens = 64});
    Sequence* sequence = open(*in);
    RequestStatus status{};
    const std::vector<int32_t> ids = generate(*in, *sequence, prompt(length), greedy_params(0), &status);
    EXPECT_EQ(status, RequestStatus::kFinishedContext);
    EXPECT_EQ(ids.size(), 64 - length);
    if (length < 64) {
      EXPECT_EQ(ids, alone(prompt(length), greedy_params(64 - length)));
    }
    EXPECT_EQ(sequence->tokens.size(), 64u);
    expect_code(in->submit(*sequence, prompt(1), greedy_params(1)), Status::kContextFull);
    ASSERT_TRUE(in->truncate(*sequence, 20).ok());
    expect_usable(*in, *sequence);
  }
}

TEST_F(RequestTest, RefusesWhatCannotRun) {
  const auto in = context(*loaded_, {.context_tokens = 64});
  Sequence* sequence = open(*in);
  std::vector<float> logits(vocabulary_);
  const auto too_long = prompt(65);
  expect_code(in->submit(*sequence, too_long, greedy_params(1)), Status::kContextFull);
  EXPECT_EQ(in->evaluate(*sequence, too_long, logits).error().status, Status::kContextFull);
  expect_code(in->submit(*sequence, {}, greedy_params(1)), Status::kInvalidArgument);
  for (const int32_t id : {-1, 300, 1 << 30})
    expect_code(in->submit(*sequence, std::vector<int32_t>{5, id}, greedy_params(1)), Status::kInvalidArgument);
  EXPECT_EQ(in->truncate(*sequence, 1).error().status, Status::kInvalidArgument);
  EXPECT_TRUE(sequence->tokens.empty());
  EXPECT_EQ(in->pool().used(), 0u);

  const std::shared_ptr<Request> running = submit(*in, *sequence, prompt(10), greedy_params(5));
  expect_code(in->submit(*sequence, prompt(1), greedy_params(1)), Status::kInvalidArgument);
  EXPECT_EQ(in->truncate(*sequence, 0).error().status, Status::kInvalidArgument);
  EXPECT_EQ(in->evaluate(*sequence, prompt(1), logits).error().status, Status::kInvalidArgument);
  EXPECT_EQ(finish(*in, *running).size(), 5u);
  EXPECT_FALSE(in->open_sequence().ok()) << "one sequence only";
}

// A call that waits for the device does not wait for other requests' pages, but takes those of idle sequences.
TEST_F(RequestTest, PagesOfAnotherSequence) {
  const auto in = context(*loaded_, {.context_tokens = 128, .max_sequences = 2});
  Sequence* first = open(*in);
  Sequence* second = open(*in);
  const std::shared_ptr<Request> running = submit(*in, *first, prompt(60), greedy_params(50));
  while (running->phase == RequestPhase::kQueued) ASSERT_TRUE(in->step().ok());
  std::vector<float> logits(vocabulary_);
  EXPECT_EQ(in->evaluate(*second, prompt(90), logits).error().status, Status::kContextFull);
  EXPECT_TRUE(second->kv.pages.empty()) << "what is refused keeps no pages from others";
  EXPECT_TRUE(second->tokens.empty()) << "nor do its tokens stay in the sequence";
  EXPECT_EQ(finish(*in, *running), alone(prompt(60), greedy_params(50)));
  EXPECT_EQ(running->status, RequestStatus::kFinishedLength);
  EXPECT_TRUE(in->evaluate(*second, prompt(90), logits).ok());
  EXPECT_EQ(first->computed, 0u);
  in->close_sequence(second);
  expect_usable(*in, *first);
}

// A generation has all pages that nothing computes on before it ends like one that fills its context.
TEST_F(RequestTest, PagesRunOutDuringDecode) {
  const auto in = context(*loaded_, {.context_tokens = 96, .max_sequences = 2});
  Sequence* first = open(*in);
  Sequence* second = open(*in);
  EXPECT_EQ(generate(*in, *second, prompt(40), greedy_params(4)).size(), 4u);  // two of three pages
  RequestStatus status{};
  const std::vector<int32_t> ids = generate(*in, *first, prompt(20), greedy_params(0), &status);
  EXPECT_EQ(status, RequestStatus::kFinishedContext);
  EXPECT_EQ(ids, alone(prompt(20), greedy_params(76)));
  expect_usable(*in, *second);
}

TEST_F(RequestTest, PenaltiesWithoutTemperature) {
  GenerationParams params = greedy_params(40);
  params.sampler.repeat_penalty = 1.3f;
  params.sampler.frequency_penalty = 0.4f;
  params.sampler.presence_penalty = 0.3f;
  params.sampler.penalty_window = 64;
  const std::vector<int32_t> penalised = alone(prompt(20), params), plain = alone(prompt(20), greedy_params(40));
  EXPECT_NE(penalised, plain);
  EXPECT_EQ(alone(prompt(20), params), penalised);
  params.sampler.penalty_window = 0;  // nothing is looked back upon
  EXPECT_EQ(alone(prompt(20), params), plain);
}

// The window reaches back over the prompt and over turns that other requests wrote.
TEST_F(RequestTest, PenaltiesSeeEarlierTurns) {
  GenerationParams params = greedy_params(8);
  params.sampler.presence_penalty = 50;  // no token of the window comes again
  params.sampler.penalty_window = 200;
  const auto in = context(*loaded_, {.context_tokens = 256});
  Sequence* sequence = open(*in);
  (void)generate(*in, *sequence, prompt(30), greedy_params(30));
  const std::vector<int32_t> before = sequence->tokens;
  const std::vector<int32_t> ids = generate(*in, *sequence, prompt(1), params);
  ASSERT_EQ(ids.size(), 8u);
  for (size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(std::count(before.begin(), before.end(), ids[i]), 0) << i;
    EXPECT_EQ(std::count(ids.begin(), ids.end(), ids[i]), 1) << i;
  }
}

TEST_F(RequestTest, WaitTimesOut) {
  const auto in = context(*loaded_, {.context_tokens = 512, .prefill_slice = 32});
  const std::shared_ptr<Request> request = submit(*in, *open(*in), prompt(400), greedy_params(1));
  const Result<bool> changed = in->wait(*request, 0);
  ASSERT_TRUE(changed.ok());
  EXPECT_FALSE(*changed);
  EXPECT_LE(request->prompt_done, request->prompt_tokens);
  EXPECT_EQ(finish(*in, *request).size(), 1u);
  EXPECT_EQ(request->prompt_done, 400u);
}

}  // namespace pumice::test::request_test
