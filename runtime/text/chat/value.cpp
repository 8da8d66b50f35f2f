#include "text/chat/value.h"

#include <algorithm>
#include <cmath>

#include "text/chat/python.h"

namespace pumice::chat {
namespace {

// Equal for keys that Python takes as one: 1, 1.0 and true.
bool canonical_key(const Value& key, std::string& to) {
  if (const MarkedText* text = key.text()) {
    to = "s" + text->bytes();
  } else if (key.is_none()) {
    to = "z";
  } else if (int64_t integer = 0; as_integer(key, &integer)) {
    to = "i" + std::to_string(integer);
  } else if (const double* number = key.get<double>()) {
    const bool whole = *number == std::floor(*number) && std::fabs(*number) < 9e18;
    to = whole ? "i" + std::to_string(static_cast<int64_t>(*number)) : "f" + float_text(*number);
  } else if (const ListRef* list = key.get<ListRef>(); list && list->kind == ListKind::kTuple) {
    to = "t";
    for (const Value& item : list->list->items) {
      std::string part;
      if (!canonical_key(item, part)) return false;
      to += std::to_string(part.size()) + ":" + part;
    }
  } else {
    return false;
  }
  return true;
}

Result<void> check_size(uint32_t depth, uint64_t weight) {
  if (depth > Value::kMaxDepth) return error(Status::kUnsupported, "lists and dicts nest more than %u deep", depth - 1);
  if (weight > Value::kMaxWeight) return error(Status::kUnsupported, "a list or dict holds too much");
  return {};
}

bool equal_dicts(const Dict& a, const Dict& b, uint64_t& work) {
  if (a.size() != b.size()) return false;
  for (const auto& [key, value] : a.entries()) {
    const Value* other = b.find(key);
    if (!other || !equal(value, *other, work)) return false;
  }
  return true;
}

int sign(double difference) { return difference < 0 ? -1 : (difference > 0 ? 1 : 0); }

}  // namespace

size_t Dict::size() const { return entries_.size(); }

size_t Dict::place(const std::string& key) const {
  if (keys_.size() <= kLinear) return static_cast<size_t>(std::find(keys_.begin(), keys_.end(), key) - keys_.begin());
  const auto found = index_.find(key);
  return found == index_.end() ? keys_.size() : found->second;
}

const Value* Dict::find(const Value& key) const {
  std::string canonical;
  if (!canonical_key(key, canonical)) return nullptr;
  const size_t at = place(canonical);
  return at < entries_.size() ? &entries_[at].second : nullptr;
}

const Value* Dict::find(std::string_view key) const {
  const size_t at = place("s" + std::string(key));
  return at < entries_.size() ? &entries_[at].second : nullptr;
}

bool Dict::set(Value key, Value value) {
  std::string canonical;
  if (!canonical_key(key, canonical)) return false;
  depth = std::max({depth, value.depth() + 1, key.depth() + 1});
  weight += key.weight() + value.weight();
  const size_t at = place(canonical);
  if (at < entries_.size()) {
    entries_[at].second = std::move(value);
    return true;
  }
  entries_.emplace_back(std::move(key), std::move(value));
  keys_.push_back(canonical);
  if (keys_.size() == kLinear + 1) {
    for (size_t i = 0; i < keys_.size(); ++i) index_.emplace(keys_[i], i);
  } else if (keys_.size() > kLinear) {
    index_.emplace(std::move(canonical), at);
  }
  return true;
}

uint32_t Value::depth() const {
  if (const ListRef* held = get<ListRef>()) return held->list->depth;
  if (const Dict* held = dict()) return held->depth;
  if (const Function* function = get<Function>()) return function->self ? function->self->depth() + 1 : 0;
  return 0;
}

uint64_t Value::weight() const {
  if (const ListRef* held = get<ListRef>()) return held->list->weight;
  if (const Dict* held = dict()) return held->weight;
  return text() ? 1 + text()->size() : 1;
}

const char* Value::type_name() const {
  if (is_undefined()) return "Undefined";
  if (is_none()) return "NoneType";
  if (get<bool>()) return "bool";
  if (get<int64_t>()) return "int";
  if (get<double>()) return "float";
  if (text()) return "str";
  if (const ListRef* held = get<ListRef>())
    return held->kind == ListKind::kList ? "list" : (held->kind == ListKind::kTuple ? "tuple" : "generator");
  if (dict()) return "dict";
  if (get<Namespace*>()) return "Namespace";
  if (get<const Macro*>()) return "Macro";
  return get<Loop*>() ? "LoopContext" : "method";
}

Value text_value(std::string bytes, bool trusted) { return MarkedText(std::move(bytes), trusted); }

Result<Value> list_value(Values items, ListKind kind) {
  List list{std::move(items)};
  for (const Value& item : list.items) {
    list.depth = std::max(list.depth, item.depth() + 1);
    list.weight += item.weight();
  }
  PUMICE_TRY(check_size(list.depth, list.weight));
  return Value(ListRef{std::make_shared<const List>(std::move(list)), kind});
}

Result<Value> dict_value(Dict dict) {
  PUMICE_TRY(check_size(dict.depth, dict.weight));
  return Value(std::make_shared<const Dict>(std::move(dict)));
}

bool truth(const Value& value) {
  if (value.is_undefined() || value.is_none()) return false;
  if (const bool* flag = value.get<bool>()) return *flag;
  if (const int64_t* integer = value.get<int64_t>()) return *integer != 0;
  if (const double* number = value.get<double>()) return *number != 0;
  if (const MarkedText* text = value.text()) return !text->empty();
  if (const ListRef* list = value.get<ListRef>())
    return list->kind == ListKind::kGenerator || !list->list->items.empty();
  if (const Dict* dict = value.dict()) return dict->size() > 0;
  return true;
}

bool as_integer(const Value& value, int64_t* integer) {
  if (const bool* flag = value.get<bool>()) {
    *integer = *flag ? 1 : 0;
  } else if (const int64_t* number = value.get<int64_t>()) {
    *integer = *number;
  } else {
    return false;
  }
  return true;
}

double as_double(const Value& value) {
  if (const double* number = value.get<double>()) return *number;
  int64_t integer = 0;
  as_integer(value, &integer);
  return static_cast<double>(integer);
}

bool equal(const Value& a, const Value& b, uint64_t& work) {
  ++work;
  int64_t left = 0, right = 0;
  if (as_integer(a, &left) && as_integer(b, &right)) return left == right;
  if (a.is_number() && b.is_number()) return as_double(a) == as_double(b);
  if (const MarkedText *x = a.text(), *y = b.text(); x && y) {
    work += std::min(x->size(), y->size()) / 64;
    return x->bytes() == y->bytes();
  }
  if (const ListRef *x = a.get<ListRef>(), *y = b.get<ListRef>(); x && y) {
    if (x->kind != y->kind || x->list->items.size() != y->list->items.size()) return false;
    for (size_t i = 0; i < x->list->items.size(); ++i)
      if (!equal(x->list->items[i], y->list->items[i], work)) return false;
    return true;
  }
  if (const Dict *x = a.dict(), *y = b.dict(); x && y) return equal_dicts(*x, *y, work);
  if (a.get<Namespace*>() && b.get<Namespace*>()) return *a.get<Namespace*>() == *b.get<Namespace*>();
  if (a.get<const Macro*>() && b.get<const Macro*>()) return *a.get<const Macro*>() == *b.get<const Macro*>();
  return (a.is_none() && b.is_none()) || (a.is_undefined() && b.is_undefined());
}

Result<int> order(const Value& a, const Value& b, uint64_t& work) {
  ++work;
  int64_t left = 0, right = 0;
  if (as_integer(a, &left) && as_integer(b, &right)) return left < right ? -1 : (left > right ? 1 : 0);
  if (a.is_number() && b.is_number()) return sign(as_double(a) - as_double(b));
  if (const MarkedText *x = a.text(), *y = b.text(); x && y) {
    work += std::min(x->size(), y->size()) / 64;
    return sign(x->bytes().compare(y->bytes()));  // UTF-8 sorts as its code points do
  }
  const Values *x = a.items(), *y = b.items();
  if (x && y) {
    for (size_t i = 0; i < std::min(x->size(), y->size()); ++i) {
      if (equal((*x)[i], (*y)[i], work)) continue;
      return order((*x)[i], (*y)[i], work);
    }
    return x->size() < y->size() ? -1 : (x->size() > y->size() ? 1 : 0);
  }
  return error(Status::kInvalidArgument, "there is no order between %s and %s", a.type_name(), b.type_name());
}

}  // namespace pumice::chat
