#include "grammar/schema_shape.h"

namespace pumice::grammar {
namespace {

template <typename T>
void append_new(std::vector<T>& to, const std::vector<T>& from) {
  for (const T& value : from)
    if (std::find(to.begin(), to.end(), value) == to.end()) to.push_back(value);
}

}  // namespace

void StringSet::add(const StringSet& other) {
  append_new(all, other.all);
  length.add(other.length);
  if (!other.listed) return;
  if (!listed) {
    listed = other.listed;
  } else {
    std::erase_if(*listed, [&](const std::string& value) {
      return std::find(other.listed->begin(), other.listed->end(), value) == other.listed->end();
    });
  }
}

void ArraySet::add(const ArraySet& other) {
  std::vector<Terms> items;
  for (size_t i = 0; i < std::max(prefix.size(), other.prefix.size()); ++i) {
    items.push_back(item(i));
    append_new(items.back(), other.item(i));
  }
  prefix = std::move(items);
  append_new(rest, other.rest);
  length.add(other.length);
  contains.insert(contains.end(), other.contains.begin(), other.contains.end());
  if (!unique) unique = other.unique;
}

void ObjectSet::add(const ObjectSet& other) {
  append_new(rules, other.rules);
  append_new(required, other.required);
  append_new(names, other.names);
  count.add(other.count);
}

void Product::add(const Product& other) {
  types &= other.types;
  if (types & kNumberType) numbers.add(other.numbers);
  if (types & kStringType) strings.add(other.strings);
  if (types & kArrayType) arrays.add(other.arrays);
  if (types & kObjectType) objects.add(other.objects);
  if (numbers.whole == NumberSet::Whole::kBoth || (numbers.listed && numbers.listed->empty())) types &= ~kNumberType;
  if ((strings.listed && strings.listed->empty()) || strings.length.empty()) types &= ~kStringType;
  if (arrays.length.empty()) types &= ~kArrayType;
  if (objects.count.empty()) types &= ~kObjectType;
}

}  // namespace pumice::grammar
