// HfFolder: a model of Hugging Face: config.json, the table of its tensors, and the files of its tokenizer.
#pragma once

#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "convert/json.h"
#include "convert/plan.h"
#include "convert/safetensors.h"

namespace pumice {

class HfFolder {
 public:
  // `prefix`: what names may or may not begin with: "model.".
  static Result<HfFolder> open(const std::string& folder, std::string prefix);

  const Json& config() const { return config_; }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  std::string model_name() const;
  bool has_file(const std::string& name) const;
  // A JSON file of it, in config()'s form; empty where there is none.
  Result<Json> read_json(const std::string& name) const;

  // Numbers of config.json, from 1 to `most`. Status::kMalformed: there is none.
  Result<uint64_t> count(const char* key, uint64_t most) const;
  // Status::kUnsupported unless the text is one of these, or absent.
  Result<void> expect(const char* key, std::initializer_list<std::string_view> values) const;

  bool has(std::string_view name) const { return find(name).tensor != nullptr; }
  // The tensor `theirs` under the name `ours`, which must have that shape (outermost first).
  Result<PlannedTensor> tensor(std::string ours, const std::string& theirs, std::vector<uint64_t> shape);
  // A small one's values.
  Result<std::vector<float>> values(const std::string& theirs, uint64_t count);
  // Status::kUnsupported for a tensor that was not asked for, but for those whose names contain one of these.
  Result<void> check_all_used(std::initializer_list<std::string_view> unused) const;

 private:
  struct Found {
    const SafeTensor* tensor = nullptr;
    std::shared_ptr<const Input> input;
  };
  Found find(std::string_view name) const;
  Result<void> open_tensors();

  std::string folder_, prefix_;
  Json config_;
  std::vector<Safetensors> files_;
  std::set<std::string> used_;
};

}  // namespace pumice
