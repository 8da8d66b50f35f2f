#include "text/tokenizer.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/printable.h"
#include "text/bpe.h"
#include "text/pretokenize.h"
#include "text/special_tokens.h"
#include "text/spm.h"
#include "text/token_table.h"
#include "text/unicode.h"

namespace pumice {
namespace {

// The encoders count bytes in 32 bits; a stretch beyond this is encoded in parts.
constexpr size_t kMaxStretch = size_t{1} << 30;

// The end of a part of at most kMaxStretch bytes that does not cut a character.
size_t stretch_end(std::string_view text) {
  if (text.size() <= kMaxStretch) return text.size();
  size_t end = kMaxStretch;
  for (int back = 0; back < 3 && (static_cast<uint8_t>(text[end]) & 0xC0) == 0x80; ++back) --end;
  return end;
}

// Tokens called "0", "1", …, which `data` then refers to.
Result<std::vector<std::string>> name_by_number(TokenizerData& data) {
  if (data.vocabulary > TokenTable::kMaxTokens)
    return error(Status::kMalformed, "%llu tokens are too many", static_cast<unsigned long long>(data.vocabulary));
  std::vector<std::string> names;
  for (uint64_t id = 0; id < data.vocabulary; ++id) names.push_back(std::to_string(id));
  data.tokens.assign(names.begin(), names.end());
  data.token_types.clear();
  data.scores.clear();
  return names;
}

}  // namespace

struct Tokenizer::Impl {
  std::unique_ptr<const TokenTable> table;
  SpecialTokens specials;
  std::variant<std::monostate, SpmEncoder, BpeEncoder> encoder;  // none: of ids alone
  bool adds_bos;
  bool adds_eos;
  bool adds_space_prefix;
  std::vector<std::string> warnings;

  void encode_text(std::string_view text, bool first_or_after_token, std::vector<int32_t>& ids) const {
    while (!text.empty()) {
      const std::string_view part = text.substr(0, stretch_end(text));
      if (const auto* spm = std::get_if<SpmEncoder>(&encoder)) {
        spm->encode(part, adds_space_prefix && first_or_after_token, ids);
      } else if (const auto* bpe = std::get_if<BpeEncoder>(&encoder)) {
        bpe->encode(part, ids);
      }
      first_or_after_token = false;
      text.remove_prefix(part.size());
    }
  }
};

Result<Tokenizer> Tokenizer::create(TokenizerData data) {
  const bool pieces = data.model == "llama", bytes = data.model == "gpt2";
  std::vector<std::string> numbers;
  if (data.has_ids_alone()) {
    PUMICE_ASSIGN(numbers, name_by_number(data));
  } else if (!pieces && !bytes) {
    const std::string shown = printable(std::string_view(data.model).substr(0, 64));
    return error(Status::kUnsupported, "tokenizer.ggml.model '%s' is not supported; known are llama, gpt2 and none",
                 shown.c_str());
  }
  const auto kind = pieces ? VocabularyKind::kSentencePiece : bytes ? VocabularyKind::kByteLevel : VocabularyKind::kIds;
  PUMICE_ASSIGN(auto pre, PreTokenizer::create(bytes ? std::string_view(data.pre) : std::string_view()));
  PUMICE_ASSIGN(auto table, TokenTable::create(kind, data));
  size_t merge_bytes = 0;
  for (const std::string_view merge : data.merges) merge_bytes += merge.size();
  if (merge_bytes > StringTable::kMaxBytes / 4)
    return error(Status::kMalformed, "tokenizer.ggml.merges has %zu bytes, which is too much", merge_bytes);
  const bool adds_bos = data.add_bos.value_or(pieces || pre.adds_bos_by_default());
  const bool adds_eos = data.add_eos.value_or(false);
  if (adds_bos && !table->bos) {
    return error(Status::kMalformed, "tokenizer.ggml.add_bos_token is set but there is no tokenizer.ggml.bos_token_id");
  }
  if (adds_eos && !table->eos) {
    return error(Status::kMalformed, "tokenizer.ggml.add_eos_token is set but there is no tokenizer.ggml.eos_token_id");
  }
  SpecialTokens specials(*table);
  std::variant<std::monostate, SpmEncoder, BpeEncoder> encoder;
  if (pieces) encoder.emplace<SpmEncoder>(*table);
  if (bytes) encoder.emplace<BpeEncoder>(*table, data.merges, pre);
  return Tokenizer(std::unique_ptr<const Impl>(
      new Impl{std::move(table), std::move(specials), std::move(encoder), adds_bos, adds_eos,
               pieces && data.add_space_prefix.value_or(true), std::move(data.warnings)}));
}

Tokenizer::Tokenizer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&& other) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&& other) noexcept = default;
Tokenizer::~Tokenizer() = default;

