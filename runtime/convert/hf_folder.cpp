#include "convert/hf_folder.h"

#include <algorithm>

#include "base/printable.h"
#include "format/dequantize.h"

namespace pumice {
namespace {

constexpr uint64_t kMostJson = 64 << 20;  // tokenizer.json of 250,000 tokens has 17 MB
constexpr size_t kMostShards = 1000;

}  // namespace

Result<HfFolder> HfFolder::open(const std::string& folder, std::string prefix) {
  HfFolder opened;
  opened.folder_ = folder;
  opened.prefix_ = std::move(prefix);
  PUMICE_ASSIGN(opened.config_, opened.read_json("config.json"));
  PUMICE_TRY(opened.open_tensors());
  return opened;
}

Result<void> HfFolder::open_tensors() {
  std::set<std::string> names;
  if (has_file("model.safetensors")) {
    names.insert("model.safetensors");
  } else if (has_file("model.safetensors.index.json")) {
    PUMICE_ASSIGN(const Json index, read_json("model.safetensors.index.json"));
    if (const Json* map = member(index, "weight_map"); map && map->is_object())
      for (const auto& [tensor, file] : map->members())
        if (file.is_string()) names.insert(file.as_string());
  } else if (has_file("pytorch_model.bin")) {
    return error(Status::kUnsupported,
                 "%s has its weights in pytorch_model.bin, which only a program can be read from; "
                 "save the model as model.safetensors",
                 folder_.c_str());
  }
  if (names.empty() || names.size() > kMostShards)
    return error(Status::kNotFound, "%s has no model.safetensors", folder_.c_str());
  for (const std::string& name : names) {
    if (name.find('/') != std::string::npos || !name.ends_with(".safetensors"))
      return error(Status::kMalformed, "model.safetensors.index.json names a file %s", printable(name).c_str());
    PUMICE_ASSIGN(std::shared_ptr<const Input> input, Input::open(path(name)));
    Result<Safetensors> file = Safetensors::read(std::move(input));
    if (!file) return error(file.error().status, "%s: %s", path(name).c_str(), file.error().message.c_str());
    files_.push_back(std::move(*file));
  }
  return {};
}

std::string HfFolder::model_name() const {
  if (const auto name = text_member(config_, "_name_or_path"); name && !name->empty() && name->size() < 256)
    return *name;
  const size_t slash = folder_.find_last_not_of('/');
  const std::string trimmed = folder_.substr(0, slash == std::string::npos ? 0 : slash + 1);
  return trimmed.substr(trimmed.rfind('/') + 1);
}

bool HfFolder::has_file(const std::string& name) const { return File::open(path(name), FileAccess::kRead).ok(); }

Result<Json> HfFolder::read_json(const std::string& name) const {
  Result<std::string> text = read_text_file(path(name), kMostJson);
  if (!text) return std::move(text).error();
  return parse_json_object(*text, path(name));
}

Result<uint64_t> HfFolder::count(const char* key, uint64_t most) const {
  const std::optional<uint64_t> value = count_member(config_, key);
  if (!value || *value == 0 || *value > most)
    return error(Status::kMalformed, "%s: %s is not a number from 1 to %llu", path("config.json").c_str(), key,
                 static_cast<unsigned long long>(most));
  return *value;
}

Result<void> HfFolder::expect(const char* key, std::initializer_list<std::string_view> values) const {
  const Json* value = member(config_, key);
  if (!value) return {};
  const std::string text = text_member(config_, key).value_or("something else");
  if (std::ranges::find(values, text) != values.end()) return {};
  return error(Status::kUnsupported, "%s is %s, which is not supported", key, printable(text.substr(0, 64)).c_str());
}

HfFolder::Found HfFolder::find(std::string_view name) const {
  for (const Safetensors& file : files_)
    for (const std::string& full : {std::string(name), prefix_ + std::string(name)})
      if (const SafeTensor* tensor = file.find(full)) return {tensor, file.input()};
  return {};
}

Result<PlannedTensor> HfFolder::tensor(std::string ours, const std::string& theirs, std::vector<uint64_t> shape) {
  const Found found = find(theirs);
  if (!found.tensor) return error(Status::kMalformed, "the tensor %s is missing", theirs.c_str());
  if (!found.tensor->type)
    return error(Status::kUnsupported, "the tensor %s is of type %s, which is not converted", theirs.c_str(),
                 found.tensor->dtype.c_str());
  if (found.tensor->shape != shape)
    return error(Status::kMalformed, "the tensor %s has not the shape that config.json says", theirs.c_str());
  used_.insert(found.tensor->name);
  return PlannedTensor{.name = std::move(ours),
                       .sizes = {shape.rbegin(), shape.rend()},
                       .source = file_source(found.input, *found.tensor->type, found.tensor->offset)};
}

Result<std::vector<float>> HfFolder::values(const std::string& theirs, uint64_t count) {
  const Found found = find(theirs);
  if (!found.tensor) return error(Status::kMalformed, "the tensor %s is missing", theirs.c_str());
  PUMICE_ASSIGN(const PlannedTensor planned, tensor("", theirs, found.tensor->shape));
  if (planned.values() != count)
    return error(Status::kMalformed, "the tensor %s has not %llu values", theirs.c_str(),
                 static_cast<unsigned long long>(count));
  std::vector<std::byte> bytes(static_cast<size_t>(planned.source_bytes()));
  PUMICE_TRY(planned.source.read(0, bytes));
  std::vector<float> values(static_cast<size_t>(count));
  dequantize_blocks(planned.source.type, bytes, values);
  return values;
}

Result<void> HfFolder::check_all_used(std::initializer_list<std::string_view> unused) const {
  for (const Safetensors& file : files_)
    for (const SafeTensor& tensor : file.tensors()) {
      const auto is_part = [&](std::string_view part) { return tensor.name.find(part) != std::string::npos; };
      if (!used_.contains(tensor.name) && std::ranges::none_of(unused, is_part))
        return error(Status::kUnsupported, "the tensor %s is not one that such a model has",
                     printable(tensor.name).c_str());
    }
  return {};
}

}  // namespace pumice
