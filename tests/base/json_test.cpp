// JSON from outside: what is right comes back as it was, what is wrong is told with its place, nothing overflows.
#include "base/json.h"

#include <gtest/gtest.h>

#include <cmath>

namespace pumice::test::json_test {

Json parsed(std::string_view text) {
  auto json = Json::parse(text);
  EXPECT_TRUE(json.ok()) << text << ": " << (json ? "" : json.error().message);
  return json ? *json : Json();
}

std::string refusal(std::string_view text, JsonLimits limits = {}) {
  auto json = Json::parse(text, limits);
  return json ? "accepted" : json.error().message;
}

TEST(Json, ComesBackAsItWas) {
  for (const char* text : {"null", "true", "false", "0", "-0", "-12.50e+3", "123456789012345678901234567890", "\"\"",
                           R"("\"\\\b\f\n\r\t\u0001")", "\"Grüße 世界 🌋\"", "[]", "{}",
                           R"([1,[2,{"b":1,"a":[]}]])",
                           R"("\ud800")", R"("\udc00x\ud83d")"})
    EXPECT_EQ(parsed(text).write(), text);
}

TEST(Json, IsWrittenInManyStyles) {
  const Json json = parsed(R"( { "b" : [ 1 , { } ] , "a" : "ü🌋" } )");
  EXPECT_EQ(json.write({.spaces = true}), R"({"b": [1, {}], "a": "ü🌋"})");
  EXPECT_EQ(json.write({.sort_keys = true, .ascii = true}), R"({"a":"\u00fc\ud83c\udf0b","b":[1,{}]})");
  EXPECT_EQ(json.write({.indent = 2}), "{\n  \"b\": [\n    1,\n    {}\n  ],\n  \"a\": \"ü🌋\"\n}");
}

TEST(Json, ReadsEscapes) {
  EXPECT_EQ(parsed(R"("\u0041\/\u00e9\ud83c\udf0b")").as_string(), "A/é🌋");
  EXPECT_EQ(parsed(R"("\ud800")").as_string(), "\xED\xA0\x80");
  EXPECT_EQ(parsed(R"("\u0000")").as_string(), std::string(1, '\0'));
}

TEST(Json, SaysWhereItIsWrong) {
  EXPECT_EQ(refusal("[1,\n 2,]"), "JSON, line 2, column 4: a value is expected");
  EXPECT_EQ(refusal(""), "JSON, line 1, column 1: the text ends where a value is expected");
  EXPECT_EQ(refusal("{\"a\":1} x"), "JSON, line 1, column 9: something follows the value");
  EXPECT_NE(refusal(R"({"a":1,"b":2,"a":3})").find("the key \"a\" twice"), std::string::npos);
  for (const char* text : {"01",
                           "1.",
                           ".5",
                           "+1",
                           "-",
                           "1e",
                           "0x1",
                           "nul",
                           "tru",
                           "NaN",
                           "'a'",
                           "\"a",
                           "\"\\x\"",
                           "\"\\u12g4\"",
                           "\"\\u+123\"",
                           "[1 2]",
                           "{\"a\"}",
                           "{a:1}",
                           "{\"a\":1,}",
                           "[",
                           "{",
                           "\"\t\"",
                           "\"\xff\"",
                           "\"\xc0\x80\"",
                           "\"\xed\xa0\x80\"",
                           "\"\xf4\x90\x80\x80\"",
                           "\"\xe2\x82\"",
                           "//"})
    EXPECT_NE(refusal(text), "accepted") << text;
}

TEST(Json, KeepsItsLimits) {
  const std::string deep(100000, '[');
  EXPECT_NE(refusal(deep).find("nested deeper"), std::string::npos);
  EXPECT_EQ(refusal("[[1]]", {.depth = 2}), "accepted");
  EXPECT_NE(refusal("[[[1]]]", {.depth = 2}), "accepted");
  EXPECT_EQ(refusal("[1,2]", {.values = 3}), "accepted");
  EXPECT_NE(refusal("[1,2,3]", {.values = 3}), "accepted");
  EXPECT_NE(refusal("[1,2]", {.bytes = 4}), "accepted");
}

TEST(Json, FindsAndChangesMembers) {
  Json json = parsed(R"({"z":1,"a":2,"m":3})");
  EXPECT_EQ(json.find("a")->as_number().value, 2);
  EXPECT_EQ(json.find("b"), nullptr);
  EXPECT_EQ(Json("text").find("b"), nullptr);
  json.set("a", "x");
  json.set("b", true);
  EXPECT_TRUE(json.erase("z"));
  EXPECT_FALSE(json.erase("z"));
  EXPECT_EQ(json.write(), R"({"a":"x","m":3,"b":true})");
  EXPECT_EQ(json.find("m")->write(), "3");
  EXPECT_EQ(json.find("b")->write(), "true");
}

TEST(Json, ComparesAsSchemasDo) {
  EXPECT_EQ(parsed("[1.0,{\"a\":1,\"b\":100}]"), parsed("[1,{\"b\":1e2,\"a\":1.000}]"));
  EXPECT_EQ(parsed("-0.0"), parsed("0"));
  EXPECT_FALSE(parsed("9007199254740993") == parsed("9007199254740992"));
  EXPECT_FALSE(parsed("false") == parsed("0"));
  EXPECT_FALSE(parsed("\"a\"") == parsed("\"b\""));
  EXPECT_FALSE(parsed("{\"a\":1}") == parsed("{\"a\":1,\"b\":1}"));
}

TEST(Json, KnowsIntegers) {
  for (const char* text : {"0", "-0.0", "1.0", "12e3", "1.5e1", "1e400"})
    EXPECT_TRUE(parsed(text).is_integer()) << text;
  for (const char* text : {"0.5", "1e-1", "12.34e1", "true", "\"1\""}) EXPECT_FALSE(parsed(text).is_integer()) << text;
  EXPECT_TRUE(std::isinf(parsed("-1e400").as_number().value));
  EXPECT_EQ(parsed("1e-400").as_number().value, 0.0);
  EXPECT_EQ(parsed("1e99999999999999999999").as_number().text, "1e99999999999999999999");
}

TEST(Json, IsMadeOfValues) {
  Json json = Json::object();
  json.set("n", 0.1);
  json.set("i", int64_t{-5});
  json.set("inf", HUGE_VAL);
  json.set("l", Json::array({1, "two", Json()}));
  EXPECT_EQ(json.write(), R"({"n":0.1,"i":-5,"inf":null,"l":[1,"two",null]})");
}

}  // namespace pumice::test::json_test
