// SourceText: texts as a translation model's encoder takes them.
//
// A file may have a vocabulary of its own for sources, whose pieces have other numbers for the encoder than their
// places in the table; else it is the one vocabulary. Thread rule: const methods on any number of threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace pumice {

// tokenizer.ggml.source.*, before anything has been checked.
struct SourceVocabulary {
  TokenizerData data;        // of the pieces
  std::vector<int32_t> ids;  // of each piece for the encoder
  std::optional<int64_t> end, unknown;
};

class SourceText {
 public:
  // kMalformed where the arrays do not fit together or an id is not below `vocabulary`.
  static Result<SourceText> create(SourceVocabulary source, uint32_t vocabulary);
  // Of a file with one vocabulary; `whole` outlives this.
  explicit SourceText(const Tokenizer& whole) : whole_(&whole) {}

  // language: the id of a token that comes first; none: empty.
  std::vector<int32_t> encode(std::string_view text, std::optional<int32_t> language) const;
  // The id of the token that stands for a target language: "por" of <2por> or >>por<<, or the whole. kNotFound
  // names some that there are.
  Result<int32_t> language(std::string_view name) const;

 private:
  SourceText() = default;
  const Tokenizer& pieces() const { return own_ ? *own_ : *whole_; }
  std::optional<int32_t> id_of(std::string_view name) const;
  std::string languages() const;

  std::optional<Tokenizer> own_;
  const Tokenizer* whole_ = nullptr;
  std::vector<int32_t> ids_;
  std::optional<int32_t> end_;
};

}  // namespace pumice
