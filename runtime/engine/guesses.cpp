#include "engine/guesses.h"

#include <algorithm>

namespace pumice {
namespace {

constexpr size_t kLookBack = 8192;  // tokens: a few microseconds
constexpr size_t kLongestMatch = 16;
constexpr double kRemembered = 32;  // tokens or checks of which a mean is made

uint32_t common_end(std::span<const int32_t> a, std::span<const int32_t> b) {
  const size_t most = std::min({a.size(), b.size(), kLongestMatch});
  const auto apart = std::mismatch(a.rbegin(), a.rbegin() + static_cast<ptrdiff_t>(most), b.rbegin()).first;
  return static_cast<uint32_t>(apart - a.rbegin());
}

}  // namespace

uint32_t guess_next(std::span<const int32_t> text, std::span<int32_t> guesses) {
  uint32_t longest = kLeastMatch - 1;
  size_t from = 0;  // what follows there
  const size_t oldest = text.size() > kLookBack ? text.size() - kLookBack : 0;
  for (size_t end = text.size(); end-- > oldest + kLeastMatch && longest < kLongestMatch;) {
    if (text[end - 1] != text.back()) continue;
    const uint32_t match = common_end(text.first(end), text);
    if (match <= longest) continue;
    longest = match;
    from = end;
  }
  if (from == 0) return 0;
  // A text that repeats a few tokens goes on doing so.
  const size_t period = text.size() - from;
  for (size_t i = 0; i < guesses.size(); ++i) guesses[i] = i < period ? text[from + i] : guesses[i - period];
  return static_cast<uint32_t>(guesses.size());
}

void GuessGain::plain(double seconds) {
  if (plain_tokens_ >= kRemembered) plain_seconds_ *= 0.5, plain_tokens_ *= 0.5;
  plain_seconds_ += seconds;
  plain_tokens_ += 1;
}

void GuessGain::checked(double seconds, uint32_t guesses, uint32_t tokens, uint64_t generated) {
  if (checks_ >= static_cast<uint32_t>(kRemembered)) checked_seconds_ *= 0.5, checked_tokens_ *= 0.5, checks_ /= 2;
  checked_seconds_ += seconds;
  checked_tokens_ += tokens;
  ++checks_;
  if (tokens > guesses && guesses >= most_)
    most_ = std::min(2 * most_, kMostGuesses);
  else if (2 * tokens <= guesses)
    most_ = std::max(most_ / 2, kFewest);
  if (checks_ < kTrial || plain_tokens_ == 0) return;
  const double lost = checked_seconds_ * plain_tokens_ / plain_seconds_ - checked_tokens_;  // in tokens
  if (lost <= 0) {
    rest_ = kFirstRest;
    return;
  }
  next_ = generated + static_cast<uint64_t>(std::min(std::max(rest_, lost / kShareLost), kLongestRest));
  rest_ = std::min(2 * rest_, kLongestRest);
  checked_seconds_ = checked_tokens_ = 0;
  checks_ = 0;
  most_ = kFewest;
}

}  // namespace pumice
