// Tokenizer: text to token ids and back, for the vocabulary kinds of GGUF files.
//
//   "llama"  SentencePiece-style: adjacent symbols merge by the score of the token they form; a symbol without a token
//            becomes its <0xNN> bytes (Kudo and Richardson 2018, arXiv 1808.06226).
//   "gpt2"   byte-level BPE: a pre-tokenizer cuts the text into words, whose bytes merge by rank
//            (Radford et al. 2019, "Language models are unsupervised multitask learners").
//   "gemma4", "whitespace"  BPE whose characters merge instead of bytes, with spaces as U+2581 or without them.
//   "bert", "t5", "rwkv", "plamo2", "whisper"  see wordpiece.h, unigram.h, rwkv.h, plamo.h, ranked_words.h.
//
// Contract: ids equal those of llama.cpp for the same vocabulary, except that ordinary text never becomes a control or
//   unknown token (control_names.h), whatever its type, not even where merges would form its name. Text is bytes:
//   invalid UTF-8 is never an error and, where the vocabulary has all bytes, survives encode and token_bytes unchanged
//   ("bert" drops it and "t5" makes it U+FFFD, as they normalise).
//   Work is O(n log n) in the text.
// Ownership: owns its vocabulary; views returned live as long as the tokenizer object stays where it was created or
//   moved to (moving keeps them valid).
// Thread rule: const methods may run on any number of threads at once; moving and destroying may not overlap them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/byte_range.h"
#include "text/tokenizer_data.h"

namespace pumice {

struct EncodeOptions {
  bool add_special = true;    // add BOS and EOS where the vocabulary says so; of "bert" always [CLS] and [SEP]
  bool parse_special = true;  // text such as "<|im_end|>" becomes that control token; off for untrusted text
};

class Tokenizer {
 public:
  // Errors: kMalformed where the arrays do not fit together, a token is absurdly long, or BOS or EOS is to be added but
  // has no id; kUnsupported for an unknown model or pre-tokenizer. An id out of range counts as absent, as in
  // llama.cpp.
  static Result<Tokenizer> create(TokenizerData data);

  Tokenizer(Tokenizer&& other) noexcept;
  Tokenizer& operator=(Tokenizer&& other) noexcept;
  ~Tokenizer();

  std::vector<int32_t> encode(std::string_view text, EncodeOptions options) const;

  // A prompt of which only some ranges, in order and apart, may name control tokens; the rest is encoded as if it were
  // one text with them. Begins with BOS once where the vocabulary adds it, and has no EOS: an answer is to follow.
  std::vector<int32_t> encode_prompt(std::string_view text, std::span<const ByteRange> trusted) const;
  // The same of a text without `gaps`, which count as a control token each; (gaps) ids that come before each.
  std::vector<int32_t> encode_prompt(std::string_view text, std::span<const ByteRange> trusted,
                                     std::span<const ByteRange> gaps, std::vector<size_t>& places) const;

  // Two texts for a classifier, both plain, each with the tokens that end one: [CLS] first [SEP] second [SEP] of
  // "bert", <s> first </s></s> second </s> of "t5".
  std::vector<int32_t> encode_pair(std::string_view first, std::string_view second) const;

  // The bytes that the token stands for in output: "▁" is a space, <0xNN> its byte, the byte alphabet decoded. Control
  // and unknown tokens are empty unless include_special, which gives their name. An id out of range gives "".
  std::string_view token_bytes(int32_t id, bool include_special = false) const;

  // The token's name exactly as the file spells it; "" for an id out of range.
  std::string_view token_name(int32_t id) const;

  // The id whose name is exactly this; the lowest where a name occurs more than once.
  std::optional<int32_t> find(std::string_view name) const;

  // All of the ids' bytes as one text. A leading space that encode adds for the space prefix is removed.
  std::string decode(const std::vector<int32_t>& ids, bool include_special = false) const;

  int32_t vocabulary_size() const;
  std::optional<int32_t> bos() const;
  std::optional<int32_t> eos() const;
  std::optional<int32_t> eot() const;  // end of turn; by its key or by a well-known name
  std::optional<int32_t> unk() const;
  std::optional<int32_t> pad() const;
  bool adds_bos() const;
  bool adds_eos() const;
  // What the file leaves to guess or says wrongly, a line each.
  const std::vector<std::string>& warnings() const;
  // encode added BOS before a text that begins with it.
  bool has_double_bos(const std::vector<int32_t>& ids) const;
  // encode puts a space before the text, so the first token of an answer may begin with one that is not the text's.
  bool adds_space_prefix() const;

  // A control token by its type or by its name (control_names.h): no text gives one unless parse_special asks for it.
  bool is_control(int32_t id) const;
  // eos, eot, eom and the names that chat models end a turn with (<|im_end|>, <|eot_id|>, <end_of_turn>, <|end|>,
  // <|endoftext|>, …).
  bool is_end_of_generation(int32_t id) const;

 private:
  struct Impl;
  explicit Tokenizer(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace pumice
