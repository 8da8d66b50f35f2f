// KeyReader: the keys of one architecture in a model file, and which of them have been read, so that a key that
// could change what the model computes is never passed over.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "format/gguf.h"

namespace pumice {

// Names of keys are given without "<architecture>.". A key of another type than the one asked for, or a number out of
// range, is kMalformed and named. For one call at a time; the file outlives it.
class KeyReader {
 public:
  KeyReader(const Gguf& file, std::string_view architecture) : file_(file), prefix_(std::string(architecture) + ".") {}

  const Gguf& file() const { return file_; }
  std::string architecture() const { return prefix_.substr(0, prefix_.size() - 1); }
  std::string key(std::string_view name) const { return prefix_ + std::string(name); }
  bool has(std::string_view name) const { return file_.find(key(name)) != nullptr; }

  // Reads a key that changes nothing here, whatever its value.
  void accept(std::string_view name) { take(name); }
  // The family does not divide its angles by rope_freqs.weight.
  void ignore_rope_factors() { rope_factors_ = false; }
  bool has_rope_factors() const { return rope_factors_; }
  // Whether rope.dimension_sections has any dimension.
  Result<bool> has_sections();

  Result<uint32_t> required(std::string_view name, uint32_t highest);  // 1 to highest
  Result<uint32_t> count(std::string_view name, uint32_t fallback);
  Result<float> number(std::string_view name, float fallback);      // finite
  Result<float> factor(std::string_view name, float fallback = 1);  // not 0; a 0 in the file means none: 1
  Result<bool> flag(std::string_view name, bool fallback);
  // One for each layer; nothing where it is no array.
  Result<std::optional<std::vector<bool>>> layer_flags(std::string_view name, size_t layers);
  // One for each layer: from a number for all of them or an array; `fallback` where there is no such key.
  Result<std::vector<float>> each_number(std::string_view name, size_t layers, float fallback);
  Result<std::string_view> text(std::string_view name, std::string_view fallback);
  // One for each layer, 0 to highest: from a number for all of them or an array.
  Result<std::vector<uint32_t>> each_layer(std::string_view name, uint32_t layers, uint32_t highest);

  // kUnsupported for the first key that was not read and is not known to be inert (model/inert.h).
  Result<void> check_rest() const;

 private:
  const GgufValue* take(std::string_view name);  // nullptr: absent

  const Gguf& file_;
  std::string prefix_;
  std::set<std::string, std::less<>> read_;
  bool rope_factors_ = true;
};

}  // namespace pumice
