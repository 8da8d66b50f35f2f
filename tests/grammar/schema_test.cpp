// JSON Schemas: what they accept, what they refuse to say.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "support/slice.h"
#include "tests/grammar/grammar_support.h"

namespace pumice::test::schema_test {

using grammar::Grammar;
using testing::accepts;
using testing::made;
using testing::refusal;

struct Case {
  const char* schema;
  std::vector<const char*> yes, no;
};

void check(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    const auto grammar = made(Grammar::from_schema_text(one.schema));
    for (const char* text : one.yes) EXPECT_TRUE(accepts(grammar, text)) << one.schema << " on " << text;
    for (const char* text : one.no) EXPECT_FALSE(accepts(grammar, text)) << one.schema << " on " << text;
  }
}

TEST(Schema, Types) {
  check(
      {{"{}",
        {"1", "\"a\\u00e9\\/\"", "[1, {\"a\": null}]", "{\"a\":1,\"b\":[]}", "true", "-1.5e3"},
        {"", "[1", "{a:1}", "'a'"}},
       {"true", {"null"}, {"nul"}},
       {R"({"type":"integer"})", {"0", "-12"}, {"1.5", "01", "\"1\"", "1.0"}},
       {R"({"type":["null","boolean"]})", {"null", "true", "false"}, {"1", "\"\""}},
       {R"({"type":"string"})", {"\"\"", "\"ü \\\" \\n 🌋\""}, {"\"", "\"\n\"", "\"\xff\"", "a"}},
       {R"({"type":"array"})", {"[]", "[ 1 ]", "[\n  1,\n  2\n]"}, {"[1,]", "[,]"}},
       {R"({"enum":["a",1,null,[1,{"x":true}]]})", {"\"a\"", "1", "null", "[1, {\"x\": true}]"}, {"\"b\"", "2", "[1]"}},
       {R"({"const":{"a":[1]}})", {"{\"a\":[1]}"}, {"{}", "{\"a\":[2]}", "{\"a\":[1],\"b\":1}"}}});
}

TEST(Schema, Strings) {
  check({{R"({"type":"string","minLength":2,"maxLength":3})", {"\"ab\"", "\"ü🌋\\n\""}, {"\"a\"", "\"abcd\""}},
         {R"({"type":"string","pattern":"^a+$","minLength":3})", {"\"aaa\""}, {"\"aa\"", "\"aab\""}},
         {R"({"type":"string","pattern":"b"})", {"\"abc\""}, {"\"ac\""}},
         {R"({"pattern":"^\\S+$"})", {"\"ab\"", "1"}, {"\"a b\""}},
         {R"({"type":"string","format":"email"})", {R"("a.b@c.example")"}, {R"("a@b")", R"("a@b.")", R"("@b.c")"}},
         {R"({"type":"string","format":"date-time"})",
          {"\"2024-02-29T12:30:00Z\""},
          {"\"2023-02-29T12:30:00Z\"", "\"x\""}},
         {R"({"type":"string","format":"uuid"})", {"\"123e4567-e89b-12d3-a456-426614174000\""}, {"\"123e4567\""}},
         {R"({"type":"string","format":"ipv6"})",
          {"\"::1\"", "\"fe80::1:2\"", "\"1:2:3:4:5:6:7:8\""},
          {"\"1::2::3\"", "\":\""}},
         {R"({"type":"string","format":"made-up"})", {"\"anything\""}, {"1"}}});
}

