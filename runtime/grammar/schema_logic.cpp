// Keywords that combine schemas, and the values of const and enum.
#include "grammar/schema_expand.h"

namespace pumice::grammar {
namespace {

void append_union(Union& to, Union&& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

Result<std::vector<NodeId>> SchemaExpander::schemas(NodeId node, const char* keyword) {
  const Json* value = json(node).find(keyword);
  std::vector<NodeId> nodes;
  if (!value) return nodes;
  if (!value->is_array() || value->items().empty()) return refused(node, keyword, "it must be a list of schemas");
  for (size_t i = 0; i < value->items().size(); ++i)
    nodes.push_back(document_.child(node, value->items()[i], keyword, std::to_string(i)));
  return nodes;
}

Result<Union> SchemaExpander::holds(NodeId node) {
  const Json& schema = json(node);
  if (schema.is_bool()) return schema.as_bool() ? Union{Product()} : Union{};
  if (!schema.is_object()) return refused(node, {}, "a schema must be an object or a boolean");
  PUMICE_TRY(check_keywords(node));
  Union all = {Product()};
  if (const Json* reference = schema.find("$ref")) {
    if (!reference->is_string()) return refused(node, "$ref", "it must be a string");
    auto target = document_.resolve(node, reference->as_string());
    if (!target) return refused(node, "$ref", target.error().message.c_str());
    PUMICE_TRY(restrict_to(all, expand_term({*target, false}), node));
    if (reference_alone_) return all;
  }
  PUMICE_ASSIGN(const Product own, own_keywords(node));
  PUMICE_ASSIGN(all, both(std::move(all), {own}, node));
  return other_keywords(node, std::move(all));
}

Result<Union> SchemaExpander::other_keywords(NodeId node, Union all) {
  const Json& schema = json(node);
  if (const Json* value = schema.find("const"))
    PUMICE_TRY(restrict_to(all, expand_term({document_.constant(node, *value, "const"), false}), node));
  if (const Json* values = schema.find("enum")) {
    if (!values->is_array()) return refused(node, "enum", "it must be a list");
    PUMICE_TRY(restrict_to(all, listed(node, values->items()), node));
  }
  PUMICE_ASSIGN(const std::vector<NodeId> parts, schemas(node, "allOf"));
  for (const NodeId part : parts) PUMICE_TRY(restrict_to(all, expand_term({part, false}), node));
  PUMICE_ASSIGN(const std::vector<NodeId> options, schemas(node, "anyOf"));
  if (!options.empty()) PUMICE_TRY(restrict_to(all, any(options), node));
  PUMICE_ASSIGN(const std::vector<NodeId> choices, schemas(node, "oneOf"));
  if (!choices.empty()) PUMICE_TRY(restrict_to(all, exactly_one(node, choices), node));
  if (const Json* inner = schema.find("not"))
    PUMICE_TRY(restrict_to(all, expand_term({document_.child(node, *inner, "not"), true}), node));
  if (schema.find("if")) PUMICE_TRY(restrict_to(all, branches(node), node));
  for (const char* keyword : {"dependencies", "dependentRequired", "dependentSchemas"})
    if (const Json* map = schema.find(keyword)) {
      if (!map->is_object()) return refused(node, keyword, "it must be an object");
      for (const Json::Member& member : map->members())
        PUMICE_TRY(restrict_to(all, dependency(node, member.key, member.value, keyword), node));
    }
  return all;
}

Result<Union> SchemaExpander::branches(NodeId node) {
  const Json& schema = json(node);
  const Json *then = schema.find("then"), *otherwise = schema.find("else");
  if (!then && !otherwise) return Union{Product()};
  const NodeId condition = document_.child(node, *schema.find("if"), "if");
  PUMICE_ASSIGN(Union yes, expand_term({condition, false}));
  PUMICE_ASSIGN(Union no, expand_term({condition, true}));
  if (then) PUMICE_TRY(restrict_to(yes, expand_term({document_.child(node, *then, "then"), false}), node));
  if (otherwise) PUMICE_TRY(restrict_to(no, expand_term({document_.child(node, *otherwise, "else"), false}), node));
  append_union(yes, std::move(no));
  return yes;
}

// Without the key, or with it and what it demands.
Result<Union> SchemaExpander::dependency(NodeId node, const std::string& key, const Json& value, const char* keyword) {
  Product without = object_with(key, never(), false);
  without.types = kAnyType;
  Union with = {object_with(key, std::nullopt, true)};
  if (value.is_array()) {
    for (const Json& other : value.items()) {
      if (!other.is_string()) return refused(node, keyword, "it must list keys");
      with[0].objects.add(object_with(other.as_string(), std::nullopt, true).objects);
    }
  } else {
    PUMICE_TRY(restrict_to(with, expand_term({document_.child(node, value, keyword, key), false}), node));
  }
  with.push_back(std::move(without));
  return with;
}

Result<Union> SchemaExpander::not_dependency(NodeId node, const std::string& key, const Json& value,
                                             const char* keyword) {
  const Product with = object_with(key, std::nullopt, true);
  Union all;
  if (!value.is_array()) {
    PUMICE_ASSIGN(all, expand_term({document_.child(node, value, keyword, key), true}));
  } else {
    for (const Json& other : value.items())
      if (other.is_string()) all.push_back(object_with(other.as_string(), never(), false));
  }
  return both(std::move(all), {with}, node);
}

Result<Union> SchemaExpander::listed(NodeId node, const Json::Array& values) {
  Product plain = Product::of(0);  // all scalars together
  plain.numbers.listed.emplace();
  plain.strings.listed.emplace();
  Union all;
  for (size_t i = 0; i < values.size(); ++i) {
    const NodeId value = document_.constant(node, values[i], "enum/" + std::to_string(i));
    PUMICE_ASSIGN(Union one, expand_term({value, false}));
    if (values[i].is_array() || values[i].is_object()) {
      append_union(all, std::move(one));
      continue;
    }
    plain.types |= one[0].types;
    if (one[0].numbers.listed) plain.numbers.listed->push_back(one[0].numbers.listed->front());
    if (one[0].strings.listed) plain.strings.listed->push_back(one[0].strings.listed->front());
  }
  if (plain.types != 0) all.push_back(std::move(plain));
  return all;
}

Result<Union> SchemaExpander::value_of(NodeId node) {
  const Json& value = json(node);
  Product product = Product::of(0);
  switch (value.kind()) {
    case Json::Kind::kNull:
      product.types = kNullType;
      break;
    case Json::Kind::kBool:
      product.types = value.as_bool() ? kTrueType : kFalseType;
      break;
    case Json::Kind::kNumber:
      product.types = kNumberType;
      product.numbers.listed = {decimal(value.as_number().text)};
      break;
    case Json::Kind::kString:
      product.types = kStringType;
      product.strings.listed = {value.as_string()};
      break;
    case Json::Kind::kArray: {
      product.types = kArrayType;
      const auto count = static_cast<uint32_t>(value.items().size());
      for (uint32_t i = 0; i < count; ++i)
        product.arrays.prefix.push_back({{document_.constant(node, value.items()[i], std::to_string(i)), false}});
      product.arrays.length = {count, count};
      break;
    }
    case Json::Kind::kObject: {
      product.types = kObjectType;
      KeyRules rules = {.properties = {}, .patterns = {}, .additional = never()};
      for (const Json::Member& member : value.members()) {
        rules.properties.push_back({member.key, {document_.constant(node, member.value, member.key), false}});
        product.objects.required.push_back(member.key);
      }
      product.objects.rules = {add_rules(std::move(rules))};
      break;
    }
  }
  return Union{std::move(product)};
}

Result<Union> SchemaExpander::not_value_of(NodeId node) {
  const Json& value = json(node);
  PUMICE_ASSIGN(const Union same, value_of(node));
  Union all = {Product::of(kAnyType & ~same[0].types)};
  Product other = Product::of(same[0].types);
  if (value.is_number()) {
    other.numbers.excluded = *same[0].numbers.listed;
    all.push_back(std::move(other));
  } else if (value.is_string()) {
    other.strings.all = {arena_.complement(characters_.text(value.as_string()))};
    all.push_back(std::move(other));
  } else if (value.is_array()) {
    const auto count = static_cast<uint32_t>(value.items().size());
    other.arrays.length = {count + 1, kUnbounded};
    all.push_back(other);
    for (uint32_t i = 0; i < count; ++i) {
      Product shorter = Product::of(kArrayType), differs = shorter;
      shorter.arrays.length = {i, i};
      differs.arrays.length.min = i + 1;
      differs.arrays.prefix.resize(i);
      differs.arrays.prefix.push_back({{document_.constant(node, value.items()[i], std::to_string(i)), true}});
      all.push_back(std::move(shorter));
      all.push_back(std::move(differs));
    }
  } else if (value.is_object() && value.members().empty()) {
    other.objects.count.min = 1;
    all.push_back(std::move(other));
  } else if (value.is_object()) {
    return refused(node, {}, "'not' of an object has no exact form here");
  }
  return all;
}

Result<Union> SchemaExpander::fails(NodeId node) {
  const Json& schema = json(node);
  if (schema.is_bool()) return schema.as_bool() ? Union{} : Union{Product()};
  if (!schema.is_object()) return refused(node, {}, "a schema must be an object or a boolean");
  PUMICE_TRY(check_keywords(node));
  Union all;
  if (const Json* reference = schema.find("$ref")) {
    if (!reference->is_string()) return refused(node, "$ref", "it must be a string");
    auto target = document_.resolve(node, reference->as_string());
    if (!target) return refused(node, "$ref", target.error().message.c_str());
    PUMICE_ASSIGN(all, expand_term({*target, true}));
    if (reference_alone_) return all;
  }
  PUMICE_ASSIGN(Union own, own_keywords_fail(node));
  append_union(all, std::move(own));
  PUMICE_TRY(fails_applicators(node, all));
  return all;
}

Result<void> SchemaExpander::fails_applicators(NodeId node, Union& all) {
  const Json& schema = json(node);
  const auto add = [&](Result<Union> one) -> Result<void> {
    if (!one) return std::move(one).error();
    append_union(all, std::move(*one));
    return {};
  };
  const auto none_of = [&](const std::vector<NodeId>& nodes) -> Result<Union> {
    Union none = {Product()};
    for (const NodeId one : nodes) PUMICE_TRY(restrict_to(none, expand_term({one, true}), node));
    return none;
  };
  if (const Json* value = schema.find("const"))
    PUMICE_TRY(add(expand_term({document_.constant(node, *value, "const"), true})));
  if (const Json* values = schema.find("enum")) {
    if (!values->is_array()) return refused(node, "enum", "it must be a list");
    std::vector<NodeId> constants;
    for (const Json& value : values->items()) constants.push_back(document_.constant(node, value, "enum"));
    PUMICE_TRY(add(none_of(constants)));
  }
  PUMICE_ASSIGN(const std::vector<NodeId> parts, schemas(node, "allOf"));
  for (const NodeId part : parts) PUMICE_TRY(add(expand_term({part, true})));
  PUMICE_ASSIGN(const std::vector<NodeId> options, schemas(node, "anyOf"));
  if (!options.empty()) PUMICE_TRY(add(none_of(options)));
  PUMICE_ASSIGN(const std::vector<NodeId> choices, schemas(node, "oneOf"));
  if (!choices.empty()) PUMICE_TRY(add(none_of(choices)));
  for (size_t i = 0; i < choices.size(); ++i)
    for (size_t j = i + 1; j < choices.size(); ++j) PUMICE_TRY(add(expand({{choices[i], false}, {choices[j], false}})));
  if (const Json* inner = schema.find("not"))
    PUMICE_TRY(add(expand_term({document_.child(node, *inner, "not"), false})));
  if (const Json* condition = schema.find("if")) {
    const NodeId tested = document_.child(node, *condition, "if");
    if (const Json* then = schema.find("then"))
      PUMICE_TRY(add(expand({{tested, false}, {document_.child(node, *then, "then"), true}})));
    if (const Json* otherwise = schema.find("else"))
      PUMICE_TRY(add(expand({{tested, true}, {document_.child(node, *otherwise, "else"), true}})));
  }
  for (const char* keyword : {"dependencies", "dependentRequired", "dependentSchemas"})
    if (const Json* map = schema.find(keyword); map && map->is_object())
      for (const Json::Member& member : map->members())
        PUMICE_TRY(add(not_dependency(node, member.key, member.value, keyword)));
  return {};
}

}  // namespace pumice::grammar
