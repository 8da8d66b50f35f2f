// Value: what a template computes with: Python's values, as far as chat templates have them.
//
// Lists and dicts are immutable, as in Jinja's sandbox. A container knows how deeply it nests and how much it holds, a
// part that occurs twice counted twice, so that whoever walks one is done soon. Ownership: containers are shared;
// namespaces, macros and loops are the renderer's, which outlives every value that refers to one. Thread rule: one
// thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "text/chat/marked_text.h"

namespace pumice::chat {

class Value;
struct Namespace;
struct Macro;
struct Loop;
using Values = std::vector<Value>;

// The variable's or the attribute's name, for messages.
struct Undefined {
  std::shared_ptr<const std::string> name;
};
struct None {};

enum class ListKind : uint8_t { kList, kTuple, kGenerator };  // a generator's truth is true and it has no length

struct List {
  Values items;
  uint32_t depth = 1;
  uint64_t weight = 1;
};

struct ListRef {
  std::shared_ptr<const List> list;
  ListKind kind = ListKind::kList;
};

// Keys in order of insertion, each once; the later value of a key replaces the earlier.
class Dict {
 public:
  using Entry = std::pair<Value, Value>;
  const std::vector<Entry>& entries() const { return entries_; }
  const Value* find(const Value& key) const;  // null where it is absent or no key can be like it
  const Value* find(std::string_view key) const;
  size_t size() const;
  // False where the key cannot be one (a list, a dict).
  bool set(Value key, Value value);
  uint32_t depth = 1;
  uint64_t weight = 1;

 private:
  static constexpr size_t kLinear = 8;  // so many are searched one by one
  size_t place(const std::string& key) const;
  std::vector<Entry> entries_;
  std::vector<std::string> keys_;  // canonical: equal where Python's are
  std::unordered_map<std::string, size_t> index_;
};

// A function of the library's or a method bound to the value that it belongs to.
struct Function {
  std::string name;
  std::shared_ptr<const Value> self;  // null: a global function
};

class Value {
 public:
  static constexpr uint32_t kMaxDepth = 100;
  static constexpr uint64_t kMaxWeight = uint64_t{1} << 24;

  Value() : of_(Undefined{}) {}
  Value(None none) : of_(none) {}
  Value(Undefined undefined) : of_(std::move(undefined)) {}
  Value(bool value) : of_(value) {}
  Value(int64_t value) : of_(value) {}
  Value(double value) : of_(value) {}
  Value(MarkedText text) : of_(std::make_shared<const MarkedText>(std::move(text))) {}
  Value(ListRef list) : of_(std::move(list)) {}
  Value(std::shared_ptr<const Dict> dict) : of_(std::move(dict)) {}
  Value(Function function) : of_(std::move(function)) {}
  Value(Namespace* space) : of_(space) {}
  Value(const Macro* macro) : of_(macro) {}
  Value(Loop* loop) : of_(loop) {}
  Value(const char*) = delete;  // would be a bool

  template <typename T>
  const T* get() const {
    return std::get_if<T>(&of_);
  }
  bool is_undefined() const { return get<Undefined>() != nullptr; }
  bool is_none() const { return get<None>() != nullptr; }
  const MarkedText* text() const {
    const auto* held = get<std::shared_ptr<const MarkedText>>();
    return held ? held->get() : nullptr;
  }
  const Values* items() const {
    const auto* held = get<ListRef>();
    return held ? &held->list->items : nullptr;
  }
  const Dict* dict() const {
    const auto* held = get<std::shared_ptr<const Dict>>();
    return held ? held->get() : nullptr;
  }
  bool is_number() const { return get<bool>() || get<int64_t>() || get<double>(); }
  uint32_t depth() const;         // 0: no container
  uint64_t weight() const;        // values and bytes in it
  const char* type_name() const;  // Python's

 private:
  std::variant<Undefined, None, bool, int64_t, double, std::shared_ptr<const MarkedText>, ListRef,
               std::shared_ptr<const Dict>, Function, Namespace*, const Macro*, Loop*>
      of_;
};

Value text_value(std::string bytes, bool trusted = true);
// An error where it would nest too deeply or hold too much.
Result<Value> list_value(Values items, ListKind kind = ListKind::kList);
Result<Value> dict_value(Dict dict);

bool truth(const Value& value);
// Python's ==. `work` grows with what is compared.
bool equal(const Value& a, const Value& b, uint64_t& work);
// -1, 0, 1, or an error where Python has no order for the two.
Result<int> order(const Value& a, const Value& b, uint64_t& work);
// Of bool, int or float.
double as_double(const Value& value);
// Of bool or int; nothing else is one.
bool as_integer(const Value& value, int64_t* integer);

}  // namespace pumice::chat
