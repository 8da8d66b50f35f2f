// The rules that pre-tokenizers are made of; each stands for the regular expression in its comment, with \s the Unicode
// White_Space property, and cuts like an alternation that is tried from left to right at every position.
//
// A match is a part of its own; what lies between two matches is one part too.
// Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <vector>

#include "text/pretokenize.h"

namespace pumice::split {

using Ends = std::vector<size_t>;

// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
void gpt2(const TextUnits& units, size_t begin, size_t end, Ends& ends);
// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
void llama3(const TextUnits& units, size_t begin, size_t end, Ends& ends);
// llama3 with \p{N} in place of \p{N}{1,3}
void qwen2(const TextUnits& units, size_t begin, size_t end, Ends& ends);
// qwen2 with [\p{L}\p{M}]+ in place of \p{L}+, and \p{M} among what symbols exclude
void qwen35(const TextUnits& units, size_t begin, size_t end, Ends& ends);
// With U = (?=\p{L})[^a-z] and V = (?=\p{L})[^A-Z]:
// [^\r\n\p{L}\p{N}]?U*V+|[^\r\n\p{L}\p{N}]?U+V*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
void tekken(const TextUnits& units, size_t begin, size_t end, Ends& ends);
// tekken with \p{N}{1,3}, and (?i:'s|'t|'re|'ve|'m|'ll|'d)? after the letters
void gpt4o(const TextUnits& units, size_t begin, size_t end, Ends& ends);
// [ASCII punctuation or symbol][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|
// \s+(?!\S)|\s+
void deepseek_v3(const TextUnits& units, size_t begin, size_t end, Ends& ends);

// [\r\n]
void newline(const TextUnits& units, size_t begin, size_t end, Ends& ends);
// \p{N}, \p{N}{1,3}, \p{N}+, [0-9][0-9][0-9]
void number(const TextUnits& units, size_t begin, size_t end, Ends& ends);
void numbers_by_three(const TextUnits& units, size_t begin, size_t end, Ends& ends);
void numbers(const TextUnits& units, size_t begin, size_t end, Ends& ends);
void three_digits(const TextUnits& units, size_t begin, size_t end, Ends& ends);
// [\p{P}$+<=>^~|]+ and [\p{P}$+<=>^~|`]+
void punctuation(const TextUnits& units, size_t begin, size_t end, Ends& ends);
void punctuation_and_backtick(const TextUnits& units, size_t begin, size_t end, Ends& ends);
// \s?\p{L}+ and \s?\p{P}+
void spaced_letters(const TextUnits& units, size_t begin, size_t end, Ends& ends);
void spaced_punctuation(const TextUnits& units, size_t begin, size_t end, Ends& ends);
// \s?[A-Za-zµÀ-Ö…]+ over DeepSeek-LLM's list of cased letters, and \s?[!-/:-~！-／：-～‘-‟　-。]+
void spaced_cased_letters(const TextUnits& units, size_t begin, size_t end, Ends& ends);
void spaced_deepseek_marks(const TextUnits& units, size_t begin, size_t end, Ends& ends);
// \s+$
void trailing_space(const TextUnits& units, size_t begin, size_t end, Ends& ends);
// [一-龥ࠀ-一가-퟿]+ without whitespace, and [一-龥぀-ゟ゠-ヿ]+
void east_asian(const TextUnits& units, size_t begin, size_t end, Ends& ends);
void han_and_kana(const TextUnits& units, size_t begin, size_t end, Ends& ends);

}  // namespace pumice::split
