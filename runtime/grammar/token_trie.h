// TokenTrie: a vocabulary's tokens by their bytes, laid out for computing masks.
//
// A mask has a bit for each token, in words of 32. Tokens that are plain content of a JSON string are sorted out
// beforehand into slices: where a state allows any such content, a slice is one copy instead of a walk.
// Ownership: owns all. Thread rule: immutable after create.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace pumice::grammar {

using Mask = std::vector<uint32_t>;

// What a control token is to a grammar: its name behind a byte that no text has.
inline constexpr char kControlByte = '\xFF';
std::string control_text(std::string_view name);

class TokenTrie {
 public:
  struct Node {
    uint32_t next = 0;   // the node after all that begin with this one
    int32_t token = -1;  // the token that ends here; those with the same bytes follow in same()
    uint8_t byte = 0, depth = 0;
  };
  struct Slice {
    uint32_t run = 0;        // the most characters that a token in it has
    Mask mask;               // the tokens in it
    std::vector<Node> rest;  // all others
  };

  // Tokens without bytes and tokens of more than 255 bytes are in no mask; control tokens only where a grammar has
  // their control_text().
  static std::shared_ptr<const TokenTrie> create(const Tokenizer& tokenizer);

  size_t words() const { return (bytes_.size() + 31) / 32; }
  size_t size() const { return bytes_.size(); }
  std::string_view bytes(int32_t token) const { return bytes_[static_cast<size_t>(token)]; }
  const std::vector<Node>& all() const { return all_; }
  const std::vector<Slice>& slices() const { return slices_; }  // larger runs first
  // The next token with the same bytes; -1 if there is none.
  int32_t same(int32_t token) const { return same_[static_cast<size_t>(token)]; }
  bool ends(int32_t token) const { return ends_[static_cast<size_t>(token)]; }
  const std::vector<int32_t>& end_tokens() const { return end_tokens_; }
  // Whether a token begins with this text and goes on behind it.
  bool continues(std::string_view text) const;

 private:
  std::vector<Node> lay_out(const std::vector<int32_t>& sorted) const;

  std::vector<std::string_view> bytes_;  // views of storage_
  std::string storage_;
  std::vector<int32_t> same_;
  std::vector<bool> ends_;
  std::vector<int32_t> end_tokens_;
  std::vector<Node> all_;
  std::vector<Slice> slices_;
};

}  // namespace pumice::grammar