TEST(Schema, Objects) {
  check(
      {{R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string"}},"required":["b"]})",
        {R"({"a":1,"b":"x"})", R"({ "b": "x" })", R"({"b":"x","c":[]})", "{\n  \"a\": 1,\n  \"b\": \"\"\n}"},
        {"{}", R"({"a":1})", R"({"a":"x","b":"x"})", R"({"b":"x","\u0061":"no"})"}},
       {R"({"properties":{"a":{}},"additionalProperties":false})", {"{}", R"({"a":1})", "3"}, {R"({"b":1})"}},
       {R"({"type":"object","additionalProperties":{"type":"integer"}})", {"{}", R"({"x":1,"y":2})"}, {R"({"x":"1"})"}},
       {R"({"type":"object","patternProperties":{"^n":{"type":"integer"}},"additionalProperties":{"type":"string"}})",
        {R"({"n1":1,"x":"y"})"},
        {R"({"n1":"1"})", R"({"x":1})"}},
       {R"({"type":"object","propertyNames":{"maxLength":2}})", {R"({"ab":1})"}, {R"({"abc":1})"}},
       {R"({"type":"object","properties":{"a":{},"b":{},"c":{}},"additionalProperties":false,"minProperties":2,
             "maxProperties":2})",
        {R"({"a":1,"b":1})", R"({"a":1,"c":1})"},
        {R"({"a":1})", R"({"a":1,"b":1,"c":1})"}},
       {R"({"type":"object","minProperties":1})", {R"({"x":1})"}, {"{}"}},
       {R"({"type":"object","maxProperties":1})", {"{}", R"({"x":1})"}, {R"({"x":1,"y":1})"}},
       {R"({"type":"object","required":["z"],"additionalProperties":{"type":"integer"}})",
        {R"({"z":1})"},
        {R"({"z":""})"}}});
}

struct OrderCase {
  const char* keywords;
  size_t min, max;
  std::string required;
  bool others;
};

// Rows of the keys a, b, c, which are declared, and of x and y, which are not: those that are right, and what they
// begin with.
void check_rows(const OrderCase& one) {
  const auto grammar = made(Grammar::from_schema_text(
      R"({"type":"object","properties":{"a":{"const":0},"b":{"const":0},"c":{"const":0}},)" +
      std::string(one.others ? R"("additionalProperties":{"const":0},)" : R"("additionalProperties":false,)") +
      one.keywords + "}"));
  std::set<std::string> right, beginnings;
  const auto is_right = [&](const std::string& keys) {
    const std::set<char> different(keys.begin(), keys.end());
    size_t missing = one.required.size(), twice = 0, others = 0;
    for (const char key : keys) {
      const bool other = key >= 'x';
      if (other && (missing > 0 || !one.others)) return false;
      others += other;
      missing -= one.required.find(key) != std::string::npos;
    }
    for (const char key : {'a', 'b', 'c'}) twice += std::count(keys.begin(), keys.end(), key) > 1;
    const size_t counted = keys.size() - others + (others > 0);  // x and y may be the same key
    return twice == 0 && missing == 0 && counted >= one.min && keys.size() <= one.max;
  };
  std::vector<std::string> rows = {""};
  const auto text_of = [](const std::string& keys) {
    std::string text = "{";
    for (const char key : keys) text += (text.size() > 1 ? ",\"" : "\"") + std::string(1, key) + "\":0";
    return text;
  };
  for (size_t i = 0; i < rows.size() && rows[i].size() < 5; ++i)
    for (const char key : {'a', 'b', 'c', 'x', 'y'}) rows.push_back(rows[i] + key);
  for (const std::string& row : rows)
    if (is_right(row))
      for (size_t length = 0; length <= row.size(); ++length) beginnings.insert(row.substr(0, length));
  for (const std::string& row : rows) {
    EXPECT_EQ(accepts(grammar, text_of(row) + "}"), is_right(row)) << one.keywords << " on " << row;
    grammar::Automaton automaton(grammar->program());
    grammar::Automaton::State state = automaton.start();
    for (const char c : text_of(row)) state = automaton.step(state, static_cast<uint8_t>(c));
    if (row.size() == 5) continue;  // what follows was not looked at
    EXPECT_EQ(state != grammar::Automaton::kDead, beginnings.contains(row)) << row;
  }
  EXPECT_GT(beginnings.size(), 5u);
}

