// Keywords that speak of one type each: what they say, and what their failing says.
#include <optional>

#include "base/printable.h"
#include "grammar/formats.h"
#include "grammar/pattern.h"
#include "grammar/schema_expand.h"

namespace pumice::grammar {
namespace {

bool says_nothing(const Json& schema) {
  return (schema.is_bool() && schema.as_bool()) || (schema.is_object() && schema.members().empty());
}

}  // namespace

Result<void> SchemaExpander::check_keywords(NodeId node) const {
  const Json& schema = json(node);
  for (const char* keyword : {"$dynamicRef", "$recursiveRef", "unevaluatedItems", "unevaluatedProperties"})
    if (const Json* value = schema.find(keyword); value && !says_nothing(*value))
      return refused(node, keyword, "this keyword is not supported");
  return {};
}

Result<std::optional<uint32_t>> SchemaExpander::size_keyword(NodeId node, const char* keyword) const {
  const Json* value = json(node).find(keyword);
  if (!value) return std::optional<uint32_t>();
  if (!value->is_integer() || value->as_number().value < 0)
    return refused(node, keyword, "it must be an integer that is not negative");
  return std::optional(static_cast<uint32_t>(std::min(value->as_number().value, double{kUnbounded - 1})));
}

Result<std::optional<Decimal>> SchemaExpander::number_keyword(NodeId node, const char* keyword) const {
  const Json* value = json(node).find(keyword);
  if (!value) return std::optional<Decimal>();
  if (!value->is_number()) return refused(node, keyword, "it must be a number");
  return std::optional(decimal(value->as_number().text));
}

Result<uint32_t> SchemaExpander::types(NodeId node, NumberSet::Whole& whole) const {
  static constexpr std::pair<const char*, uint32_t> kTypes[] = {
      {"null", kNullType},     {"boolean", kTrueType | kFalseType},
      {"number", kNumberType}, {"integer", kNumberType},
      {"string", kStringType}, {"array", kArrayType},
      {"object", kObjectType}};
  const Json* type = json(node).find("type");
  if (!type) return uint32_t{kAnyType};
  const Json::Array names = type->is_array() ? type->items() : Json::Array{*type};
  uint32_t all = 0;
  bool integer = false, number = false;
  for (const Json& name : names) {
    uint32_t bits = 0;
    for (const auto& [known, value] : kTypes)
      if (name.is_string() && name.as_string() == known) bits = value;
    if (bits == 0) return refused(node, "type", "this type is not known");
    all |= bits;
    integer = integer || name.as_string() == "integer";
    number = number || name.as_string() == "number";
  }
  whole = integer && !number ? NumberSet::Whole::kInteger : NumberSet::Whole::kAny;
  return all;
}

Result<Product> SchemaExpander::own_keywords(NodeId node) {
  Product product;
  PUMICE_ASSIGN(product.types, types(node, product.numbers.whole));
  // What is wrong is told even where the type makes it idle.
  PUMICE_TRY(number_keywords(node, product.numbers));
  PUMICE_TRY(array_keywords(node, product.arrays));
  PUMICE_TRY(object_keywords(node, product.objects));
  if (product.types & kStringType) PUMICE_TRY(string_keywords(node, product.strings));
  Product checked = Product::of(product.types);
  checked.add(product);
  return checked;
}

Result<void> SchemaExpander::number_keywords(NodeId node, NumberSet& numbers) {
  PUMICE_ASSIGN(const auto minimum, number_keyword(node, "minimum"));
  PUMICE_ASSIGN(const auto maximum, number_keyword(node, "maximum"));
  PUMICE_ASSIGN(const auto above, number_keyword(node, "exclusiveMinimum"));
  PUMICE_ASSIGN(const auto below, number_keyword(node, "exclusiveMaximum"));
  PUMICE_ASSIGN(const auto divisor, number_keyword(node, "multipleOf"));
  if (minimum) numbers.at_least.push_back({*minimum, true});
  if (above) numbers.at_least.push_back({*above, false});
  if (maximum) numbers.at_most.push_back({*maximum, true});
  if (below) numbers.at_most.push_back({*below, false});
  if (divisor) numbers.multiple_of.push_back(*divisor);
  return {};
}

Result<std::optional<ExprId>> SchemaExpander::pattern_keyword(NodeId node) {
  const Json* value = json(node).find("pattern");
  if (!value) return std::optional<ExprId>();
  if (!value->is_string()) return refused(node, "pattern", "it must be a string");
  const auto [known, is_new] = patterns_.try_emplace(value->as_string(), kNever);
  if (is_new) {
    auto made = pattern(characters_, value->as_string(), Match::kSearch);
    if (!made) {
      patterns_.erase(known);
      return refused(node, "pattern", made.error().message.c_str());
    }
    known->second = *made;
  }
  return std::optional(known->second);
}

Result<std::optional<ExprId>> SchemaExpander::format_keyword(NodeId node) {
  const Json* value = json(node).find("format");
  if (!value) return std::optional<ExprId>();
  if (!value->is_string()) return refused(node, "format", "it must be a string");
  const auto text = format_pattern(value->as_string());
  if (!text) return std::optional<ExprId>();
  const auto [known, is_new] = formats_.try_emplace(value->as_string(), kNever);
  if (is_new) {
    PUMICE_ASSIGN(known->second, pattern(characters_, *text, Match::kWhole));
  }
  return std::optional(known->second);
}

Result<void> SchemaExpander::string_keywords(NodeId node, StringSet& strings) {
  PUMICE_ASSIGN(const auto shortest, size_keyword(node, "minLength"));
  PUMICE_ASSIGN(const auto longest, size_keyword(node, "maxLength"));
  PUMICE_ASSIGN(const auto text, pattern_keyword(node));
  PUMICE_ASSIGN(const auto format, format_keyword(node));
  strings.length = {shortest.value_or(0), longest.value_or(kUnbounded)};
  if (text) strings.all.push_back(*text);
  if (format) strings.all.push_back(*format);
  return {};
}

Result<void> SchemaExpander::array_keywords(NodeId node, ArraySet& arrays) {
  const Json& schema = json(node);
  PUMICE_ASSIGN(const auto least, size_keyword(node, "minItems"));
  PUMICE_ASSIGN(const auto most, size_keyword(node, "maxItems"));
  arrays.length = {least.value_or(0), most.value_or(kUnbounded)};
  const Json *items = schema.find("items"), *prefix = schema.find("prefixItems");
  const bool is_list = items && items->is_array();
  const char* keyword = prefix ? "prefixItems" : "items";
  const Json* list = prefix ? prefix : is_list ? items : nullptr;
  if (list && !list->is_array()) return refused(node, keyword, "it must be a list of schemas");
  if (prefix && is_list) return refused(node, "items", "a list of schemas beside prefixItems");
  for (size_t i = 0; list && i < list->items().size(); ++i)
    arrays.prefix.push_back({{document_.child(node, list->items()[i], keyword, std::to_string(i)), false}});
  const char* rest = is_list ? "additionalItems" : "items";
  if (const Json* others = schema.find(rest)) arrays.rest = {{document_.child(node, *others, rest), false}};
  if (const Json* unique = schema.find("uniqueItems")) {
    if (!unique->is_bool()) return refused(node, "uniqueItems", "it must be true or false");
    if (unique->as_bool()) arrays.unique = node;
  }
  const Json* contained = schema.find("contains");
  if (!contained) return {};
  PUMICE_ASSIGN(const auto few, size_keyword(node, "minContains"));
  PUMICE_ASSIGN(const auto many, size_keyword(node, "maxContains"));
  const Bounds count = {few.value_or(1), many.value_or(kUnbounded)};
  if (!count.any()) arrays.contains = {{{document_.child(node, *contained, "contains"), false}, count}};
  return {};
}

Result<void> SchemaExpander::object_keywords(NodeId node, ObjectSet& objects) {
  const Json& schema = json(node);
  PUMICE_ASSIGN(const auto least, size_keyword(node, "minProperties"));
  PUMICE_ASSIGN(const auto most, size_keyword(node, "maxProperties"));
  objects.count = {least.value_or(0), most.value_or(kUnbounded)};
  if (const Json* required = schema.find("required")) {
    if (!required->is_array()) return refused(node, "required", "it must be a list of keys");
    for (const Json& key : required->items()) {
      if (!key.is_string()) return refused(node, "required", "it must be a list of keys");
      objects.required.push_back(key.as_string());
    }
  }
  KeyRules rules;
  for (const char* keyword : {"properties", "patternProperties"}) {
    const Json* map = schema.find(keyword);
    if (map && !map->is_object()) return refused(node, keyword, "it must be an object");
    for (size_t i = 0; map && i < map->members().size(); ++i) {
      const auto& [key, value] = map->members()[i];
      const Term term = {document_.child(node, value, keyword, key), false};
      if (std::string_view(keyword) == "properties") {
        rules.properties.push_back({key, term});
        continue;
      }
      auto expr = pattern(characters_, key, Match::kSearch);
      if (!expr) return refused(term.node, {}, expr.error().message.c_str());
      rules.patterns.push_back({*expr, term});
    }
  }
  if (const Json* additional = schema.find("additionalProperties"))
    rules.additional = Term{document_.child(node, *additional, "additionalProperties"), false};
  if (!rules.properties.empty() || !rules.patterns.empty() || rules.additional)
    objects.rules = {add_rules(std::move(rules))};
  if (const Json* names = schema.find("propertyNames"))
    objects.names = {{{document_.child(node, *names, "propertyNames"), false}}};
  return {};
}

Result<Union> SchemaExpander::own_keywords_fail(NodeId node) {
  Union all;
  NumberSet::Whole whole = NumberSet::Whole::kAny;
  PUMICE_ASSIGN(const uint32_t own, types(node, whole));
  if (own != kAnyType) all.push_back(Product::of(kAnyType & ~own));
  if (whole == NumberSet::Whole::kInteger) {
    all.push_back(Product::of(kNumberType));
    all.back().numbers.whole = NumberSet::Whole::kNot;
  }
  NumberSet numbers;
  PUMICE_TRY(number_keywords(node, numbers));
  const auto number = [&]() -> NumberSet& {
    all.push_back(Product::of(kNumberType));
    return all.back().numbers;
  };
  for (const NumberBound& bound : numbers.at_least) number().at_most = {{bound.value, !bound.inclusive}};
  for (const NumberBound& bound : numbers.at_most) number().at_least = {{bound.value, !bound.inclusive}};
  for (const Decimal& divisor : numbers.multiple_of) number().not_multiple_of = {divisor};
  PUMICE_ASSIGN(const auto text, pattern_keyword(node));
  PUMICE_ASSIGN(const auto format, format_keyword(node));
  if (format) return refused(node, "format", "'not' of a format has no exact form here");
  StringSet strings;
  PUMICE_TRY(string_keywords(node, strings));
  const auto string = [&]() -> StringSet& {
    all.push_back(Product::of(kStringType));
    return all.back().strings;
  };
  if (text) string().all = {arena_.complement(*text)};
  if (strings.length.min > 0) string().length.max = strings.length.min - 1;
  if (strings.length.max != kUnbounded) string().length.min = strings.length.max + 1;
  PUMICE_TRY(array_fails(node, all));
  PUMICE_TRY(object_fails(node, all));
  return all;
}

Result<void> SchemaExpander::array_fails(NodeId node, Union& all) {
  ArraySet arrays;
  PUMICE_TRY(array_keywords(node, arrays));
  const auto array = [&]() -> ArraySet& {
    all.push_back(Product::of(kArrayType));
    return all.back().arrays;
  };
  if (arrays.length.min > 0) array().length.max = arrays.length.min - 1;
  if (arrays.length.max != kUnbounded) array().length.min = arrays.length.max + 1;
  if (arrays.unique && arrays.length.max > 1) return refused(node, "uniqueItems", "'not' of it has no exact form here");
  for (const auto& [term, count] : arrays.contains) {
    if (count.min > 0) array().contains = {{term, {0, count.min - 1}}};
    if (count.max != kUnbounded) array().contains = {{term, {count.max + 1, kUnbounded}}};
  }
  for (uint32_t i = 0; i < arrays.prefix.size(); ++i) {
    ArraySet& one = array();
    one.length.min = i + 1;
    one.prefix.resize(i);
    one.prefix.push_back({{arrays.prefix[i][0].node, true}});
  }
  if (!arrays.rest.empty() && !says_nothing(json(arrays.rest[0].node))) {
    if (arrays.prefix.empty()) {
      array().contains = {{{arrays.rest[0].node, true}, {1, kUnbounded}}};
      return {};
    }
    if (!impossible(arrays.rest)) return refused(node, "items", "'not' of items has no exact form here");
    array().length.min = static_cast<uint32_t>(arrays.prefix.size()) + 1;
  }
  return {};
}

Result<void> SchemaExpander::object_fails(NodeId node, Union& all) {
  ObjectSet objects;
  PUMICE_TRY(object_keywords(node, objects));
  const auto object = [&](Product product) -> ObjectSet& {
    all.push_back(std::move(product));
    return all.back().objects;
  };
  if (objects.count.min > 0) object(Product::of(kObjectType)).count.max = objects.count.min - 1;
  if (objects.count.max != kUnbounded) object(Product::of(kObjectType)).count.min = objects.count.max + 1;
  for (const std::string& key : objects.required) object(object_with(key, never(), false));
  for (const uint32_t index : objects.rules) {
    const KeyRules rules = key_rules_[index];
    for (const auto& [key, term] : rules.properties) object(object_with(key, Term{term.node, true}, true));
    for (const auto& [expr, term] : rules.patterns)
      if (!says_nothing(json(term.node)))
        return refused(node, "patternProperties", "'not' of it has no exact form here");
    if (rules.additional && !says_nothing(json(rules.additional->node)))
      return refused(node, "additionalProperties", "'not' of it has no exact form here");
  }
  if (!objects.names.empty() && !says_nothing(json(objects.names[0][0].node)))
    return refused(node, "propertyNames", "'not' of it has no exact form here");
  return {};
}

}  // namespace pumice::grammar
