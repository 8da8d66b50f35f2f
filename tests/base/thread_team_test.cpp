// ThreadTeam: everybody works, and what one of them throws arrives at the thread that joins.
#include "base/thread_team.h"

#include <gtest/gtest.h>

#include <atomic>
#include <new>

#include "base/result.h"

namespace pumice::thread_team_test {

TEST(ThreadTeam, AllOfItWorks) {
  std::atomic<int> ran{0};
  ThreadTeam team;
  const size_t started = team.start(4, [&] { ++ran; });
  team.join();
  EXPECT_EQ(started, 4u);
  EXPECT_EQ(ran, 4);
  team.join();
}

TEST(ThreadTeam, WhatAThreadThrowsIsThrownByJoin) {
  std::atomic<int> next{0};
  ThreadTeam team;
  team.start(3, [&] { PUMICE_CHECK(next++ != 1); });
  EXPECT_THROW(team.join(), BrokenInvariant);
  EXPECT_NO_THROW(team.join());
}

TEST(ThreadTeam, DestructionWaitsAndThrowsNothing) {
  std::atomic<int> ran{0};
  {
    ThreadTeam team;
    team.start(2, [&] {
      ++ran;
      throw std::bad_alloc();
    });
  }
  EXPECT_EQ(ran, 2);
}

TEST(ThreadTeam, NoThreadsIsATeam) {
  ThreadTeam team;
  EXPECT_EQ(team.start(0, [] { FAIL(); }), 0u);
  team.join();
}

}  // namespace pumice::thread_team_test
