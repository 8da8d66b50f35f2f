// From the normal form of a JSON Schema to rules.
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/printable.h"
#include "grammar/grammar.h"
#include "grammar/schema_compile.h"
#include "grammar/schema_expand.h"
#include "text/unicode.h"

namespace pumice::grammar {
namespace {

constexpr size_t kMaxKeyPatterns = 6;
constexpr size_t kMaxKeyCharacters = 2'000;
constexpr size_t kMaxCounted = 50'000;  // rules of an array whose items are counted
constexpr size_t kMaxContains = 4;

// Keys that no schema declares, of one kind: those that the same patterns match.
struct KeyClass {
  ExprId key = kNever;  // with quotes and colon
  Terms terms;
};

class SchemaCompiler {
 public:
  SchemaCompiler(Rules& rules, SchemaDocument& document, const SchemaOptions& options)
      : rules_(rules),
        characters_(rules.exprs(), Spelling::kJson),
        arena_(rules.exprs()),
        expander_(document, characters_, options.reference_alone) {
    const ExprId blank = arena_.text(" "), line = arena_.optional(arena_.text("\r"));
    const ExprId spaces = arena_.any_of({arena_.repeat(blank, 0, 64), arena_.repeat(arena_.text("\t"), 0, 16)});
    if (options.whitespace)
      space_ = arena_.any_of({kEmptyText, blank, arena_.concat({line, arena_.text("\n"), spaces})});
    const ExprId gap = options.whitespace ? arena_.optional(blank) : kEmptyText;
    comma_ = arena_.concat(arena_.text(","), space_);
    colon_ = arena_.concat(arena_.text(":"), gap);
    quote_ = arena_.text("\"");
    ByteSet hex = ByteSet::range('0', '9');
    for (const char c : {'a', 'A'}) hex |= ByteSet::range(static_cast<uint8_t>(c), static_cast<uint8_t>(c + 5));
    const ExprId escaped = arena_.concat(arena_.text("\\u"), arena_.repeat(arena_.bytes(hex), 4, 4));
    const ExprId free = arena_.any_of({characters_.any(), arena_.text("\\/"), escaped});
    free_string_ = arena_.concat({quote_, arena_.repeat(free, 0), quote_});
  }

  Result<Symbol> add(NodeId root) {
    const Symbol start = value({{root, false}});
    while (!open_.empty()) {
      const auto [terms, rule] = std::move(open_.back());
      open_.pop_back();
      PUMICE_ASSIGN(const Union all, expander_.expand(*terms));
      PUMICE_TRY(add_all(rule, all, terms->empty() ? root : terms->front().node));
      if (arena_.exhausted()) break;
    }
    return start;
  }

 private:
  Symbol value(Terms terms) {
    std::sort(terms.begin(), terms.end());
    terms.erase(std::unique(terms.begin(), terms.end()), terms.end());
    const auto [place, is_new] = rule_of_.try_emplace(std::move(terms), 0);
    if (is_new) {
      place->second = rules_.add_rule();
      open_.push_back({&place->first, place->second});
    }
    return Symbol::rule(place->second);
  }

  Result<void> add_all(RuleId rule, const Union& all, NodeId where) {
    std::vector<ExprId> scalars;
    for (const Product& product : all) {
      if (product.types & kNullType) scalars.push_back(arena_.text("null"));
      if (product.types & kTrueType) scalars.push_back(arena_.text("true"));
      if (product.types & kFalseType) scalars.push_back(arena_.text("false"));
      if (product.types & kNumberType) {
        auto texts = number_texts(arena_, product.numbers);
        if (!texts) return expander_.refused(where, {}, texts.error().message.c_str());
        scalars.push_back(*texts);
      }
      if (product.types & kStringType)
        scalars.push_back(product.strings.is_every()
                              ? free_string_
                              : arena_.concat({quote_, expander_.string_content(product.strings), quote_}));
      if (product.types & kArrayType) PUMICE_TRY(add_array(rule, product.arrays, where));
      if (product.types & kObjectType) PUMICE_TRY(add_object(rule, product.objects, where));
    }
    std::erase_if(scalars, [&](ExprId expr) { return !arena_.alive(expr); });
    if (!scalars.empty()) rules_.add(rule, {Symbol::terminal(arena_.any_of(std::move(scalars)))});
    return {};
  }

