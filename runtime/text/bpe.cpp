#include "text/bpe.h"

#include <algorithm>
#include <bit>

#include "text/unicode.h"

namespace pumice {
namespace {

constexpr uint32_t kNone = UINT32_MAX;

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

BpeEncoder::BpeEncoder(const TokenTable& table, const std::vector<std::string_view>& merges, const PreTokenizer& pre)
    : pre_(pre) {
  symbols_.reserve(static_cast<size_t>(table.size()) + 256, 0);
  for (uint32_t byte = 0; byte < 256; ++byte) byte_symbols_[byte] = intern(std::string(1, static_cast<char>(byte)));
  for (int32_t id = 0; id < table.size(); ++id) {
    if (table.name(id).empty() || table.is_special(id) || table.type(id) == TokenType::kByte) continue;
    const auto bytes = decode_alphabet(table.name(id));
    if (!bytes) continue;
    int32_t& owner = symbol_ids_[intern(*bytes)];
    if (owner < 0) owner = id;
  }
  add_merges(merges);
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
    const auto left = decode_alphabet(merge.substr(0, space));
    const auto right = decode_alphabet(merge.substr(space + 1));
    if (!left || !right || left->empty() || right->empty()) continue;
    if (left->size() + right->size() > TokenTable::kMaxNameBytes) continue;
    const uint32_t first = intern(*left);
    const uint32_t second = intern(*right);
    merges_.add(first, second, static_cast<uint32_t>(rank), intern(*left + *right));
  }
}

void BpeEncoder::encode(std::string_view text, std::vector<int32_t>& ids, EncodeWork* work) const {
  Scratch scratch;
  uint32_t begin = 0;
  for (const uint32_t end : pre_.split(text)) {
    encode_word(text.substr(begin, end - begin), scratch, ids);
    begin = end;
  }
  if (work != nullptr) *work = scratch.work;
}

bool BpeEncoder::append_whole_word(std::string_view word, std::vector<int32_t>& ids) const {
  if (word.size() > TokenTable::kMaxNameBytes) return false;
  const auto found = symbols_.find(word);
  if (!found || symbol_ids_[*found] < 0) return false;
  ids.push_back(symbol_ids_[*found]);
  return true;
}

void BpeEncoder::encode_word(std::string_view word, Scratch& scratch, std::vector<int32_t>& ids) const {
  if (pre_.ignores_merges() && append_whole_word(word, ids)) return;
  auto& symbols = scratch.symbols;
  const auto size = static_cast<uint32_t>(word.size());
  symbols.resize(size);
  for (uint32_t i = 0; i < size; ++i) {
    const uint32_t value = byte_symbols_[static_cast<uint8_t>(word[i])];
    symbols[i] = {value, i, i == 0 ? kNone : i - 1, i + 1 == size ? kNone : i + 1};
  }
  merge(word, scratch);
  for (uint32_t i = size == 0 ? kNone : 0; i != kNone; i = symbols[i].next) {
    const uint32_t end = symbols[i].next == kNone ? size : symbols[symbols[i].next].at;
    append_symbol(symbols[i].value, word.substr(symbols[i].at, end - symbols[i].at), ids);
  }
}

void BpeEncoder::merge(std::string_view word, Scratch& scratch) const {
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
  for (uint32_t i = 0; i + 1 < word.size(); ++i) consider(i);
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
  if (symbol_ids_[symbol] >= 0) {
    ids.push_back(symbol_ids_[symbol]);
    return;
  }
  for (const char c : bytes) {
    const int32_t id = symbol_ids_[byte_symbols_[static_cast<uint8_t>(c)]];
    if (id >= 0) ids.push_back(id);
  }
}

}  // namespace pumice
