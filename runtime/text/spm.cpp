#include "text/spm.h"

#include <algorithm>
#include <string>

#include "text/unicode.h"

namespace pumice {
namespace {

constexpr uint32_t kNoPiece = UINT32_MAX;

// A doubly linked list in an array; a piece that was merged into its left neighbour has length 0.
struct Piece {
  uint32_t at;
  uint32_t length;
  uint32_t previous;
  uint32_t next;
};

struct PiecePair {
  float score;
  uint32_t left;
  uint32_t right;
  uint32_t length;  // of both when the pair was seen; another length means that one of them has changed
};

bool scores_less(const PiecePair& a, const PiecePair& b) {
  return a.score != b.score ? a.score < b.score : a.left > b.left;
}

void list_characters(std::string_view text, std::vector<Piece>& symbols) {
  symbols.clear();
  for (size_t at = 0; at < text.size();) {
    const Utf8Unit unit = first_unit(text.substr(at, 4));
    const uint32_t length = unit.state == Utf8State::kValid ? unit.length : 1;
    const auto index = static_cast<uint32_t>(symbols.size());
    symbols.push_back({static_cast<uint32_t>(at), length, index == 0 ? kNoPiece : index - 1, index + 1});
    at += length;
  }
  if (!symbols.empty()) symbols.back().next = kNoPiece;
}

// Where the first word ends: before a space mark that follows anything else.
size_t word_end(std::string_view escaped) {
  size_t at = 0;
  while (escaped.substr(at, kSpaceMark.size()) == kSpaceMark) at += kSpaceMark.size();
  return std::min(escaped.find(kSpaceMark, at), escaped.size());
}

}  // namespace

// Kept from word to word so that a short word costs no allocation.
struct SpmEncoder::Scratch {
  std::vector<Piece> symbols;
  std::vector<PiecePair> queue;
  EncodeWork work;
};

SpmEncoder::SpmEncoder(const TokenTable& table) : table_(&table) {
  for (uint32_t byte = 0; byte < 256; ++byte) {
    auto id = table.find(byte_name(static_cast<uint8_t>(byte)));
    if (id && table.is_special(*id)) id.reset();
    if (!id) id = piece(std::string(1, static_cast<char>(byte)));
    if (!id && table.unk && table.type(*table.unk) != TokenType::kControl) id = table.unk;
    byte_ids_[byte] = id.value_or(-1);
  }
  for (int32_t id = 0; id < table.size() && !tokens_span_words_; ++id) {
    const std::string_view name = table.name(id);
    tokens_span_words_ = word_end(name) < name.size() && piece(name) == id;
  }
}

std::optional<int32_t> SpmEncoder::piece(std::string_view text) const {
  if (text.size() > table_->longest_name()) return std::nullopt;
  const auto id = table_->find(text);
  if (!id || table_->is_special(*id) || table_->type(*id) == TokenType::kByte) return std::nullopt;
  return id;
}

void SpmEncoder::encode(std::string_view text, bool space_prefix, std::vector<int32_t>& ids, EncodeWork* work) const {
  std::string escaped;
  escaped.reserve(text.size() + text.size() / 2 + kSpaceMark.size());
  if (space_prefix) escaped += kSpaceMark;
  for (const char c : text) {
    if (c == ' ') {
      escaped += kSpaceMark;
    } else {
      escaped.push_back(c);
    }
  }
  // Where no token spans two words, merging word by word gives the same result, with queues that stay small.
  Scratch scratch;
  std::string_view rest = escaped;
  while (!rest.empty()) {
    const std::string_view word = rest.substr(0, tokens_span_words_ ? rest.size() : word_end(rest));
    encode_word(word, scratch, ids);
    rest.remove_prefix(word.size());
  }
  if (work != nullptr) *work = scratch.work;
}

void SpmEncoder::encode_word(std::string_view word, Scratch& scratch, std::vector<int32_t>& ids) const {
  list_characters(word, scratch.symbols);
  merge(word, scratch);
  const auto& symbols = scratch.symbols;
  for (uint32_t i = symbols.empty() ? kNoPiece : 0; i != kNoPiece; i = symbols[i].next) {
    const std::string_view text = word.substr(symbols[i].at, symbols[i].length);
    if (const auto id = piece(text)) {
      ids.push_back(*id);
    } else {
      append_bytes(text, ids);
    }
  }
}

void SpmEncoder::merge(std::string_view word, Scratch& scratch) const {
  auto& symbols = scratch.symbols;
  auto& queue = scratch.queue;
  const auto consider = [&](uint32_t left, uint32_t right) {
    if (left == kNoPiece || right == kNoPiece) return false;
    ++scratch.work.pair_lookups;
    const uint32_t length = symbols[left].length + symbols[right].length;
    const auto id = piece(word.substr(symbols[left].at, length));
    if (id) queue.push_back({table_->score(*id), left, right, length});
    return id.has_value();
  };
  queue.clear();
  for (uint32_t i = 1; i < symbols.size(); ++i) consider(i - 1, i);
  std::make_heap(queue.begin(), queue.end(), scores_less);
  while (!queue.empty()) {
    std::pop_heap(queue.begin(), queue.end(), scores_less);
    const PiecePair best = queue.back();
    queue.pop_back();
    Piece& left = symbols[best.left];
    Piece& right = symbols[best.right];
    if (left.length == 0 || right.length == 0 || left.length + right.length != best.length) continue;
    left.length += right.length;
    right.length = 0;
    left.next = right.next;
    if (right.next != kNoPiece) symbols[right.next].previous = best.left;
    if (consider(left.previous, best.left)) std::push_heap(queue.begin(), queue.end(), scores_less);
    if (consider(best.left, left.next)) std::push_heap(queue.begin(), queue.end(), scores_less);
  }
}

void SpmEncoder::append_bytes(std::string_view bytes, std::vector<int32_t>& ids) const {
  for (const char c : bytes) {
    const int32_t id = byte_ids_[static_cast<uint8_t>(c)];
    if (id >= 0) ids.push_back(id);
  }
}

}  // namespace pumice