  Result<void> add_array(RuleId rule, const ArraySet& arrays, NodeId where) {
    if (arrays.unique && arrays.length.max > 1) return add_different(rule, arrays);
    if (!arrays.contains.empty()) return add_counting(rule, arrays, where);
    const Symbol open = Symbol::terminal(arena_.concat(arena_.text("["), space_));
    const Symbol close = Symbol::terminal(arena_.concat(space_, arena_.text("]")));
    const auto [min, max] = arrays.length;
    const auto fixed = static_cast<uint32_t>(std::min<size_t>(arrays.prefix.size(), max));
    if (fixed == 0) {
      const Symbol items = max == 0 ? rules_.repeat(open, 0, 0) : rules_.repeat(value(arrays.rest), min, max, comma_);
      rules_.add(rule, {open, items, close});
      return {};
    }
    // From the last fixed item back to the first.
    Symbol rest = Symbol::terminal(kEmptyText);
    if (max > fixed) {
      const RuleId more = rules_.add_rule();
      rules_.add(more, {Symbol::terminal(comma_), value(arrays.rest)});
      rest = rules_.repeat(Symbol::rule(more), min > fixed ? min - fixed : 0, max == kUnbounded ? max : max - fixed);
    }
    for (uint32_t i = fixed; i-- > 0;) {
      const RuleId from = rules_.add_rule();
      if (i >= min) rules_.add(from, {});
      if (i == 0) {
        rules_.add(from, {value(arrays.prefix[0]), rest});
      } else {
        rules_.add(from, {Symbol::terminal(comma_), value(arrays.prefix[i]), rest});
      }
      rest = Symbol::rule(from);
    }
    rules_.add(rule, {open, rest, close});
    return {};
  }

  // Items that differ: of a list of values, each at most once.
  Result<void> add_different(RuleId rule, const ArraySet& arrays) {
    const NodeId where = *arrays.unique;
    if (!arrays.prefix.empty() || !arrays.contains.empty())
      return expander_.refused(where, "uniqueItems", "beside prefixItems or contains it is not supported");
    PUMICE_ASSIGN(const Union all, expander_.expand(arrays.rest));
    std::set<ExprId> values;
    for (const Product& product : all) {
      const bool listed = (!(product.types & kNumberType) || product.numbers.listed) &&
                          (!(product.types & kStringType) || product.strings.listed);
      if (!listed || (product.types & (kArrayType | kObjectType)))
        return expander_.refused(where, "uniqueItems", "that items differ is only supported for listed values");
      if (product.types & kNullType) values.insert(arena_.text("null"));
      if (product.types & kTrueType) values.insert(arena_.text("true"));
      if (product.types & kFalseType) values.insert(arena_.text("false"));
      NumberSet number = product.numbers;
      for (size_t i = 0; (product.types & kNumberType) && i < product.numbers.listed->size(); ++i) {
        number.listed = {(*product.numbers.listed)[i]};
        auto texts = number_texts(arena_, number);
        if (!texts) return expander_.refused(where, {}, texts.error().message.c_str());
        values.insert(*texts);
      }
      StringSet string = product.strings;
      for (size_t i = 0; (product.types & kStringType) && i < product.strings.listed->size(); ++i) {
        string.listed = {(*product.strings.listed)[i]};
        values.insert(arena_.concat({quote_, expander_.string_content(string), quote_}));
      }
    }
    Members members = {.separator = comma_, .min = arrays.length.min, .max = arrays.length.max};
    for (const ExprId value : values)
      if (arena_.alive(value)) members.keys.push_back({{Symbol::terminal(value)}, false});
    add_members(rule, "[", std::move(members), "]");
    return {};
  }

