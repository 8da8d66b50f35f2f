#include "text/tokenizer.h"

#include <algorithm>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/printable.h"
#include "text/bpe.h"
#include "text/plamo.h"
#include "text/pretokenize.h"
#include "text/ranked_words.h"
#include "text/rwkv.h"
#include "text/special_tokens.h"
#include "text/spm.h"
#include "text/token_table.h"
#include "text/unicode.h"
#include "text/unigram.h"
#include "text/wordpiece.h"

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

bool is_bpe(VocabularyKind kind) { return kind == VocabularyKind::kByteLevel || kind == VocabularyKind::kCharacters; }

Result<VocabularyKind> kind_of(const TokenizerData& data) {
  constexpr std::pair<std::string_view, VocabularyKind> kModels[] = {
      {"llama", VocabularyKind::kSentencePiece}, {"gpt2", VocabularyKind::kByteLevel},
      {"gemma4", VocabularyKind::kCharacters},   {"whitespace", VocabularyKind::kByteLevel},
      {"bert", VocabularyKind::kWordPiece},      {"t5", VocabularyKind::kUnigram},
      {"rwkv", VocabularyKind::kRwkv},           {"plamo2", VocabularyKind::kPlamo}};
  if (data.has_ids_alone()) return VocabularyKind::kIds;
  std::string known;
  for (const auto& [model, kind] : kModels) {
    if (data.model == model) return kind;
    known += std::string(model) + ", ";
  }
  const std::string shown = printable(std::string_view(data.model).substr(0, 64));
  return error(Status::kUnsupported, "tokenizer.ggml.model '%s' is not supported; known are %snone", shown.c_str(),
               known.c_str());
}

// The tokens that encoding adds at the ends.
struct Added {
  bool first = false, last = false;
  std::optional<int32_t> first_id, last_id;
};

Result<Added> tokens_to_add(VocabularyKind kind, const TokenTable& table, TokenizerData& data,
                            const PreTokenizer::Traits& traits) {
  Added added = {.first_id = table.bos, .last_id = table.eos};
  if (kind == VocabularyKind::kRwkv || kind == VocabularyKind::kPlamo || kind == VocabularyKind::kIds) return added;
  if (kind == VocabularyKind::kWordPiece) {
    added = {.first = true, .last = true, .first_id = table.bos, .last_id = table.sep};
  } else {
    if (traits.forces_bos && data.add_bos == false)
      data.warnings.emplace_back("tokenizer.ggml.add_bos_token is false, but this vocabulary needs it: BOS is added");
    added.first = traits.forces_bos || data.add_bos.value_or(kind == VocabularyKind::kSentencePiece || traits.adds_bos);
    added.last = data.add_eos.value_or(kind == VocabularyKind::kUnigram);
  }
  if (added.first && !added.first_id)
    return error(Status::kMalformed,
                 "tokens are to begin with BOS (tokenizer.ggml.add_bos_token), but there is no "
                 "tokenizer.ggml.bos_token_id");
  if (added.last && !added.last_id)
    return error(Status::kMalformed,
                 "tokens are to end with EOS (tokenizer.ggml.add_eos_token), but there is no "
                 "tokenizer.ggml.eos_token_id (of bert .seperator_token_id)");
  return added;
}

using Encoder =
    std::variant<std::monostate, SpmEncoder, BpeEncoder, WordPieceEncoder, UnigramEncoder, RwkvEncoder, PlamoEncoder>;

Result<Encoder> make_encoder(VocabularyKind kind, const TokenTable& table, const TokenizerData& data,
                             const PreTokenizer& pre) {
  const bool lowercase = data.lowercase.value_or(data.pre != "whitespace");
  switch (kind) {
    case VocabularyKind::kSentencePiece:
      return Encoder(SpmEncoder(table));
    case VocabularyKind::kByteLevel:
    case VocabularyKind::kCharacters: {
      const bool by_spaces = data.model == "whitespace";
      return Encoder(
          BpeEncoder(table, data.merges, pre, {.drops_spaces = by_spaces, .lowercase = by_spaces && lowercase}));
    }
    case VocabularyKind::kWordPiece:
      return Encoder(WordPieceEncoder(table, lowercase, data.strip_accents.value_or(lowercase)));
    case VocabularyKind::kUnigram: {
      PUMICE_ASSIGN(Charsmap charsmap, Charsmap::create(data.charsmap));
      return Encoder(UnigramEncoder(table, std::move(charsmap),
                                    {.space_prefix = data.add_space_prefix.value_or(false),
                                     .remove_spaces = data.remove_spaces.value_or(false)}));
    }
    case VocabularyKind::kRwkv:
      return Encoder(RwkvEncoder(table));
    case VocabularyKind::kPlamo: {
      PUMICE_ASSIGN(PlamoEncoder plamo, PlamoEncoder::create(table));
      return Encoder(std::move(plamo));
    }
    case VocabularyKind::kIds:
      break;
  }
  return Encoder();
}

// What of the ranges lies in the part, counted from its begin.
std::vector<ByteRange> within(std::span<const ByteRange> ranges, const ByteRange& part) {
  std::vector<ByteRange> clipped;
  for (const ByteRange& range : ranges) {
    const size_t begin = std::max(range.begin, part.begin), end = std::min(range.end, part.end);
    if (begin < end) clipped.push_back({begin - part.begin, end - part.begin});
  }
  return clipped;
}

}  // namespace

struct Tokenizer::Impl {
  std::unique_ptr<const TokenTable> table;
  SpecialTokens specials;
  Encoder encoder;  // none: of ids alone
  Added added;
  bool adds_space_prefix;
  std::vector<std::string> warnings;

