// Filters of lists and dicts.
#include <algorithm>
#include <optional>

#include "text/chat/filters.h"
#include "text/chat/python.h"

namespace pumice::chat {
namespace {

using Items = std::shared_ptr<const List>;

Result<Items> items_of(const FilterCall& call) {
  PUMICE_ASSIGN(Items items, call.evaluator.iterated(call.input));
  PUMICE_TRY(call.evaluator.work(items->items.size()));
  return items;
}

Result<Value> first(const FilterCall& call) {
  PUMICE_ASSIGN(const Items list, items_of(call));
  return list->items.empty() ? Value() : list->items.front();
}

Result<Value> last(const FilterCall& call) {
  PUMICE_ASSIGN(const Items list, items_of(call));
  return list->items.empty() ? Value() : list->items.back();
}

Result<Value> to_list(const FilterCall& call) {
  PUMICE_ASSIGN(const Items list, items_of(call));
  return list_value(list->items);
}

Result<Value> reverse(const FilterCall& call) {
  PUMICE_ASSIGN(const Items list, items_of(call));
  Values items(list->items.rbegin(), list->items.rend());
  if (!call.input.text()) return list_value(std::move(items), ListKind::kGenerator);
  MarkedText text;
  for (const Value& item : items) text.append(*item.text());
  return Value(std::move(text));
}

Result<Value> join(const FilterCall& call) {
  PUMICE_ASSIGN(const Items list, items_of(call));
  const Value *by = call.get(0, "d"), *path = call.get(1, "attribute");
  const MarkedText between = by ? str(*by) : MarkedText();
  MarkedText text;
  for (size_t i = 0; i < list->items.size(); ++i) {
    Value item = list->items[i];
    if (path) {
      PUMICE_ASSIGN(item, value_at(call.evaluator, item, *path));
    }
    if (i > 0) text.append(between);
    text.append(str(item));
    PUMICE_TRY(call.evaluator.work((between.size() + item.weight()) / 16));
  }
  return Value(std::move(text));
}

Result<Value> items(const FilterCall& call) {
  if (call.input.is_undefined()) return list_value({}, ListKind::kGenerator);
  const Dict* dict = call.input.dict();
  if (!dict) return error(Status::kInvalidArgument, "the filter items takes a dict, not %s", call.input.type_name());
  return call_method(call.evaluator, call.input, "items", {});
}

// Sorts by keys that have an order; stable, in whatever direction.
Result<Values> sorted(const FilterCall& call, const Values& values, const std::vector<Value>& keys, bool reverse) {
  std::vector<size_t> places(values.size());
  for (size_t i = 0; i < places.size(); ++i) places[i] = i;
  uint64_t cost = 0;
  std::optional<Error> problem;
  std::stable_sort(places.begin(), places.end(), [&](size_t a, size_t b) {
    if (problem) return false;
    const Result<int> way = order(keys[a], keys[b], cost);
    if (!way) problem = way.error();
    return way && (reverse ? *way > 0 : *way < 0);
  });
  if (problem) return *problem;
  PUMICE_TRY(call.evaluator.work(cost));
  Values made;
  for (const size_t place : places) made.push_back(values[place]);
  return made;
}

Result<Value> sort(const FilterCall& call) {
  PUMICE_ASSIGN(const Items list, items_of(call));
  const bool keeps_case = call.flag(1, "case_sensitive", false);
  const Value* path = call.get(2, "attribute");
  std::vector<Value> keys;
  for (const Value& item : list->items) {
    Value key = item;
    if (path && !path->is_none()) {
      PUMICE_ASSIGN(key, value_at(call.evaluator, item, *path));
    }
    keys.push_back(keeps_case ? key : folded(key));
  }
  PUMICE_ASSIGN(Values made, sorted(call, list->items, keys, call.flag(0, "reverse", false)));
  return list_value(std::move(made));
}

Result<Value> dictsort(const FilterCall& call) {
  const Dict* dict = call.input.dict();
  if (!dict) return error(Status::kInvalidArgument, "the filter dictsort takes a dict, not %s", call.input.type_name());
  const bool keeps_case = call.flag(0, "case_sensitive", false);
  const Value* by = call.get(1, "by");
  const bool by_value = by && by->text() && by->text()->bytes() == "value";
  PUMICE_ASSIGN(const Value pairs, call_method(call.evaluator, call.input, "items", {}));
  std::vector<Value> keys;
  for (const auto& [key, value] : dict->entries())
    keys.push_back(keeps_case ? (by_value ? value : key) : folded(by_value ? value : key));
  PUMICE_ASSIGN(Values made, sorted(call, *pairs.items(), keys, call.flag(2, "reverse", false)));
  return list_value(std::move(made));
}

// The least or the greatest.
Result<Value> extreme(const FilterCall& call) {
  PUMICE_ASSIGN(const Items list, items_of(call));
  const bool keeps_case = call.flag(0, "case_sensitive", false);
  const Value* path = call.get(1, "attribute");
  Value best, best_key;
  uint64_t cost = 0;
  for (size_t i = 0; i < list->items.size(); ++i) {
    Value key = list->items[i];
    if (path) {
      PUMICE_ASSIGN(key, value_at(call.evaluator, key, *path));
    }
    if (!keeps_case) key = folded(key);
    int way = -1;
    if (i > 0) {
      PUMICE_ASSIGN(way, order(key, best_key, cost));
      if (call.name == "max") way = -way;
    }
    if (way >= 0) continue;
    best = list->items[i];
    best_key = std::move(key);
  }
  PUMICE_TRY(call.evaluator.work(cost));
  return best;
}

Result<Value> sum(const FilterCall& call) {
  PUMICE_ASSIGN(const Items list, items_of(call));
  const Value *path = call.get(0, "attribute"), *start = call.get(1, "start");
  Value total = start ? *start : Value(int64_t{0});
  for (const Value& item : list->items) {
    Value one = item;
    if (path) {
      PUMICE_ASSIGN(one, value_at(call.evaluator, item, *path));
    }
    PUMICE_ASSIGN(total, call.evaluator.operate("+", total, one));
  }
  return total;
}

Result<Value> unique(const FilterCall& call) {
  PUMICE_ASSIGN(const Items list, items_of(call));
  const bool keeps_case = call.flag(0, "case_sensitive", false);
  const Value* path = call.get(1, "attribute");
  Dict seen;
  Values made;
  for (const Value& item : list->items) {
    Value key = item;
    if (path) {
      PUMICE_ASSIGN(key, value_at(call.evaluator, item, *path));
    }
    if (!keeps_case) key = folded(key);
    if (seen.find(key)) continue;
    if (!seen.set(key, Value(true)))
      return error(Status::kInvalidArgument, "the filter unique of %s", item.type_name());
    made.push_back(item);
  }
  return list_value(std::move(made), ListKind::kGenerator);
}

Result<Value> map(const FilterCall& call) {
  PUMICE_ASSIGN(const Items list, items_of(call));
  const Value *path = nullptr, *otherwise = nullptr;
  for (const Named& named : call.arguments.named) {
    if (named.first == "attribute") path = &named.second;
    if (named.first == "default") otherwise = &named.second;
  }
  CallArguments others = call.arguments;
  std::string name;
  if (!path) {
    if (others.positional.empty() || !others.positional[0].text())
      return error(Status::kInvalidArgument, "the filter map takes a filter's name or attribute=");
    name = others.positional[0].text()->bytes();
    others.positional.erase(others.positional.begin());
  }
  Values made;
  for (const Value& item : list->items) {
    Result<Value> value = path ? value_at(call.evaluator, item, *path) : call.evaluator.filter(name, item, others);
    if (!value) return value;
    made.push_back(value->is_undefined() && otherwise ? *otherwise : std::move(*value));
  }
  return list_value(std::move(made), ListKind::kGenerator);
}

// select, reject, selectattr, rejectattr.
Result<Value> choose(const FilterCall& call) {
  PUMICE_ASSIGN(const Items list, items_of(call));
  const bool of_attribute = call.name.ends_with("attr"), wanted = call.name.starts_with("select");
  CallArguments others = call.arguments;
  const auto take = [&] {
    Value value = others.positional.front();
    others.positional.erase(others.positional.begin());
    return value;
  };
  Value path;
  if (of_attribute) {
    if (others.positional.empty())
      return error(Status::kInvalidArgument, "the filter %s takes an attribute", call.name.c_str());
    path = take();
  }
  std::string name;
  if (!others.positional.empty()) name = str(take()).bytes();
  Values made;
  for (const Value& item : list->items) {
    Value value = item;
    if (of_attribute) {
      PUMICE_ASSIGN(value, value_at(call.evaluator, item, path));
    }
    bool holds = truth(value);
    if (!name.empty()) {
      PUMICE_ASSIGN(holds, call.evaluator.test(name, value, others));
    }
    if (holds == wanted) made.push_back(item);
  }
  return list_value(std::move(made), ListKind::kGenerator);
}

Result<Value> batch(const FilterCall& call) {
  PUMICE_ASSIGN(const Items list, items_of(call));
  const int64_t size = call.integer(0, "linecount", 0);
  if (size <= 0) return error(Status::kInvalidArgument, "the filter batch takes a positive number");
  Values rows, row;
  for (const Value& item : list->items) {
    row.push_back(item);
    if (row.size() < static_cast<size_t>(size)) continue;
    PUMICE_ASSIGN(Value made, list_value(std::exchange(row, {})));
    rows.push_back(std::move(made));
  }
  if (!row.empty()) {
    PUMICE_ASSIGN(Value made, list_value(std::move(row)));
    rows.push_back(std::move(made));
  }
  return list_value(std::move(rows), ListKind::kGenerator);
}

}  // namespace

Filter list_filter(std::string_view name) {
  static constexpr std::pair<std::string_view, Filter> kFilters[] = {
      {"first", &first},       {"last", &last},     {"list", &to_list},  {"reverse", &reverse},
      {"join", &join},         {"items", &items},   {"sort", &sort},     {"dictsort", &dictsort},
      {"min", &extreme},       {"max", &extreme},   {"sum", &sum},       {"unique", &unique},
      {"map", &map},           {"select", &choose}, {"reject", &choose}, {"selectattr", &choose},
      {"rejectattr", &choose}, {"batch", &batch}};
  for (const auto& [known, filter] : kFilters)
    if (known == name) return filter;
  return nullptr;
}

}  // namespace pumice::chat