TEST(Schema, KeysInAnyOrder) {
  PUMICE_SLICE(2);
  for (const bool others : {false, true})
    for (const OrderCase& one :
         std::vector<OrderCase>{{R"("required":[])", 0, 9, "", others},
                                {R"("required":["b"])", 0, 9, "b", others},
                                {R"("required":["c","a"])", 0, 9, "ac", others},
                                {R"("minProperties":2)", 2, 9, "", others},
                                {R"("maxProperties":2)", 0, 2, "", others},
                                {R"("required":["c"],"maxProperties":2)", 0, 2, "c", others},
                                {R"("minProperties":2,"maxProperties":2)", 2, 2, "", others},
                                {R"("required":["a"],"minProperties":3,"maxProperties":3)", 3, 3, "a", others}})
      check_rows(one);
  // Values that never match: of a key that may be missing, of one that may not, of all.
  check({{R"({"properties":{"a":{"allOf":[{"$ref":"#"},{"type":"object"}],"required":["a"]},"b":{}},
              "additionalProperties":false})",
          {"{}", R"({"b":1})"},
          {R"({"a":{}})"}}});
  EXPECT_EQ(refusal(Grammar::from_schema_text(
                R"({"type":"object","properties":{"a":{"$ref":"#"}},"additionalProperties":false,"minProperties":1})")),
            "schema: no text matches it");
  EXPECT_EQ(refusal(Grammar::from_schema_text(R"({"type":"object","required":["a","b"],"maxProperties":1})")),
            "schema: no text matches it");
}

// More keys than a word has bits, and more sets of them than are kept at a time.
TEST(Schema, ManyKeysInAnyOrder) {
  std::string properties, forwards, backwards;
  for (int i = 0; i < 300; ++i) {
    const std::string key = "\"k" + std::to_string(i) + "\":";
    properties += (i > 0 ? "," : "") + key + "{\"type\":\"integer\"}";
    forwards += (i > 0 ? "," : "") + key + "1";
    backwards = key + "1" + (i > 0 ? "," : "") + backwards;
  }
  const auto grammar = made(Grammar::from_schema_text("{\"type\":\"object\",\"properties\":{" + properties + "}}"));
  EXPECT_TRUE(accepts(grammar, "{" + forwards + "}") && accepts(grammar, "{" + backwards + "}"));
  EXPECT_FALSE(accepts(grammar, "{" + backwards + ",\"k7\":1}"));
  grammar::Automaton automaton(grammar->program());
  grammar::Automaton::State state = automaton.start();
  for (const char c : "{" + backwards) {
    automaton.renew_budget();
    state = automaton.forget_all_but(automaton.step(state, static_cast<uint8_t>(c)));
  }
  EXPECT_TRUE(automaton.accepts(automaton.step(state, '}')));
  EXPECT_LT(automaton.states(), 10u);
}

TEST(Schema, Arrays) {
  check({{R"({"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":3})",
          {"[1]", "[1,2,3]"},
          {"[]", "[1,2,3,4]"}},
         {R"({"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"items":false,"minItems":1})",
          {"[1]", "[1,\"a\"]"},
          {"[]", "[1,1]", "[1,\"a\",2]"}},
         {R"({"type":"array","items":[{"type":"integer"}],"additionalItems":{"type":"null"}})",
          {"[]", "[1,null,null]"},
          {"[1,1]"}},
         {R"({"type":"array","maxItems":0})", {"[]"}, {"[1]"}},
         {R"({"type":"array","uniqueItems":true,"maxItems":1})", {"[]", "[1]"}, {"[1,1]"}},
         {R"({"type":"array","uniqueItems":true,"items":{"enum":["a","b",1,1.0,null]},"minItems":2})",
          {R"(["b","a"])", R"([1,null,"a","b"])"},
          {"[]", R"(["a"])", R"(["a","a"])", R"([1,1])", R"(["a","b","a"])", "[true]"}},
         {R"({"type":"array","uniqueItems":true,"items":{"type":"boolean"}})", {"[]", "[true,false]"}, {"[true,true]"}},
         {R"({"type":"array","contains":{"const":1}})", {"[1]", "[2,1,3,1]"}, {"[]", "[2]"}},
         {R"({"type":"array","contains":{"const":1},"minContains":2,"maxContains":3,"maxItems":4})",
          {"[1,1]", "[2,1,1]", "[1,1,1,\"a\"]"},
          {"[]", "[1]", "[1,2,3]", "[1,1,1,1]", "[1,1,2,2,2]"}},
         {R"({"type":"array","contains":{"const":1},"minContains":0})", {"[]", "[2]"}, {"1"}},
         {R"({"type":"array","contains":{"const":1},"minContains":0,"maxContains":1})", {"[]", "[2,1]"}, {"[1,1]"}},
         {R"({"type":"array","prefixItems":[{"type":"string"}],"items":{"type":"integer"},"minItems":2,
              "allOf":[{"contains":{"type":"integer","minimum":5}},{"contains":{"type":"integer","maximum":3}}]})",
          {"[\"a\",5,3]", "[\"a\",1,4,9]"},
          {"[\"a\",5]", "[5,3]", "[\"a\",4,4]"}},
         {R"({"type":"array","not":{"contains":{"const":1}}})", {"[]", "[2,3]"}, {"[1]", "[2,1]"}},
         {R"({"type":"array","not":{"items":{"const":1}}})", {"[2]", "[1,2,1]"}, {"[]", "[1]", "[1,1]"}},
         {R"({"oneOf":[{"items":{"type":"null"}},{"minItems":1}]})", {"[]", "[1]", "[null,1]"}, {"[null]", "1"}}});
  const auto most = made(Grammar::from_schema_text(R"({"items":{"const":7},"maxItems":399999999900})"));
  EXPECT_TRUE(accepts(most, "[7,7,7]"));
  EXPECT_LT(most->program()->places.size(), 5000u);  // grows with the logarithm
  const auto many =
      made(Grammar::from_schema_text(R"({"type":"array","items":{"const":7},"minItems":700,"maxItems":100000})"));
  for (const auto& [count, right] : std::vector<std::pair<int, bool>>{{699, false}, {700, true}, {5000, true}}) {
    std::string text = "[7";
    for (int i = 1; i < count; ++i) text += ",7";
    EXPECT_EQ(accepts(many, text + "]"), right) << count;
  }
}

