// Texts of numbers against arithmetic.
#include "grammar/numbers.h"

#include <gtest/gtest.h>

#include <cmath>

namespace pumice::test::grammar_numbers_test {

using grammar::ExprArena;
using grammar::ExprId;
using grammar::NumberSet;

std::vector<std::string> texts() {
  std::vector<std::string> all;
  for (int tenths = -2500; tenths <= 2500; ++tenths) {
    const int size = std::abs(tenths);
    const std::string sign = tenths < 0 ? "-" : "";
    if (size % 10 == 0) all.push_back(sign + std::to_string(size / 10));
    all.push_back(sign + std::to_string(size / 10) + "." + std::to_string(size % 10));
    all.push_back(sign + std::to_string(size / 10) + "." + std::to_string(size % 10) + "05");
  }
  for (const char* text : {"-0", "0.0", "-0.0", "999", "1000", "-1000", "12345.678", "0.001", "0.0009", "-0.001"})
    all.push_back(text);
  return all;
}

TEST(GrammarNumbers, BoundsAreExact) {
  for (const char* bound : {"0", "-0.5", "0.5", "1", "9", "10", "10.25", "-10.25", "99", "100", "101.1", "8", "-18.08",
                            "-7", "-100", "0.001", "1e2", "12e-1"})
    for (const bool inclusive : {true, false})
      for (const bool lower : {true, false})
        for (const bool integer : {true, false}) {
          NumberSet set;
          if (integer) set.whole = NumberSet::Whole::kInteger;
          (lower ? set.at_least : set.at_most).push_back({decimal(bound), inclusive});
          ExprArena arena;
          const ExprId expr = *grammar::number_texts(arena, set);
          const double limit = std::stod(bound);
          for (const std::string& text : texts()) {
            const double value = std::stod(text);
            bool right = lower ? value > limit : value < limit;
            right = (right || (inclusive && value == limit)) && !(integer && text.find('.') != std::string::npos);
            ASSERT_EQ(arena.matches(expr, text), right)
                << text << (lower ? " above " : " below ") << bound << inclusive;
          }
        }
}

TEST(GrammarNumbers, MultiplesAreExact) {
  for (const auto& [text, hundredths] : std::vector<std::pair<const char*, int>>{
           {"1", 100}, {"7", 700}, {"0.5", 50}, {"0.01", 1}, {"2.5", 250}, {"30", 3000}}) {
    NumberSet set, others;
    set.multiple_of = {decimal(text)};
    others.not_multiple_of = {decimal(text)};
    ExprArena arena;
    const ExprId expr = *grammar::number_texts(arena, set), other = *grammar::number_texts(arena, others);
    for (int value = -12000; value <= 12000; value += 5) {
      const int size = std::abs(value);
      char number[32];
      std::snprintf(number, sizeof number, "%s%d.%02d", value < 0 ? "-" : "", size / 100, size % 100);
      ASSERT_EQ(arena.matches(expr, number), value % hundredths == 0) << number << " of " << text;
      ASSERT_NE(arena.matches(expr, number), arena.matches(other, number)) << number << " of " << text;
    }
    EXPECT_FALSE(arena.matches(expr, "00")) << "a leading zero";
  }
}

TEST(GrammarNumbers, NothingIsADeadEnd) {
  NumberSet set;
  set.multiple_of = {decimal("0.5")};
  ExprArena arena;
  ExprId expr = *grammar::number_texts(arena, set);
  for (const char c : {'1', '.'}) expr = arena.derive(expr, static_cast<uint8_t>(c));
  EXPECT_TRUE(arena.alive(expr));
  EXPECT_FALSE(arena.alive(arena.derive(expr, '3'))) << "1.3 cannot become a multiple of 0.5";
  EXPECT_TRUE(arena.alive(arena.derive(expr, '5')));
  set = {};
  set.at_least = {{decimal("5"), true}};
  set.at_most = {{decimal("4"), true}};
  EXPECT_FALSE(arena.alive(*grammar::number_texts(arena, set)));
}

TEST(GrammarNumbers, ExponentsStandWhereEveryNumberMay) {
  ExprArena arena;
  const ExprId every = *grammar::number_texts(arena, {});
  for (const char* text : {"0", "-1.5", "1e22", "-1.5E-07", "1e+5"}) EXPECT_TRUE(arena.matches(every, text)) << text;
  for (const char* text : {"", "-", "01", "1.", ".5", "1e", "+1", "0x1", "NaN"})
    EXPECT_FALSE(arena.matches(every, text)) << text;
  NumberSet integer;
  integer.whole = NumberSet::Whole::kInteger;
  EXPECT_FALSE(arena.matches(*grammar::number_texts(arena, integer), "1e5"));
}

TEST(GrammarNumbers, ListsAndWhatTheyLeaveOut) {
  NumberSet set;
  set.listed = {decimal("1"), decimal("-2.50"), decimal("300")};
  set.at_most = {{decimal("299"), true}};
  ExprArena arena;
  const ExprId expr = *grammar::number_texts(arena, set);
  for (const char* text : {"1", "1.0", "-2.5"}) EXPECT_TRUE(arena.matches(expr, text)) << text;
  for (const char* text : {"300", "2", "-2", "2.5"}) EXPECT_FALSE(arena.matches(expr, text)) << text;
  NumberSet others;
  others.excluded = {decimal("1"), decimal("0")};
  const ExprId other = *grammar::number_texts(arena, others);
  for (const char* text : {"2", "-1", "1.5", "10"}) EXPECT_TRUE(arena.matches(other, text)) << text;
  for (const char* text : {"1", "1.00", "0", "-0", "-0.0"}) EXPECT_FALSE(arena.matches(other, text)) << text;
}

TEST(GrammarNumbers, ComparesExactly) {
  EXPECT_LT(grammar::compare(decimal("9007199254740992"), decimal("9007199254740993")), 0);
  EXPECT_EQ(grammar::compare(decimal("1.50"), decimal("15e-1")), 0);
  EXPECT_GT(grammar::compare(decimal("0"), decimal("-1e-300")), 0);
  EXPECT_LT(grammar::compare(decimal("-10"), decimal("-9")), 0);
}

TEST(GrammarNumbers, RefusesWhatIsTooLong) {
  ExprArena arena;
  NumberSet set;
  set.at_least = {{decimal("1e100000"), true}};
  EXPECT_FALSE(grammar::number_texts(arena, set).ok());
  set = {};
  set.multiple_of = {decimal("0")};
  EXPECT_FALSE(grammar::number_texts(arena, set).ok());
  set.multiple_of = {decimal("12345678901")};
  EXPECT_FALSE(grammar::number_texts(arena, set).ok());
}

}  // namespace pumice::test::grammar_numbers_test
