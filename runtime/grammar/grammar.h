// Grammar: which texts a reply may be: a JSON Schema, a grammar (GBNF), a regular expression or a list of choices.
// Matcher: one reply under it: which tokens may come next.
//
// Contract: a mask allows a token if and only if some text of the grammar begins with what has been said and the
// token's
//   bytes; the tokens that end a generation if and only if the reply may end. Nothing of the source is ignored: what
//   cannot be expressed is kUnsupported, what is wrong kMalformed, with the JSON pointer or the line. Sources are
//   hostile: size, nesting, automata and steps are bounded.
// Ownership: a matcher shares the grammar and the vocabulary. Thread rule: a grammar is immutable; a matcher belongs to
//   one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "grammar/automaton.h"
#include "grammar/token_trie.h"

namespace pumice::grammar {

struct SchemaOptions {
  bool whitespace = true;               // as writers of JSON put it, on one line or many; else none
  bool reference_alone = false;         // keywords beside $ref are ignored, as drafts up to 7 say
  std::map<std::string, Json> remotes;  // other documents, by their URI
};

class Grammar {
 public:
  static constexpr size_t kMaxSourceBytes = size_t{4} << 20;

  static Result<std::shared_ptr<const Grammar>> from_schema_text(std::string_view json,
                                                                 const SchemaOptions& options = {});
  static Result<std::shared_ptr<const Grammar>> from_schema(const Json& schema, const SchemaOptions& options = {});
  static Result<std::shared_ptr<const Grammar>> from_gbnf(std::string_view source);
  static Result<std::shared_ptr<const Grammar>> from_regex(std::string_view expression);  // of the whole reply
  static Result<std::shared_ptr<const Grammar>> from_choices(const std::vector<std::string>& choices);

  Grammar(Rules&& rules, ExprId string_unit);  // see Program
  const std::shared_ptr<const Program>& program() const { return program_; }

 private:
  std::shared_ptr<const Program> program_;
};

class Matcher {
 public:
  Matcher(std::shared_ptr<const Grammar> grammar, std::shared_ptr<const TokenTrie> tokens);

  // A bit for each token that may come next. Errors: kUnsupported where the grammar needs more states than the limit.
  Result<const Mask*> mask();
  // Whether the token may come next, without a mask.
  Result<bool> allows(int32_t token);
  // Appends a token that mask() allows; false, and nothing changed, for any other. Nothing follows a token that ends.
  Result<bool> accept(int32_t token);
  // Back to the beginning; what was computed is kept.
  void restart();
  bool can_end() { return automaton_.accepts(state_); }
  bool ended() const { return ended_; }
  // The bytes that must come next whatever follows: what only one text can continue.
  std::string forced_bytes();
  // The tokens that must come next, as the tokenizer itself would write them: none of them could be another one by
  // what follows.
  std::vector<int32_t> forced_tokens(const Tokenizer& tokenizer);

 private:
  void walk(const std::vector<TokenTrie::Node>& nodes, Mask& mask);
  Automaton::State after(int32_t token);
  Error too_large() const;

  std::shared_ptr<const Grammar> grammar_;
  std::shared_ptr<const TokenTrie> tokens_;
  Automaton automaton_;
  Automaton::State state_;
  bool ended_ = false;
  std::unordered_map<Automaton::State, Mask> masks_;
};

}  // namespace pumice::grammar
