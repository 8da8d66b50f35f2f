// TokenTable: a checked vocabulary. Every query with any id or name is safe.
//
// An empty name never matches text; a name that occurs twice belongs to its lowest id.
// Ownership: owns the names. Not movable: the index refers to them. Thread rule: immutable after create.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "text/tokenizer_data.h"

namespace pumice {

enum class VocabularyKind { kSentencePiece, kByteLevel };

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
  std::string_view bytes(int32_t id) const { return bytes_[static_cast<size_t>(id)]; }  // see Tokenizer::token_bytes
  float score(int32_t id) const { return scores_.empty() ? 0.0f : scores_[static_cast<size_t>(id)]; }
  TokenType type(int32_t id) const { return types_[static_cast<size_t>(id)]; }
  bool ends_generation(int32_t id) const { return ends_generation_[static_cast<size_t>(id)]; }
  // Control and unknown tokens stand for no text: ordinary text must never turn into them.
  bool is_special(int32_t id) const { return type(id) == TokenType::kControl || type(id) == TokenType::kUnknown; }

  std::optional<int32_t> find(std::string_view name) const;
  size_t longest_name() const { return longest_name_; }

  std::optional<int32_t> bos, eos, eot, eom, unk, pad;

 private:
  TokenTable() = default;
  Result<void> take(TokenizerData& data);
  void read_ids(const TokenizerData& data);
  void mark_known_names();
  void decode_bytes();

  VocabularyKind kind_ = VocabularyKind::kSentencePiece;
  std::vector<std::string> names_;
  std::vector<std::string> bytes_;
  std::vector<float> scores_;
  std::vector<TokenType> types_;
  std::vector<bool> ends_generation_;
  std::unordered_map<std::string_view, int32_t> index_;
  size_t longest_name_ = 0;
};

// What encoding cost: proof for tests that the work grows with the text and no faster.
struct EncodeWork {
  uint64_t pair_lookups = 0;
};

// The byte that a name of the form <0xNN> stands for.
std::optional<uint8_t> byte_of_name(std::string_view name);

}  // namespace pumice
