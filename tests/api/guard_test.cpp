// The guard of the C ABI: every way in which a call can end becomes a code, and a broken invariant poisons its object.
#include <gtest/gtest.h>

#include <new>
#include <stdexcept>

#include "api/handles.h"

namespace pumice {
namespace {

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

  // Their destructors would use a context that is not there.
  auto sequence = std::make_shared<SequenceObject>();
  sequence->context = context;
  sequence->sequence = reinterpret_cast<Sequence*>(&sequence);
  RequestObject request;
  request.sequence = std::move(sequence);
  request.request = std::make_shared<Request>();
}

}  // namespace
}  // namespace pumice