  // Rules for what may follow so many items, when so many have been counted for each `contains`. Where more than its
  // maximum could be, each item is one or is none; else some items are counted until they are enough.
  Result<void> add_counting(RuleId rule, const ArraySet& arrays, NodeId where) {
    const auto [min, max] = arrays.length;
    const size_t last = std::max<size_t>({1, arrays.prefix.size(), min, max == kUnbounded ? 0 : max});
    size_t counts = 1;
    std::vector<size_t> strides;
    for (const Contains& one : arrays.contains) {
      if (one.count.empty()) return {};
      strides.push_back(counts);
      counts *= size_t{limit_of(one.count)} + 1;
      if (counts * (last + 1) > kMaxCounted)
        return expander_.refused(where, "contains", "its numbers are larger than the limit");
    }
    if (arrays.contains.size() > kMaxContains)
      return expander_.refused(where, "contains", "more of it for one array than the limit of 4");
    std::vector<RuleId> behind((last + 1) * counts);
    for (RuleId& after : behind) after = rules_.add_rule();
    for (size_t i = 0; i <= last; ++i)
      for (size_t count = 0; count < counts; ++count) {
        const RuleId after = behind[i * counts + count];
        bool may_end = i >= min;
        for (size_t c = 0; c < strides.size(); ++c)
          may_end = may_end && counted(arrays, strides, count, c) >= arrays.contains[c].count.min;
        if (may_end) rules_.add(after, {});
        if (i >= max) continue;
        for (uint32_t meets = 0; meets < 1u << strides.size(); ++meets) {
          Terms terms = arrays.item(i);
          const auto next = counting(arrays, strides, count, meets, terms);
          if (!next) continue;
          const Symbol rest = Symbol::rule(behind[std::min(i + 1, last) * counts + *next]);
          const Symbol item = value(terms);
          i == 0 ? rules_.add(after, {item, rest}) : rules_.add(after, {Symbol::terminal(comma_), item, rest});
        }
      }
    rules_.add(rule, {Symbol::terminal(arena_.concat(arena_.text("["), space_)), Symbol::rule(behind[0]),
                      Symbol::terminal(arena_.concat(space_, arena_.text("]")))});
    return {};
  }

  static uint32_t limit_of(const Bounds& count) { return count.max != kUnbounded ? count.max : count.min; }
  static size_t counted(const ArraySet& arrays, const std::vector<size_t>& strides, size_t counts, size_t c) {
    return counts / strides[c] % (size_t{limit_of(arrays.contains[c].count)} + 1);
  }

  // The counts behind an item that is counted for those of `meets`; what it must meet joins the terms. None where it
  // cannot be.
  static std::optional<size_t> counting(const ArraySet& arrays, const std::vector<size_t>& strides, size_t counts,
                                        uint32_t meets, Terms& terms) {
    size_t next = counts;
    for (size_t c = 0; c < strides.size(); ++c) {
      const auto& [term, count] = arrays.contains[c];
      if (meets >> c & 1) {
        if (counted(arrays, strides, counts, c) == limit_of(count)) return std::nullopt;
        next += strides[c];
        terms.push_back(term);
      } else if (count.max != kUnbounded) {
        terms.push_back({term.node, !term.negated});
      }
    }
    return next;
  }

