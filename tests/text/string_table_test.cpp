#include "text/string_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

#include "text/tiny_vocabulary.h"

namespace pumice::string_table_test {

TEST(StringTable, FindsTheFirstOfEqualStrings) {
  StringTable table;
  EXPECT_EQ(table.find("a"), std::nullopt);
  EXPECT_EQ(table.add("a"), 0u);
  EXPECT_EQ(table.add(""), 1u);
  EXPECT_EQ(table.add("a"), 2u);
  EXPECT_EQ(table.find("a"), 0u);
  EXPECT_EQ(table.find(""), 1u);
  EXPECT_EQ(table.intern("a"), 0u);
  EXPECT_EQ(table.intern("b"), 3u);
  EXPECT_EQ(table[2], "a");
  EXPECT_EQ(table.size(), 4u);
}

TEST(StringTable, AgreesWithAMap) {
  std::mt19937 random(3);
  for (const size_t reserved : {0u, 5000u}) {
    StringTable table;
    if (reserved > 0) table.reserve(reserved, 1000);
    std::map<std::string, uint32_t> map;
    for (uint32_t i = 0; i < 5000; ++i) {
      const std::string text = testing::random_bytes(random, 3);
      const uint32_t number = table.add(text);
      ASSERT_EQ(number, i);
      map.emplace(text, i);
    }
    for (const auto& [text, number] : map) {
      ASSERT_EQ(table.find(text), number);
      ASSERT_EQ(table[number], text);
    }
    EXPECT_EQ(table.find("none of three bytes"), std::nullopt);
  }
}

}  // namespace pumice::string_table_test
