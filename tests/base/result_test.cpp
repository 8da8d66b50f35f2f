// Result and its macros: values, errors, moves, and the first error that leaves the function.
#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>

#include "base/log.h"

namespace pumice::result_test {

Result<int> half_of(int value) {
  if (value % 2 != 0) return error(Status::kInvalidArgument, "%d is odd", value);
  return value / 2;
}

Result<int> quarter_of(int value) {
  PUMICE_ASSIGN(const int half, half_of(value));
  PUMICE_ASSIGN(const int quarter, half_of(half));
  return quarter;
}

Result<void> check_even(int value, int& calls) {
  PUMICE_TRY(half_of(value).ok() ? Result<void>{} : Result<void>{error(Status::kMalformed, "odd")});
  ++calls;
  return {};
}

TEST(Result, HoldsAValueOrAnError) {
  EXPECT_EQ(*half_of(8), 4);
  EXPECT_TRUE(half_of(8).ok());
  const auto failed = half_of(7);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().status, Status::kInvalidArgument);
  EXPECT_EQ(failed.error().message, "7 is odd");
}

TEST(Result, MacrosReturnTheFirstError) {
  EXPECT_EQ(*quarter_of(8), 2);
  EXPECT_EQ(quarter_of(6).error().message, "3 is odd");
  int calls = 0;
  EXPECT_TRUE(check_even(2, calls).ok());
  EXPECT_EQ(check_even(3, calls).error().status, Status::kMalformed);
  EXPECT_EQ(calls, 1);
}

TEST(Result, CarriesMoveOnlyValues) {
  Result<std::unique_ptr<int>> made(std::make_unique<int>(5));
  const std::unique_ptr<int> taken = std::move(made).value();
  EXPECT_EQ(*taken, 5);
}

TEST(Result, MessagesOfAnyLength) {
  const std::string name(5000, 'x');
  const Error long_error = error(Status::kNotFound, "%s!", name.c_str());
  EXPECT_EQ(long_error.message.substr(0, 100), name.substr(0, 100));
}

TEST(BrokenInvariant, SaysWhatDoesNotHoldAndWhere) {
  try {
    PUMICE_CHECK(1 + 1 == 3);
    FAIL() << "not thrown";
  } catch (const BrokenInvariant& broken) {
    EXPECT_NE(std::string(broken.what()).find("\"1 + 1 == 3\" does not hold at "), std::string::npos) << broken.what();
    EXPECT_NE(std::string(broken.what()).find("result_test.cpp:"), std::string::npos) << broken.what();
  }
}

TEST(BrokenInvariant, NamesItsFileFromTheSourceFolderOn) {
  EXPECT_STREQ(BrokenInvariant("x", "/somewhere/runtime/kv/transfer.cpp", 7).what(),
               "a bug in Pumice: \"x\" does not hold at runtime/kv/transfer.cpp:7");
  EXPECT_LT(std::string(BrokenInvariant(std::string(1000, 'x').c_str(), "f", 1).what()).size(), 256u);
}

TEST(Log, IsSilentWithoutACallback) {
  Log().write(LogLevel::kError, "%d", 1);
  std::string seen;
  Log([&](LogLevel level, std::string_view text) {
    seen = std::to_string(static_cast<int>(level)) + std::string(text);
  }).write(LogLevel::kWarning, "%s %d", "low on", 7);
  EXPECT_EQ(seen, "2low on 7");
}

}  // namespace pumice::result_test
