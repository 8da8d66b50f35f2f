// What a JSON Schema says about a value, in a normal form: a union of products.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "grammar/numbers.h"
#include "grammar/schema_document.h"

namespace pumice::grammar {

// A schema that holds, or one that does not.
struct Term {
  NodeId node = 0;
  bool negated = false;
  auto operator<=>(const Term&) const = default;
};
using Terms = std::vector<Term>;  // all of them at once

enum TypeBit : uint32_t {
  kNullType = 1,
  kTrueType = 2,
  kFalseType = 4,
  kNumberType = 8,
  kStringType = 16,
  kArrayType = 32,
  kObjectType = 64,
  kAnyType = 127,
};

struct Bounds {
  uint32_t min = 0, max = kUnbounded;
  void add(const Bounds& other) {
    min = std::max(min, other.min);
    max = std::min(max, other.max);
  }
  bool empty() const { return min > max; }
  bool any() const { return min == 0 && max == kUnbounded; }
};

struct StringSet {
  std::vector<ExprId> all;  // of the text between the quotes, as JSON spells it
  Bounds length;            // in characters
  std::optional<std::vector<std::string>> listed;

  bool is_every() const { return all.empty() && length.any() && !listed; }
  void add(const StringSet& other);
};

// So many items meet the term.
struct Contains {
  Term term;
  Bounds count;
};

struct ArraySet {
  std::vector<Terms> prefix;
  Terms rest;
  Bounds length;
  std::vector<Contains> contains;
  std::optional<NodeId> unique;  // the schema that says so

  void add(const ArraySet& other);
  const Terms& item(size_t i) const { return i < prefix.size() ? prefix[i] : rest; }
};

// The keywords of one schema that speak of an object's keys: each key has the terms of its property and of the patterns
// that match it, or if there are none, the additional ones.
struct KeyRules {
  std::vector<std::pair<std::string, Term>> properties;
  std::vector<std::pair<ExprId, Term>> patterns;
  std::optional<Term> additional;
};

struct ObjectSet {
  std::vector<uint32_t> rules;  // indices of KeyRules, all of which hold
  std::vector<std::string> required;
  std::vector<Terms> names;
  Bounds count;

  void add(const ObjectSet& other);
};

// A value of one of the types that meets the conditions of its type.
struct Product {
  uint32_t types = kAnyType;
  NumberSet numbers;
  StringSet strings;
  ArraySet arrays;
  ObjectSet objects;

  static Product of(uint32_t types) {
    Product product;
    product.types = types;
    return product;
  }
  void add(const Product& other);  // both hold
  bool empty() const { return types == 0; }
};
using Union = std::vector<Product>;

}  // namespace pumice::grammar