TEST(Schema, Logic) {
  check({{R"({"anyOf":[{"type":"integer"},{"type":"string"}]})", {"1", "\"a\""}, {"true", "1.5"}},
         {R"({"allOf":[{"minimum":2},{"maximum":5},{"type":"integer"}]})", {"2", "5"}, {"1", "6", "2.5"}},
         {R"({"oneOf":[{"type":"integer","multipleOf":2},{"type":"integer","multipleOf":3}]})",
          {"2", "3", "9"},
          {"6", "1", "0"}},
         {R"({"oneOf":[{"required":["a"]},{"required":["b"]}],"type":"object"})",
          {R"({"a":1})", R"({"b":1})"},
          {"{}", R"({"a":1,"b":1})"}},
         {R"({"not":{"type":"string"}})", {"1", "{}"}, {"\"a\""}},
         {R"({"type":"string","not":{"enum":["a","b"]}})", {"\"c\"", "\"ab\"", "\"\""}, {"\"a\"", "\"b\""}},
         {R"({"type":"object","not":{"required":["a"]}})", {"{}", R"({"b":1})"}, {R"({"a":1})"}},
         {R"({"if":{"type":"integer"},"then":{"minimum":5},"else":{"type":"null"}})",
          {"5", "null"},
          {"4", "\"a\"", "1.5"}},
         {R"({"type":"object","properties":{"a":{},"b":{}},"dependentRequired":{"a":["b"]},
             "additionalProperties":false})",
          {"{}", R"({"b":1})", R"({"a":1,"b":1})"},
          {R"({"a":1})"}},
         {R"({"allOf":[{"properties":{"a":{"minimum":3}}},{"properties":{"a":{"type":"integer"}},"required":["a"]}]})",
          {R"({"a":3})"},
          {R"({"a":2})", R"({"a":3.5})", "{}"}}});
}

