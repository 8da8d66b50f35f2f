// The template engine: what Python's jinja2 makes of the same sources with Hugging Face's settings, and what is
// refused.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "text/chat/json.h"
#include "text/chat/template.h"

namespace pumice::test::chat_template_test {

using namespace pumice::chat;

constexpr int64_t kNow = 1773065107;  // 2026-03-09T14:05:07

Conversation conversation(const std::string& messages, const std::string& variables = "") {
  Conversation made = read_conversation({.messages = messages, .variables = variables}).value();
  made.now = kNow;
  return made;
}

const char* const kMessages =
    R"([{"role": "system", "content": " S "}, {"role": "user", "content": "Hi <b> éè"},
        {"role": "assistant", "content": "a,b,,c", "n": 3, "f": 2.5, "l": [1, "x", null, true], "d": {"b": 1, "A": 2}}])";

Result<MarkedText> render(const std::string& source, const RenderLimits& limits = {}) {
  PUMICE_ASSIGN(const ChatTemplate parsed, ChatTemplate::parse(source));
  return parsed.render(conversation(kMessages), {}, limits);
}

std::string error_of(const std::string& source, const RenderLimits& limits = {}) {
  const Result<MarkedText> text = render(source, limits);
  return text ? "rendered: " + text->bytes() : text.error().message;
}

