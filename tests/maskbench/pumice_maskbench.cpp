// pumice_maskbench -m MODEL: an adapter of the grammar module for benchmarks of structured
// output.
//
// One JSON line per schema on stdin: {"id", "schema", "tests": [{"text"}], "dialect"?, "remotes"?}. It compiles the
// schema, cuts each text into tokens, computes a mask for every one, and answers with one line: {"id", "compiled",
// "error", "results", "compile_us", "mask_us_max", "mask_us_total", "mask_us", "tokens"}. A result is true when every
// mask allowed its token and the last one the end.
#include <chrono>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>

#include "engine/vocabulary.h"
#include "format/gguf.h"
#include "grammar/grammar.h"

namespace pumice {
namespace {

using grammar::Grammar;
using grammar::Matcher;
using grammar::TokenTrie;

int64_t microseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start).count();
}

struct Times {
  Json::Array all;
  int64_t total = 0, most = 0;
};

Result<bool> accepted(Matcher& matcher, const Tokenizer& tokenizer, const std::string& text, Times& times) {
  matcher.restart();
  for (const int32_t token : tokenizer.encode(text, {.add_special = false, .parse_special = false})) {
    const auto start = std::chrono::steady_clock::now();
    PUMICE_ASSIGN(const grammar::Mask* mask, matcher.mask());
    const int64_t taken = microseconds_since(start);
    times.all.push_back(taken);
    times.total += taken;
    times.most = std::max(times.most, taken);
    const auto index = static_cast<size_t>(token);
    if (!((*mask)[index / 32] >> (index % 32) & 1)) return false;
    PUMICE_TRY(matcher.accept(token));
  }
  return matcher.can_end();
}

Result<Json> results_of(const Json& question, const Tokenizer& tokenizer, const std::shared_ptr<const TokenTrie>& trie,
                        Json& answer) {
  grammar::SchemaOptions options;
  if (const Json* remotes = question.find("remotes"); remotes && remotes->is_object())
    for (const Json::Member& member : remotes->members()) options.remotes.emplace(member.key, member.value);
  const Json* dialect = question.find("dialect");
  options.reference_alone =
      dialect && dialect->is_string() && dialect->as_string().find("draft-07") != std::string::npos;
  const Json *schema = question.find("schema"), *tests = question.find("tests");
  if (!schema || !tests || !tests->is_array()) return error(Status::kMalformed, "a line without schema and tests");
  const auto start = std::chrono::steady_clock::now();
  PUMICE_ASSIGN(auto compiled, Grammar::from_schema(*schema, options));
  Matcher matcher(compiled, trie);
  answer.set("compile_us", microseconds_since(start));
  Times times;
  Json::Array results;
  for (const Json& test : tests->items()) {
    const Json* text = test.find("text");
    if (!text || !text->is_string()) return error(Status::kMalformed, "a test without text");
    PUMICE_ASSIGN(const bool result, accepted(matcher, tokenizer, text->as_string(), times));
    results.push_back(result);
  }
  answer.set("tokens", static_cast<int64_t>(times.all.size()));
  answer.set("mask_us_total", times.total);
  answer.set("mask_us_max", times.most);
  answer.set("mask_us", Json::array(std::move(times.all)));
  return Json::array(std::move(results));
}

Result<void> run(const char* path) {
  PUMICE_ASSIGN(Gguf file, Gguf::open(path));
  PUMICE_ASSIGN(TokenizerData data, read_tokenizer(file));
  PUMICE_ASSIGN(const Tokenizer tokenizer, Tokenizer::create(std::move(data)));
  const auto trie = TokenTrie::create(tokenizer);
  for (std::string line; std::getline(std::cin, line);) {
    PUMICE_ASSIGN(const Json question, Json::parse(line, {.depth = 2000}));
    Json answer = Json::object();
    if (const Json* id = question.find("id")) answer.set("id", *id);
    auto results = results_of(question, tokenizer, trie, answer);
    answer.set("compiled", results.ok());
    answer.set("error", results ? Json() : Json(results.error().message));
    answer.set("results", results ? *results : Json::array());
    std::cout << answer.write() << std::endl;
  }
  return {};
}

}  // namespace
}  // namespace pumice

int main(int argc, char** argv) {
  if (argc != 3 || std::strcmp(argv[1], "-m") != 0) {
    std::fprintf(stderr, "usage: pumice_maskbench -m MODEL\n");
    return 2;
  }
  if (const auto done = pumice::run(argv[2]); !done) {
    std::fprintf(stderr, "pumice_maskbench: %s\n", done.error().message.c_str());
    return 1;
  }
  return 0;
}
