#include "vk/pace.h"

#include <gtest/gtest.h>

namespace pumice::vk::pace_test {

TEST(Pace, AFrameTakesWhatFitsBesideWhatRuns) {
  Pace pace;
  ChunkTime time{.microseconds = 400};
  pace.frame_begins(1000);
  EXPECT_TRUE(pace.lets_go({.time = &time}, 0, 1000));
  EXPECT_TRUE(pace.lets_go({.time = &time}, 600, 1000));
  EXPECT_FALSE(pace.lets_go({.time = &time}, 601, 1000));
  EXPECT_TRUE(pace.lets_go({}, 5000, 1000)) << "it takes next to nothing";
  EXPECT_FALSE(pace.lets_go({.time = &time}, 0, 0));
}

TEST(Pace, WhatIsNotKnownTakesAWholeFrame) {
  Pace pace;
  ChunkTime time;
  pace.frame_begins(1000);
  EXPECT_TRUE(pace.lets_go({.time = &time}, 0, 1000));
  EXPECT_FALSE(pace.lets_go({.time = &time}, 1, 1000));
}

TEST(Pace, ALongChunkIsPaidForByIdleFrames) {
  Pace pace;
  ChunkTime time{.microseconds = 2500};
  for (int round = 0; round < 3; ++round)
    for (int frame = 1; frame <= 3; ++frame) {
      pace.frame_begins(1000);
      EXPECT_EQ(pace.lets_go({.time = &time}, 0, 1000), frame == 3);
    }
}

TEST(Pace, TimesRiseAtOnceAndFallSlowly) {
  ChunkTime time;
  time.measured(100);
  EXPECT_EQ(time.microseconds, 100);
  time.measured(300);
  EXPECT_EQ(time.microseconds, 300);
  time.measured(100);
  EXPECT_EQ(time.microseconds, 290);
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
