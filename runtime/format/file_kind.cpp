#include "format/file_kind.h"

#include <algorithm>
#include <cstring>

namespace pumice {
namespace {

using namespace std::string_view_literals;

struct Known {
  std::string_view start;
  Status status;
  const char* says;
};

constexpr const char* kConvert = "convert it to GGUF with llama.cpp's convert_hf_to_gguf.py";

constexpr Known kOldGgml[] = {
    {"lmgg"sv, Status::kUnsupported,
     "this is a GGML file from before GGUF and no .bin of whisper.cpp's; convert the model to GGUF"},
    {"fmgg"sv, Status::kUnsupported, "this is a GGML file from before GGUF; convert the model to GGUF"},
    {"tjgg"sv, Status::kUnsupported, "this is a GGML file from before GGUF; convert the model to GGUF"},
    {"algg"sv, Status::kUnsupported, "this is a LoRA adapter from before GGUF, not a model; give the model's own file"},
};

constexpr Known kBinary[] = {
    {"PK\x03\x04"sv, Status::kUnsupported, "this is a zip archive, as PyTorch's checkpoints are"},
    {"\x80\x02"sv, Status::kUnsupported, "this is a Python pickle, as PyTorch's checkpoints were"},
    {"\x89HDF"sv, Status::kUnsupported, "this is an HDF5 file, as Keras writes them"},
    {"\x93NUMPY"sv, Status::kUnsupported, "this is a NumPy array"},
};

constexpr Known kPacked[] = {
    {"\x1f\x8b"sv, Status::kUnsupported, "this is a gzip archive"},
    {"\xfd\x37zXZ"sv, Status::kUnsupported, "this is an xz archive"},
    {"\x28\xb5\x2f\xfd"sv, Status::kUnsupported, "this is a zstd archive"},
    {"7z\xbc\xaf"sv, Status::kUnsupported, "this is a 7z archive"},
};

const Known* find(std::span<const Known> known, std::string_view text) {
  const auto found =
      std::find_if(known.begin(), known.end(), [&](const Known& k) { return text.starts_with(k.start); });
  return found != known.end() ? &*found : nullptr;
}

// JSON after its length in eight bytes, which is less than the file's.
bool is_safetensors(std::string_view text, size_t file_bytes) {
  uint64_t length = 0;
  if (text.size() < 9 || text[8] != '{') return false;
  std::memcpy(&length, text.data(), sizeof(length));
  return length >= 2 && length <= file_bytes - 8;
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= ' ' && c < 0x7f) || (c >= '\t' && c <= '\r'); });
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

Error not_gguf_text(std::string_view text) {
  const size_t first = text.find_first_not_of("\xef\xbb\xbf \t\r\n"sv);
  const std::string start = lower(text.substr(std::min(first, text.size())));
  if (start.starts_with("<!doctype") || start.starts_with("<html") || start.starts_with("<?xml") ||
      start.starts_with("<head") || start.starts_with("<error") || start.starts_with("<!--"))
    return error(Status::kMalformed,
                 "this is a web page, not a model: the download brought a page about the file or an error; use the "
                 "file's own link (on Hugging Face …/resolve/main/FILE.gguf)");
  if (start.starts_with("version https://git-lfs"))
    return error(
        Status::kMalformed,
        "this is a Git LFS pointer, not the model itself; run `git lfs pull` in its folder, or download the file");
  return error(Status::kMalformed, "this is a text file, not a model: it starts with %s", quote(text, 48).c_str());
}

}  // namespace

Error not_gguf(std::span<const std::byte> file) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), std::min<size_t>(file.size(), 64));
  if (const Known* old = find(kOldGgml, text)) return error(old->status, "%s", old->says);
  if (const Known* other = find(kBinary, text)) return error(other->status, "%s, not GGUF; %s", other->says, kConvert);
  if (const Known* packed = find(kPacked, text))
    return error(packed->status, "%s, not GGUF; unpack it first", packed->says);
  if (is_safetensors(text, file.size()))
    return error(Status::kUnsupported, "this is a safetensors file, not GGUF; %s", kConvert);
  if (is_printable(text) || text.starts_with("\xef\xbb\xbf"sv)) return not_gguf_text(text);
  if (std::all_of(text.begin(), text.end(), [](char c) { return c == 0; }))
    return error(Status::kMalformed, "not a GGUF file: it starts with zeros, as a download that was not finished does");
  const auto byte = [text](size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(text[i])); };
  return error(Status::kMalformed, "not a GGUF file: it starts with %02x %02x %02x %02x instead of \"GGUF\"", byte(0),
               byte(1), byte(2), byte(3));
}

Result<void> check_is_model(const Gguf& file) {
  const std::string_view type = file.get_string("general.type").value_or("model");
  const std::string_view architecture = file.get_string("general.architecture").value_or("");
  if (type == "adapter" || file.find("adapter.type"))
    return error(Status::kUnsupported,
                 "this is a LoRA adapter, not a model; give its base model, and the adapter with it (--lora)");
  if (type == "mmproj" || architecture == "clip")
    return error(
        Status::kUnsupported,
        "this is a vision projector (mmproj), one half of a model that sees; give the other, the language model");
  if (type == "imatrix" || architecture == "imatrix" || file.find("imatrix.datasets"))
    return error(Status::kUnsupported, "this is an importance matrix, which quantisers use, not a model");
  if (architecture == "controlvector")
    return error(Status::kUnsupported, "this is a control vector, not a model; control vectors are not supported");
  if (file.tensors().empty())
    return error(Status::kUnsupported, "this file has no weights%s; get the whole model",
                 file.find("tokenizer.ggml.tokens") ? ", only a vocabulary" : "");
  return {};
}

}  // namespace pumice