  // Any key but these, character by character: behind the first that differs, all may follow.
  ExprId other_keys(const std::vector<std::u32string>& sorted, size_t begin, size_t end, size_t depth) {
    std::vector<ExprId> parts;
    CharSet taken;
    if (begin == end || sorted[begin].size() > depth) {
      parts.push_back(kEmptyText);
    } else {
      while (begin < end && sorted[begin].size() == depth) ++begin;
    }
    while (begin < end) {
      size_t same = begin;
      while (same < end && sorted[same][depth] == sorted[begin][depth]) ++same;
      CharSet one;
      one.add(sorted[begin][depth]);
      taken.add(one);
      parts.push_back(arena_.concat(characters_.one_of(one), other_keys(sorted, begin, same, depth + 1)));
      begin = same;
    }
    parts.push_back(arena_.concat(characters_.one_of(taken.complement()), characters_.any_text()));
    const ExprId expr = arena_.any_of(std::move(parts));
    arena_.set_runs_free(expr);  // whatever comes next, some longer key begins so
    return expr;
  }

  Result<ExprId> undeclared(const std::vector<std::string>& declared, NodeId where) {
    std::vector<std::u32string> keys;
    for (std::string_view key : declared) {
      std::u32string& points = keys.emplace_back();
      while (!key.empty()) {
        const Utf8Unit unit = first_unit(key);
        if (unit.state != Utf8State::kValid || points.size() > kMaxKeyCharacters)
          return expander_.refused(where, "properties", "a key is longer than the limit or no Unicode");
        points += static_cast<char32_t>(unit.code_point);
        key.remove_prefix(unit.length);
      }
    }
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    return keys.empty() ? characters_.any_text() : other_keys(keys, 0, keys.size(), 0);
  }

  Result<std::vector<KeyClass>> key_classes(const ObjectSet& objects, const std::vector<std::string>& declared,
                                            NodeId where) {
    std::vector<ExprId> patterns;
    for (const uint32_t index : objects.rules)
      for (const auto& [expr, term] : expander_.key_rules(index).patterns)
        if (std::find(patterns.begin(), patterns.end(), expr) == patterns.end()) patterns.push_back(expr);
    if (patterns.size() > kMaxKeyPatterns)
      return expander_.refused(where, "patternProperties", "more patterns for one object than the limit of 6");
    std::vector<ExprId> names;
    for (const Terms& terms : objects.names) {
      PUMICE_ASSIGN(const Union all, expander_.expand(terms));
      std::vector<ExprId> options;
      for (const Product& product : all)
        if (product.types & kStringType) options.push_back(expander_.string_content(product.strings));
      names.push_back(arena_.any_of(std::move(options)));
    }
    std::vector<KeyClass> classes;
    for (uint32_t matched = 0; matched < 1u << patterns.size(); ++matched) {
      KeyClass one;
      for (const uint32_t index : objects.rules) add_terms(one.terms, expander_.key_rules(index), patterns, matched);
      if (expander_.impossible(one.terms)) continue;
      PUMICE_ASSIGN(const ExprId keys, undeclared(declared, where));
      std::vector<ExprId> all = names;
      if (!declared.empty() || names.empty()) all.push_back(keys);
      for (size_t i = 0; i < patterns.size(); ++i)
        all.push_back(matched >> i & 1 ? patterns[i] : arena_.complement(patterns[i]));
      const ExprId key = arena_.all_of(std::move(all));
      if (!arena_.alive(key)) continue;
      one.key = arena_.concat({quote_, key, quote_, colon_});
      classes.push_back(std::move(one));
    }
    return classes;
  }

  void add_members(RuleId rule, std::string_view open, Members members, std::string_view close) {
    const Symbol inside = rules_.add(std::move(members));
    rules_.add(rule, {Symbol::terminal(arena_.concat(arena_.text(open), space_)), inside,
                      Symbol::terminal(arena_.concat(space_, arena_.text(close)))});
  }

  static void add_terms(Terms& terms, const KeyRules& rules, const std::vector<ExprId>& patterns, uint32_t matched) {
    bool spoken_of = false;
    for (const auto& [expr, term] : rules.patterns) {
      const auto at = std::find(patterns.begin(), patterns.end(), expr) - patterns.begin();
      if (!(matched >> at & 1)) continue;
      terms.push_back(term);
      spoken_of = true;
    }
    if (!spoken_of && rules.additional) terms.push_back(*rules.additional);
  }