// A flat table made by jinja2 3.1.
constexpr std::pair<const char*, const char*> kRendered[] = {
    {"{{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 10 }} {{ 1 + 2 * 3 }} {{ 1.5 + 1 }} {{ 10 % 4 }}",
     "3 -4 2 3.5 1024 7 2.5 2"},
    {"{{ 1e3 }} {{ 1e16 }} {{ 1e-5 }} {{ 0.1 + 0.2 }} {{ 100000.0 }} {{ 1_000 }}",
     "1000.0 1e+16 1e-05 0.30000000000000004 100000.0 1000"},
    {"{{ 'a' ~ 1 ~ none ~ true ~ 2.0 }} {{ 'ab' * 3 }} {{ [1] + [2] }} {{ (1,) + (2, 3) }}",
     "a1NoneTrue2.0 ababab [1, 2] (1, 2, 3)"},
    {"{{ messages[2].l }} {{ messages[2].d }} {{ messages[2].l | tojson }} {{ messages[2].d | tojson(indent=2) }}",
     "[1, 'x', None, True] {'b': 1, 'A': 2} [1, \"x\", null, true] {\n  \"b\": 1,\n  \"A\": 2\n}"},
    {"{{ messages[2] | tojson(sort_keys=true, separators=(',', ':')) }}",
     "{\"content\":\"a,b,,c\",\"d\":{\"A\":2,\"b\":1},\"f\":2.5,\"l\":[1,\"x\",null,true],\"n\":3,\"role\":"
     "\"assistant\"}"},
    {"{{ 'é\\n\"\\\\' | tojson }} {{ 'é😀' | tojson(ensure_ascii=true) }}",
     "\"é\\n\\\"\\\\\" \"\\u00e9\\ud83d\\ude00\""},
    {"{{ ['it\\'s', \"say \\\"x\\\"\", 'both \\' \"', 'tab\\t', 'nul\\x01', 'é'] }}",
     "[\"it's\", 'say \"x\"', 'both \\' \"', 'tab\\t', 'nul\\x01', 'é']"},
    {"{{ messages[1].content[0] }}{{ messages[1].content[-1] }}{{ messages[1].content[3:6] }}{{ "
     "messages[1].content[::-1] }}",
     "Hè<b>èé >b< iH"},
    {"{{ messages[::-1][0].role }} {{ messages[1:] | length }} {{ messages[-1:][0].role }} {{ 'abc'[5:] }}|{{ "
     "'abcdef'[-3:-1] }} {{ 'abcdef'[4:1:-1] }}",
     "assistant 2 assistant |de edc"},
    {"{{ messages[2].content.split(',') }} {{ 'a b  c'.split() }} {{ ' a b c'.split(none, 1) }} {{ 'a-b-c'.rsplit('-', "
     "1) }} {{ 'a-b'.split('-')[-1] }}",
     "['a', 'b', '', 'c'] ['a', 'b', 'c'] ['a', 'b c'] ['a-b', 'c'] b"},
    {"{{ '  x '.strip() }}|{{ 'xxaxx'.strip('x') }}|{{ ' x '.lstrip() }}|{{ ' x '.rstrip() }}|{{ messages[0].content | "
     "trim }}",
     "x|a|x | x|S"},
    {"{{ 'abc'.startswith('ab') }} {{ 'abc'.endswith(('x', 'bc')) }} {{ 'abc'.replace('b', 'BB') }} {{ "
     "'aaa'.replace('a', 'b', 2) }} {{ 'abc'.find('c') }} {{ 'a.b'.partition('.') }}",
     "True True aBBc bba 2 ('a', '.', 'b')"},
    {"{{ 'hello world'.title() }} {{ 'ABC'.lower() }} {{ 'éa'.upper() }} {{ 'abC' | capitalize }} {{ '12'.isdigit() }} "
     "{{ ''.isdigit() }} {{ 'x\\ny\\r\\nz'.splitlines() }}",
     "Hello World abc ÉA Abc True False ['x', 'y', 'z']"},
    {"{{ messages[2].d.items() | list }} {{ messages[2].d.keys() | list }} {{ messages[2].d.values() | list }} {{ "
     "messages[2].d.get('z') }} {{ messages[2].d.get('z', 5) }} {{ messages[2].d | dictsort }} {{ messages[2].d | "
     "items | list }}",
     "[('b', 1), ('A', 2)] ['b', 'A'] [1, 2] None 5 [('A', 2), ('b', 1)] [('b', 1), ('A', 2)]"},
    {"{{ [3, 1, 2] | sort }} {{ ['b', 'A', 'c'] | sort }} {{ ['b', 'A'] | sort(reverse=true) }} {{ ['b', 'A', 'a'] | "
     "unique | list }} {{ [3, 1] | min }} {{ [3, 1] | max }} {{ [1, 2, 3] | sum }}",
     "[1, 2, 3] ['A', 'b', 'c'] ['b', 'A'] ['b', 'A'] 1 3 6"},
    {"{{ messages | map(attribute='role') | join(', ') }} {{ messages | selectattr('role', 'equalto', 'user') | list | "
     "length }} {{ messages | rejectattr('n', 'defined') | map(attribute='role') | list }} {{ [1, 0, 2] | select | "
     "list }} {{ ['a', 'b'] | map('upper') | join }}",
     "system, user, assistant 1 ['system', 'user'] [1, 2] AB"},
    {"{{ nope is defined }} {{ nope is undefined }} {{ nope is none }} {{ none is none }} {{ 1 is number }} {{ true is "
     "number }} {{ 1 is integer }} {{ true is integer }} {{ 1.0 is float }} {{ 'a' is string }} {{ [] is sequence }} "
     "{{ {} is mapping }} {{ {} is iterable }} {{ 'x' is iterable }} {{ true is boolean }} {{ 1 is true }} {{ false is "
     "false }} {{ 3 is odd }} {{ 4 is divisibleby 2 }} {{ 'a' is in ['a'] }} {{ 1 is not string }}",
     "False True False True True True True False True True True True True True True False True True True True True"},
    {"{{ nope | default('d') }} {{ none | default('d') }} {{ none | default('d', true) }} {{ '' or 'x' }} {{ 0 and 1 "
     "}} {{ not 0 }} {{ 'x' if nope else 'y' }} {{ 'x' if false }}|{{ nope }}|",
     "d None d x 0 True y ||"},
    {"{{ 1 < 2 < 3 }} {{ 1 < 2 > 5 }} {{ 'a' in 'abc' }} {{ 'z' not in 'abc' }} {{ 'b' in messages[2].d }} {{ 1 in "
     "[1.0] }} {{ 'a' < 'b' }} {{ [1, 2] == [1, 2] }} {{ none == false }} {{ 1 == true }} {{ '1' == 1 }}",
     "True False True True True True True True False True False"},
    {"{{ '3' | int + 1 }} {{ '3.7' | int }} {{ 'x' | int(9) }} {{ '2.5' | float }} {{ 3.7 | int }} {{ -3 | abs }} {{ "
     "2.567 | round(1) }} {{ 5 | string }} {{ 'abc' | list }} {{ 'abc' | length }} {{ 'abc' | first }} {{ [1, 2] | "
     "last }} {{ 'a\\nb' | indent(2) }} {{ 'a\\nb' | indent(2, true) }} {{ '<&>' | escape }} {{ '<' | safe + '\"&' }}",
     "4 3 9 2.5 3 3 2.6 5 ['a', 'b', 'c'] 3 a 2 a\n  b   a\n  b &lt;&amp;&gt; <&#34;&amp;"},
    {"{{ '{} {1} {0} {x}'.format('a', 'b', x='c') if false else '{0}-{x}'.format('a', x='c') }} {{ '{}{}'.format(1, "
     "none) }}",
     "a-c 1None"},
    {"{% for m in messages %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.revindex }}{{ "
     "loop.length }}{{ loop.previtem.role if loop.previtem is defined }}{{ loop.nextitem.role if not loop.last }};{% "
     "endfor %}",
     "10TrueFalse33user;21FalseFalse23systemassistant;32FalseTrue13user;"},
    {"{% for k, v in messages[2].d.items() %}{{ k }}={{ v }}{{ ',' if not loop.last }}{% else %}none{% endfor %}{% for "
     "x in [] %}{% else %}empty{% endfor %}{% for x in nope %}{% endfor %}",
     "b=1,A=2empty"},
    {"{% for x in range(10) if x is even %}{{ x }}{{ loop.index }}{% if x > 5 %}{% break %}{% endif %}{% if x == 2 "
     "%}{% continue %}{% endif %}.{% endfor %} {{ range(5, 0, -2) | list }}",
     "01.2243.64 [5, 3, 1]"},
    {"{% set x = 1 %}{% for i in [1, 2] %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}{% set ns = namespace(x=1, "
     "y='a') %}{% for i in [1, 2] %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}{{ ns.y }}",
     "2314a"},
    {"{% macro f(a, b=2, c='z') %}[{{ a }}{{ b }}{{ c }}{{ varargs }}{{ kwargs }}]{% endmacro %}{{ f(1) }}{{ f(1, c=3) "
     "}}{{ f(1, 2, 3, 4, e=5) }}{% macro g(n) %}{{ n }}{% if n > 0 %}{{ g(n - 1) }}{% endif %}{% endmacro %}{{ g(3) }}",
     "[12z(){}][123(){}][123(4,){'e': 5}]3210"},
    {"{% macro w() %}<{{ caller() }}>{% endmacro %}{% call w() %}in{% endcall %}{% filter upper %}abc{% endfilter %}{% "
     "set b %} x {% endset %}[{{ b }}]{% set b | trim %} x {% endset %}[{{ b }}]{% with q = 5 %}{{ q }}{% endwith %}{{ "
     "q is defined }}",
     "<in>ABC[ x ][x]5False"},
    {"{% set a, b = 1, 2 %}{{ a }}{{ b }}{% if a == 2 %}x{% elif b == 2 %}y{% else %}z{% endif %}{% raw %}{{ raw }}{% "
     "endraw %}{# comment #}{% generation %}gen{% endgeneration %}",
     "12y{{ raw }}gen"},
    {"{{ strftime_now('%Y-%m-%d %H:%M:%S %B %b %A %a %j %p %I %y %d %-d %e %%') }}",
     "2026-03-09 14:05:07 March Mar Monday Mon 068 PM 02 26 09 9  9 %"},
    {"{{ dict(a=1, b=2) }} {{ dict([('x', 1)]) }} {{ {'a': 1}['a'] }} {{ {1: 'x'}[1] }} {{ {'items': 1}.items is "
     "callable }} {{ {'items': 1}['items'] }}",
     "{'a': 1, 'b': 2} {'x': 1} 1 x True 1"},
    {"{{ \"a\" \"b\" }} {{ 'A\\x41é\\U0001F600\\q' }} {{ [1, 2,] }} {{ () }} {{ (1) }} {{ {} }} {{ -1 }} {{ - 1 + 2 }} "
     "{{ 2 - -1 }} {{ not true or true }}",
     "ab AAé😀\\q [1, 2] () 1 {} -1 1 3 True"},
    {"{{ loop is defined }} {% for i in [1] %}{% for j in [1, 2] %}{{ loop.index }}{% endfor %}{{ loop.index }}{% "
     "endfor %} {{ messages[1]['role'] }} {{ messages[1].nope is defined }} {{ messages[9] is defined }} {{ "
     "messages.0.role }}",
     "False 121 user False False system"},
    {"  {% if true %}\n  a\n  {% endif %}\n b", "  a\n b"},
    {"{%- if true -%}\n  a  \n{%- endif %}  \n\n b\n", "a  \n\n b"},
    {"x  {{- 1 -}}  y", "x1y"},
    {"x\n\n{#- c -#}\n\ny", "xy"},
    {"a\n   {# c #}\nb", "a\nb"},
    {"{% for i in [1,2] %}\n  {{ i }}\n{% endfor %}\nend\n\n", "  1\n  2\nend\n"},
    {"  {%+ if true %}x{% endif +%}\ny", "  x\ny"},
    {"{% if true %}\r\nx\r{% endif %}", "x\n"},
    {"a {% raw -%}  {{ x }}  {%- endraw %} b", "a {{ x }} b"},
};

