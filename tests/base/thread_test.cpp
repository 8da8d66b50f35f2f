// Threads: whatever is thrown comes back as an error.
#include "base/thread.h"

#include <gtest/gtest.h>

#include <new>
#include <stdexcept>

namespace pumice::thread_test {

TEST(Thread, WhatIsThrownIsAnError) {
  Thread memory = Thread::start("test", [] { throw std::bad_alloc(); }).value();
  EXPECT_EQ(memory.join().error().status, Status::kOutOfHostMemory);
  Thread words = Thread::start("test", [] { throw std::runtime_error("no such luck"); }).value();
  const Result<void> outcome = words.join();
  EXPECT_EQ(outcome.error().status, Status::kInternal);
  EXPECT_EQ(outcome.error().message, "no such luck");
  Thread strange = Thread::start("test", [] { throw 7; }).value();
  EXPECT_EQ(strange.join().error().status, Status::kInternal);
  const Thread unobserved = Thread::start("test", [] { throw 7; }).value();
}

TEST(Thread, MovesAndJoinsAtTheEnd) {
  int done = 0;
  {
    Thread first = Thread::start("test", [&] { ++done; }).value();
    Thread second = std::move(first);
    EXPECT_FALSE(first.joinable());
    EXPECT_TRUE(second.joinable());
  }
  EXPECT_EQ(done, 1);
}

}  // namespace pumice::thread_test
