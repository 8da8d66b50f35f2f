// template_mutate: damages chat templates, conversations and replies at random, the same way for the same seed, and
// checks that each is rendered or refused with a reason within its limits, and that replies come apart the same however
// they are cut.
//
//   template_mutate [--count N] [--seed S] [template...]     given templates join the built-in ones
#include <fstream>
#include <iterator>

#include "fuzz/fuzz_run.h"
#include "fuzz/mutator.h"
#include "text/chat/built_in.h"
#include "text/chat/json.h"
#include "text/chat/reply.h"
#include "text/chat/template.h"

namespace pumice::test {
namespace {

using namespace pumice::chat;

constexpr RenderLimits kLimits{.steps = 20000, .depth = 300, .output = 65536};

const char* const kTemplates[] = {
    R"({%- macro show(p, depth=0) -%}{%- for k, v in p.items() -%}{{ k ~ ': ' }}{%- if v is mapping -%}
{{ show(v, depth + 1) }}{%- elif v is string -%}{{ v | trim | tojson }}{%- else -%}{{ v | tojson(indent=2) }}{%- endif -%}
{{ ', ' if not loop.last }}{%- endfor -%}{%- endmacro -%}
{%- set ns = namespace(first=true, last='') -%}{{ bos_token }}
{%- for m in messages -%}
  {%- if m.role == 'assistant' and m.tool_calls is defined -%}
    {%- for c in m.tool_calls -%}{{ '<tool_call>\n{"name": "' + c.function.name + '", "arguments": ' }}
{{- c.function.arguments | tojson }}{{ '}\n</tool_call>' }}{%- endfor -%}
  {%- elif m.content is string -%}{{ '<|im_start|>' + m.role + '\n' + m.content.split('</think>')[-1].strip() + '<|im_end|>\n' }}
  {%- else -%}{%- for part in m.content if part.type == 'text' -%}{{ part['text'][::-1] | upper }}{%- endfor -%}{%- endif -%}
  {%- set ns.last = m.role -%}
{%- endfor -%}{%- if tools -%}{%- for t in tools -%}{{ show(t) }}{%- endfor -%}{%- endif -%}
{%- if ns.last not in ['user', 'tool'] and false -%}{{ raise_exception('last: ' ~ ns.last) }}{%- endif -%}
{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}{%- endif -%})",
    R"({% set x = [1, 2.5, 'a', none, true, (1, 'b'), {'k': [1]}] %}{% for i in x[1:] %}{{ loop.index }} {{ i }}
{% endfor %}{{ x | map('string') | join('|') }}{{ range(3) | list }} {{ 7 // 2 % 3 ** 2 }} {{ '%d' ~ x | length }}
{% for k, v in {'b': 1, 'A': 2} | dictsort %}{{ k }}={{ v }}{% endfor %}{% call(y) show() %}{{ y }}{% endcall %}
{{ messages | selectattr('role', 'equalto', 'user') | map(attribute='content') | list | tojson(ensure_ascii=true) }}
{{ strftime_now('%Y-%m-%d %H') }}{% filter indent(2) %}a
b{% endfilter %}{% raw %}{{ no }}{% endraw %}{# c #}{% set b %}{{ 'x' * 3 }}{% endset %}{{ b | replace('x', 'yy', 2) }}
{{ '{0} {a}'.format(1, a=2) }}{{ 'a-b'.partition('-') }}{{ ' x '.strip(' ') }}{{ x | sort if false else x | unique | list }})"};

const char* const kConversation =
    R"([{"role": "system", "content": "Be <b>brief</b>."}, {"role": "user", "content": [{"type": "text", "text": "Hé"}]},
{"role": "assistant", "content": "x</think>y", "reasoning_content": "r", "tool_calls": [{"id": "1", "type": "function",
"function": {"name": "f", "arguments": {"a": 1, "b": [true, null, 2.5], "c": {"d": "e"}}}}]},
{"role": "tool", "content": "{\"k\": 1}"}, {"role": "user", "content": "bye"}])";

const char* const kReplies[] = {
    "<think>\nhm\n</think>\n\ntext\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": [1, {\"b\": "
    "\"c\"}]}}\n</tool_call>",
    "<tool_call>\n<function=f>\n<parameter=a>\n1\n</parameter>\n</function>\n</tool_call><|im_end|>",
    "<tool_call>f\n<arg_key>a</arg_key>\n<arg_value>[1]</arg_value>\n</tool_call>",
    "[TOOL_CALLS]f[CALL_ID]123[ARGS]{\"a\": 1}[TOOL_CALLS]g[ARGS]{}</s>",
    "<|tool_call_start|>[f(a='b', c=[1, None], d={'x': -1.5})]<|tool_call_end|>",
    "<|tool_call>call:f{a:<|\"|>b<|\"|>,l:[1,true],o:{x:{y:2}}}<tool_call|>after",
    "]<]minimax[>[<tool_call>\n]<]minimax[>[<invoke "
    "name=\"f\">]<]minimax[>[<a>1]<]minimax[>[</a>]<]minimax[>[<l>]<]minimax[>["
    "<item>x]<]minimax[>[</item>]<]minimax[>[</l>]<]minimax[>[</invoke>\n]<]minimax[>[</tool_call>",
    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{}\n```<｜tool▁call▁end｜><"
    "｜tool▁calls▁end｜>",
    "<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter name=\"a\" "
    "string=\"true\">1</｜DSML｜parameter>\n"
    "</｜DSML｜invoke>\n</｜DSML｜tool_calls>",
    "<|channel|>analysis<|message|>r<|end|><|start|>assistant to=functions.f<|channel|>commentary "
    "json<|message|>{}<|call|>"};

class Fuzzer {
 public:
  Fuzzer(uint64_t seed, std::vector<std::string> more) : mutator_(seed), templates_(std::move(more)) {
    for (const char* source : kTemplates) templates_.emplace_back(source);
    for (const char* token : {"<|im_start|>", "<start_of_turn>", "[INST]", "<|START_OF_TURN_TOKEN|>"})
      templates_.emplace_back(built_in_template("", [&](std::string_view name) { return name == token; }));
    conversation_ = read_conversation({.messages = kConversation, .tools = kTools}).value();
    for (const std::string& source : templates_) FUZZ_CHECK(ChatTemplate::parse(source).ok());
  }

  bool one() {
    switch (mutator_.below(8)) {
      case 0:
        return conversation();
      case 1:
        return reply();
      default:
        return source();
    }
  }

 private:
  static constexpr const char* kTools =
      R"([{"type": "function", "function": {"name": "f", "parameters": {"properties": {"a": {"type": "string"}}}}}])";

  std::string mutant(const std::string& of, const std::string& other) {
    Bytes bytes = bytes_of(of);
    for (uint64_t i = 0, edits = 1 + mutator_.below(4); i < edits; ++i) {
      if (mutator_.below(2) == 0 && !bytes.empty()) {
        words(bytes);
      } else {
        mutator_.edit(bytes, bytes_of(other));
      }
    }
    if (bytes.size() > 65536) bytes.resize(65536);
    return text_of(bytes);
  }

  // A word of the language where there was something else.
  void words(Bytes& bytes) {
    static constexpr std::string_view kWords[] = {"{{",
                                                  "}}",
                                                  "{%",
                                                  "%}",
                                                  "{#",
                                                  "#}",
                                                  "-",
                                                  "(",
                                                  ")",
                                                  "[",
                                                  "]",
                                                  "{",
                                                  "}",
                                                  "|",
                                                  "~",
                                                  "**",
                                                  " is ",
                                                  " not ",
                                                  " in ",
                                                  " if ",
                                                  " else ",
                                                  "{% endif %}",
                                                  "{% endfor %}",
                                                  "{% for x in x %}",
                                                  "loop",
                                                  "self",
                                                  "| tojson",
                                                  "| list",
                                                  "| map(",
                                                  "messages",
                                                  "namespace(",
                                                  ".items()",
                                                  "[::-1]",
                                                  "99999999999999999999",
                                                  "-1",
                                                  "1e999",
                                                  "''",
                                                  "\\u",
                                                  "show(",
                                                  "{% macro show(x) %}",
                                                  "{% endmacro %}",
                                                  "* 1000000",
                                                  "range(99999)",
                                                  "| sort",
                                                  "| join",
                                                  ".format("};
    const std::string_view word = kWords[mutator_.below(std::size(kWords))];
    const size_t at = mutator_.below(bytes.size());
    const Bytes added = bytes_of(word);
    if (mutator_.below(2) == 0) {
      bytes.insert(bytes.begin() + static_cast<ptrdiff_t>(at), added.begin(), added.end());
    } else {
      std::copy_n(added.begin(), std::min(added.size(), bytes.size() - at), bytes.begin() + static_cast<ptrdiff_t>(at));
    }
  }

  const std::string& pick() { return templates_[mutator_.below(templates_.size())]; }

  bool check(const Result<MarkedText>& text) {
    if (!text) {
      FUZZ_CHECK(text.error().status != Status::kInternal);
      return false;
    }
    FUZZ_CHECK(text->size() <= kLimits.output);
    size_t end = 0;
    for (const ByteRange& range : text->trusted_ranges()) {
      FUZZ_CHECK(range.begin >= end && range.begin < range.end && range.end <= text->size());
      end = range.end;
    }
    return true;
  }

  bool source() {
    const Result<ChatTemplate> parsed = ChatTemplate::parse(mutant(pick(), pick()));
    if (!parsed) {
      FUZZ_CHECK(!parsed.error().message.empty());
      return false;
    }
    return check(parsed->render(conversation_, {"<s>", "</s>"}, kLimits));
  }

  bool conversation() {
    const Result<Conversation> read = read_conversation({.messages = mutant(kConversation, kConversation)});
    if (!read) return false;
    return check(ChatTemplate::parse(pick())->render(*read, {"<s>", "</s>"}, kLimits));
  }

  bool reply() {
    const std::string text =
        mutant(kReplies[mutator_.below(std::size(kReplies))], kReplies[mutator_.below(std::size(kReplies))]);
    const std::string format = kReplies[mutator_.below(std::size(kReplies))];  // its marks count
    const Value tools = parse_json(kTools, false).value();
    ReplyParser whole(marks_of(format, "</s>"), "", tools), parts(marks_of(format, "</s>"), "", tools);
    whole.push(text);
    whole.finish();
    ReplySizes sizes;
    std::string content;
    for (size_t at = 0; at < text.size();) {
      const size_t length = 1 + mutator_.below(4);
      parts.push(std::string_view(text).substr(at, length));
      delta_json(parts.message(), sizes);
      FUZZ_CHECK(parts.message().content.starts_with(content));
      content = parts.message().content;
      at += length;
    }
    parts.finish();
    FUZZ_CHECK(message_json(whole.message()) == message_json(parts.message()));
    return !whole.message().calls.empty();
  }

  Mutator mutator_;
  std::vector<std::string> templates_;
  Conversation conversation_;
};

int run(int argc, char** argv) {
  const FuzzOptions options = fuzz_options(argc, argv, 20000);
  std::vector<std::string> more;
  for (int i = options.next_argument; i < argc; ++i) {
    std::ifstream in(argv[i], std::ios::binary);
    more.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  Fuzzer fuzzer(options.seed, std::move(more));
  FuzzTotals totals;
  for (uint64_t i = 0; i < options.count; ++i) totals.add([&] { return fuzzer.one(); });
  totals.print();
  return 0;
}

}  // namespace
}  // namespace pumice::test

int main(int argc, char** argv) { return pumice::test::run(argc, argv); }
