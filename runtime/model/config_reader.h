// ConfigReader: the keys of one architecture in a model file, and which of them have been read, so that a key that
// could change what the model computes is never passed over.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "format/gguf.h"

namespace pumice {

// Names of keys are given without "<architecture>.". A key of another type than the one asked for, or a number out of
// range, is kMalformed and named. For one call at a time; the file outlives it.
class ConfigReader {
 public:
  ConfigReader(const Gguf& file, std::string_view architecture)
      : file_(file), prefix_(std::string(architecture) + ".") {}

  const Gguf& file() const { return file_; }
  std::string architecture() const { return prefix_.substr(0, prefix_.size() - 1); }
  std::string key(std::string_view name) const { return prefix_ + std::string(name); }
  bool has(std::string_view name) const { return file_.find(key(name)) != nullptr; }

  Result<uint32_t> required(std::string_view name, uint32_t highest);  // 1 to highest
  Result<uint32_t> count(std::string_view name, uint32_t fallback);
  Result<float> number(std::string_view name, float fallback);  // finite
  Result<bool> flag(std::string_view name, bool fallback);
  Result<std::string_view> text(std::string_view name, std::string_view fallback);
  // A number for all layers, or an array with one for each. kUnsupported where they differ.
  Result<uint32_t> for_layers(std::string_view name, uint32_t layers, uint32_t highest);

  // kUnsupported for the first key that was not read and is not known to be inert (model/inert.h).
  Result<void> check_rest() const;

 private:
  const GgufValue* take(std::string_view name);  // nullptr: absent

  const Gguf& file_;
  std::string prefix_;
  std::set<std::string, std::less<>> read_;
};

}  // namespace pumice
