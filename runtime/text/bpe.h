// BpeEncoder: byte-pair encoding of a text that has no special tokens in it, of bytes or of UTF-8 characters.
//
// Inside each word of the pre-tokenizer, of all adjacent pairs in the merge list the one of the lowest rank merges
// first, the leftmost among equals (Sennrich et al. 2016, arXiv 1508.07909, on bytes). Merges may name strings that are
// no tokens: such a string, left over at the end, becomes the tokens of its bytes (<0xNN> where characters merge). A
// byte without a token is dropped, and so is a merge that is not two names parted by a space or, of bytes, is not spelt
// in the byte alphabet. Ownership: owns its tables; refers to the token table only in the constructor. Thread rule:
// immutable.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/pretokenize.h"
#include "text/string_table.h"
#include "text/token_table.h"

namespace pumice {

struct BpeOptions {
  bool drops_spaces = false;  // whitespace parts words and is not encoded
  bool lowercase = false;
};

class BpeEncoder {
 public:
  BpeEncoder(const TokenTable& table, const std::vector<std::string_view>& merges, const PreTokenizer& pre,
             BpeOptions options = {});

  // Appends the ids of the text. text: less than 2 GiB.
  void encode(std::string_view text, std::vector<int32_t>& ids, EncodeWork* work = nullptr) const;

 private:
  // Open addressing with linear probing: a lookup per adjacent pair is most of the work of encoding.
  class MergeTable {
   public:
    struct Merge {
      uint64_t key = kEmpty;
      uint32_t rank = 0;
      uint32_t result = 0;
    };
    void reserve(size_t merges);
    void add(uint32_t left, uint32_t right, uint32_t rank, uint32_t result);  // the first of equal pairs stays
    const Merge* find(uint32_t left, uint32_t right) const;

   private:
    static constexpr uint64_t kEmpty = UINT64_MAX;
    size_t slot(uint64_t key) const { return static_cast<size_t>((key * 0x9E3779B97F4A7C15u) >> shift_); }
    std::vector<Merge> slots_;
    int shift_ = 63;
  };

  struct Scratch;
  uint32_t intern(std::string_view bytes);
  // The bytes that a name in the file spells; nothing where it spells none.
  std::optional<std::string> spelt(std::string_view name) const;
  int32_t byte_id(const TokenTable& table, uint8_t byte) const;
  std::string rewritten(std::string_view text) const;
  void encode_words(std::string_view text, Scratch& scratch, std::vector<int32_t>& ids) const;
  void list_symbols(std::string_view word, Scratch& scratch) const;
  void add_merges(const std::vector<std::string_view>& merges);
  void encode_word(std::string_view word, Scratch& scratch, std::vector<int32_t>& ids) const;
  bool append_whole_word(std::string_view word, std::vector<int32_t>& ids) const;
  void merge(Scratch& scratch) const;
  void append_symbol(uint32_t symbol, std::string_view bytes, std::vector<int32_t>& ids) const;

  PreTokenizer pre_;
  BpeOptions options_;
  StringTable symbols_;              // every string that a word or a merge may consist of
  std::vector<int32_t> symbol_ids_;  // its token, or -1
  std::array<uint32_t, 256> byte_symbols_;
  std::array<int32_t, 256> byte_ids_;  // -1 where there is none
  MergeTable merges_;
};

}  // namespace pumice
