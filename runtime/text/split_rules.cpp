// Rules that cut a text into words, numbers, symbols and whitespace at once.
#include "text/split_rules.h"

#include <algorithm>

#include "text/split_match.h"
#include "text/unicode.h"

namespace pumice::split {
namespace {

struct WordRule {
  uint8_t letters = C::kLetter;
  uint8_t prefix_excludes = C::kLetter | C::kNumber;
  uint8_t symbols = kNotSpaceLetterNumber;
  size_t max_digits = 1;
  bool joiners = false;  // U+200C and U+200D are letters
  bool contractions = true;
  bool lines_after_symbols = true;
};

// One optional unit of [^\r\n…], then the letters
size_t match_prefixed_letters(const TextUnits& u, size_t i, size_t end, const WordRule& rule) {
  const auto letters_end = [&](size_t k) {
    const auto joins = [&] { return rule.joiners && (u.code_points[k] | 1) == 0x200D; };
    while (k < end && (is(u, k, rule.letters) || joins())) ++k;
    return k;
  };
  if (const size_t stop = letters_end(i); stop > i) return stop;
  if (is(u, i, rule.prefix_excludes) || is_newline(u, i)) return i;
  const size_t stop = letters_end(i + 1);
  return stop > i + 1 ? stop : i;
}

// A rule's words, numbers and symbols; whitespace is left.
size_t match_word(const TextUnits& u, size_t i, size_t end, const WordRule& rule) {
  if (const size_t stop = rule.contractions ? match_contraction(u, i, end, true) : i; stop > i) return stop;
  if (const size_t stop = match_prefixed_letters(u, i, end, rule); stop > i) return stop;
  if (const size_t stop = match_number(u, i, end, rule.max_digits); stop > i) return stop;
  return rule.lines_after_symbols ? match_symbols_and_lines(u, i, end, rule.symbols, false)
                                  : match_run_after_blank(u, i, end, rule.symbols);
}

void cut_words(const TextUnits& u, size_t begin, size_t end, Ends& ends, const WordRule& rule) {
  cut(begin, end, ends, [&](size_t i) {
    const size_t stop = match_word(u, i, end, rule);
    return stop > i ? stop : match_lines_or_space(u, i, end);
  });
}

// U*V+|U+V* from i, where U is a letter but a-z and V a letter but A-Z. A letter beyond ASCII is both, so where no V
// follows the U's, the first alternative gives back what follows the last letter beyond ASCII.
size_t match_cased_letters(const TextUnits& u, size_t i, size_t end, uint8_t letters, bool or_upper_alone) {
  const auto c = [&](size_t k) { return u.code_points[k]; };
  size_t stop = i;
  while (stop < end && is(u, stop, letters) && !is_lower(c(stop))) ++stop;
  const size_t upper_end = stop;
  while (stop < end && is(u, stop, letters) && !is_upper(c(stop))) ++stop;
  if (stop > upper_end) return stop;
  for (size_t k = upper_end; k > i; --k) {
    if (!is_upper(c(k - 1))) return k;
  }
  return or_upper_alone ? upper_end : i;
}

struct CasedRule {
  uint8_t letters = C::kLetter;
  size_t max_digits = 1;
  bool contractions = false;  // after letters
  bool cased = true;          // otherwise letters+ in place of U*V+|U+V*
};

// Letters, with one unit of [^\r\n\p{L}\p{N}] before them where there is one. A mark that is a letter of the rule, too,
// is tried as that unit first: left alone where no V follows.
size_t match_cased_word(const TextUnits& u, size_t i, size_t end, const CasedRule& rule) {
  const bool prefix = !is(u, i, C::kLetter | C::kNumber) && !is_newline(u, i);
  const bool mark = prefix && is(u, i, rule.letters);
  const size_t start = prefix ? i + 1 : i;
  const size_t stop =
      rule.cased ? match_cased_letters(u, start, end, rule.letters, !mark) : run_end(u, start, end, rule.letters);
  return stop > start || mark ? stop : i;
}

void cut_cased_words(const TextUnits& u, size_t begin, size_t end, Ends& ends, const CasedRule& rule) {
  cut(begin, end, ends, [&](size_t i) {
    if (const size_t stop = match_cased_word(u, i, end, rule); stop > i) {
      return rule.contractions && stop < end ? match_contraction(u, stop, end, true) : stop;
    }
    if (const size_t stop = match_number(u, i, end, rule.max_digits); stop > i) return stop;
    if (const size_t stop = match_symbols_and_lines(u, i, end, kNotSpaceLetterNumber, true); stop > i) return stop;
    return match_lines_or_space(u, i, end);
  });
}

// [ASCII punctuation or symbol][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+
size_t match_deepseek_word(const TextUnits& u, size_t i, size_t end) {
  const bool ascii_mark = u.code_points[i] < 0x80 && is(u, i, C::kPunctuation | C::kSymbol);
  size_t stop = i + 1;
  while (ascii_mark && stop < end && (is_lower(u.code_points[stop]) || is_upper(u.code_points[stop]))) ++stop;
  if (stop > i + 1) return stop;
  return match_prefixed_letters(
      u, i, end, {.letters = C::kLetter | C::kMark, .prefix_excludes = C::kLetter | C::kPunctuation | C::kSymbol});
}

bool is_han(uint32_t c) {
  return (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2EBEF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

// \p{L}\p{M}*( ?\p{L}\p{M}*)*
size_t match_spelled_letters(const TextUnits& u, size_t i, size_t end) {
  while (i < end && is(u, i, C::kLetter)) {
    i = run_end(u, i + 1, end, C::kMark);
    if (i + 1 < end && u.code_points[i] == ' ' && is(u, i + 1, C::kLetter)) ++i;
  }
  return i;
}

size_t match_exaone_moe(const TextUnits& u, size_t i, size_t end) {
  if (const size_t stop = match_contraction(u, i, end, true); stop > i) return stop;
  const size_t start = is(u, i, C::kLetter | C::kNumber) || is_newline(u, i) ? i : i + 1;
  if (const size_t stop = match_spelled_letters(u, start, end); stop > start) return stop;
  if (is(u, i, C::kNumber)) return i + 1;
  if (const size_t stop = match_run_after_blank(u, i, end, kNotSpaceLetterNumber); stop > i)
    return stop < end && (is_newline(u, stop) || u.code_points[stop] == '/') ? stop + 1 : stop;
  return match_lines_or_space(u, i, end);
}

size_t match_kimi_k2(const TextUnits& u, size_t i, size_t end) {
  const auto word_letter = [&](size_t k) { return is(u, k, C::kLetter) && !is_han(u.code_points[k]); };
  size_t stop = i;
  while (stop < end && is_han(u.code_points[stop])) ++stop;
  if (stop > i) return stop;
  const size_t start = is(u, i, C::kLetter | C::kNumber) || is_newline(u, i) ? i : i + 1;
  for (stop = start; stop < end && word_letter(stop);) ++stop;
  if (stop > start) return stop < end ? match_contraction(u, stop, end, true) : stop;
  if (stop = match_number(u, i, end, 3); stop > i) return stop;
  if (stop = match_symbols_and_lines(u, i, end, kNotSpaceLetterNumber, false); stop > i) return stop;
  return match_lines_or_space(u, i, end);
}

// \s{512}(?!\S)|\s{256}(?!\S)|…|\s{4}(?!\S)|\s{1,2}(?!\S)|\s of `run` whitespace characters
size_t halved_run(size_t run, bool at_end) {
  for (size_t size = 512; size >= 1; size /= 2) {
    if (run > size || (run == size && at_end)) return size;
  }
  return 1;
}

}  // namespace

void gpt2(const TextUnits& u, size_t begin, size_t end, Ends& ends) {
  cut(begin, end, ends, [&](size_t i) {
    if (const size_t stop = match_contraction(u, i, end, false); stop > i) return stop;
    for (const uint8_t mask : {C::kLetter, C::kNumber, kNotSpaceLetterNumber}) {
      if (const size_t stop = match_run_after_blank(u, i, end, mask); stop > i) return stop;
    }
    return match_space(u, i, end);
  });
}

void llama3(const TextUnits& u, size_t b, size_t e, Ends& ends) { cut_words(u, b, e, ends, {.max_digits = 3}); }
void qwen2(const TextUnits& u, size_t b, size_t e, Ends& ends) { cut_words(u, b, e, ends, {}); }
void ufakzeka(const TextUnits& u, size_t b, size_t e, Ends& ends) { cut_words(u, b, e, ends, {.contractions = false}); }
void seed_coder(const TextUnits& u, size_t b, size_t e, Ends& ends) {
  cut_words(u, b, e, ends, {.lines_after_symbols = false});
}
void k2_horizon(const TextUnits& u, size_t b, size_t e, Ends& ends) {
  cut_words(u, b, e, ends, {.letters = C::kLetter | C::kMark, .max_digits = 3, .joiners = true});
}

void qwen35(const TextUnits& u, size_t begin, size_t end, Ends& ends) {
  cut_words(u, begin, end, ends,
            {.letters = C::kLetter | C::kMark, .symbols = C::kPunctuation | C::kSymbol | C::kOther});
}

void jais2(const TextUnits& u, size_t begin, size_t end, Ends& ends) {
  size_t run_stop = begin;  // whitespace up to here has no newline; looked at once, however many parts it gives
  cut(begin, end, ends, [&](size_t i) {
    if (i >= run_stop) {
      if (const size_t stop = match_word(u, i, end, {.max_digits = 3}); stop > i) return stop;
      const size_t stop = run_end(u, i, end, C::kSpace);
      if (const size_t lines = match_lines_or_space(u, i, end); lines > i && is_newline(u, lines - 1)) return lines;
      run_stop = stop;
    }
    // The last character of a run may begin a word.
    if (i + 1 == run_stop)
      if (const size_t stop = match_word(u, i, end, {.max_digits = 3}); stop > i) return stop;
    return i + halved_run(run_stop - i, run_stop == end);
  });
}

void tekken(const TextUnits& u, size_t b, size_t e, Ends& ends) { cut_cased_words(u, b, e, ends, {}); }
void gpt4o(const TextUnits& u, size_t b, size_t e, Ends& ends) {
  cut_cased_words(u, b, e, ends, {.max_digits = 3, .contractions = true});
}
void granite_embed(const TextUnits& u, size_t b, size_t e, Ends& ends) {
  cut_cased_words(u, b, e, ends, {.letters = C::kLetter | C::kMark, .max_digits = 3, .contractions = true});
}
void tiny_aya(const TextUnits& u, size_t b, size_t e, Ends& ends) {
  cut_cased_words(u, b, e, ends,
                  {.letters = C::kLetter | C::kMark, .max_digits = 3, .contractions = true, .cased = false});
}
void youtu(const TextUnits& u, size_t b, size_t e, Ends& ends) {
  cut_cased_words(u, b, e, ends, {.letters = C::kLetter | C::kMark, .contractions = true, .cased = false});
}

void deepseek_v3(const TextUnits& u, size_t begin, size_t end, Ends& ends) {
  cut(begin, end, ends, [&](size_t i) {
    if (const size_t stop = match_deepseek_word(u, i, end); stop > i) return stop;
    if (const size_t stop = match_symbols_and_lines(u, i, end, C::kPunctuation | C::kSymbol, false); stop > i)
      return stop;
    return match_lines_or_space(u, i, end);
  });
}

void spark(const TextUnits& u, size_t begin, size_t end, Ends& ends) {
  cut(begin, end, ends, [&](size_t i) {
    if (const size_t stop = match_deepseek_word(u, i, end); stop > i) return stop;
    if (const size_t stop = match_run_after_blank(u, i, end, C::kPunctuation | C::kSymbol); stop > i) return stop;
    return is_newline(u, i) ? i + 1 : match_space(u, i, end);
  });
}

void exaone_moe(const TextUnits& u, size_t b, size_t e, Ends& ends) {
  cut(b, e, ends, [&](size_t i) { return match_exaone_moe(u, i, e); });
}
void kimi_k2(const TextUnits& u, size_t b, size_t e, Ends& ends) {
  cut(b, e, ends, [&](size_t i) { return match_kimi_k2(u, i, e); });
}

}  // namespace pumice::split
