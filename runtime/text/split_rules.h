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
// gpt4o with [\p{L}\p{M}] in place of \p{L} in U and V
void granite_embed(const TextUnits& units, size_t begin, size_t end, Ends& ends);
// gpt4o with [\p{L}\p{M}]+ in place of U*V+ and U+V*; and with \p{N}
void tiny_aya(const TextUnits& units, size_t begin, size_t end, Ends& ends);
void youtu(const TextUnits& units, size_t begin, size_t end, Ends& ends);
// qwen2 without contractions
void ufakzeka(const TextUnits& units, size_t begin, size_t end, Ends& ends);
// qwen2 with  ?[^\s\p{L}\p{N}\r\n]+ for symbols
void seed_coder(const TextUnits& units, size_t begin, size_t end, Ends& ends);
// llama3 with [\p{L}\p{M}\u200C\u200D]+ in place of \p{L}+
void k2_horizon(const TextUnits& units, size_t begin, size_t end, Ends& ends);
// llama3 with \s{512}(?!\S)|\s{256}(?!\S)|…|\s{4}(?!\S)|\s{1,2}(?!\S)|\s in place of \s+(?!\S)|\s+
void jais2(const TextUnits& units, size_t begin, size_t end, Ends& ends);
// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|
// \s*[\r\n]|\s+(?!\S)|\s+
void exaone_moe(const TextUnits& units, size_t begin, size_t end, Ends& ends);
// With L a letter that is not Han: \p{Han}+|[^\r\n\p{L}\p{N}]?L+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}|
//  ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
void kimi_k2(const TextUnits& units, size_t begin, size_t end, Ends& ends);
// [ASCII punctuation or symbol][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|
// \s+(?!\S)|\s+
void deepseek_v3(const TextUnits& units, size_t begin, size_t end, Ends& ends);
// deepseek_v3 with  ?[\p{P}\p{S}]+|[\r\n] in place of  ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+
void spark(const TextUnits& units, size_t begin, size_t end, Ends& ends);

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
// \n+, (?=▁) and \S+
void newline_runs(const TextUnits& units, size_t begin, size_t end, Ends& ends);
void space_marks(const TextUnits& units, size_t begin, size_t end, Ends& ends);
void not_space(const TextUnits& units, size_t begin, size_t end, Ends& ends);
// [⼀-⿟぀-ヿ㐀-䶿一-﫿･-ﾟเ-໿က-႟ᄀ-ᇿក-៿]+
void asian_scripts(const TextUnits& units, size_t begin, size_t end, Ends& ends);
// [가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥぀-ヿ]+
void youtu_scripts(const TextUnits& units, size_t begin, size_t end, Ends& ends);
//  ?[^(\s|.,!?…。，、।۔،)]+
void bloom(const TextUnits& units, size_t begin, size_t end, Ends& ends);
// Ends of the groups of three that the numbers of a run \p{N}+ make from the right; what stands before the first group
// stays with it.
void numbers_from_right(const TextUnits& units, size_t begin, size_t end, Ends& ends);
// (?=([0-9]{3})+(?![0-9]))
void before_three_digits(const TextUnits& units, size_t begin, size_t end, Ends& ends);
// <sentinel:[0-9]+>, IMGIMG[A-I]{1,4}Z, [\t\n]| {4}| {2}, [\p{P}ASCII symbol]
void sentinels(const TextUnits& units, size_t begin, size_t end, Ends& ends);
void image_tokens(const TextUnits& units, size_t begin, size_t end, Ends& ends);
void tabs_lines_and_blanks(const TextUnits& units, size_t begin, size_t end, Ends& ends);
void one_mark(const TextUnits& units, size_t begin, size_t end, Ends& ends);

}  // namespace pumice::split
