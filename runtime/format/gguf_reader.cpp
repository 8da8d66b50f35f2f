#include "format/gguf_reader.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "base/integers.h"
#include "format/file_kind.h"

namespace pumice {
namespace {

constexpr uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr uint64_t kDefaultAlignment = 32;
constexpr uint64_t kMaxKeyBytes = 65535;
constexpr uint64_t kMaxTensorNameBytes = 255;
constexpr uint32_t kMaxArrayDepth = 4;
constexpr uint64_t kMinEntryBytes = 8 + 1 + 4 + 1;
constexpr uint64_t kMinTensorBytes = 8 + 1 + 4 + 8 + 4 + 8;
constexpr size_t kReserve = 1024;  // entries allocated before the file has shown that it holds them

bool has_control_characters(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

bool is_value_type(GgufValueType type) {
  return scalar_bytes(type) > 0 || type == GgufValueType::kString || type == GgufValueType::kArray;
}

// Reads one file from front to back; each function either stays within what is readable or says what is wrong.
class PartReader {
 public:
  PartReader(std::span<const std::byte> file, size_t readable)
      : file_(file), readable_(std::min(readable, file.size())) {}

  Result<GgufPart> read();

 private:
  uint64_t remaining() const { return file_.size() - position_; }
  bool has(uint64_t bytes) const { return position_ <= readable_ && bytes <= readable_ - position_; }
  Error ends_inside(const char* what) const;
  template <typename T>
  bool take(T& value);
  bool take_string(std::string_view& text);

  Result<void> read_header();
  Result<void> read_entries();
  Result<void> read_value(std::string_view key, GgufValue& value);
  Result<void> read_array(std::string_view key, GgufValue& value, uint32_t depth);
  Result<void> skip_elements(std::string_view key, const GgufValue& array, uint32_t depth);
  Result<void> check_bools(std::string_view key, std::span<const std::byte> bytes) const;
  Result<void> read_alignment();
  Result<void> read_tensors();
  Result<void> read_tensor(GgufTensor& tensor, uint64_t& offset);
  Result<uint64_t> tensor_bytes(const GgufTensor& tensor) const;
  Result<void> place_tensors();

  std::span<const std::byte> file_;
  size_t readable_ = 0;  // bytes of its beginning
  uint64_t position_ = 0;
  uint64_t tensor_count_ = 0;
  uint64_t entry_count_ = 0;
  uint64_t alignment_ = kDefaultAlignment;
  std::vector<uint64_t> offsets_;  // of each tensor, from the start of the data section
  GgufPart part_;
};

Error PartReader::ends_inside(const char* what) const {
  if (readable_ < file_.size())
    return error(Status::kMalformed, "the metadata does not end within the first %zu bytes (%s lies behind them)",
                 readable_, what);
  return error(Status::kMalformed,
               "the file is cut short or damaged: it ends inside %s (%zu bytes in all); get it again", what,
               file_.size());
}

template <typename T>
bool PartReader::take(T& value) {
  if (!has(sizeof(T))) return false;
  value = load_unaligned<T>(file_.data() + position_);
  position_ += sizeof(T);
  return true;
}

bool PartReader::take_string(std::string_view& text) {
  uint64_t length = 0;
  if (!take(length) || !has(length)) return false;
  text = {reinterpret_cast<const char*>(file_.data() + position_), static_cast<size_t>(length)};
  position_ += length;
  return true;
}

Result<void> PartReader::read_header() {
  uint32_t magic = 0;
  if (!take(magic)) return ends_inside("the header");
  if (magic != kMagic) return not_gguf(file_);
  if (!take(part_.version)) return ends_inside("the header");
  if (part_.version != 0 && (part_.version & 0xffff) == 0)
    return error(Status::kUnsupported, "this GGUF file is big-endian; convert it to little endian");
  if (part_.version == 1)
    return error(Status::kUnsupported, "this is a GGUF file of version 1, which is obsolete; convert the model again");
  if (part_.version < 2 || part_.version > 3)
    return error(Status::kUnsupported, "GGUF version %u is not supported (2 and 3 are); convert the model or update",
                 part_.version);
  if (!take(tensor_count_) || !take(entry_count_)) return ends_inside("the header");
  if (tensor_count_ > remaining() / kMinTensorBytes || tensor_count_ > UINT32_MAX)
    return error(Status::kMalformed, "the header claims %llu tensors, more than a file of %zu bytes can hold",
                 static_cast<unsigned long long>(tensor_count_), file_.size());
  if (entry_count_ > remaining() / kMinEntryBytes || entry_count_ > UINT32_MAX)
    return error(Status::kMalformed, "the header claims %llu metadata entries, more than a file of %zu bytes can hold",
                 static_cast<unsigned long long>(entry_count_), file_.size());
  return {};
}

Result<void> PartReader::check_bools(std::string_view key, std::span<const std::byte> bytes) const {
  if (std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b <= std::byte{1}; })) return {};
  return error(Status::kMalformed, "metadata %s has a truth value that is neither 0 nor 1", quote(key).c_str());
}

Result<void> PartReader::skip_elements(std::string_view key, const GgufValue& array, uint32_t depth) {
  if (array.element_type == GgufValueType::kString) {
    std::string_view ignored;
    for (uint64_t i = 0; i < array.count; ++i)
      if (!take_string(ignored)) return ends_inside(("string array " + quote(key)).c_str());
    return {};
  }
  for (uint64_t i = 0; i < array.count; ++i) {
    GgufValue inner;
    PUMICE_TRY(read_array(key, inner, depth + 1));
  }
  return {};
}

Result<void> PartReader::read_array(std::string_view key, GgufValue& value, uint32_t depth) {
  if (depth > kMaxArrayDepth)
    return error(Status::kMalformed, "metadata %s has arrays nested deeper than %u", quote(key).c_str(),
                 kMaxArrayDepth);
  uint32_t element = 0;
  if (!take(element) || !take(value.count)) return ends_inside(("metadata " + quote(key)).c_str());
  value.type = GgufValueType::kArray;
  value.element_type = static_cast<GgufValueType>(element);
  if (!is_value_type(value.element_type))
    return error(Status::kMalformed, "metadata %s has the unknown element type %u", quote(key).c_str(), element);
  const uint64_t scalar = scalar_bytes(value.element_type);
  const uint64_t smallest = scalar > 0 ? scalar : value.element_type == GgufValueType::kString ? 8 : 12;
  if (value.count > remaining() / smallest)
    return error(Status::kMalformed, "metadata %s claims %llu elements, more than the rest of the file can hold",
                 quote(key).c_str(), static_cast<unsigned long long>(value.count));
  const uint64_t begin = position_;
  if (scalar > 0) {
    if (!has(value.count * scalar)) return ends_inside(("metadata " + quote(key)).c_str());
    position_ += value.count * scalar;
  } else {
    PUMICE_TRY(skip_elements(key, value, depth));
  }
  value.bytes = file_.subspan(begin, position_ - begin);
  if (value.element_type == GgufValueType::kBool) return check_bools(key, value.bytes);
  return {};
}

Result<void> PartReader::read_value(std::string_view key, GgufValue& value) {
  uint32_t number = 0;
  if (!take(number)) return ends_inside(("metadata " + quote(key)).c_str());
  value.type = value.element_type = static_cast<GgufValueType>(number);
  if (!is_value_type(value.type))
    return error(Status::kMalformed, "metadata %s has the unknown type %u", quote(key).c_str(), number);
  if (value.type == GgufValueType::kArray) return read_array(key, value, 1);
  if (value.type == GgufValueType::kString) {
    std::string_view text;
    if (!take_string(text)) return ends_inside(("metadata " + quote(key)).c_str());
    value.bytes = std::as_bytes(std::span(text));
    return {};
  }
  const uint64_t size = scalar_bytes(value.type);
  if (!has(size)) return ends_inside(("metadata " + quote(key)).c_str());
  value.bytes = file_.subspan(position_, size);
  position_ += size;
  if (value.type == GgufValueType::kBool) return check_bools(key, value.bytes);
  return {};
}

Result<void> PartReader::read_entries() {
  std::vector<std::string_view> keys;
  part_.entries.reserve(std::min<uint64_t>(entry_count_, kReserve));
  for (uint64_t i = 0; i < entry_count_; ++i) {
    GgufEntry entry;
    if (!take_string(entry.key)) return ends_inside("a metadata key");
    if (entry.key.empty() || entry.key.size() > kMaxKeyBytes || has_control_characters(entry.key))
      return error(Status::kMalformed, "metadata key %s is not a name of 1 to %u printable bytes",
                   quote(entry.key).c_str(), static_cast<uint32_t>(kMaxKeyBytes));
    PUMICE_TRY(read_value(entry.key, entry.value));
    keys.push_back(entry.key);
    part_.entries.push_back(entry);
  }
  size_t twin = SIZE_MAX;
  part_.entries_by_key = sorted_index(keys, &twin);
  if (twin != SIZE_MAX) return error(Status::kMalformed, "metadata key %s occurs twice", quote(keys[twin]).c_str());
  return {};
}

Result<void> PartReader::read_alignment() {
  const GgufValue* value = part_.find("general.alignment");
  if (!value) return {};
  const std::optional<uint64_t> alignment = value->as_u64();
  if (!alignment || !std::has_single_bit(*alignment) || *alignment > UINT32_MAX)
    return error(Status::kMalformed, "general.alignment is %s, but must be a power of two", render(*value).c_str());
  alignment_ = *alignment;
  return {};
}

Result<uint64_t> PartReader::tensor_bytes(const GgufTensor& tensor) const {
  const TensorTypeInfo* info = tensor_type_info(tensor.type);
  if (!info)
    return error(Status::kUnsupported,
                 "tensor %s has the unknown type %u; update, or quantise the model to another type",
                 quote(tensor.name).c_str(), static_cast<uint32_t>(tensor.type));
  if (tensor.dims[0] % info->block_values != 0)
    return error(Status::kMalformed, "tensor %s has rows of %llu values, not a multiple of the %u of a block of %s",
                 quote(tensor.name).c_str(), static_cast<unsigned long long>(tensor.dims[0]), info->block_values,
                 info->name);
  uint64_t bytes = tensor.dims[0] / info->block_values;
  bool overflow = multiply_overflows(bytes, info->block_bytes, bytes);
  uint64_t values = 1;
  for (size_t i = 0; i < tensor.dims.size(); ++i) {
    overflow |= multiply_overflows(values, tensor.dims[i], values);
    if (i > 0) overflow |= multiply_overflows(bytes, tensor.dims[i], bytes);
  }
  overflow |= values > SIZE_MAX / sizeof(float);  // as which they may be read
  if (overflow)
    return error(Status::kMalformed, "tensor %s has dimensions %s, whose product is too large",
                 quote(tensor.name).c_str(), render_shape(tensor).c_str());
  return bytes;
}

Result<void> PartReader::read_tensor(GgufTensor& tensor, uint64_t& offset) {
  if (!take_string(tensor.name)) return ends_inside("a tensor name");
  if (tensor.name.empty() || tensor.name.size() > kMaxTensorNameBytes || has_control_characters(tensor.name))
    return error(Status::kMalformed, "tensor name %s is not a name of 1 to %u printable bytes",
                 quote(tensor.name).c_str(), static_cast<uint32_t>(kMaxTensorNameBytes));
  const std::string where = "tensor " + quote(tensor.name);
  if (!take(tensor.dim_count)) return ends_inside(where.c_str());
  if (tensor.dim_count < 1 || tensor.dim_count > tensor.dims.size())
    return error(Status::kMalformed, "%s has %u dimensions, but 1 to 4 are possible", where.c_str(), tensor.dim_count);
  for (uint32_t i = 0; i < tensor.dim_count; ++i) {
    if (!take(tensor.dims[i])) return ends_inside(where.c_str());
    if (tensor.dims[i] == 0) return error(Status::kMalformed, "%s has a dimension of 0", where.c_str());
  }
  uint32_t type = 0;
  if (!take(type) || !take(offset)) return ends_inside(where.c_str());
  tensor.type = static_cast<TensorType>(type);
  if (offset % alignment_ != 0)
    return error(Status::kMalformed, "%s lies at offset %llu, which is not aligned to %llu bytes", where.c_str(),
                 static_cast<unsigned long long>(offset), static_cast<unsigned long long>(alignment_));
  return {};
}

Result<void> PartReader::read_tensors() {
  part_.tensors.reserve(std::min<uint64_t>(tensor_count_, kReserve));
  for (uint64_t i = 0; i < tensor_count_; ++i) {
    uint64_t offset = 0;
    PUMICE_TRY(read_tensor(part_.tensors.emplace_back(), offset));
    offsets_.push_back(offset);
  }
  return {};
}

Result<void> PartReader::place_tensors() {
  if (part_.tensors.empty()) return {};
  const uint64_t padding = (alignment_ - position_ % alignment_) % alignment_;
  if (padding > remaining()) return ends_inside("the padding before the tensor data");
  const std::span<const std::byte> section = file_.subspan(position_ + padding);
  for (size_t i = 0; i < part_.tensors.size(); ++i) {
    GgufTensor& tensor = part_.tensors[i];
    PUMICE_ASSIGN(const uint64_t bytes, tensor_bytes(tensor));
    if (offsets_[i] > section.size() || bytes > section.size() - offsets_[i])
      return error(Status::kMalformed,
                   "the data of tensor %s %s lies beyond the end of the file: the file is cut short or damaged",
                   quote(tensor.name).c_str(), render_shape(tensor).c_str());
    tensor.data = section.subspan(offsets_[i], bytes);
  }
  std::vector<uint32_t> order(part_.tensors.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [this](uint32_t a, uint32_t b) { return offsets_[a] < offsets_[b]; });
  for (size_t i = 1; i < order.size(); ++i) {
    const GgufTensor& before = part_.tensors[order[i - 1]];
    if (offsets_[order[i]] - offsets_[order[i - 1]] < before.data.size())
      return error(Status::kMalformed, "the data of tensors %s and %s overlap", quote(before.name).c_str(),
                   quote(part_.tensors[order[i]].name).c_str());
  }
  return {};
}

Result<GgufPart> PartReader::read() {
  PUMICE_TRY(read_header());
  PUMICE_TRY(read_entries());
  PUMICE_TRY(read_alignment());
  PUMICE_TRY(read_tensors());
  PUMICE_TRY(place_tensors());
  return std::move(part_);
}

}  // namespace

