// TokenizerData: a vocabulary as a model file states it, before anything has been checked.
//
// Each field names the GGUF metadata key that fills it (specification: ggml's docs/gguf.md, section "Tokenizer").
// A key that is absent leaves the field empty; Tokenizer::create applies the defaults given here, which are
// llama.cpp's. Contract: the content may be hostile; Tokenizer::create checks all of it. Ownership: tokens
// and merges are views of the file's bytes, which must outlive this, but not the tokenizer made of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pumice {

// The values of tokenizer.ggml.token_type; any other value counts as kUndefined.
enum class TokenType : int32_t {
  kUndefined = 0,
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6,
};

struct TokenizerData {
  // tokenizer.ggml.model: "llama" (SentencePiece), "gpt2" (byte-level BPE), "gemma4" and "whitespace" (BPE of
  // characters), "bert" (WordPiece), "t5" (Unigram), "rwkv", "plamo2", "whisper" (bytes, ranked), or of ids alone
  // "none", "no_vocab", "test"
  std::string model;
  std::string pre;                       // tokenizer.ggml.pre: the pre-tokenizer of "gpt2"; absent means "default"
  std::vector<std::string_view> tokens;  // tokenizer.ggml.tokens: the index is the token id
  std::vector<float> scores;             // tokenizer.ggml.scores: "llama", "t5", "plamo2"; absent means 0 for all
  std::vector<int32_t> token_types;      // tokenizer.ggml.token_type: values of TokenType; absent means kNormal for all
  std::vector<std::string_view> merges;  // tokenizer.ggml.merges: "left right", the index is the rank; of BPE only
  std::vector<std::byte> charsmap;       // tokenizer.ggml.precompiled_charsmap: "t5" only, see charsmap.h

  // Ids. Absent means the default in brackets or that of token_table.cpp's list; one outside the vocabulary means
  // "none".
  std::optional<int64_t> bos;  // tokenizer.ggml.bos_token_id                ["llama" 1, "gpt2" 11]
  std::optional<int64_t> eos;  // tokenizer.ggml.eos_token_id                ["llama" 2, "gpt2" 11]
  std::optional<int64_t> unk;  // tokenizer.ggml.unknown_token_id            ["llama" 0, "gpt2" none]
  std::optional<int64_t> eot;  // tokenizer.ggml.eot_token_id                [found by its name, see tokenizer.h]
  std::optional<int64_t> eom;  // tokenizer.ggml.eom_token_id                [found by its name]
  std::optional<int64_t> pad;  // tokenizer.ggml.padding_token_id            [none]
  std::optional<int64_t> sep;  // tokenizer.ggml.seperator_token_id, spelt so ["bert" 102]

  std::optional<bool> add_bos;           // tokenizer.ggml.add_bos_token     ["llama" true; "gpt2" false, some pre true]
  std::optional<bool> add_eos;           // tokenizer.ggml.add_eos_token     [false; "t5" true]
  std::optional<bool> add_space_prefix;  // tokenizer.ggml.add_space_prefix  ["llama" true, others false]
  std::optional<bool> remove_spaces;     // tokenizer.ggml.remove_extra_whitespaces: "t5" only [false]
  std::optional<bool> lowercase;         // tokenizer.ggml.normalizer.lowercase: "bert", "whitespace" [true]
  std::optional<bool> strip_accents;     // tokenizer.ggml.normalizer.strip_accents: "bert" only [as lowercase]

  uint64_t vocabulary = 0;            // where there are ids alone: how many
  bool is_phi3 = false;               // by general.name: its special tokens take the whitespace after them
  std::vector<std::string> warnings;  // see Tokenizer::warnings

  // Tokens are numbers; text cannot be encoded.
  bool has_ids_alone() const { return model == "none" || model == "no_vocab" || model == "test"; }
};

}  // namespace pumice
