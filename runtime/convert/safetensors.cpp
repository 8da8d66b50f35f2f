#include "convert/safetensors.h"

#include <algorithm>

#include "base/printable.h"
#include "convert/json.h"

namespace pumice {
namespace {

constexpr uint64_t kMostHeader = 16 << 20;  // some ten times that of the largest models
constexpr size_t kMostDimensions = 8;
constexpr uint64_t kMostBytes = uint64_t{1} << 62;

struct SafeType {
  const char* name;
  uint64_t bytes;
  std::optional<TensorType> type = {};
};
constexpr SafeType kSafeTypes[] = {
    {"F32", 4, TensorType::kF32},
    {"F16", 2, TensorType::kF16},
    {"BF16", 2, TensorType::kBF16},
    {"F64", 8},
    {"F8_E4M3", 1},
    {"F8_E5M2", 1},
    {"I64", 8},
    {"I32", 4},
    {"I16", 2},
    {"I8", 1},
    {"U64", 8},
    {"U32", 4},
    {"U16", 2},
    {"U8", 1},
    {"BOOL", 1},
};

Error damaged(const std::string& name, const char* what) {
  return error(Status::kMalformed, "tensor %s has %s; get the file again", printable(name).c_str(), what);
}

// `data_bytes`: what lies behind the header, which is as long as `begin`.
Result<SafeTensor> read_entry(const std::string& name, const Json& entry, uint64_t begin, uint64_t data_bytes) {
  SafeTensor tensor{.name = name};
  const std::optional<std::string> dtype = text_member(entry, "dtype");
  const Json::Array* shape = array_member(entry, "shape");
  const Json::Array* offsets = array_member(entry, "data_offsets");
  if (!dtype || !shape || !offsets || offsets->size() != 2)
    return damaged(name, "no dtype, shape and data_offsets");
  const auto known = std::find_if(std::begin(kSafeTypes), std::end(kSafeTypes),
                                  [&](const SafeType& type) { return *dtype == type.name; });
  if (known == std::end(kSafeTypes))
    return error(Status::kUnsupported, "tensor %s is of type %s, which is not known", printable(name).c_str(),
                 printable(dtype->substr(0, 32)).c_str());
  tensor.dtype = *dtype;
  tensor.type = known->type;
  uint64_t bytes = known->bytes;
  if (shape->size() > kMostDimensions) return damaged(name, "too many dimensions");
  for (const Json& size : *shape) {
    const std::optional<uint64_t> value = count_of(size);
    if (!value) return damaged(name, "a size that is no number");
    if (*value != 0 && bytes > kMostBytes / *value) return damaged(name, "sizes whose product no file holds");
    bytes *= *value;
    tensor.shape.push_back(*value);
  }
  const std::optional<uint64_t> first = count_of((*offsets)[0]), end = count_of((*offsets)[1]);
  if (!first || !end) return damaged(name, "offsets that are no numbers");
  if (*first > *end || *end > data_bytes) return damaged(name, "offsets outside the file");
  if (*end - *first != bytes) return damaged(name, "another size than its type and shape");
  tensor.offset = begin + *first;
  tensor.bytes = bytes;
  return tensor;
}

}  // namespace

Result<Safetensors> Safetensors::read(std::shared_ptr<const Input> input) {
  uint64_t length = 0;
  if (input->size() < sizeof length) return error(Status::kMalformed, "the file is too short for safetensors");
  PUMICE_TRY(input->read(0, std::as_writable_bytes(std::span(&length, 1))));
  if (length > input->size() - sizeof length || length > kMostHeader)
    return error(Status::kMalformed, "a header of %llu bytes in a file of %llu: this is no safetensors file",
                 static_cast<unsigned long long>(length), static_cast<unsigned long long>(input->size()));
  std::string text(static_cast<size_t>(length), '\0');
  PUMICE_TRY(input->read(sizeof length, std::as_writable_bytes(std::span(text))));
  PUMICE_ASSIGN(const Json header, parse_json_object(text, "the header"));
  const uint64_t begin = sizeof length + length, data_bytes = input->size() - begin;
  Safetensors file;
  for (const auto& [name, entry] : header.members()) {
    if (name == "__metadata__") continue;
    PUMICE_ASSIGN(SafeTensor tensor, read_entry(name, entry, begin, data_bytes));
    file.tensors_.push_back(std::move(tensor));
  }
  std::ranges::sort(file.tensors_, {}, [](const SafeTensor& tensor) { return std::pair(tensor.offset, tensor.bytes); });
  uint64_t at = begin;
  for (const SafeTensor& tensor : file.tensors_) {
    if (tensor.offset != at) return damaged(tensor.name, "a gap before it, or overlaps another");
    at += tensor.bytes;
  }
  if (at != input->size()) return error(Status::kMalformed, "bytes behind the last tensor; get the file again");
  std::ranges::sort(file.tensors_, {}, &SafeTensor::name);
  file.input_ = std::move(input);
  return file;
}

const SafeTensor* Safetensors::find(std::string_view name) const {
  const auto found = std::ranges::lower_bound(tensors_, name, {}, &SafeTensor::name);
  return found != tensors_.end() && found->name == name ? &*found : nullptr;
}

}  // namespace pumice
