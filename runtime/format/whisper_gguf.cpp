#include "format/whisper_gguf.h"

#include <bit>
#include <string>
#include <utility>

#include "format/whisper_file.h"
#include "format/whisper_vocabulary.h"

namespace pumice {
namespace {

constexpr uint32_t kWhisperGgufMagic = 0x46554747, kWhisperGgufVersion = 3;
constexpr int32_t kWordType = 1, kControlType = 3;  // of tokenizer.ggml.token_type

// Keys and values as GGUF files have them.
class KeyWriter {
 public:
  void number(const char* key, uint32_t value) {
    begin(key, GgufValueType::kU32);
    put(value);
  }
  void text(const char* key, std::string_view value) {
    begin(key, GgufValueType::kString);
    put_text(value);
  }
  void floats(const char* key, std::span<const std::byte> values) {
    begin_array(key, GgufValueType::kF32, values.size() / sizeof(float));
    put_bytes(values);
  }
  void integers(const char* key, std::span<const int32_t> values) {
    begin_array(key, GgufValueType::kI32, values.size());
    put_bytes(std::as_bytes(values));
  }
  void texts(const char* key, std::span<const std::string> values) {
    begin_array(key, GgufValueType::kString, values.size());
    for (const std::string& value : values) put_text(value);
  }
  std::vector<std::byte> finish() const {
    KeyWriter file;
    file.put(kWhisperGgufMagic);
    file.put(kWhisperGgufVersion);
    file.put(uint64_t{0});  // tensors, which are where they are
    file.put(count_);
    file.put_bytes(bytes_);
    return std::move(file.bytes_);
  }

