// The guard of the C ABI: every way in which a call can end becomes a code, and a broken invariant poisons its object.
#include <gtest/gtest.h>

#include <atomic>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "api/handles.h"

namespace pumice::guard_test {

std::string text_of(const LastError& error) {
  std::string text(error.copy(nullptr, 0), '\0');
  error.copy(text.data(), text.size() + 1);
  return text;
}

template <typename Exception>
PumiceResult thrown(LastError& sink, const Exception& exception) {
  return guarded(&sink, [&]() -> Result<void> { throw exception; });
}

TEST(Guard, TellsAnErrorAndGoesOn) {
  LastError sink;
  EXPECT_EQ(guarded(&sink, [] { return Result<void>(error(Status::kNotFound, "no %s", "such thing")); }),
            PUMICE_NOT_FOUND);
  EXPECT_EQ(text_of(sink), "no such thing");
  EXPECT_EQ(guarded(&sink, [] { return Result<void>(); }), PUMICE_OK);
}

TEST(Guard, ExceptionsBecomeCodesAndPoisonNothing) {
  LastError sink;
  sink.set("of an earlier call");
  EXPECT_EQ(thrown(sink, std::bad_alloc()), PUMICE_OUT_OF_HOST_MEMORY);
  EXPECT_EQ(text_of(sink), "out of host memory");
  EXPECT_EQ(thrown(sink, std::length_error("vector")), PUMICE_OUT_OF_HOST_MEMORY);
  EXPECT_EQ(thrown(sink, 7), PUMICE_INTERNAL);
  EXPECT_FALSE(sink.poisoned());
  EXPECT_EQ(guarded(&sink, [] { return Result<void>(); }), PUMICE_OK);
}

TEST(Guard, ABrokenInvariantPoisonsItsObject) {
  LastError sink;
  EXPECT_EQ(guarded(&sink,
                    []() -> Result<void> {
                      PUMICE_CHECK(1 > 2);
                      return {};
                    }),
            PUMICE_INTERNAL);
  EXPECT_TRUE(sink.poisoned());
  const std::string first = text_of(sink);
  EXPECT_NE(first.find("\"1 > 2\""), std::string::npos) << first;
  EXPECT_NE(first.find("guard_test.cpp:"), std::string::npos) << first;

  bool ran = false;
  EXPECT_EQ(guarded(&sink,
                    [&] {
                      ran = true;
                      return Result<void>();
                    }),
            PUMICE_INTERNAL);
  EXPECT_FALSE(ran);
  sink.set("something later");
  EXPECT_EQ(text_of(sink), first);
}

TEST(Guard, APoisonedContextTakesNoTurnsAndGoesQuietly) {
  auto context = std::make_shared<ContextObject>();
  EXPECT_EQ(guarded(*context,
                    []() -> Result<void> {
                      PUMICE_CHECK(false);
                      return {};
                    }),
            PUMICE_INTERNAL);
  EXPECT_TRUE(context->turn.try_lock()) << "the turn was not given back";
  context->turn.unlock();

  // They would use a context that is not there.
  auto sequence = std::make_shared<SequenceObject>();
  sequence->context = context;
  sequence->sequence = reinterpret_cast<Sequence*>(&sequence);
  RequestObject request;
  request.sequence = sequence;
  request.request = std::make_shared<Request>();
  request.release();
  sequence->release();
}

struct Messages {
  std::vector<std::string> texts;
  static void receive(void* self, PumiceLogLevel, const char* text) {
    static_cast<Messages*>(self)->texts.emplace_back(text);
  }
};

TEST(Turns, WhatIsLoggedInOneIsHandedOnAfterIt) {
  Messages messages;
  ContextObject outer, inner;
  {
    const Turn turn(outer);
    hand_on_log(Messages::receive, &messages, LogLevel::kWarning, "first");
    {
      const Turn another(inner);
      EXPECT_TRUE(Turn::mine(outer) && Turn::mine(inner));
      hand_on_log(Messages::receive, &messages, LogLevel::kWarning, "second");
    }
    EXPECT_TRUE(messages.texts.empty());
    EXPECT_FALSE(Turn::mine(inner));
  }
  EXPECT_EQ(messages.texts, (std::vector<std::string>{"first", "second"}));
  hand_on_log(Messages::receive, &messages, LogLevel::kWarning, "at once");
  EXPECT_EQ(messages.texts.size(), 3u);
}

struct Counted final : Retired {
  int &released, &deleted;
  Counted(int& to_release, int& to_delete) : released(to_release), deleted(to_delete) {}
  ~Counted() override { ++deleted; }
  void release() noexcept override { ++released; }
};

TEST(Turns, WhatIsDestroyedMeanwhileGoesAtTheirEnd) {
  int released = 0, deleted = 0;
  const auto context = std::make_shared<ContextObject>();
  const auto add = [&] { retire(context, new Counted(released, deleted)); };
  {
    const Turn turn(*context);
    add();
    std::thread(add).join();
    EXPECT_EQ(released, 0);
  }
  EXPECT_EQ(released, 2);
  EXPECT_EQ(deleted, 2);
  add();
  EXPECT_EQ(deleted, 3);
}

TEST(Turns, ManyThreadsRetireAndNothingIsLost) {
  constexpr int kThreads = 4, kEach = 2000;
  std::atomic<int> deleted = 0;
  struct Node final : Retired {
    std::atomic<int>& count;
    explicit Node(std::atomic<int>& counted) : count(counted) {}
    ~Node() override { ++count; }
    void release() noexcept override {}
  };
  const auto context = std::make_shared<ContextObject>();
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      for (int j = 0; j < kEach; ++j) {
        if (i % 2) const Turn turn(*context);
        retire(context, new Node(deleted));
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(deleted, kThreads * kEach);
}

}  // namespace pumice::guard_test