std::vector<int32_t> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  std::vector<int32_t> ids;
  if (options.add_special && impl_->adds_bos) ids.push_back(*impl_->table->bos);
  bool first_or_after_token = true;
  for (const TextFragment& fragment : impl_->specials.partition(text, options.parse_special)) {
    if (fragment.id >= 0) {
      ids.push_back(fragment.id);
    } else {
      impl_->encode_text(fragment.text, first_or_after_token, ids);
    }
    first_or_after_token = fragment.id >= 0;
  }
  if (options.add_special && impl_->adds_eos) ids.push_back(*impl_->table->eos);
  return ids;
}

std::string_view Tokenizer::token_bytes(int32_t id, bool include_special) const {
  const TokenTable& table = *impl_->table;
  if (!table.contains(id)) return {};
  return include_special && table.is_special(id) ? table.name(id) : table.bytes(id);
}

std::string_view Tokenizer::token_name(int32_t id) const {
  return impl_->table->contains(id) ? impl_->table->name(id) : std::string_view();
}

std::optional<int32_t> Tokenizer::find(std::string_view name) const { return impl_->table->find(name); }

std::string Tokenizer::decode(const std::vector<int32_t>& ids, bool include_special) const {
  std::string text;
  bool strip = impl_->adds_space_prefix;
  for (const int32_t id : ids) {
    std::string_view bytes = token_bytes(id, include_special);
    // The prefix belongs to the first text: a control token before it does not use it up.
    if (strip && !bytes.empty() && impl_->table->type(id) != TokenType::kControl) {
      if (bytes.front() == ' ') bytes.remove_prefix(1);
      strip = false;
    }
    text += bytes;
  }
  return text;
}

int32_t Tokenizer::vocabulary_size() const { return impl_->table->size(); }
std::optional<int32_t> Tokenizer::bos() const { return impl_->table->bos; }
std::optional<int32_t> Tokenizer::eos() const { return impl_->table->eos; }
std::optional<int32_t> Tokenizer::eot() const { return impl_->table->eot; }
std::optional<int32_t> Tokenizer::unk() const { return impl_->table->unk; }
std::optional<int32_t> Tokenizer::pad() const { return impl_->table->pad; }
bool Tokenizer::adds_bos() const { return impl_->adds_bos; }
bool Tokenizer::adds_eos() const { return impl_->adds_eos; }
bool Tokenizer::adds_space_prefix() const { return impl_->adds_space_prefix; }
bool Tokenizer::has_double_bos(const std::vector<int32_t>& ids) const {
  return impl_->adds_bos && ids.size() >= 2 && ids[0] == *impl_->table->bos && ids[1] == ids[0];
}
const std::vector<std::string>& Tokenizer::warnings() const { return impl_->warnings; }

bool Tokenizer::is_control(int32_t id) const {
  const TokenTable& table = *impl_->table;
  return table.contains(id) && table.is_special(id) && table.type(id) != TokenType::kUnknown;
}

bool Tokenizer::is_end_of_generation(int32_t id) const {
  return impl_->table->contains(id) && impl_->table->ends_generation(id);
}

}  // namespace pumice