TEST(ChatTemplate, RendersAsJinja2Does) {
  for (const auto& [source, expected] : kRendered) {
    const Result<MarkedText> text = render(source);
    ASSERT_TRUE(text) << source << "\n" << text.error().message;
    EXPECT_EQ(text->bytes(), expected) << source;
  }
}

TEST(ChatTemplate, ErrorsNameLineAndConstruct) {
  const std::pair<const char*, const char*> cases[] = {
      {"a\n{{ 1 | nope }}", "line 2: the filter 'nope' is not known"},
      {"{{ 1 is nope }}", "line 1: the test 'is nope' is not known"},
      {"\n\n{% include 'x' %}", "line 3: the statement {% include %} is not supported here"},
      {"{{ nope.x }}", "line 1: 'nope' is undefined"},
      {"{{ nope() }}", "line 1: 'nope' is undefined"},
      {"{{ 'a' + 1 }}", "line 1: str + int is not possible"},
      {"{{ 1 / 0 }}", "line 1: division by zero"},
      {"{% for x in 5 %}{% endfor %}", "line 1: a value of type int cannot be iterated"},
      {"{{ messages.append(1) }}", "line 1: list.append() would change a value of the sandbox"},
      {"{% set messages.x = 1 %}", "line 1: {% set messages.x %}: only a namespace has attributes that can be set"},
      {"{% if true %}\nx", "line 2: expected {% endif %}, not the end"},
      {"{{ 1 +", "line 1: a tag does not end with }}"},
      {"{{ ) }}", "line 1: unexpected ')'"},
      {"{{ 'a }}", "line 1: a string does not end"},
      {"{# x", "line 1: the comment {# does not end"},
      {"{% break %}", "line 1: {% break %} outside of a loop"},
      {"{{ [1] | tojson }}{{ nope | tojson }}", "line 1: tojson: a value of type Undefined is not JSON"},
      {"{{ range(1000000) }}", "line 1: range() of more than 100000 numbers"},
      {"x{{ raise_exception('In my words: ' ~ messages | length) }}", "In my words: 3"},
  };
  for (const auto& [source, expected] : cases) EXPECT_EQ(error_of(source), expected) << source;
}

