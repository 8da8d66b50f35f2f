#include "model/key_reader.h"

#include <algorithm>
#include <cmath>

#include "model/inert.h"

namespace pumice {

const GgufValue* KeyReader::take(std::string_view name) { return file_.find(*read_.insert(key(name)).first); }

Result<uint32_t> KeyReader::required(std::string_view name, uint32_t highest) {
  const GgufValue* value = take(name);
  const std::optional<uint64_t> number = value ? value->as_u64() : std::nullopt;
  if (!number) return error(Status::kMalformed, "the model file has no usable %s", key(name).c_str());
  if (*number == 0 || *number > highest)
    return error(Status::kMalformed, "%s is %llu, outside 1 to %u", key(name).c_str(),
                 static_cast<unsigned long long>(*number), highest);
  return static_cast<uint32_t>(*number);
}

Result<uint32_t> KeyReader::count(std::string_view name, uint32_t fallback) {
  const GgufValue* value = take(name);
  if (!value) return fallback;
  const std::optional<uint64_t> number = value->as_u64();
  if (!number || *number > UINT32_MAX) return error(Status::kMalformed, "%s is not a count", key(name).c_str());
  return static_cast<uint32_t>(*number);
}

Result<float> KeyReader::number(std::string_view name, float fallback) {
  const GgufValue* value = take(name);
  if (!value) return fallback;
  const std::optional<float> number = value->as_f32();
  if (!number || !std::isfinite(*number))
    return error(Status::kMalformed, "%s is %s, not a finite number", key(name).c_str(), render(*value).c_str());
  return *number;
}

Result<float> KeyReader::factor(std::string_view name, float fallback) {
  PUMICE_ASSIGN(const float value, number(name, fallback));
  return value == 0 ? 1 : value;
}

Result<bool> KeyReader::has_sections() {
  const GgufValue* value = take("rope.dimension_sections");
  if (!value) return false;
  const std::optional<std::vector<int32_t>> sections = value->as_i32_array();
  if (!sections)
    return error(Status::kMalformed, "%s is not an array of counts", key("rope.dimension_sections").c_str());
  return std::any_of(sections->begin(), sections->end(), [](int32_t count) { return count != 0; });
}

Result<bool> KeyReader::flag(std::string_view name, bool fallback) {
  const GgufValue* value = take(name);
  if (!value) return fallback;
  const std::optional<bool> flag = value->as_bool();
  if (!flag) return error(Status::kMalformed, "%s is neither true nor false", key(name).c_str());
  return *flag;
}

Result<std::optional<std::vector<bool>>> KeyReader::layer_flags(std::string_view name, size_t layers) {
  const GgufValue* value = take(name);
  if (!value || !value->is_array()) return std::optional<std::vector<bool>>();
  const std::optional<std::vector<int32_t>> numbers = value->as_i32_array();
  if (!numbers) return error(Status::kMalformed, "%s is not an array of true and false", key(name).c_str());
  if (numbers->size() != layers)
    return error(Status::kMalformed, "%s has %zu values for %zu layers", key(name).c_str(), numbers->size(), layers);
  std::vector<bool> flags;
  for (const int32_t number : *numbers) flags.push_back(number != 0);
  return std::optional(std::move(flags));
}

Result<std::vector<float>> KeyReader::each_number(std::string_view name, size_t layers, float fallback) {
  const GgufValue* value = take(name);
  if (!value || !value->is_array()) {
    PUMICE_ASSIGN(const float one, number(name, fallback));
    return std::vector<float>(layers, one);
  }
  std::optional<std::vector<float>> numbers = value->as_f32_array();
  const auto finite = [](float one) { return std::isfinite(one); };
  if (!numbers || numbers->size() != layers || !std::all_of(numbers->begin(), numbers->end(), finite))
    return error(Status::kMalformed, "%s is not an array of %zu finite numbers", key(name).c_str(), layers);
  return *std::move(numbers);
}

Result<std::string_view> KeyReader::text(std::string_view name, std::string_view fallback) {
  const GgufValue* value = take(name);
  if (!value) return fallback;
  const std::optional<std::string_view> text = value->as_string();
  if (!text) return error(Status::kMalformed, "%s is not a text", key(name).c_str());
  return *text;
}

Result<std::vector<uint32_t>> KeyReader::each_layer(std::string_view name, uint32_t layers, uint32_t highest) {
  const GgufValue* value = take(name);
  const auto checked = [&](std::optional<uint64_t> number, size_t layer) -> Result<uint32_t> {
    if (!number) return error(Status::kMalformed, "the model file has no usable %s", key(name).c_str());
    if (*number <= highest) return static_cast<uint32_t>(*number);
    return error(Status::kMalformed, "%s is %llu in layer %zu, outside 0 to %u", key(name).c_str(),
                 static_cast<unsigned long long>(*number), layer, highest);
  };
  if (!value || !value->is_array()) {
    PUMICE_ASSIGN(const uint32_t one, checked(value ? value->as_u64() : std::nullopt, 0));
    return std::vector<uint32_t>(layers, one);
  }
  if (value->count != layers)
    return error(Status::kMalformed, "%s has %llu values for %u layers", key(name).c_str(),
                 static_cast<unsigned long long>(value->count), layers);
  const std::optional<std::vector<int32_t>> numbers = value->as_i32_array();
  if (!numbers) return error(Status::kMalformed, "%s is not an array of counts", key(name).c_str());
  std::vector<uint32_t> counts;
  for (const int32_t number : *numbers) {
    PUMICE_ASSIGN(const uint32_t count, checked(static_cast<uint32_t>(number), counts.size()));
    counts.push_back(count);
  }
  return counts;
}

Result<void> KeyReader::check_rest() const {
  for (const GgufEntry& entry : file_.metadata()) {
    if (!entry.key.starts_with(prefix_) || read_.contains(entry.key)) continue;
    if (is_inert_key(entry.key.substr(prefix_.size()), entry.value)) continue;
    return error(Status::kUnsupported, "%s = %s may change what the model computes and is not supported",
                 quote(entry.key).c_str(), render(entry.value).c_str());
  }
  return {};
}

}  // namespace pumice