  std::vector<std::string> declared_keys(const ObjectSet& objects) const {
    std::vector<std::string> keys;
    std::map<std::string_view, bool> known;
    for (const uint32_t index : objects.rules)
      for (const auto& property : expander_.key_rules(index).properties)
        if (known.emplace(property.first, true).second) keys.push_back(property.first);
    for (const std::string& key : objects.required)
      if (known.emplace(key, true).second) keys.push_back(key);
    return keys;
  }

  Result<void> add_object(RuleId rule, const ObjectSet& objects, NodeId where);

  Rules& rules_;
  Characters characters_;
  ExprArena& arena_;
  SchemaExpander expander_;
  std::map<Terms, RuleId> rule_of_;
  std::vector<std::pair<const Terms*, RuleId>> open_;  // rules without productions yet
  ExprId space_ = kEmptyText, comma_ = kNever, colon_ = kNever, quote_ = kNever, free_string_ = kNever;
};

Result<void> SchemaCompiler::add_object(RuleId rule, const ObjectSet& objects, NodeId where) {
  const std::vector<std::string> keys = declared_keys(objects);
  PUMICE_ASSIGN(const std::vector<KeyClass> classes, key_classes(objects, keys, where));
  Members members = {.separator = comma_, .min = objects.count.min, .max = objects.count.max};
  const std::set<std::string> required(objects.required.begin(), objects.required.end());
  for (const std::string& key : keys) {
    const bool needed = required.contains(key);
    const Terms terms = expander_.terms_of_key(objects, key);
    if (!needed && expander_.impossible(terms)) continue;
    std::string text;
    append_json_string(text, key);
    members.keys.push_back({{Symbol::terminal(arena_.concat(arena_.text(text), colon_)), value(terms)}, needed});
  }
  for (const KeyClass& one : classes) members.others.push_back({Symbol::terminal(one.key), value(one.terms)});
  if (members.min <= required.size()) members.min = 0;
  if (classes.empty() && members.max >= members.keys.size()) members.max = kUnbounded;
  if (!classes.empty() && members.min > members.keys.size() + 1)
    return expander_.refused(where, "minProperties", "that undeclared keys differ from each other is not supported");
  add_members(rule, "{", std::move(members), "}");
  return {};
}

}  // namespace

Result<std::vector<Symbol>> add_schemas(Rules& rules, SchemaDocument& document, const std::vector<NodeId>& nodes,
                                        const SchemaOptions& options) {
  SchemaCompiler compiler(rules, document, options);
  std::vector<Symbol> symbols;
  for (const NodeId node : nodes) {
    PUMICE_ASSIGN(const Symbol symbol, compiler.add(node));
    symbols.push_back(symbol);
  }
  return symbols;
}

Result<std::shared_ptr<const Grammar>> Grammar::from_schema(const Json& schema, const SchemaOptions& options) {
  SchemaDocument document(schema, options.remotes, options.reference_alone);
  Rules rules;
  PUMICE_ASSIGN(const std::vector<Symbol> root, add_schemas(rules, document, {document.root()}, options));
  Characters characters(rules.exprs(), Spelling::kJson);
  const ExprId unit = characters.one_of(CharSet{{0, 0x1F}, {'"', '"'}, {'\\', '\\'}}.complement());
  if (auto finished = rules.finish(root.front().id); !finished)
    return error(finished.error().status, "schema: %s", finished.error().message.c_str());
  return std::make_shared<const Grammar>(std::move(rules), unit);
}

Result<std::shared_ptr<const Grammar>> Grammar::from_schema_text(std::string_view text, const SchemaOptions& options) {
  PUMICE_ASSIGN(const Json schema, Json::parse(text, {.bytes = kMaxSourceBytes}));
  return from_schema(schema, options);
}

}  // namespace pumice::grammar