TEST(ChatTemplate, LimitsHold) {
  const RenderLimits small{.steps = 100000, .depth = 200, .output = 100000};
  const std::string forever = "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}";
  EXPECT_NE(error_of(forever, small).find("nest more than 200 deep"), std::string::npos);
  const std::string branching =
      "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(40) }}";
  EXPECT_NE(error_of(branching, small).find("more than 100000 steps"), std::string::npos);
  const std::string doubling =
      "{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}"
      "{% endfor %}";
  EXPECT_NE(error_of(doubling).find("steps"), std::string::npos);
  const std::string lists =
      "{% set ns = namespace(s=[1]) %}{% for i in range(60) %}{% set ns.s = [ns.s, ns.s] %}"
      "{% endfor %}{{ ns.s }}";
  EXPECT_NE(error_of(lists).find("holds too much"), std::string::npos);
  const std::string deep =
      "{% set ns = namespace(s=[1]) %}{% for i in range(200) %}{% set ns.s = [ns.s] %}{% endfor %}";
  EXPECT_NE(error_of(deep).find("nest more than 100 deep"), std::string::npos);
  EXPECT_NE(error_of("{{ ('x' * 1000) * 200 }}", small).find("more than 100000 bytes"), std::string::npos);
  EXPECT_NE(error_of("{{ " + std::string(500, '(') + "1" + std::string(500, ')') + " }}").find("deep"),
            std::string::npos);
  std::string sum = "{{ 1";
  for (int i = 0; i < 5000; ++i) sum += " + 1";
  EXPECT_NE(error_of(sum + " }}").find("nests more than 150 deep"), std::string::npos);
  std::string ifs;
  for (int i = 0; i < 500; ++i) ifs += "{% if 1 %}";
  EXPECT_NE(error_of(ifs).find("nest more than 75 deep"), std::string::npos);
  EXPECT_NE(error_of(std::string((1u << 20) + 1, 'x')).find("more than 1048576"), std::string::npos);
}

