#include "text/unicode.h"

#include <gtest/gtest.h>

#include <set>

namespace pumice::unicode_test {

TEST(Unicode, EveryCodePointRoundTrips) {
  for (uint32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string bytes;
    append_utf8(bytes, c);
    const Utf8Unit unit = first_unit(bytes);
    ASSERT_EQ(unit.state, Utf8State::kValid) << c;
    ASSERT_EQ(unit.code_point, c);
    ASSERT_EQ(unit.length, bytes.size());
    for (size_t cut = 1; cut < bytes.size(); ++cut) {
      const Utf8Unit part = first_unit(std::string_view(bytes).substr(0, cut));
      ASSERT_EQ(part.state, Utf8State::kIncomplete) << c;
      ASSERT_EQ(part.length, cut);
    }
  }
}

TEST(Unicode, InvalidBytesAreTheirMaximalSubparts) {
  const struct {
    std::string_view bytes;
    uint32_t length;
  } cases[] = {{"\x80", 1},         {"\xC0\x80", 1},        {"\xC1\xBF", 1},     {"\xE0\x80\x80", 1},
               {"\xED\xA0\x80", 1}, {"\xF0\x80\x80", 1},    {"\xF4\x90\x80", 1}, {"\xF5\x80\x80\x80", 1},
               {"\xFF", 1},         {"\xC3(", 1},           {"\xE2\x82(", 2},    {"\xF0\x9F\x98(", 3},
               {"\xF0\x9F(", 2},    {"\xE2\x82\xE2\x82", 2}};
  for (const auto& c : cases) {
    const Utf8Unit unit = first_unit(c.bytes);
    EXPECT_EQ(unit.state, Utf8State::kInvalid);
    EXPECT_EQ(unit.length, c.length);
    EXPECT_EQ(unit.code_point, 0xFFFDu);
  }
}

TEST(Unicode, AlphabetIsABijectionOfPrintableCharacters) {
  std::set<uint32_t> seen;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const uint32_t c = byte_to_alphabet(static_cast<uint8_t>(byte));
    EXPECT_TRUE(seen.insert(c).second);
    EXPECT_EQ(alphabet_to_byte(c), byte);
    EXPECT_EQ(char_class(c) & CharClass::kSpace, 0);
  }
  EXPECT_EQ(byte_to_alphabet(' '), 0x120u);   // Ġ
  EXPECT_EQ(byte_to_alphabet('\n'), 0x10Au);  // Ċ
  for (uint32_t c = 0; c < 0x10000; ++c) EXPECT_EQ(alphabet_to_byte(c).has_value(), seen.count(c) == 1) << c;
  EXPECT_EQ(decode_alphabet("ĠHiĊ"), " Hi\n");
  EXPECT_EQ(decode_alphabet("a b"), std::nullopt);
  EXPECT_EQ(decode_alphabet("\xFF"), std::nullopt);
}

TEST(Unicode, Classes) {
  for (const uint32_t c : {0x41u, 0xE9u, 0xAAu, 0x4E2Du, 0x1D400u, 0x10D0u})
    EXPECT_EQ(char_class(c), CharClass::kLetter) << c;
  for (const uint32_t c : {0x30u, 0x661u, 0xBDu, 0x2167u}) EXPECT_EQ(char_class(c), CharClass::kNumber) << c;
  for (const uint32_t c : {0x21u, 0x5Fu, 0x3002u}) EXPECT_EQ(char_class(c), CharClass::kPunctuation) << c;
  for (const uint32_t c : {0x24u, 0x60u, 0x1F600u, 0xFFFDu}) EXPECT_EQ(char_class(c), CharClass::kSymbol) << c;
  for (const uint32_t c : {0x301u, 0x20DDu}) EXPECT_EQ(char_class(c), CharClass::kMark) << c;
  for (const uint32_t c : {0x09u, 0x20u, 0x85u, 0xA0u, 0x2028u, 0x3000u})
    EXPECT_EQ(char_class(c), CharClass::kSpace) << c;
  for (const uint32_t c : {0x00u, 0x1Cu, 0xADu, 0x180Eu, 0x200Bu, 0xE000u, 0x378u, 0x10FFFFu}) {
    EXPECT_EQ(char_class(c), CharClass::kOther) << c;
  }
}

}  // namespace pumice::unicode_test
