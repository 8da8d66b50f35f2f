#include "engine/speech_candidate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace pumice {
namespace {

constexpr size_t kEntropyTokens = 32;

size_t draw(const std::vector<double>& logs, SplitMix& random) {
  double sum = 0;
  for (const double log : logs) sum += std::exp(log);
  const double target = static_cast<double>(random.next() >> 11) * 0x1p-53 * sum;
  double passed = 0;
  size_t last = 0;
  for (size_t i = 0; i < logs.size(); ++i) {
    if (std::isinf(logs[i])) continue;
    last = i;
    passed += std::exp(logs[i]);
    if (passed > target) break;
  }
  return last;
}

}  // namespace

// Time that goes back is a failure.
void SpeechCandidate::mark_time(const SpeechRules& rules, int32_t token) {
  const int32_t time = token - rules.tokens.first_timestamp;
  if (time <= 0) return;
  if (last_time_ && *last_time_ > time && kept_ + 1 < tokens_.size()) {
    failed_ = over_ = true;
    return;
  }
  last_time_ = time;
  kept_ = tokens_.size();
  advance_ = std::min(kFramesOfTimestamp * static_cast<uint32_t>(time), window_.most);
}

void SpeechCandidate::check_end(const SpeechRules& rules) {
  const bool at_end = uint64_t{window_.seek} + advance_ + kSpeechLeast >= window_.end;
  if (tokens_.back() == rules.tokens.end || (last_time_ && at_end)) {
    if (!window_.timestamps) advance_ = window_.most;
    if (!window_.timestamps || (kept_ == 0 && at_end)) kept_ = tokens_.size();
    failed_ = kept_ == 0;
    over_ = true;
  } else if (tokens_.size() == window_.limit) {
    failed_ = kept_ == 0 || advance_ < window_.most / 2;
    over_ = true;
  }
}

void SpeechCandidate::take(const SpeechRules& rules, std::span<const float> logits, SplitMix& random) {
  const std::vector<double> logs = rules.next(logits, tokens_, last_time_, window_.timestamps, window_.temperature);
  const size_t token = window_.temperature > 0
                           ? draw(logs, random)
                           : static_cast<size_t>(std::max_element(logs.begin(), logs.end()) - logs.begin());
  tokens_.push_back(static_cast<int32_t>(token));
  logs_.push_back(logs[token]);
  mark_time(rules, tokens_.back());
  if (!over_) check_end(rules);
}

// A single timestamp at the end says that the rest of the window has nothing.
void SpeechCandidate::finish(const SpeechRules& rules) {
  if (!failed_) {
    tokens_.resize(kept_);
    logs_.resize(kept_);
  }
  const int32_t begin = rules.tokens.first_timestamp;
  const size_t count = tokens_.size();
  if (count > 1 && tokens_[count - 2] < begin && tokens_.back() > begin)
    advance_ = std::min(window_.end - window_.seek, window_.most);
}

double SpeechCandidate::mean() const {
  if (kept_ == 0 || failed_) return -std::numeric_limits<double>::infinity();
  double sum = 0;
  for (size_t i = 0; i < kept_; ++i) sum += logs_[i];
  return sum / static_cast<double>(kept_);
}

double SpeechCandidate::entropy() const {
  const size_t count = std::min(kept_, kEntropyTokens);
  if (kept_ <= kEntropyTokens) return std::numeric_limits<double>::infinity();
  std::map<int32_t, uint32_t> counts;
  for (size_t i = kept_ - count; i < kept_; ++i) ++counts[tokens_[i]];
  double entropy = 0;
  for (const auto& [token, times] : counts) {
    const double share = static_cast<double>(times) / static_cast<double>(count);
    entropy -= share * std::log(share);
  }
  return entropy;
}

void SpeechCandidate::drop() {
  tokens_.clear();
  logs_.clear();
  kept_ = 0;
}

}  // namespace pumice
