// grammar_mutate: damages schemas, grammars and regular expressions at random, the same way for the same seed, and
// checks that each is refused with a reason of one line or becomes an automaton without dead ends, within the limits.
//
//   grammar_mutate [--count N] [--seed S]
#include <string>

#include "fuzz/fuzz_run.h"
#include "fuzz/mutator.h"
#include "grammar/grammar.h"

namespace pumice::test {
namespace {

using grammar::Automaton;
using grammar::Grammar;

constexpr double kMostSeconds = 30;  // of one input, with sanitizers on a busy machine

const char* const kSchemas[] = {
    R"({"type":"object","properties":{"a":{"type":"integer","minimum":-5,"maximum":17},"b":{"enum":["x",1,null]}},
        "required":["a"],"additionalProperties":false,"minProperties":1})",
    R"({"$defs":{"n":{"type":"object","properties":{"next":{"$ref":"#/$defs/n"},"v":{"$ref":"#/$defs/v"}}},
        "v":{"type":["string","null"],"pattern":"^[a-z]+\\d{2,3}$","minLength":3,"maxLength":9}},"$ref":"#/$defs/n"})",
    R"({"type":"array","prefixItems":[{"type":"boolean"},{"const":[1,{"k":2.50}]}],"items":{"multipleOf":0.25},
        "minItems":1,"maxItems":300})",
    R"({"oneOf":[{"type":"object","required":["kind"],"properties":{"kind":{"const":"a"}}},
        {"type":"object","required":["kind"],"properties":{"kind":{"const":"b"},"n":{"exclusiveMinimum":0}}}]})",
    R"({"allOf":[{"patternProperties":{"^x_":{"type":"number"},"z$":{"type":"string","format":"date-time"}}},
        {"propertyNames":{"maxLength":12}}],"not":{"required":["bad"]},"if":{"required":["p"]},"then":{"required":["q"]},
        "dependentRequired":{"r":["s","t"]},"type":"object"})",
    R"({"type":"object","properties":{"u":{"type":"array","uniqueItems":true,"items":{"enum":["a",1,null]},"minItems":2},
        "c":{"type":"array","contains":{"type":"integer"},"minContains":1,"maxContains":3,"maxItems":5},
        "n":{"not":{"items":{"const":1}}}},"required":["c","u"],"minProperties":2,"maxProperties":4})",
};
const char* const kGrammars[] = {
    "root ::= object\nvalue ::= object | array | string | number | (\"true\" | \"null\") ws\n"
    "object ::= \"{\" ws ( string \":\" ws value (\",\" ws string \":\" ws value)* )? \"}\" ws\n"
    "array ::= \"[\" ws ( value (\",\" ws value)* )? \"]\" ws\n"
    "string ::= \"\\\"\" ( [^\"\\\\\\x00-\\x1F] | \"\\\\\" ([\"\\\\bfnrt] | \"u\" [0-9a-fA-F]{4}) )* \"\\\"\" ws\n"
    "number ::= (\"-\"? ([0-9] | [1-9] [0-9]{0,15})) (\".\" [0-9]+)? ws\nws ::= | \" \" | \"\\n\" [ \\t]{0,20}\n",
    "root ::= expr \"=\" term \"\\n\" # comment\nexpr ::= expr [-+*/] term | term\nterm ::= [a-z]{1,5} | \"(\" expr "
    "\")\"\n",
};
const char* const kExpressions[] = {"(?!foo)(a|b+?)*c{2,5}[^x-z\\d]\\u00e9$",
                                    "^(\\w+\\.)*\\p{L}{1,20}(?=ab)a.*|[\\s\\S]{3}",
                                    "((((a?){3}b|c*)+d){2,9}|x{1000})*\\x41"};
const char* const kPieces[] = {"{}",
                               "[]",
                               "null",
                               "-1",
                               "1e9",
                               "999999999",
                               "\"\"",
                               "\"type\":",
                               "\"not\":{",
                               "true",
                               "(",
                               ")",
                               "{2,90000}",
                               "*",
                               "+",
                               "|",
                               "[^",
                               "]",
                               "::=",
                               "root",
                               "\n",
                               "\"$ref\":\"#\"",
                               "\\",
                               "(?=",
                               "(?!",
                               "^",
                               "$",
                               "{0,}",
                               "\"a\"",
                               "\xff",
                               "\xe2\x82\xac",
                               "\\p{N}",
                               "0.001",
                               "\"oneOf\":[",
                               "}",
                               "{"};

std::string damaged(std::string text, Mutator& mutator) {
  for (uint64_t edits = mutator.below(4); edits > 0; --edits) {
    const size_t at = mutator.below(text.size() + 1), length = mutator.below(12);
    const size_t from = mutator.below(text.size() + 1);
    switch (mutator.below(5)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, text.substr(from, mutator.below(60)));
        break;
      case 2:
        text.insert(at, 1, static_cast<char>(mutator.below(256)));
        break;
      case 3:
        if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << mutator.below(8)));
        break;
      default:
        text.replace(at, length, kPieces[mutator.below(std::size(kPieces))]);
    }
  }
  return text;
}

// From wherever a random text leads, some byte goes on or the text may end.
void walk(const std::shared_ptr<const Grammar>& grammar, Mutator& mutator) {
  Automaton automaton(grammar->program());
  Automaton::State state = automaton.start();
  for (int i = 0; i < 24; ++i) {
    automaton.renew_budget();
    std::vector<Automaton::State> next;
    for (uint32_t byte = 0; byte < 256; ++byte)
      if (const auto behind = automaton.step(state, static_cast<uint8_t>(byte)); behind != Automaton::kDead)
        next.push_back(behind);
    const bool ends = automaton.accepts(state);
    if (automaton.exhausted()) return;
    FUZZ_CHECK(ends || !next.empty());
    if (next.empty()) return;
    state = next[mutator.below(next.size())];
  }
}

bool try_text(uint64_t kind, const std::string& text, Mutator& mutator) {
  const auto start = std::chrono::steady_clock::now();
  const auto compiled = kind == 0   ? Grammar::from_schema_text(text)
                        : kind == 1 ? Grammar::from_gbnf(text)
                                    : Grammar::from_regex(text);
  if (compiled) {
    walk(*compiled, mutator);
  } else {
    FUZZ_CHECK(!compiled.error().message.empty() && compiled.error().message.find('\n') == std::string::npos);
  }
  FUZZ_CHECK(seconds_since(start) < kMostSeconds);
  return compiled.ok();
}

int run(int argc, char** argv) {
  const FuzzOptions options = fuzz_options(argc, argv, 5000);
  std::vector<std::pair<uint64_t, std::string>> seeds;
  for (const char* text : kSchemas) seeds.emplace_back(0, text);
  for (const char* text : kGrammars) seeds.emplace_back(1, text);
  for (const char* text : kExpressions) seeds.emplace_back(2, text);
  Mutator mutator(options.seed);
  for (const auto& [kind, text] : seeds) FUZZ_CHECK(try_text(kind, text, mutator));
  FuzzTotals totals;
  for (uint64_t i = 0; i < options.count; ++i) {
    const auto& [kind, text] = seeds[mutator.below(seeds.size())];
    const std::string changed = damaged(text, mutator);
    totals.add([&] { return try_text(kind, changed, mutator); });
  }
  totals.print();
  return 0;
}

}  // namespace
}  // namespace pumice::test

int main(int argc, char** argv) { return pumice::test::run(argc, argv); }