TEST(ChatTemplate, MessagesArePrepared) {
  const ChatTemplate shown = ChatTemplate::parse("{{ messages[0] | tojson }}").value();
  const auto text = [&](const char* messages) {
    return shown.render(read_conversation({.messages = messages}).value(), {})->bytes();
  };
  EXPECT_EQ(text(R"([{"role": "user", "content": null, "x": 1}])"), R"({"role": "user", "x": 1})");
  EXPECT_EQ(text(R"([{"role": "assistant", "reasoning": "r"}])"),
            R"({"thinking": "r", "role": "assistant", "reasoning": "r", "reasoning_content": "r"})");
  for (const char* wrong : {"", "[]", "{}", "[1]", "[{]", "nope", "[{\"role\": \"user\"}] x"})
    EXPECT_FALSE(read_conversation({.messages = wrong})) << wrong;
}

TEST(ChatTemplate, TheLastMessageIsContinued) {
  const ChatTemplate plain = ChatTemplate::parse("{% for m in messages %}<{{ m.content }}>{% endfor %}").value();
  const ChatTemplate trims = ChatTemplate::parse("{% for m in messages %}<{{ m.content | trim }}>{% endfor %}").value();
  Conversation both = conversation(R"([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b "}])");
  both.continue_final_message = true;
  EXPECT_EQ(plain.render(both, {})->bytes(), "<a><b ");
  EXPECT_EQ(trims.render(both, {})->bytes(), "<a><b");
  EXPECT_FALSE(ChatTemplate::parse("nothing")->render(both, {}));
}

// Some templates have no words for what interfaces send: contents that are null, arguments as text.
TEST(ChatTemplate, WhatATemplateStumblesOverIsSaidAsItExpects) {
  const ChatTemplate joins = ChatTemplate::parse(
                                 "{% for m in messages %}{{ '<' + m.content + '>' }}{% for c in m.tool_calls %}"
                                 "{% for k, v in c.function.arguments.items() %}{{ k }}={{ v }}{% endfor %}"
                                 "{% endfor %}{% endfor %}")
                                 .value();
  const char* messages = R"([{"role": "assistant", "content": null, "tool_calls":
      [{"type": "function", "function": {"name": "f", "arguments": "{\"a\": 1}"}}]}])";
  const Result<MarkedText> text = joins.render(read_conversation({.messages = messages}).value(), {});
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(text->bytes(), "<>a=1");
}

}  // namespace pumice::test::chat_template_test
