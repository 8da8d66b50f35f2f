#include "grammar/schema_expand.h"

#include "base/printable.h"

namespace pumice::grammar {
namespace {

constexpr size_t kMaxProducts = 2'000;  // of one union
constexpr size_t kMaxWork = 400'000;    // products made for one schema
constexpr size_t kMaxOpen = 400;        // references and allOf inside each other

const Json kFalseSchema(false);

void append(Union& to, Union&& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

Error SchemaExpander::refused(NodeId node, std::string_view keyword, const char* reason) const {
  std::string pointer = document_.node(node).pointer;
  if (!keyword.empty()) pointer += pointer_step(keyword);
  return error(Status::kUnsupported, "schema, at '%s': %s", printable(pointer).c_str(), reason);
}

Term SchemaExpander::never() { return {document_.child(document_.root(), kFalseSchema, "false"), false}; }

Result<Union> SchemaExpander::both(Union a, const Union& b, NodeId where) const {
  if (b.size() == 1) {
    for (Product& product : a) product.add(b[0]);
    std::erase_if(a, [](const Product& product) { return product.empty(); });
    return a;
  }
  Union result;
  for (const Product& left : a)
    for (const Product& right : b) {
      if ((left.types & right.types) == 0) continue;
      Product product = left;
      product.add(right);
      if (!product.empty()) result.push_back(std::move(product));
      if (result.size() > kMaxProducts) return refused(where, {}, "its alternatives multiply beyond the limit");
    }
  return result;
}

Result<void> SchemaExpander::restrict_to(Union& all, Result<Union> other, NodeId where) const {
  if (!other) return std::move(other).error();
  PUMICE_ASSIGN(all, both(std::move(all), *other, where));
  return {};
}

Result<Union> SchemaExpander::expand(const Terms& terms) {
  Union all = {Product()};
  for (const Term& term : terms) PUMICE_TRY(restrict_to(all, expand_term(term), term.node));
  return all;
}

Result<Union> SchemaExpander::expand_term(Term term) {
  if (const auto known = expanded_.find(term); known != expanded_.end()) return known->second;
  if (open_.contains(term)) return refused(term.node, {}, "it refers to itself without a value in between");
  if (open_.size() >= kMaxOpen) return refused(term.node, {}, "references are nested deeper than the limit");
  open_.insert(term);
  const bool constant = document_.node(term.node).constant;
  auto result = constant ? (term.negated ? not_value_of(term.node) : value_of(term.node))
                         : (term.negated ? fails(term.node) : holds(term.node));
  open_.erase(term);
  if (!result) return result;
  work_ += result->size();
  if (work_ > kMaxWork || arena_.exhausted()) return refused(term.node, {}, "the schema is larger than the limit");
  return expanded_.emplace(term, *result).first->second;
}

Result<Union> SchemaExpander::any(const std::vector<NodeId>& nodes) {
  Union all;
  for (const NodeId node : nodes) {
    PUMICE_ASSIGN(Union one, expand_term({node, false}));
    append(all, std::move(one));
  }
  return all;
}

Result<Union> SchemaExpander::exactly_one(NodeId node, const std::vector<NodeId>& nodes) {
  std::vector<Union> unions;
  for (const NodeId one : nodes) {
    PUMICE_ASSIGN(Union products, expand_term({one, false}));
    unions.push_back(std::move(products));
  }
  const auto apart = [&](const Union& a, const Union& b) {
    for (const Product& left : a)
      for (const Product& right : b) {
        Product product = left;
        product.add(right);
        ++work_;
        if (!product.empty() && !is_impossible(product)) return false;
      }
    return true;
  };
  Union all;
  for (size_t i = 0; i < nodes.size(); ++i) {
    Union only = unions[i];
    for (size_t j = 0; j < nodes.size(); ++j) {
      if (work_ > kMaxWork) return refused(node, "oneOf", "its branches are more than the limit");
      if (i == j || apart(only, unions[j])) continue;
      if (nodes[i] == nodes[j]) return refused(node, "oneOf", "a branch stands twice");
      auto other = expand_term({nodes[j], true});
      if (!other) return refused(node, "oneOf", ("branches may overlap: " + other.error().message).c_str());
      PUMICE_ASSIGN(only, both(std::move(only), *other, node));
    }
    append(all, std::move(only));
  }
  return all;
}

bool SchemaExpander::impossible(const Terms& unsorted) {
  Terms terms = unsorted;
  std::sort(terms.begin(), terms.end());
  if (terms.empty()) return false;
  if (const auto known = answered_.find(terms); known != answered_.end()) return known->second;
  if (asked_.size() > 12 || !asked_.insert(terms).second) return false;
  const auto all = expand(terms);
  bool result = false;
  if (all) {
    result = std::all_of(all->begin(), all->end(), [&](const Product& product) { return is_impossible(product); });
    if (asked_.size() == 1) answered_.emplace(terms, result);
  }
  asked_.erase(terms);
  return result;
}

bool SchemaExpander::is_impossible(const Product& product) {
  const uint32_t types = product.types;
  if (types & (kNullType | kTrueType | kFalseType)) return false;
  if (types & kNumberType) {
    const auto texts = number_texts(arena_, product.numbers);
    if (!texts || arena_.alive(*texts)) return false;
  }
  if ((types & kStringType) && arena_.alive(string_content(product.strings))) return false;
  if (types & kArrayType) {
    bool possible = std::none_of(product.arrays.contains.begin(), product.arrays.contains.end(),
                                 [](const Contains& one) { return one.count.empty(); });
    for (size_t i = 0; i < std::min<size_t>(product.arrays.length.min, 16) && possible; ++i)
      possible = !impossible(product.arrays.item(i));
    if (possible) return false;
  }
  if (types & kObjectType) {
    const auto hopeless = [&](const std::string& key) { return impossible(terms_of_key(product.objects, key)); };
    const auto& required = product.objects.required;
    if (std::none_of(required.begin(), required.end(), hopeless)) return false;
  }
  return true;
}

Terms SchemaExpander::terms_of_key(const ObjectSet& objects, const std::string& key) {
  Terms terms;
  const std::string text = spelled(key, Spelling::kJson);
  for (const uint32_t index : objects.rules) {
    const KeyRules& rules = key_rules_[index];
    bool spoken_of = false;
    for (const auto& [name, term] : rules.properties)
      if (name == key) terms.push_back(term), spoken_of = true;
    for (const auto& [expr, term] : rules.patterns)
      if (arena_.matches(expr, text)) terms.push_back(term), spoken_of = true;
    if (!spoken_of && rules.additional) terms.push_back(*rules.additional);
  }
  for (const Terms& names : objects.names) {
    const auto all = expand(names);
    bool fits = false;
    if (all)
      for (const Product& product : *all)
        fits = fits || ((product.types & kStringType) && arena_.matches(string_content(product.strings), text));
    if (!fits) terms.push_back(never());
  }
  return terms;
}

ExprId SchemaExpander::string_content(const StringSet& strings) {
  std::vector<ExprId> all = strings.all;
  const ExprId any = characters_.any();
  if (!strings.length.any()) all.push_back(arena_.repeat(any, strings.length.min, strings.length.max));
  if (!strings.listed) {
    if (all.empty()) return arena_.repeat(any, 0);
    // A complement alone would hold what is no text of JSON.
    if (std::any_of(all.begin(), all.end(), [&](ExprId expr) { return arena_.is_complement(expr); }))
      all.push_back(arena_.repeat(any, 0));
    return arena_.all_of(std::move(all));
  }
  const ExprId allowed = all.empty() ? kNever : arena_.all_of(all);
  std::vector<std::string> texts;
  for (const std::string& value : *strings.listed) {
    texts.push_back(spelled(value, Spelling::kJson));
    if (!all.empty() && !arena_.matches(allowed, texts.back())) texts.pop_back();
  }
  return arena_.texts(std::move(texts));
}

Product SchemaExpander::object_with(const std::string& key, std::optional<Term> term, bool required) {
  Product product = Product::of(kObjectType);
  if (term) product.objects.rules = {add_rules({.properties = {{key, *term}}, .patterns = {}, .additional = {}})};
  if (required) product.objects.required = {key};
  return product;
}

}  // namespace pumice::grammar
