#include "grammar/token_trie.h"

#include <algorithm>
#include <string>

#include "text/unicode.h"

namespace pumice::grammar {
namespace {

constexpr size_t kMaxTokenBytes = 255;
constexpr uint32_t kRuns[] = {UINT32_MAX, 24, 8};

// How many characters the token is as content of a JSON string without escapes; 0 if it is not.
uint32_t characters_of(std::string_view bytes) {
  uint32_t count = 0;
  for (; !bytes.empty(); ++count) {
    const Utf8Unit unit = first_unit(bytes);
    const bool plain = unit.code_point >= 0x20 && unit.code_point != '"' && unit.code_point != '\\';
    if (unit.state != Utf8State::kValid || !plain) return 0;
    bytes.remove_prefix(unit.length);
  }
  return count;
}

// A byte that no UTF-8 has means something else here, whatever grammar allows it.
std::string bytes_of(const Tokenizer& tokenizer, int32_t id) {
  const std::string_view bytes = tokenizer.token_bytes(id);
  return bytes.find(kControlByte) == std::string_view::npos ? std::string(bytes) : std::string();
}

}  // namespace

std::string control_text(std::string_view name) { return name.empty() ? "" : kControlByte + std::string(name); }

std::shared_ptr<const TokenTrie> TokenTrie::create(const Tokenizer& tokenizer) {
  auto trie = std::make_shared<TokenTrie>();
  const auto count = static_cast<size_t>(tokenizer.vocabulary_size());
  std::vector<size_t> begins(count);
  for (size_t i = 0; i < count; ++i) {
    const auto id = static_cast<int32_t>(i);
    begins[i] = trie->storage_.size();
    trie->storage_ += tokenizer.is_control(id) ? control_text(tokenizer.token_name(id)) : bytes_of(tokenizer, id);
    trie->ends_.push_back(tokenizer.is_end_of_generation(id));
    if (trie->ends_.back()) trie->end_tokens_.push_back(id);
  }
  std::vector<int32_t> sorted;
  for (size_t i = 0; i < count; ++i) {
    const size_t end = i + 1 < count ? begins[i + 1] : trie->storage_.size();
    trie->bytes_.push_back(std::string_view(trie->storage_).substr(begins[i], end - begins[i]));
    const bool usable = !trie->bytes_[i].empty() && trie->bytes_[i].size() <= kMaxTokenBytes && !trie->ends_[i];
    if (usable) sorted.push_back(static_cast<int32_t>(i));
  }
  std::stable_sort(sorted.begin(), sorted.end(), [&](int32_t a, int32_t b) { return trie->bytes(a) < trie->bytes(b); });
  trie->same_.assign(count, -1);
  for (size_t i = 1; i < sorted.size(); ++i)
    if (trie->bytes(sorted[i - 1]) == trie->bytes(sorted[i]))
      trie->same_[static_cast<size_t>(sorted[i - 1])] = sorted[i];
  trie->all_ = trie->lay_out(sorted);
  for (const uint32_t run : kRuns) {
    Slice slice = {.run = run, .mask = Mask(trie->words(), 0), .rest = {}};
    std::vector<int32_t> others;
    for (const int32_t token : sorted) {
      const uint32_t characters = characters_of(trie->bytes(token));
      if (characters == 0 || characters > run) {
        others.push_back(token);
      } else {
        slice.mask[static_cast<size_t>(token) / 32] |= 1u << (token % 32);
      }
    }
    slice.rest = trie->lay_out(others);
    trie->slices_.push_back(std::move(slice));
  }
  return trie;
}

std::vector<TokenTrie::Node> TokenTrie::lay_out(const std::vector<int32_t>& sorted) const {
  std::vector<Node> nodes;
  std::vector<size_t> path;  // of the nodes that are not closed yet
  std::string_view before;
  const auto close = [&](size_t depth) {
    for (; path.size() > depth; path.pop_back()) nodes[path.back()].next = static_cast<uint32_t>(nodes.size());
  };
  for (const int32_t token : sorted) {
    const std::string_view text = bytes(token);
    const auto shared = std::mismatch(before.begin(), before.end(), text.begin(), text.end()).first - before.begin();
    before = text;
    if (static_cast<size_t>(shared) == text.size()) continue;  // as the one before; see same()
    close(static_cast<size_t>(shared));
    for (size_t i = static_cast<size_t>(shared); i < text.size(); ++i) {
      path.push_back(nodes.size());
      nodes.push_back({.byte = static_cast<uint8_t>(text[i]), .depth = static_cast<uint8_t>(i)});
    }
    nodes.back().token = token;
  }
  close(0);
  return nodes;
}

bool TokenTrie::continues(std::string_view text) const {
  size_t at = 0, end = all_.size();
  for (const char c : text) {
    while (at < end && all_[at].byte != static_cast<uint8_t>(c)) at = all_[at].next;
    if (at >= end) return false;
    end = all_[at].next;
    ++at;
  }
  return at < end;
}

}  // namespace pumice::grammar