 private:
  void put_bytes(std::span<const std::byte> bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  template <typename T>
  void put(T value) {
    put_bytes(std::as_bytes(std::span(&value, 1)));
  }
  void put_text(std::string_view text) {
    put(uint64_t{text.size()});
    put_bytes(std::as_bytes(std::span(text)));
  }
  void begin(const char* key, GgufValueType type) {
    ++count_;
    put_text(key);
    put(type);
  }
  void begin_array(const char* key, GgufValueType type, uint64_t count) {
    begin(key, GgufValueType::kArray);
    put(type);
    put(count);
  }

  std::vector<std::byte> bytes_;
  uint64_t count_ = 0;
};

void write_words(const WhisperFile& file, const WhisperTokens& tokens, KeyWriter& keys) {
  std::vector<std::string> names;
  std::vector<int32_t> types;
  for (int32_t id = 0; id < static_cast<int32_t>(file.sizes.vocabulary); ++id) {
    const auto index = static_cast<size_t>(id);
    const bool word = id < tokens.end;
    if (word)
      names.emplace_back(index < file.words.size() ? file.words[index] : std::string_view());
    else
      names.push_back(tokens.name(id));
    types.push_back(word ? kWordType : kControlType);
  }
  keys.text("tokenizer.ggml.model", "whisper");
  keys.texts("tokenizer.ggml.tokens", names);
  keys.integers("tokenizer.ggml.token_type", types);
  keys.number("tokenizer.ggml.bos_token_id", static_cast<uint32_t>(tokens.start));
  keys.number("tokenizer.ggml.eos_token_id", static_cast<uint32_t>(tokens.end));
}

std::vector<std::byte> write_keys(const WhisperFile& file, const WhisperTokens& tokens) {
  const WhisperSizes& sizes = file.sizes;
  KeyWriter keys;
  keys.text("general.architecture", "whisper");
  keys.number("whisper.embedding_length", sizes.audio_state);
  keys.number("whisper.feed_forward_length", 4 * sizes.audio_state);
  keys.number("whisper.block_count", sizes.audio_layers);
  keys.number("whisper.attention.head_count", sizes.audio_heads);
  keys.number("whisper.encoder.context_length", sizes.audio_context);
  keys.number("whisper.decoder_block_count", sizes.text_layers);
  keys.number("whisper.decoder.attention.head_count", sizes.text_heads);
  keys.number("whisper.context_length", sizes.text_context);
  keys.number("whisper.vocab_size", sizes.vocabulary);
  keys.number("whisper.mel_bands", sizes.mels);
  keys.floats("whisper.mel_filters", file.mel_filters);
  write_words(file, tokens, keys);
  return keys.finish();
}

// Beginnings and parts of names, first match first.
constexpr std::pair<std::string_view, std::string_view> kParts[] = {
    {"encoder.ln_post.", "enc.output_norm."},
    {"decoder.ln.", "dec.output_norm."},
    {"decoder.token_embedding.", "token_embd."},
    {"encoder.", "enc."},
    {"decoder.", "dec."},
    {"positional_embedding", "position_embd.weight"},
    {"blocks.", "blk."},
    {"cross_attn_ln.", "cross_attn_norm."},
    {"cross_attn.query.", "cross_attn_q."},
    {"cross_attn.key.", "cross_attn_k."},
    {"cross_attn.value.", "cross_attn_v."},
    {"cross_attn.out.", "cross_attn_o."},
    {"attn_ln.", "attn_norm."},
    {"attn.query.", "attn_q."},
    {"attn.key.", "attn_k."},
    {"attn.value.", "attn_v."},
    {"attn.out.", "attn_o."},
    {"mlp_ln.", "ffn_norm."},
    {"mlp.0.", "ffn_up."},
    {"mlp.2.", "ffn_down."},
};

std::string renamed(std::string_view from) {
  std::string name(from);
  for (const auto& [old, other] : kParts)
    if (const size_t at = name.find(old); at != std::string::npos) name.replace(at, old.size(), other);
  return name;
}

GgufTensor tensor_of(const WhisperTensor& from) {
  GgufTensor tensor{.type = from.type, .data = from.data};
  std::copy(from.sizes.begin(), from.sizes.end(), tensor.dims.begin());
  if (tensor.dims[0] == 1) std::swap(tensor.dims[0], tensor.dims[1]);  // the bias of a convolution
  tensor.dim_count = tensor.dims[2] > 1 ? 3 : tensor.dims[1] > 1 ? 2 : 1;
  return tensor;
}

}  // namespace

bool is_whisper_file(std::span<const std::byte> file) {
  constexpr uint32_t kStart = 0x67676d6c;
  return file.size() >= 8 && load_unaligned<uint32_t>(file.data()) == kStart &&
         whisper_tokens(load_unaligned<uint32_t>(file.data() + 4));
}

Result<GgufPart> read_whisper_part(std::span<const std::byte> bytes) {
  PUMICE_ASSIGN(const WhisperFile file, read_whisper_file(bytes));
  const std::optional<WhisperTokens> tokens = whisper_tokens(file.sizes.vocabulary);
  PUMICE_CHECK(tokens.has_value());
  std::vector<std::byte> made = write_keys(file, *tokens);
  const size_t keys = made.size();
  std::vector<size_t> ends;  // of the names of tensors, which stand behind the keys
  for (const WhisperTensor& tensor : file.tensors) {
    const std::string name = renamed(tensor.name);
    const std::span<const std::byte> text = std::as_bytes(std::span(name));
    made.insert(made.end(), text.begin(), text.end());
    ends.push_back(made.size());
  }
  PUMICE_ASSIGN(GgufPart part, read_gguf_part(std::span<const std::byte>(made).first(keys)));
  size_t at = keys;
  for (size_t i = 0; i < file.tensors.size(); ++i) {
    GgufTensor& tensor = part.tensors.emplace_back(tensor_of(file.tensors[i]));
    tensor.name = {reinterpret_cast<const char*>(made.data()) + at, ends[i] - at};
    at = ends[i];
  }
  part.made = std::move(made);
  return part;
}

}  // namespace pumice
