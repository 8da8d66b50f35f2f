// Threads: signals stay with the host's.
#include "base/thread.h"

#include <gtest/gtest.h>

#include <csignal>

namespace pumice::posix_thread_test {

TEST(Thread, RunsWithSignalsBlocked) {
  bool blocked = false;
  Thread thread = Thread::start("test", [&] {
                    sigset_t mask;
                    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
                    blocked = sigismember(&mask, SIGINT) == 1 && sigismember(&mask, SIGXFSZ) == 1 &&
                              sigismember(&mask, SIGSEGV) == 0;
                  }).value();
  EXPECT_TRUE(thread.joinable());
  EXPECT_TRUE(thread.join());
  EXPECT_FALSE(thread.joinable());
  EXPECT_TRUE(blocked);
  sigset_t mine;
  pthread_sigmask(SIG_SETMASK, nullptr, &mine);
  EXPECT_EQ(sigismember(&mine, SIGINT), 0);
}

}  // namespace pumice::posix_thread_test
