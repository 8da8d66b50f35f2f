#include "text/sentences.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>

#include "text/unicode.h"

namespace pumice {
namespace {

constexpr uint32_t kEnds[] = {'.', '!', '?', 0x2026, 0x203C, 0x2047, 0x2048, 0x2049};
constexpr uint32_t kWideEnds[] = {0x3002, 0xFF01, 0xFF1F, 0xFF61};
constexpr uint32_t kClosers[] = {'"', '\'', ')', ']', 0xBB, 0x2019, 0x201D, 0x203A, 0x300D, 0x300F, 0xFF09};
constexpr uint32_t kOpeners[] = {'"',  '\'',   '(',    '[',    '-',    0xA1,   0xAB,
                                 0xBF, 0x2013, 0x2014, 0x2018, 0x201C, 0x201E, 0x2039};
// Before a full stop that ends no sentence; without case.
constexpr std::string_view kAbbreviations[] = {"mr",  "mrs", "ms",  "dr",     "prof", "st",  "sr",  "sra", "dra", "jr",
                                               "vs",  "cf",  "fig", "vol",    "pp",   "no",  "nr",  "bzw", "ca",  "etc",
                                               "e.g", "i.e", "z.b", "approx", "av",   "art", "cap", "núm", "p.ej"};

template <size_t N>
bool among(const uint32_t (&list)[N], uint32_t code) {
  return std::find(std::begin(list), std::end(list), code) != std::end(list);
}

bool is_space(uint32_t code) { return (char_class(code) & CharClass::kSpace) != 0; }

// Whether a sentence may begin so.
bool begins_sentence(uint32_t code) {
  if (among(kOpeners, code) || (char_class(code) & CharClass::kNumber) != 0) return true;
  return (char_class(code) & CharClass::kLetter) != 0 && to_upper(code) == code;
}

class Splitter {
 public:
  explicit Splitter(std::string_view text) : text_(text) {}

  std::vector<Sentence> run() {
    take_space();  // in front of everything
    if (at_ > 0) push(0);
    while (at_ < text_.size()) {
      const uint32_t code = here();
      if (code == '\n' || code == '\r') {
        end_sentence();
      } else if (among(kWideEnds, code)) {
        take_all(kWideEnds);
        take_all(kClosers);
        end_sentence();
      } else if (among(kEnds, code)) {
        take_ends(code);
      } else {
        step();
      }
    }
    if (begin_ < text_.size()) end_sentence();
    return std::move(found_);
  }

 private:
  uint32_t here() const { return first_unit(text_.substr(at_)).code_point; }
  void step() { at_ += first_unit(text_.substr(at_)).length; }
  void take_space() {
    while (at_ < text_.size() && is_space(here())) step();
  }
  template <size_t N>
  void take_all(const uint32_t (&list)[N]) {
    while (at_ < text_.size() && among(list, here())) step();
  }

  // The sentence's bytes end at `end`, its space here.
  void push(size_t end) {
    found_.push_back({text_.substr(begin_, end - begin_), text_.substr(end, at_ - end)});
    begin_ = at_;
  }

  // White space before the end belongs to what follows.
  void end_sentence() {
    size_t end = at_;
    while (end > begin_ && (text_[end - 1] == ' ' || text_[end - 1] == '\t')) --end;
    take_space();
    push(end);
  }

  void take_ends(uint32_t first) {
    const size_t stop = at_;
    const bool alone = first == '.' && (at_ + 1 == text_.size() || text_[at_ + 1] != '.');
    take_all(kEnds);
    take_all(kClosers);
    const size_t end = at_;
    size_t next = at_;
    while (next < text_.size() && is_space(first_unit(text_.substr(next)).code_point))
      next += first_unit(text_.substr(next)).length;
    if (next == end || next == text_.size()) return;
    const std::string_view between = text_.substr(end, next - end);
    const bool line = between.find('\n') != between.npos || between.find('\r') != between.npos;
    if (!line && (!begins_sentence(first_unit(text_.substr(next)).code_point) || (alone && goes_on_after(stop))))
      return;
    end_sentence();
  }

  // Whether the word before the full stop at `stop` is one that a full stop belongs to.
  bool goes_on_after(size_t stop) const {
    size_t first = stop;
    while (first > begin_ && !is_space(static_cast<unsigned char>(text_[first - 1]))) --first;
    std::string_view word = text_.substr(first, stop - first);
    while (!word.empty() && (word.front() == '(' || word.front() == '"')) word.remove_prefix(1);
    if (word.empty()) return false;
    const Utf8Unit letter = first_unit(word);
    if (letter.length == word.size())
      return (char_class(letter.code_point) & (CharClass::kLetter | CharClass::kNumber)) != 0;
    if (std::all_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; })) return true;
    std::string lower;
    for (std::string_view rest = word; !rest.empty(); rest.remove_prefix(first_unit(rest).length))
      append_utf8(lower, to_lower(first_unit(rest).code_point));
    return std::find(std::begin(kAbbreviations), std::end(kAbbreviations), lower) != std::end(kAbbreviations);
  }

  std::string_view text_;
  size_t begin_ = 0, at_ = 0;
  std::vector<Sentence> found_;
};

}  // namespace

std::vector<Sentence> split_sentences(std::string_view text) { return Splitter(text).run(); }

}  // namespace pumice
