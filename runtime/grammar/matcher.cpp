#include <algorithm>
#include <array>

#include "grammar/grammar.h"

namespace pumice::grammar {
namespace {

constexpr size_t kKeptMaskBytes = size_t{8} << 20;
constexpr size_t kMaxForcedBytes = 4096;

}  // namespace

Matcher::Matcher(std::shared_ptr<const Grammar> grammar, std::shared_ptr<const TokenTrie> tokens)
    : grammar_(std::move(grammar)),
      tokens_(std::move(tokens)),
      automaton_(grammar_->program()),
      state_(automaton_.start()) {}

void Matcher::restart() {
  state_ = automaton_.start();
  if (ended_) masks_.clear();
  ended_ = false;
}

Error Matcher::too_large() const {
  return error(Status::kUnsupported, "the grammar needs more states than the limit; simplify it");
}

void Matcher::walk(const std::vector<TokenTrie::Node>& nodes, Mask& mask) {
  std::array<Automaton::State, 257> at;  // the state behind the first bytes of the node
  at[0] = state_;
  const size_t count = nodes.size();
  for (size_t i = 0; i < count;) {
    const TokenTrie::Node& node = nodes[i];
    const Automaton::State next = automaton_.step(at[node.depth], node.byte);
    if (next == Automaton::kDead) {
      i = node.next;
      continue;
    }
    at[node.depth + size_t{1}] = next;
    for (int32_t token = node.token; token >= 0; token = tokens_->same(token))
      mask[static_cast<size_t>(token) / 32] |= 1u << (token % 32);
    ++i;
  }
}

Result<const Mask*> Matcher::mask() {
  if (automaton_.crowded()) {
    masks_.clear();
    state_ = automaton_.forget_all_but(state_);
  }
  if (automaton_.exhausted()) return too_large();
  const auto [place, is_new] = masks_.try_emplace(state_);
  Mask& mask = place->second;
  if (!is_new) return &mask;
  if (masks_.size() * tokens_->words() * sizeof(uint32_t) > kKeptMaskBytes) {
    masks_.clear();
    return this->mask();
  }
  automaton_.renew_budget();
  mask.assign(tokens_->words(), 0);
  if (ended_) return &mask;
  const uint32_t run = automaton_.run_length(state_);
  const auto fits = [&](const TokenTrie::Slice& slice) { return slice.run <= run; };
  const auto& slices = tokens_->slices();
  const auto slice = std::find_if(slices.begin(), slices.end(), fits);
  if (slice != slices.end()) {
    mask = slice->mask;
    walk(slice->rest, mask);
  } else {
    walk(tokens_->all(), mask);
  }
  if (automaton_.accepts(state_))
    for (const int32_t token : tokens_->end_tokens()) mask[static_cast<size_t>(token) / 32] |= 1u << (token % 32);
  if (automaton_.exhausted()) return too_large();
  return &mask;
}

Automaton::State Matcher::after(int32_t token) {
  Automaton::State state = state_;
  if (token < 0 || static_cast<size_t>(token) >= tokens_->size()) return Automaton::kDead;
  const std::string_view bytes = tokens_->bytes(token);
  if (bytes.empty()) return Automaton::kDead;
  for (size_t i = 0; i < bytes.size() && state != Automaton::kDead; ++i)
    state = automaton_.step(state, static_cast<uint8_t>(bytes[i]));
  return state;
}

Result<bool> Matcher::allows(int32_t token) {
  automaton_.renew_budget();
  if (ended_ || token < 0 || static_cast<size_t>(token) >= tokens_->size()) return false;
  const bool allowed = tokens_->ends(token) ? automaton_.accepts(state_) : after(token) != Automaton::kDead;
  if (automaton_.exhausted()) return too_large();
  return allowed;
}

Result<bool> Matcher::accept(int32_t token) {
  PUMICE_ASSIGN(const bool allowed, allows(token));
  if (!allowed) return false;
  if (tokens_->ends(token)) {
    ended_ = true;
    masks_.clear();
  } else {
    state_ = after(token);
  }
  return true;
}

std::string Matcher::forced_bytes() {
  std::string bytes;
  Automaton::State state = state_;
  while (!ended_ && bytes.size() < kMaxForcedBytes && !automaton_.accepts(state)) {
    Automaton::State only = Automaton::kDead;
    uint32_t byte = 256, ways = 0;
    const ByteSet first = automaton_.first(state);
    for (uint32_t next = first.next(0); next < 256 && ways < 2; next = first.next(next + 1)) {
      const Automaton::State behind = automaton_.step(state, static_cast<uint8_t>(next));
      if (behind == Automaton::kDead) continue;
      only = behind, byte = next, ++ways;
    }
    if (ways != 1) break;
    bytes += static_cast<char>(byte);
    state = only;
  }
  return bytes;
}

std::vector<int32_t> Matcher::forced_tokens(const Tokenizer& tokenizer) {
  const std::string bytes = forced_bytes();
  std::vector<int32_t> tokens = tokenizer.encode(bytes, {.add_special = false, .parse_special = false});
  // What a longer token could cover together with what follows is left open.
  size_t certain = 0, length = 0, kept = 0;
  while (certain < bytes.size() && !tokens_->continues(std::string_view(bytes).substr(certain))) ++certain;
  for (; kept < tokens.size(); ++kept) {
    const std::string_view token = tokens_->bytes(tokens[kept]);
    if (bytes.compare(length, token.size(), token) != 0) return {};
    length += token.size();
    if (length > certain) break;
  }
  tokens.resize(kept);
  return tokens;
}

}  // namespace pumice::grammar
