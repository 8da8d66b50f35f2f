#include "convert/ct2_file.h"

#include "base/printable.h"
#include "format/dequantize.h"

namespace pumice {
namespace {

constexpr uint32_t kNewestCt2 = 6, kTypedCt2 = 4, kAliasedCt2 = 3, kNamedCt2 = 2;  // versions
constexpr uint32_t kMostCt2Dimensions = 8;
constexpr uint64_t kMostValues = uint64_t{1} << 60;
constexpr TensorType kCt2Types[] = {TensorType::kF32, TensorType::kI8,  TensorType::kI16,
                                    TensorType::kI32, TensorType::kF16, TensorType::kBF16};

Result<std::string> take_name(InputReader& reader) {
  PUMICE_ASSIGN(const uint16_t length, reader.number<uint16_t>());
  std::string name(length, '\0');
  PUMICE_TRY(reader.take(std::as_writable_bytes(std::span(name))));
  if (name.empty() || name.back() != '\0') return error(Status::kMalformed, "a name in the file has no end");
  name.pop_back();
  return name;
}

Result<TensorType> take_type(InputReader& reader, uint32_t version, const std::string& name) {
  PUMICE_ASSIGN(const uint8_t number, reader.number<uint8_t>());
  if (version >= kTypedCt2 && number < std::size(kCt2Types)) return kCt2Types[number];
  if (version < kTypedCt2 && number == 4) return TensorType::kF32;  // bytes of a value
  if (version < kTypedCt2 && number == 2) return TensorType::kI16;
  if (version < kTypedCt2 && number == 1) return TensorType::kI8;
  return error(Status::kUnsupported, "variable %s is of type %u, which is not known", printable(name).c_str(), number);
}

Result<Ct2Variable> take_variable(InputReader& reader, uint32_t version, const std::string& name) {
  Ct2Variable variable;
  PUMICE_ASSIGN(const uint8_t rank, reader.number<uint8_t>());
  if (rank > kMostCt2Dimensions)
    return error(Status::kMalformed, "variable %s has %u dimensions", printable(name).c_str(), rank);
  uint64_t values = 1;
  for (uint32_t i = 0; i < rank; ++i) {
    PUMICE_ASSIGN(const uint32_t size, reader.number<uint32_t>());
    variable.shape.push_back(size);
    if (size != 0 && values > kMostValues / size) return error(Status::kMalformed, "a product that no file holds");
    values *= size;
  }
  PUMICE_ASSIGN(variable.type, take_type(reader, version, name));
  const uint64_t width = listed_type(variable.type).block_bytes;
  PUMICE_ASSIGN(const uint32_t stored, reader.number<uint32_t>());
  variable.bytes = version >= kTypedCt2 ? stored : stored * width;
  if (variable.bytes != values * width)
    return error(Status::kMalformed, "variable %s has another size than its type and shape", printable(name).c_str());
  variable.offset = reader.position();
  PUMICE_TRY(reader.skip(variable.bytes));
  return variable;
}

}  // namespace

uint64_t Ct2Variable::values() const {
  uint64_t product = 1;
  for (const uint64_t size : shape) product *= size;
  return product;
}

Result<Ct2File> Ct2File::read(std::shared_ptr<const Input> input) {
  Ct2File file;
  InputReader reader(input);
  PUMICE_ASSIGN(const uint32_t version, reader.number<uint32_t>());
  if (version == 0 || version > kNewestCt2)
    return error(Status::kUnsupported, "version %u of CTranslate2's format is not known (1 to %u are)", version,
                 kNewestCt2);
  if (version >= kNamedCt2) {
    PUMICE_ASSIGN(file.spec_, take_name(reader));
    PUMICE_TRY(reader.skip(sizeof(uint32_t)));  // the specification's revision
  }
  PUMICE_ASSIGN(const uint32_t count, reader.number<uint32_t>());
  for (uint32_t i = 0; i < count; ++i) {
    PUMICE_ASSIGN(const std::string name, take_name(reader));
    PUMICE_ASSIGN(Ct2Variable variable, take_variable(reader, version, name));
    if (!file.variables_.emplace(name, std::move(variable)).second)
      return error(Status::kMalformed, "variable %s is there twice", printable(name).c_str());
  }
  if (version >= kAliasedCt2) {
    PUMICE_ASSIGN(const uint32_t aliases, reader.number<uint32_t>());
    for (uint32_t i = 0; i < aliases; ++i) {
      PUMICE_ASSIGN(const std::string alias, take_name(reader));
      PUMICE_ASSIGN(const std::string name, take_name(reader));
      const Ct2Variable* variable = file.find(name);
      if (!variable || !file.variables_.emplace(alias, Ct2Variable(*variable)).second)
        return error(Status::kMalformed, "the alias %s of %s is none", printable(alias).c_str(),
                     printable(name).c_str());
    }
  }
  if (reader.remaining() != 0) return error(Status::kMalformed, "bytes behind the last variable; get the file again");
  file.input_ = std::move(input);
  return file;
}

const Ct2Variable* Ct2File::find(std::string_view name) const {
  const auto found = variables_.find(name);
  return found != variables_.end() ? &found->second : nullptr;
}

Result<std::vector<float>> Ct2File::values(const Ct2Variable& variable) const {
  std::vector<std::byte> bytes(static_cast<size_t>(variable.bytes));
  PUMICE_TRY(input_->read(variable.offset, bytes));
  std::vector<float> values(static_cast<size_t>(variable.values()));
  if (can_dequantize(variable.type)) {
    dequantize_blocks(variable.type, bytes, values);
    return values;
  }
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t width = listed_type(variable.type).block_bytes;
    int32_t number = 0;
    std::memcpy(&number, bytes.data() + i * width, width);
    if (width == 1) number = static_cast<int8_t>(number);
    if (width == 2) number = static_cast<int16_t>(number);
    values[i] = static_cast<float>(number);
  }
  return values;
}

}  // namespace pumice
