// TokenTable: a checked vocabulary. Every query with any id or name is safe.
//
// An empty name never matches text; a name that occurs twice belongs to its lowest id.
// Ownership: owns the names. Thread rule: immutable after create.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/string_table.h"
#include "text/tokenizer_data.h"

namespace pumice {

enum class VocabularyKind { kSentencePiece, kByteLevel, kCharacters, kWordPiece, kUnigram, kRwkv, kPlamo, kIds };

// On which side of a token, where a text names it, whitespace is part of it.
enum class Strips : uint8_t { kNothing, kBefore, kAfter };

class TokenTable {
 public:
  static constexpr size_t kMaxTokens = size_t{1} << 24;
  static constexpr size_t kMaxNameBytes = size_t{1} << 16;

  // Takes tokens, scores, token_types and ids out of the data; merges and pre stay.
  static Result<std::unique_ptr<const TokenTable>> create(VocabularyKind kind, TokenizerData& data);

  TokenTable(const TokenTable&) = delete;
  TokenTable& operator=(const TokenTable&) = delete;

  VocabularyKind kind() const { return kind_; }
  int32_t size() const { return static_cast<int32_t>(names_.size()); }
  bool contains(int32_t id) const { return id >= 0 && id < size(); }

  // For the following, contains(id) must hold.
  std::string_view name(int32_t id) const { return names_[static_cast<size_t>(id)]; }
  std::string_view bytes(int32_t id) const {  // see Tokenizer::token_bytes
    const size_t i = static_cast<size_t>(id), begin = i == 0 ? 0 : bytes_ends_[i - 1];
    return {bytes_.data() + begin, bytes_ends_[i] - begin};
  }
  float score(int32_t id) const { return scores_.empty() ? 0.0f : scores_[static_cast<size_t>(id)]; }
  TokenType type(int32_t id) const { return types_[static_cast<size_t>(id)]; }
  bool ends_generation(int32_t id) const { return ends_generation_[static_cast<size_t>(id)]; }
  // Control and unknown tokens by their type, and control tokens by their name (control_names.h): ordinary text must
  // never turn into them. Those known by their name alone are still shown in output.
  bool is_special(int32_t id) const { return special_[static_cast<size_t>(id)]; }
  Strips strips(int32_t id) const { return strips_[static_cast<size_t>(id)]; }

  std::optional<int32_t> find(std::string_view name) const;
  size_t longest_name() const { return longest_name_; }

  std::optional<int32_t> bos, eos, eot, eom, unk, pad, sep;

 private:
  TokenTable() = default;
  Result<void> take(TokenizerData& data);
  Result<void> take_names(const std::vector<std::string_view>& names);
  void read_ids(TokenizerData& data);
  void mark_known_names();
  void mark_special(const TokenizerData& data);
  void mark_stripping(const TokenizerData& data);
  void decode_bytes();

  VocabularyKind kind_ = VocabularyKind::kSentencePiece;
  StringTable names_;
  std::vector<char> bytes_;           // of all tokens, one behind the other
  std::vector<uint32_t> bytes_ends_;  // of each token's
  std::vector<float> scores_;
  std::vector<TokenType> types_;
  std::vector<bool> ends_generation_;
  std::vector<bool> special_;
  std::vector<Strips> strips_;
  size_t longest_name_ = 0;
};

// What encoding cost: proof for tests that the work grows with the text and no faster.
struct EncodeWork {
  uint64_t pair_lookups = 0;
};

// The byte that a name of the form <0xNN> stands for.
std::optional<uint8_t> byte_of_name(std::string_view name);
std::string byte_name(uint8_t byte);  // the name, with capital digits
// The bytes that a name of the model "rwkv" stands for: \t, \n, \r, \xNN and \ before any other character.
std::string unescape_rwkv(std::string_view name);

}  // namespace pumice