GgufValue GgufElements::next() {
  GgufValue element;
  const std::byte* at = array_.bytes.data() + position_;
  element.type = element.element_type = array_.element_type;
  uint64_t header = 0;
  uint64_t size = scalar_bytes(element.type);
  if (element.type == GgufValueType::kString) {
    header = 8;
    size = load_unaligned<uint64_t>(at);
  } else if (element.type == GgufValueType::kArray) {
    header = 12;
    element.element_type = static_cast<GgufValueType>(load_unaligned<uint32_t>(at));
    element.count = load_unaligned<uint64_t>(at + 4);
    size = scalar_bytes(element.element_type) * element.count;
    if (scalar_bytes(element.element_type) == 0) {  // the elements' own lengths have to be added up
      element.bytes = array_.bytes.subspan(position_ + header);
      GgufElements inner(element);
      for (uint64_t i = 0; i < element.count; ++i) inner.next();
      size = inner.position_;
    }
  }
  element.bytes = array_.bytes.subspan(position_ + header, size);
  position_ += header + size;
  return element;
}

std::vector<uint32_t> sorted_index(std::span<const std::string_view> names, size_t* twin) {
  std::vector<uint32_t> order(names.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [names](uint32_t a, uint32_t b) { return names[a] < names[b]; });
  *twin = SIZE_MAX;
  for (size_t i = 1; i < order.size(); ++i)
    if (names[order[i]] == names[order[i - 1]]) *twin = order[i];
  return order;
}

const GgufValue* find_entry(std::span<const GgufEntry> entries, std::span<const uint32_t> by_key,
                            std::string_view key) {
  const auto found = std::lower_bound(by_key.begin(), by_key.end(), key,
                                      [entries](uint32_t i, std::string_view k) { return entries[i].key < k; });
  return found != by_key.end() && entries[*found].key == key ? &entries[*found].value : nullptr;
}

const GgufValue* GgufPart::find(std::string_view key) const { return find_entry(entries, entries_by_key, key); }

Result<GgufPart> read_gguf_part(std::span<const std::byte> file, size_t readable) {
  return PartReader(file, readable).read();
}

}  // namespace pumice
