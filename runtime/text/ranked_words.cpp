#include "text/ranked_words.h"

#include <limits>
#include <unordered_map>

#include "text/unicode.h"

namespace pumice {
namespace {

using Ranks = std::unordered_map<std::string_view, size_t>;

// Merges take the square of a word's length here; the longest in use has 128 bytes.
constexpr size_t kLongestRankedWord = 512;
constexpr size_t kNoRank = std::numeric_limits<size_t>::max();

// Where the word parts in two by the merges of words before it; 0: it never becomes two.
size_t last_cut(const Ranks& ranks, std::string_view word, size_t own) {
  std::vector<size_t> begins;  // of its pieces
  for (size_t i = 0; i < word.size(); ++i) begins.push_back(i);
  while (begins.size() > 2) {
    size_t best = kNoRank, place = 0;
    for (size_t i = 0; i + 1 < begins.size(); ++i) {
      const size_t end = i + 2 < begins.size() ? begins[i + 2] : word.size();
      const auto found = ranks.find(word.substr(begins[i], end - begins[i]));
      if (found == ranks.end() || found->second >= own || found->second >= best) continue;
      best = found->second;
      place = i;
    }
    if (best == kNoRank) return 0;
    begins.erase(begins.begin() + static_cast<std::ptrdiff_t>(place) + 1);
  }
  return begins.size() == 2 ? begins[1] : 0;
}

std::string in_alphabet(std::string_view bytes) {
  std::string name;
  for (const char byte : bytes) append_utf8(name, byte_to_alphabet(static_cast<uint8_t>(byte)));
  return name;
}

}  // namespace

std::deque<std::string> spell_ranked_words(TokenizerData& data) {
  const auto is_word = [&](size_t id) {
    return id >= data.token_types.size() || data.token_types[id] != static_cast<int32_t>(TokenType::kControl);
  };
  Ranks ranks;
  for (size_t id = 0; id < data.tokens.size(); ++id)
    if (is_word(id)) ranks.emplace(data.tokens[id], id);
  std::deque<std::string> made;
  std::vector<std::string_view> tokens = data.tokens;
  data.merges.clear();
  for (size_t id = 0; id < tokens.size(); ++id) {
    const std::string_view word = tokens[id];
    if (!is_word(id)) continue;
    data.tokens[id] = made.emplace_back(in_alphabet(word));
    const bool first = ranks.find(word)->second == id;
    if (const size_t cut = first && word.size() <= kLongestRankedWord ? last_cut(ranks, word, id) : 0; cut != 0)
      data.merges.push_back(made.emplace_back(in_alphabet(word.substr(0, cut)) + " " + in_alphabet(word.substr(cut))));
  }
  data.model = "gpt2";
  data.pre = "gpt-2";
  return made;
}

}  // namespace pumice