  void encode_parts(std::string_view text, std::span<const ByteRange> special, std::vector<int32_t>& ids) const {
    bool first_or_after_token = true;
    for (const TextFragment& fragment : specials.partition(text, special)) {
      if (fragment.id >= 0) {
        ids.push_back(fragment.id);
      } else {
        encode_text(fragment.text, first_or_after_token, ids);
      }
      first_or_after_token = fragment.id >= 0;
    }
  }

  void encode_text(std::string_view text, bool first_or_after_token, std::vector<int32_t>& ids) const {
    while (!text.empty()) {
      const std::string_view part = text.substr(0, stretch_end(text));
      std::visit(
          [&](const auto& of_kind) {
            using Kind = std::decay_t<decltype(of_kind)>;
            if constexpr (std::is_same_v<Kind, SpmEncoder>) {
              of_kind.encode(part, adds_space_prefix && first_or_after_token, ids);
            } else if constexpr (!std::is_same_v<Kind, std::monostate>) {
              of_kind.encode(part, ids);
            }
          },
          encoder);
      first_or_after_token = false;
      text.remove_prefix(part.size());
    }
  }
};

Result<Tokenizer> Tokenizer::create(TokenizerData data) {
  const std::deque<std::string> spelt = data.model == "whisper" ? spell_ranked_words(data) : std::deque<std::string>();
  PUMICE_ASSIGN(VocabularyKind kind, kind_of(data));
  std::vector<std::string> numbers;
  if (kind == VocabularyKind::kIds) {
    PUMICE_ASSIGN(numbers, name_by_number(data));
  }
  const std::string_view pre_name = data.model == "gemma4" ? "gemma4" : std::string_view(data.pre);
  PUMICE_ASSIGN(auto pre, PreTokenizer::create(is_bpe(kind) ? pre_name : std::string_view()));
  if (is_bpe(kind) && pre.traits().characters) kind = VocabularyKind::kCharacters;
  PUMICE_ASSIGN(auto table, TokenTable::create(kind, data));
  size_t merge_bytes = 0;
  for (const std::string_view merge : data.merges) merge_bytes += merge.size();
  if (merge_bytes > StringTable::kMaxBytes / 4)
    return error(Status::kMalformed, "tokenizer.ggml.merges has %zu bytes, which is too much", merge_bytes);
  PUMICE_ASSIGN(Added added, tokens_to_add(kind, *table, data, pre.traits()));
  PUMICE_ASSIGN(Encoder encoder, make_encoder(kind, *table, data, pre));
  SpecialTokens specials(*table);
  const bool space_prefix = (kind == VocabularyKind::kSentencePiece && data.add_space_prefix.value_or(true)) ||
                            (kind == VocabularyKind::kUnigram && data.add_space_prefix.value_or(false));
  return Tokenizer(std::unique_ptr<const Impl>(new Impl{std::move(table), std::move(specials), std::move(encoder),
                                                        added, space_prefix, std::move(data.warnings)}));
}

Tokenizer::Tokenizer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&& other) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&& other) noexcept = default;
Tokenizer::~Tokenizer() = default;

std::vector<int32_t> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  std::vector<int32_t> ids;
  const Added& added = impl_->added;
  if (options.add_special && added.first) ids.push_back(*added.first_id);
  const ByteRange whole{0, options.parse_special ? text.size() : 0};
  impl_->encode_parts(text, {&whole, 1}, ids);
  if (options.add_special && added.last) ids.push_back(*added.last_id);
  return ids;
}

std::vector<int32_t> Tokenizer::encode_prompt(std::string_view text, std::span<const ByteRange> trusted) const {
  std::vector<size_t> none;
  return encode_prompt(text, trusted, {}, none);
}

std::vector<int32_t> Tokenizer::encode_prompt(std::string_view text, std::span<const ByteRange> trusted,
                                              std::span<const ByteRange> gaps, std::vector<size_t>& places) const {
  std::vector<int32_t> ids;
  if (impl_->added.first) ids.push_back(*impl_->added.first_id);
  size_t from = 0;
  for (size_t i = 0; i <= gaps.size(); ++i) {
    const ByteRange part{from, i < gaps.size() ? gaps[i].begin : text.size()};
    impl_->encode_parts(text.substr(part.begin, part.end - part.begin), within(trusted, part), ids);
    if (i == 0 && has_double_bos(ids)) ids.erase(ids.begin());
    if (i == gaps.size()) break;
    places.push_back(ids.size());
    from = gaps[i].end;
  }
  return ids;
}

std::vector<int32_t> Tokenizer::encode_pair(std::string_view first, std::string_view second) const {
  std::vector<int32_t> ids = encode(first, {.parse_special = false});
  const std::vector<int32_t> behind = encode(second, {.add_special = false, .parse_special = false});
  const std::optional<int32_t> sep = impl_->table->sep;
  if (sep && !(impl_->added.last && std::holds_alternative<WordPieceEncoder>(impl_->encoder))) ids.push_back(*sep);
  ids.insert(ids.end(), behind.begin(), behind.end());
  if (impl_->added.last) ids.push_back(*impl_->added.last_id);
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
bool Tokenizer::adds_bos() const { return impl_->added.first; }
bool Tokenizer::adds_eos() const { return impl_->added.last; }
bool Tokenizer::adds_space_prefix() const { return impl_->adds_space_prefix; }
bool Tokenizer::has_double_bos(const std::vector<int32_t>& ids) const {
  return impl_->added.first && ids.size() >= 2 && ids[0] == impl_->added.first_id && ids[1] == ids[0];
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
