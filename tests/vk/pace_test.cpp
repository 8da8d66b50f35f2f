// What frames of a host let go: single decisions, and simulated machines whose chunks take given times.
#include "vk/pace.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "base/random.h"
#include "vk/cost_book.h"

namespace pumice::vk::pace_test {

class Random {
 public:
  explicit Random(uint64_t seed) : words_(seed) {}
  double unit() { return static_cast<double>(words_.next() >> 11) * 0x1p-53; }

 private:
  SplitMix words_;
};

ChunkTime known(double microseconds) {
  ChunkTime time;
  time.measured(microseconds);
  return time;
}

TEST(Pace, AFrameTakesWhatFitsBesideWhatRuns) {
  Pace pace;
  ChunkTime time = known(400);
  pace.frame_begins(1000, 0);
  EXPECT_TRUE(pace.lets_go({.time = &time}, 0, 1000));
  EXPECT_TRUE(pace.lets_go({.time = &time}, 600, 1000));
  EXPECT_FALSE(pace.lets_go({.time = &time}, 601, 1000));
  EXPECT_TRUE(pace.lets_go({}, 5000, 1000)) << "it takes next to nothing";
  EXPECT_FALSE(pace.lets_go({.time = &time}, 0, 0));
}

TEST(Pace, WhatIsNotKnownTakesAWholeFrame) {
  Pace pace;
  ChunkTime time;
  pace.frame_begins(1000, 0);
  EXPECT_TRUE(pace.lets_go({.time = &time}, 0, 1000));
  EXPECT_FALSE(pace.lets_go({.time = &time}, 1, 1000));
}

TEST(Pace, ALongChunkIsPaidForByIdleFrames) {
  Pace pace;
  ChunkTime time = known(2500);
  for (int round = 0; round < 3; ++round)
    for (int frame = 1; frame <= 3; ++frame) {
      pace.frame_begins(1000, 0);
      EXPECT_EQ(pace.lets_go({.time = &time}, 0, 1000), frame == 3);
    }
}

TEST(Pace, FramesThatTakeTooLongLeaveLessToTheNext) {
  Pace pace;
  for (int i = 0; i < 3; ++i) pace.frame_begins(1000, 0);
  EXPECT_EQ(pace.share(), 1);
  for (int i = 0; i < 3; ++i) pace.frame_begins(1000, 1001);
  EXPECT_LT(pace.share(), 0.85);
  for (int i = 0; i < 10000; ++i) pace.frame_begins(1000, 1001);
  EXPECT_GE(pace.share(), 0.45) << "what no budget helps against does not stop everything";
  for (int i = 0; i < 10000; ++i) pace.frame_begins(1000, 900);
  EXPECT_EQ(pace.share(), 1);
}

TEST(Pace, WhatTookLongerThanExpectedTellsOfItsLike) {
  Pace pace;
  ChunkTime first, second, other;
  for (ChunkTime* time : {&first, &second, &other}) time->expect(100);
  first.alike = second.alike = 7;
  pace.frame_begins(1000, 0);
  pace.finished(first, 250);
  EXPECT_EQ(pace.expected(second), 250);
  pace.frame_begins(200, 0);
  EXPECT_EQ(pace.expected(second), 200) << "alone it may fit";
  EXPECT_EQ(pace.expected(other), 100);
  pace.finished(second, 120);
  EXPECT_LT(pace.expected(second), 130) << "its own times count once it has run";
}

TEST(HighTime, AnOutlierIsForgottenAndGrowthIsFollowed) {
  HighTime time;
  time.measured(5000);
  for (int i = 0; i < 30; ++i) time.measured(100);
  EXPECT_LT(time.microseconds, 200) << "the first was one";
  time.measured(50000);
  EXPECT_LT(time.microseconds, 300);
  for (int i = 0; i < 1000; ++i) time.measured(100 + i);
  EXPECT_NEAR(time.microseconds, 1099, 100);
  for (int i = 0; i < 100; ++i) time.measured(100);
  EXPECT_LT(time.microseconds, 250) << "twice of what it takes is given up soon";
}

TEST(CostBook, ExpectsFromWhatIsAlike) {
  CostBook book;
  const auto pipeline = [](uint64_t id) { return reinterpret_cast<VkPipeline>(id); };
  const DispatchKind small{pipeline(1), {2, 1, 1}, {.flops = 1e6}}, large{pipeline(1), {8, 1, 1}, {.flops = 4e6}};
  EXPECT_EQ(book.expected(small), 0) << "nothing is known";
  book.note(small, 100);
  EXPECT_EQ(book.expected(small), 100);
  EXPECT_EQ(book.expected(large), 400) << "by its cost";
  EXPECT_EQ(book.expected({pipeline(2), {2, 1, 1}, {.flops = 1e6}}), 0);
  book.note(large, 200);
  EXPECT_EQ(book.expected(large), 200);
  DispatchKind less = small;
  less.cost.flops = 1e5;
  EXPECT_EQ(book.expected(less), 100) << "as many workgroups may take as long";
  book.note(less, 10);
  EXPECT_EQ(book.expected(less), 10);
  EXPECT_EQ(book.expected(small), 100) << "each by itself";
}

// ---- Machines.

struct Machine {
  double budget = 1000;
  std::function<double(size_t part, int step)> takes;  // microseconds
  size_t parts = 40;
};

struct Shares {
  double within = 0;  // of the frames that computed anything
  double used = 0;    // of the time that all frames were given
};

// A step of the model is all parts in turn. What a frame lets go has finished when the next one begins.
Shares run(const Machine& machine, int frames) {
  Pace pace;
  std::vector<ChunkTime> times(machine.parts);
  size_t next = 0;
  int step = 0, within = 0, computing = 0;
  double finished = 0, all = 0;
  for (int frame = 0; frame < frames; ++frame) {
    pace.frame_begins(machine.budget, finished);
    finished = 0;
    std::vector<std::pair<ChunkTime*, double>> sent;
    double running = 0;
    while (pace.lets_go({.time = &times[next]}, running, machine.budget)) {
      ChunkTime& time = times[next];
      running += time.known() ? pace.expected(time) : machine.budget;
      sent.emplace_back(&time, machine.takes(next, step));
      finished += sent.back().second;
      if (++next == machine.parts) next = 0, ++step;
      if (sent.size() > machine.parts) break;
    }
    for (auto& [time, took] : sent) pace.finished(*time, took);
    all += finished;
    computing += finished > 0;
    within += finished > 0 && finished <= machine.budget;
  }
  return {static_cast<double>(within) / computing, all / (frames * machine.budget)};
}

constexpr int kFrames = 20000;

TEST(PaceOfMachines, ConstantTimes) {
  const auto takes = [](size_t part, int) { return 100.0 + 5 * static_cast<double>(part % 7); };
  const Shares shares = run({.takes = takes}, kFrames);
  EXPECT_EQ(shares.within, 1);
  EXPECT_GT(shares.used, 0.85);
}

TEST(PaceOfMachines, LightNoise) {
  Random random(1);
  const Shares shares = run({.takes = [&](size_t, int) { return 110 * (0.9 + 0.2 * random.unit()); }}, kFrames);
  EXPECT_GE(shares.within, 0.99);
  EXPECT_GT(shares.used, 0.75);
}

// Attention takes longer from step to step, and little again in the next text.
TEST(PaceOfMachines, TimesThatGrowWithDepth) {
  Random random(2);
  const auto takes = [&](size_t part, int step) {
    const double noise = 0.95 + 0.1 * random.unit();
    return noise * (part % 5 == 2 ? 40 + 0.5 * (step % 500) : 80);
  };
  const Shares shares = run({.takes = takes}, 4 * kFrames);
  EXPECT_GE(shares.within, 0.99);
  EXPECT_GT(shares.used, 0.7);
}

// One in a hundred takes many times as long: what the others need is not forgotten over that.
TEST(PaceOfMachines, HeavyTails) {
  Random random(3);
  const auto takes = [&](size_t, int) {
    const double noise = 0.9 + 0.2 * random.unit();
    return 100 * noise * (random.unit() < 0.01 ? 2 + 30 * random.unit() : 1);
  };
  const Shares shares = run({.takes = takes}, kFrames);
  EXPECT_GE(shares.within, 0.93) << "with five chunks a frame, four to seven in a hundred have such a one";
  EXPECT_GT(shares.used, 0.4) << "with the highest times lately as estimates it would be 0.23";
}

TEST(PaceOfMachines, TailsThatABudgetHelpsAgainst) {
  Random random(4);
  const auto takes = [&](size_t, int) {
    const double noise = 0.9 + 0.2 * random.unit();
    return 100 * noise + (random.unit() < 0.02 ? 300 : 0);
  };
  const Shares shares = run({.takes = takes}, kFrames);
  EXPECT_GE(shares.within, 0.985);
  EXPECT_GT(shares.used, 0.5);
}

TEST(PaceOfMachines, ChunksThatAreLongerThanAFrame) {
  const Shares shares = run({.takes = [](size_t, int) { return 2500.0; }}, kFrames);
  EXPECT_NEAR(shares.used, 0.83, 0.1) << "each is paid for";
}

TEST(PaceOfMachines, ABudgetThatIsTooTightIsNotStarved) {
  Random random(5);
  const auto takes = [&](size_t, int) { return 300 + 400 * random.unit(); };
  const Shares shares = run({.takes = takes}, kFrames);
  EXPECT_GE(shares.within, 0.98);
  EXPECT_GT(shares.used, 0.3);
}

TEST(ChunkQueue, KeepsTheOrder) {
  ChunkQueue queue;
  uint64_t in = 0, out = 0;
  for (int round = 0; round < 100; ++round) {
    queue.reserve(3);
    for (int i = 0; i < 3; ++i) queue.push({.value = ++in});
    for (int i = 0; i < 2; ++i, queue.pop()) EXPECT_EQ(queue.front().value, ++out);
  }
  EXPECT_EQ(queue.size(), 100u);
  for (; !queue.empty(); queue.pop()) EXPECT_EQ(queue.front().value, ++out);
  EXPECT_EQ(in, out);
}

}  // namespace pumice::vk::pace_test
