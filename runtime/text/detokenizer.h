// StreamingDetokenizer: turns the bytes of tokens, as they arrive, into text that is valid UTF-8 at every moment.
//
// A character may be spread over several tokens; its bytes are held back until it is whole. Bytes that can no longer
// become a character turn into U+FFFD, one per maximal part of a sequence (Unicode 15, section 3.9, "U+FFFD
// Substitution of Maximal Subparts"), or pass through unchanged with Invalid::kPassThrough.
// Ownership: owns at most 3 held-back bytes. Thread rule: one thread at a time.
#pragma once

#include <string>
#include <string_view>

#include "text/tokenizer.h"

namespace pumice {

class StreamingDetokenizer {
 public:
  enum class Invalid { kReplace, kPassThrough };

  struct Options {
    Invalid invalid = Invalid::kReplace;
    // Removes one space at the very start of the stream: for a stream that begins a text, not one that continues a
    // prompt, of a tokenizer with adds_space_prefix().
    bool strip_leading_space = false;
  };

  StreamingDetokenizer() = default;
  explicit StreamingDetokenizer(Options options) : options_(options) {}

  // The text that has become certain with these bytes; may be empty.
  std::string push(std::string_view bytes);
  void push(std::string_view bytes, std::string& text);  // appended to text

  // What is still held back, as invalid bytes; then the detokenizer is as new.
  std::string finish();

 private:
  Options options_;
  std::string held_;      // the beginning of a character, 0 to 3 bytes
  bool started_ = false;  // a byte has been pushed
};

}  // namespace pumice
