// SchemaExpander: a conjunction of schemas → the union of products that it means at its own level; what it says of
// items and properties stays a conjunction of schemas, so that recursion needs no end.
//
// References, allOf, anyOf, oneOf, not, if and dependencies dissolve here. A complement that has no exact form is
// refused, and so is everything that the forms cannot say: the error has the JSON pointer and the reason.
// Ownership: views the document, the characters and the arena. Thread rule: one thread at a time.
#pragma once

#include <deque>
#include <map>
#include <set>

#include "grammar/characters.h"
#include "grammar/schema_shape.h"

namespace pumice::grammar {

class SchemaExpander {
 public:
  SchemaExpander(SchemaDocument& document, Characters& characters, bool reference_alone)
      : document_(document), characters_(characters), arena_(characters.arena()), reference_alone_(reference_alone) {}

  Result<Union> expand(const Terms& terms);
  // Whether certainly no value meets the terms; false where that is not found out.
  bool impossible(const Terms& terms);
  bool is_impossible(const Product& product);
  const KeyRules& key_rules(uint32_t index) const { return key_rules_[index]; }
  // Of a declared key: what its value must meet, of all rules.
  Terms terms_of_key(const ObjectSet& objects, const std::string& key);
  // The text between the quotes.
  ExprId string_content(const StringSet& strings);
  Error refused(NodeId node, std::string_view keyword, const char* reason) const;

 private:
  Result<Union> expand_term(Term term);
  Result<Union> holds(NodeId node);
  Result<Union> fails(NodeId node);
  Result<Union> both(Union a, const Union& b, NodeId where) const;
  Result<void> restrict_to(Union& all, Result<Union> other, NodeId where) const;
  Result<Union> any(const std::vector<NodeId>& nodes);
  Result<Union> exactly_one(NodeId node, const std::vector<NodeId>& nodes);
  Result<Union> other_keywords(NodeId node, Union all);
  Result<Union> branches(NodeId node);
  Result<Union> dependency(NodeId node, const std::string& key, const Json& value, const char* keyword);
  Result<Union> not_dependency(NodeId node, const std::string& key, const Json& value, const char* keyword);
  Result<Union> value_of(NodeId node);
  Result<Union> not_value_of(NodeId node);
  Result<Union> listed(NodeId node, const Json::Array& values);
  Result<void> fails_applicators(NodeId node, Union& all);

  // schema_keywords.cpp: what the keywords of one type say, and what they say when they fail.
  Result<Product> own_keywords(NodeId node);
  Result<void> number_keywords(NodeId node, NumberSet& numbers);
  Result<void> string_keywords(NodeId node, StringSet& strings);
  Result<void> array_keywords(NodeId node, ArraySet& arrays);
  Result<void> object_keywords(NodeId node, ObjectSet& objects);
  Result<Union> own_keywords_fail(NodeId node);
  Result<void> array_fails(NodeId node, Union& all);
  Result<void> object_fails(NodeId node, Union& all);
  Result<uint32_t> types(NodeId node, NumberSet::Whole& whole) const;
  Result<std::optional<uint32_t>> size_keyword(NodeId node, const char* keyword) const;
  Result<std::optional<Decimal>> number_keyword(NodeId node, const char* keyword) const;
  Result<std::optional<ExprId>> pattern_keyword(NodeId node);
  Result<std::optional<ExprId>> format_keyword(NodeId node);
  Result<std::vector<NodeId>> schemas(NodeId node, const char* keyword);
  Result<void> check_keywords(NodeId node) const;

  const Json& json(NodeId node) const { return *document_.node(node).json; }
  uint32_t add_rules(KeyRules rules) {
    key_rules_.push_back(std::move(rules));
    return static_cast<uint32_t>(key_rules_.size() - 1);
  }
  Product object_with(const std::string& key, std::optional<Term> term, bool required);
  Term never();

  SchemaDocument& document_;
  Characters& characters_;
  ExprArena& arena_;
  bool reference_alone_;
  std::deque<KeyRules> key_rules_;
  std::map<Term, Union> expanded_;
  std::set<Term> open_;    // being expanded
  std::set<Terms> asked_;  // whether they are impossible
  std::map<Terms, bool> answered_;
  std::map<std::string, ExprId> patterns_, formats_;
  size_t work_ = 0;  // products made
};

}  // namespace pumice::grammar
