#include "format/whisper_file.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <string>

#include "base/printable.h"

namespace pumice {
namespace {

constexpr uint32_t kWhisperMagic = 0x67676d6c;
constexpr uint32_t kFrequencies = 201;
constexpr uint32_t kVersionStep = 1000;  // of quantised files: ftype is 1000 times a version and the number
constexpr uint32_t kWhisperFileTypes[] = {0, 1, 2, 3, 7, 8, 9, 10, 11, 12, 13, 14};
constexpr TensorType kWhisperTypes[] = {TensorType::kF32,  TensorType::kF16,  TensorType::kQ4_0, TensorType::kQ4_1,
                                        TensorType::kQ5_0, TensorType::kQ5_1, TensorType::kQ8_0, TensorType::kQ2_K,
                                        TensorType::kQ3_K, TensorType::kQ4_K, TensorType::kQ5_K, TensorType::kQ6_K};
constexpr uint64_t kMinWhisperTensorBytes = 12 + 4 + 1;  // in the file
constexpr uint32_t kMostWhisperNameBytes = 255;

using Shape = std::array<uint64_t, 3>;

struct ExpectedTensor {
  Shape sizes;
  bool always_f32;
  bool seen = false;
};

uint64_t tensors_of(const WhisperSizes& sizes) {
  return 11 + uint64_t{15} * sizes.audio_layers + uint64_t{24} * sizes.text_layers;
}

// Which tensors a file of these sizes has.
class WhisperTensorNames {
 public:
  explicit WhisperTensorNames(const WhisperSizes& sizes) {
    const uint64_t audio = sizes.audio_state, text = sizes.text_state;
    add("encoder.positional_embedding", {audio, sizes.audio_context, 1}, true);
    add("encoder.conv1.weight", {3, sizes.mels, audio});
    add("encoder.conv1.bias", {1, audio, 1}, true);
    add("encoder.conv2.weight", {3, audio, audio});
    add("encoder.conv2.bias", {1, audio, 1}, true);
    add_norm("encoder.ln_post", audio);
    add("decoder.positional_embedding", {text, sizes.text_context, 1}, true);
    add("decoder.token_embedding.weight", {text, sizes.vocabulary, 1});
    add_norm("decoder.ln", text);
    for (uint32_t i = 0; i < sizes.audio_layers; ++i) add_block("encoder.blocks." + std::to_string(i), audio);
    for (uint32_t i = 0; i < sizes.text_layers; ++i) {
      const std::string block = "decoder.blocks." + std::to_string(i);
      add_block(block, text);
      add_attention(block + ".cross_attn", text);
    }
  }

  ExpectedTensor* find(std::string_view name) {
    const auto found = all_.find(name);
    return found != all_.end() ? &found->second : nullptr;
  }
  const std::string* first_missing() const {
    for (const auto& [name, expected] : all_)
      if (!expected.seen) return &name;
    return nullptr;
  }

 private:
  void add(const std::string& name, const Shape& sizes, bool always_f32 = false) {
    all_[name] = {.sizes = sizes, .always_f32 = always_f32};
  }
  void add_norm(const std::string& name, uint64_t width) {
    add(name + ".weight", {width, 1, 1}, true);
    add(name + ".bias", {width, 1, 1}, true);
  }
  void add_matrix(const std::string& name, uint64_t in, uint64_t out, bool bias = true) {
    add(name + ".weight", {in, out, 1});
    if (bias) add(name + ".bias", {out, 1, 1}, true);
  }
  void add_attention(const std::string& name, uint64_t width) {
    add_norm(name + "_ln", width);
    for (const char* part : {".query", ".key", ".value", ".out"})
      add_matrix(name + part, width, width, std::string_view(part) != ".key");
  }
  void add_block(const std::string& name, uint64_t width) {
    add_attention(name + ".attn", width);
    add_norm(name + ".mlp_ln", width);
    add_matrix(name + ".mlp.0", width, 4 * width);
    add_matrix(name + ".mlp.2", 4 * width, width);
  }