TEST(Schema, References) {
  check({{R"({"$defs":{"n":{"type":"object","properties":{"v":{"type":"integer"},"next":{"$ref":"#/$defs/n"}},
             "additionalProperties":false}},"$ref":"#/$defs/n"})",
          {R"({"v":1,"next":{"next":{"v":2}}})"},
          {R"({"next":{"v":"x"}})"}},
         {R"({"$id":"http://x.org/a","$defs":{"b":{"$id":"b","type":"integer"},"c":{"$anchor":"c","type":"null"}},
             "anyOf":[{"$ref":"b"},{"$ref":"#c"}]})",
          {"1", "null"},
          {"true"}},
         {R"({"definitions":{"a/b~c":{"type":"integer"}},"$ref":"#/definitions/a~1b~0c"})", {"1"}, {"\"\""}},
         {R"({"$ref":"#/$defs/a","maximum":3,"$defs":{"a":{"type":"integer"}}})", {"3"}, {"4"}}});
}

TEST(Schema, SaysWhatItCannotSay) {
  const auto refused = [](const char* schema, const char* place) {
    const std::string message = refusal(Grammar::from_schema_text(schema));
    EXPECT_NE(message.find(std::string("schema, at '") + place + "': "), std::string::npos)
        << schema << ": " << message;
  };
  refused(R"({"type":"array","items":{"uniqueItems":true}})", "/items/uniqueItems");
  refused(R"({"properties":{"a":{"uniqueItems":true,"items":{"enum":[1,[2]]}}}})", "/properties/a/uniqueItems");
  refused(R"({"uniqueItems":true,"items":{"enum":[1,2]},"contains":{"const":1}})", "/uniqueItems");
  refused(R"({"not":{"uniqueItems":true}})", "/not/uniqueItems");
  refused(R"({"properties":{"a":{"contains":{"type":"null"},"minContains":60000}}})", "/properties/a/contains");
  refused(R"({"contains":{"not":{"prefixItems":[true],"items":{"type":"null"}}}})", "/contains/not/items");
  refused(R"({"properties":{"a/b":{"pattern":"(a)\\1"}}})", "/properties/a~1b/pattern");
  refused(R"({"unevaluatedProperties":false})", "/unevaluatedProperties");
  refused(R"({"$dynamicRef":"#a"})", "/$dynamicRef");
  refused(R"({"$ref":"#/nowhere"})", "/$ref");
  refused(R"({"$ref":"https://example.com/other"})", "/$ref");
  refused(R"({"$ref":"#"})", "");
  refused(R"({"type":"any"})", "/type");
  refused(R"({"type":"integer","exclusiveMinimum":true,"minimum":1})", "/exclusiveMinimum");
  refused(R"({"minLength":-1})", "/minLength");
  refused(R"({"type":"object","minProperties":2})", "/minProperties");
  refused(R"({"oneOf":[{"additionalProperties":{"type":"null"}},{"minProperties":1}]})", "/oneOf");
  EXPECT_EQ(refusal(Grammar::from_schema_text("false")), "schema: no text matches it");
  EXPECT_EQ(refusal(Grammar::from_schema_text(R"({"type":"integer","minimum":5,"maximum":4})")),
            "schema: no text matches it");
  EXPECT_EQ(refusal(Grammar::from_schema_text(R"({"type":"string","format":"date","maxLength":9})")),
            "schema: no text matches it");
  EXPECT_EQ(refusal(Grammar::from_schema_text("{\"a\":}")), "JSON, line 1, column 6: a value is expected");
  EXPECT_NE(refusal(Grammar::from_schema_text("3")), "accepted");
}

TEST(Schema, NoWhitespaceWhereNoneIsWanted) {
  const auto grammar = made(Grammar::from_schema_text(R"({"type":"array"})", {.whitespace = false}));
  EXPECT_TRUE(accepts(grammar, "[1,{\"a\":2}]"));
  EXPECT_FALSE(accepts(grammar, "[1, 2]"));
}

TEST(Schema, OtherDocuments) {
  grammar::SchemaOptions options;
  options.remotes.emplace("http://x.org/n.json", *Json::parse(R"({"$defs":{"i":{"type":"integer"}},"type":"null"})"));
  const auto grammar = made(Grammar::from_schema_text(
      R"({"$id":"http://x.org/s.json","anyOf":[{"$ref":"n.json"},{"$ref":"n.json#/$defs/i"}]})", options));
  EXPECT_TRUE(accepts(grammar, "1") && accepts(grammar, "null"));
  EXPECT_FALSE(accepts(grammar, "\"\""));
}

// Drafts up to 7: not even an $id beside $ref counts.
TEST(Schema, KeywordsBesideAReference) {
  const char* const text =
      R"({"$id":"http://x.org/base/","definitions":{"a":{"$id":"http://x.org/foo.json","type":"string"},
      "b":{"$id":"foo.json","type":"number"}},"allOf":[{"$id":"http://x.org/","$ref":"foo.json","maximum":3}]})";
  const auto old = made(Grammar::from_schema_text(text, {.reference_alone = true}));
  EXPECT_TRUE(accepts(old, "4"));
  EXPECT_FALSE(accepts(old, "\"a\""));
  EXPECT_TRUE(accepts(made(Grammar::from_schema_text(text)), "\"a\""));
}

}  // namespace pumice::test::schema_test
