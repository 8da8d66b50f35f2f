#include "text/bpe.h"

#include <algorithm>
#include <bit>

#include "text/unicode.h"

namespace pumice {
namespace {

constexpr uint32_t kNone = UINT32_MAX;
constexpr uint32_t kUnknown = UINT32_MAX - 1;  // the value of a character that is in no name

struct Symbol {
  uint32_t value;  // kNone once it was merged into its left neighbour
  uint32_t at;
  uint32_t previous;
  uint32_t next;
};

struct Pair {
  uint32_t rank;
  uint32_t left;   // position in the list
  uint32_t first;  // the two values when the pair was seen
  uint32_t second;
  uint32_t result;
};

bool worse(const Pair& a, const Pair& b) { return a.rank != b.rank ? a.rank > b.rank : a.left > b.left; }

}  // namespace

// Kept from word to word so that a short word costs no allocation.
struct BpeEncoder::Scratch {
  std::vector<Symbol> symbols;
  std::vector<Pair> queue;
  EncodeWork work;
};

void BpeEncoder::MergeTable::reserve(size_t merges) {
  const size_t size = std::bit_ceil(std::max<size_t>(2, merges * 2));
  slots_.assign(size, Merge{});
  shift_ = 64 - std::countr_zero(size);
}

void BpeEncoder::MergeTable::add(uint32_t left, uint32_t right, uint32_t rank, uint32_t result) {
  const uint64_t key = (uint64_t{left} << 32) | right;
  size_t i = slot(key);
  while (slots_[i].key != kEmpty) {
    if (slots_[i].key == key) return;
    i = (i + 1) & (slots_.size() - 1);
  }
  slots_[i] = {key, rank, result};
}

const BpeEncoder::MergeTable::Merge* BpeEncoder::MergeTable::find(uint32_t left, uint32_t right) const {
  const uint64_t key = (uint64_t{left} << 32) | right;
  for (size_t i = slot(key); slots_[i].key != kEmpty; i = (i + 1) & (slots_.size() - 1)) {
    if (slots_[i].key == key) return &slots_[i];
  }
  return nullptr;
}

BpeEncoder::BpeEncoder(const TokenTable& table, const std::vector<std::string_view>& merges, const PreTokenizer& pre,
                       BpeOptions options)
    : pre_(pre), options_(options) {
  symbols_.reserve(static_cast<size_t>(table.size()) + 256, 0);
  for (uint32_t byte = 0; byte < 256; ++byte) byte_symbols_[byte] = intern(std::string(1, static_cast<char>(byte)));
  for (int32_t id = 0; id < table.size(); ++id) {
    if (table.name(id).empty() || table.is_special(id) || table.type(id) == TokenType::kByte) continue;
    const auto bytes = spelt(table.name(id));
    if (!bytes) continue;
    int32_t& owner = symbol_ids_[intern(*bytes)];
    if (owner < 0) owner = id;
  }
  for (uint32_t byte = 0; byte < 256; ++byte) byte_ids_[byte] = byte_id(table, static_cast<uint8_t>(byte));
  add_merges(merges);
}

std::optional<std::string> BpeEncoder::spelt(std::string_view name) const {
  return pre_.traits().characters ? std::string(name) : decode_alphabet(name);
}

int32_t BpeEncoder::byte_id(const TokenTable& table, uint8_t byte) const {
  if (!pre_.traits().characters) return symbol_ids_[byte_symbols_[byte]];
  const auto id = table.find(byte_name(byte));
  return id && !table.is_special(*id) ? *id : -1;
}

uint32_t BpeEncoder::intern(std::string_view bytes) {
  const uint32_t symbol = symbols_.intern(bytes);
  if (symbol == symbol_ids_.size()) symbol_ids_.push_back(-1);
  return symbol;
}

void BpeEncoder::add_merges(const std::vector<std::string_view>& merges) {
  merges_.reserve(merges.size());
  for (size_t rank = 0; rank < merges.size() && rank < kNone; ++rank) {
    const std::string_view merge = merges[rank];
    const size_t space = merge.find(' ', 1);
    if (space == std::string_view::npos) continue;
    const auto left = spelt(merge.substr(0, space));
    const auto right = spelt(merge.substr(space + 1));
    if (!left || !right || left->empty() || right->empty()) continue;
    if (left->size() + right->size() > TokenTable::kMaxNameBytes) continue;
    const uint32_t first = intern(*left);
    const uint32_t second = intern(*right);
    merges_.add(first, second, static_cast<uint32_t>(rank), intern(*left + *right));
  }
}

std::string BpeEncoder::rewritten(std::string_view text) const {
  std::string out;
  out.reserve(text.size() + text.size() / 2);
  while (!text.empty()) {
    const Utf8Unit unit = first_unit(text);
    if (options_.lowercase && unit.state == Utf8State::kValid) {
      append_utf8(out, to_lower(unit.code_point));
    } else if (pre_.traits().escapes_spaces && text.front() == ' ') {
      out += kSpaceMark;
    } else {
      out += text.substr(0, unit.length);
    }
    text.remove_prefix(unit.length);
  }
  return out;
}

void BpeEncoder::encode(std::string_view text, std::vector<int32_t>& ids, EncodeWork* work) const {
  Scratch scratch;
  std::string changed;
  if (pre_.traits().escapes_spaces || options_.lowercase) text = changed = rewritten(text);
  size_t begin = 0;
  for (size_t at = 0; options_.drops_spaces && at < text.size();) {
    const Utf8Unit unit = first_unit(text.substr(at, 4));
    if (char_class(unit.code_point) == CharClass::kSpace) {
      encode_words(text.substr(begin, at - begin), scratch, ids);
      begin = at + unit.length;
    }
    at += unit.length;
  }
  encode_words(text.substr(begin), scratch, ids);
  if (work != nullptr) *work = scratch.work;
}

void BpeEncoder::encode_words(std::string_view text, Scratch& scratch, std::vector<int32_t>& ids) const {
  uint32_t begin = 0;
  for (const uint32_t end : pre_.split(text)) {
    const std::string_view word = text.substr(begin, end - begin);
    if (pre_.traits().marks_words && word.front() != '\n' && !word.starts_with(kSpaceMark)) {
      encode_word(std::string(kSpaceMark) + std::string(word), scratch, ids);
    } else {
      encode_word(word, scratch, ids);
    }
    begin = end;
  }
}

bool BpeEncoder::append_whole_word(std::string_view word, std::vector<int32_t>& ids) const {
  if (word.size() > TokenTable::kMaxNameBytes) return false;
  const auto found = symbols_.find(word);
  if (!found || symbol_ids_[*found] < 0) return false;
  ids.push_back(symbol_ids_[*found]);
  return true;
}

void BpeEncoder::list_symbols(std::string_view word, Scratch& scratch) const {
  auto& symbols = scratch.symbols;
  symbols.clear();
  for (size_t at = 0; at < word.size();) {
    uint32_t length = 1, value = byte_symbols_[static_cast<uint8_t>(word[at])];
    if (const auto unit = first_unit(word.substr(at, 4));
        pre_.traits().characters && unit.length > 1 && unit.state == Utf8State::kValid) {
      length = unit.length;
      value = symbols_.find(word.substr(at, length)).value_or(kUnknown);
    }
    const auto i = static_cast<uint32_t>(symbols.size());
    symbols.push_back({value, static_cast<uint32_t>(at), i == 0 ? kNone : i - 1, i + 1});
    at += length;
  }
  if (!symbols.empty()) symbols.back().next = kNone;
}

void BpeEncoder::encode_word(std::string_view word, Scratch& scratch, std::vector<int32_t>& ids) const {
  const PreTokenizer::Traits& traits = pre_.traits();
  const bool whole =
      traits.ignores_merges || (traits.whole_newlines && word.find_first_not_of('\n') == std::string_view::npos);
  if (whole && append_whole_word(word, ids)) return;
  list_symbols(word, scratch);
  merge(scratch);
  const auto& symbols = scratch.symbols;
  for (uint32_t i = symbols.empty() ? kNone : 0; i != kNone; i = symbols[i].next) {
    const size_t end = symbols[i].next == kNone ? word.size() : symbols[symbols[i].next].at;
    append_symbol(symbols[i].value, word.substr(symbols[i].at, end - symbols[i].at), ids);
  }
}

void BpeEncoder::merge(Scratch& scratch) const {
  auto& symbols = scratch.symbols;
  auto& queue = scratch.queue;
  const auto consider = [&](uint32_t left) {
    if (left == kNone || symbols[left].next == kNone) return false;
    ++scratch.work.pair_lookups;
    const uint32_t first = symbols[left].value;
    const uint32_t second = symbols[symbols[left].next].value;
    const MergeTable::Merge* found = merges_.find(first, second);
    if (found != nullptr) queue.push_back({found->rank, left, first, second, found->result});
    return found != nullptr;
  };
  queue.clear();
  for (uint32_t i = 0; i + 1 < symbols.size(); ++i) consider(i);
  std::make_heap(queue.begin(), queue.end(), worse);
  while (!queue.empty()) {
    std::pop_heap(queue.begin(), queue.end(), worse);
    const Pair best = queue.back();
    queue.pop_back();
    Symbol& left = symbols[best.left];
    if (left.value != best.first || left.next == kNone || symbols[left.next].value != best.second) continue;
    Symbol& right = symbols[left.next];
    left.value = best.result;
    left.next = right.next;
    right.value = kNone;
    if (left.next != kNone) symbols[left.next].previous = best.left;
    if (consider(left.previous)) std::push_heap(queue.begin(), queue.end(), worse);
    if (consider(best.left)) std::push_heap(queue.begin(), queue.end(), worse);
  }
}

void BpeEncoder::append_symbol(uint32_t symbol, std::string_view bytes, std::vector<int32_t>& ids) const {
  if (symbol != kUnknown && symbol_ids_[symbol] >= 0) {
    ids.push_back(symbol_ids_[symbol]);
    return;
  }
  for (const char c : bytes) {
    const int32_t id = byte_ids_[static_cast<uint8_t>(c)];
    if (id >= 0) ids.push_back(id);
  }
}

}  // namespace pumice