  std::map<std::string, ExpectedTensor, std::less<>> all_;
};

// From front to back; each function either stays within the file or says what is wrong.
class WhisperReader {
 public:
  explicit WhisperReader(std::span<const std::byte> file) : rest_(file), all_(file.size()) {}

  Result<WhisperFile> read() {
    PUMICE_TRY(read_header());
    PUMICE_TRY(read_filters());
    PUMICE_TRY(read_words());
    PUMICE_TRY(read_tensors());
    return std::move(file_);
  }

 private:
  Error ends_inside(const char* what) const {
    return error(Status::kMalformed,
                 "the file is cut short or damaged: it ends inside %s (%zu bytes in all); get it again", what, all_);
  }
  bool take(uint64_t bytes, std::span<const std::byte>& taken) {
    if (bytes > rest_.size()) return false;
    taken = rest_.first(static_cast<size_t>(bytes));
    rest_ = rest_.subspan(static_cast<size_t>(bytes));
    return true;
  }
  bool take(uint32_t& number) {
    std::span<const std::byte> bytes;
    if (!take(sizeof number, bytes)) return false;
    std::memcpy(&number, bytes.data(), sizeof number);
    return true;
  }
  bool take_text(uint32_t length, std::string_view& text) {
    std::span<const std::byte> bytes;
    if (!take(length, bytes)) return false;
    text = {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    return true;
  }

  Result<void> read_header();
  Result<void> read_filters();
  Result<void> read_words();
  Result<void> read_tensors();
  Result<void> read_tensor(WhisperTensorNames& names);
  Result<uint64_t> data_bytes(const WhisperTensor& tensor) const;

  std::span<const std::byte> rest_;
  size_t all_;
  WhisperFile file_;
};

Result<void> WhisperReader::read_header() {
  uint32_t magic = 0, file_type = 0;
  if (!take(magic)) return ends_inside("the header");
  if (magic != kWhisperMagic)
    return error(Status::kMalformed, "this is no whisper.cpp model; give a .bin of whisper.cpp");
  WhisperSizes& sizes = file_.sizes;
  // The number of each, and how large it may be.
  const std::pair<uint32_t*, uint32_t> numbers[] = {{&sizes.vocabulary, 1u << 20},   {&sizes.audio_context, 1u << 16},
                                                    {&sizes.audio_state, 1u << 14},  {&sizes.audio_heads, 1u << 10},
                                                    {&sizes.audio_layers, 1u << 10}, {&sizes.text_context, 1u << 16},
                                                    {&sizes.text_state, 1u << 14},   {&sizes.text_heads, 1u << 10},
                                                    {&sizes.text_layers, 1u << 10},  {&sizes.mels, 1u << 10}};
  for (const auto& [number, most] : numbers) {
    if (!take(*number)) return ends_inside("the header");
    if (*number == 0 || *number > most)
      return error(Status::kMalformed, "a size in the header is %u, not 1 to %u; get the file again", *number, most);
  }
  if (!take(file_type)) return ends_inside("the header");
  if (std::ranges::find(kWhisperFileTypes, file_type % kVersionStep) == std::end(kWhisperFileTypes))
    return error(Status::kUnsupported, "file type %u is not known; convert the model again", file_type);
  if (sizes.audio_state != sizes.text_state || sizes.audio_state % sizes.audio_heads != 0 ||
      sizes.text_state % sizes.text_heads != 0)
    return error(Status::kMalformed, "widths %u and %u do not fit each other or their %u and %u heads",
                 sizes.audio_state, sizes.text_state, sizes.audio_heads, sizes.text_heads);
  if (tensors_of(sizes) > rest_.size() / kMinWhisperTensorBytes)
    return error(Status::kMalformed, "the header claims %u and %u layers, more than a file of %zu bytes can hold",
                 sizes.audio_layers, sizes.text_layers, all_);
  return {};
}

Result<void> WhisperReader::read_filters() {
  uint32_t mels = 0;
  if (!take(mels) || !take(file_.mel_frequencies)) return ends_inside("the mel filters");
  if (mels != file_.sizes.mels || file_.mel_frequencies != kFrequencies)
    return error(Status::kMalformed, "mel filters of %u bands and %u frequencies, not %u and %u", mels,
                 file_.mel_frequencies, file_.sizes.mels, kFrequencies);
  if (!take(uint64_t{mels} * kFrequencies * sizeof(float), file_.mel_filters)) return ends_inside("the mel filters");
  return {};
}

Result<void> WhisperReader::read_words() {
  uint32_t count = 0;
  if (!take(count)) return ends_inside("the vocabulary");
  if (count > file_.sizes.vocabulary || count > rest_.size() / sizeof(uint32_t))
    return error(Status::kMalformed, "%u words, more than the vocabulary of %u or than the file can hold", count,
                 file_.sizes.vocabulary);
  file_.words.resize(count);
  for (std::string_view& word : file_.words) {
    uint32_t length = 0;
    if (!take(length) || !take_text(length, word)) return ends_inside("the vocabulary");
  }
  return {};
}

Result<void> WhisperReader::read_tensors() {
  WhisperTensorNames names(file_.sizes);
  file_.tensors.reserve(tensors_of(file_.sizes));
  while (!rest_.empty()) PUMICE_TRY(read_tensor(names));
  if (const std::string* name = names.first_missing())
    return error(Status::kMalformed, "the tensor %s is missing; get the file again", name->c_str());
  std::ranges::sort(file_.tensors, {}, &WhisperTensor::name);
  return {};
}

Result<void> WhisperReader::read_tensor(WhisperTensorNames& names) {
  uint32_t rank = 0, length = 0, type = 0;
  if (!take(rank) || !take(length) || !take(type)) return ends_inside("a tensor's header");
  WhisperTensor tensor{.type = static_cast<TensorType>(type)};
  if (rank == 0 || rank > tensor.sizes.size() || length > kMostWhisperNameBytes)
    return error(Status::kMalformed, "a tensor of %u dimensions with a name of %u bytes; get the file again", rank,
                 length);
  for (uint32_t i = 0; i < rank; ++i) {
    uint32_t size = 0;
    if (!take(size)) return ends_inside("a tensor's header");
    tensor.sizes[i] = size;
  }
  if (!take_text(length, tensor.name)) return ends_inside("a tensor's name");
  const std::string name = printable(tensor.name);
  ExpectedTensor* expected = names.find(tensor.name);
  if (!expected) return error(Status::kMalformed, "the tensor %s is not one of Whisper's", name.c_str());
  if (expected->seen) return error(Status::kMalformed, "the tensor %s is there twice", name.c_str());
  expected->seen = true;
  if (std::ranges::find(kWhisperTypes, tensor.type) == std::end(kWhisperTypes))
    return error(Status::kUnsupported, "the tensor %s is of type %u, which is not known", name.c_str(), type);
  if (tensor.sizes != expected->sizes || (expected->always_f32 && tensor.type != TensorType::kF32))
    return error(Status::kMalformed, "the tensor %s has not the shape or type of this model", name.c_str());
  PUMICE_ASSIGN(const uint64_t bytes, data_bytes(tensor));
  if (!take(bytes, tensor.data)) return ends_inside(name.c_str());
  file_.tensors.push_back(tensor);
  return {};
}

// The sizes are those of the model, so that no product overflows: each is below 2^20, their product below 2^54.
Result<uint64_t> WhisperReader::data_bytes(const WhisperTensor& tensor) const {
  const TensorTypeInfo& info = *tensor_type_info(tensor.type);
  if (tensor.sizes[0] % info.block_values != 0)
    return error(Status::kMalformed, "rows of %llu values are not whole blocks of %s",
                 static_cast<unsigned long long>(tensor.sizes[0]), info.name);
  return tensor.sizes[0] / info.block_values * info.block_bytes * tensor.sizes[1] * tensor.sizes[2];
}

}  // namespace

const WhisperTensor* WhisperFile::find(std::string_view name) const {
  const auto found = std::ranges::lower_bound(tensors, name, {}, &WhisperTensor::name);
  return found != tensors.end() && found->name == name ? &*found : nullptr;
}

Result<WhisperFile> read_whisper_file(std::span<const std::byte> file) { return WhisperReader(file).read(); }

}  // namespace pumice
