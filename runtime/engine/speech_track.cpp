#include "engine/speech_track.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace pumice {
namespace {

constexpr uint32_t kFramesOfSecond = 100, kMillisecondsOfFrame = 10;
// What whisper.cpp has by default.
constexpr double kLeastEntropy = 2.4, kLeastMean = -1, kSilence = 0.6;
constexpr float kTemperatureStep = 0.2f, kHighestTemperature = 1;
constexpr float kNoContextFrom = 0.5f;                 // temperature
constexpr uint32_t kLastWindow = 5 * kFramesOfSecond;  // as short as that, the last one goes without context
// Live: pieces of reading, the first window, and how far before its end segments must end.
constexpr size_t kReadSamples = kMelRate / 2;
constexpr uint32_t kLiveStep = 5 * kFramesOfSecond, kSettled = kFramesOfSecond;

}  // namespace

SpeechTrack::SpeechTrack(size_t index, SpeechRequest request, MelFilters filters, const SpeechRules& rules,
                         uint32_t text_context)
    : index_(index),
      request_(std::move(request)),
      rules_(rules),
      text_context_(text_context),
      mel_(std::move(filters)),
      step_(std::min(kLiveStep, rules_.window)),
      wanted_(request_.live ? step_ : rules_.window),
      past_(request_.prompt),
      language_(request_.language) {}

Result<bool> SpeechTrack::next_window() {
  mel_.forget(seek_);
  std::vector<float> samples(kReadSamples);
  while (!mel_.ended() && (!request_.live || mel_.frames() < seek_ + wanted_)) {
    PUMICE_ASSIGN(const size_t count, request_.read(samples));
    mel_.append(std::span(samples).first(count));
    if (count < samples.size()) mel_.end();
  }
  return !mel_.ended() || seek_ + kSpeechLeast < mel_.content();
}

void SpeechTrack::choose_language(uint32_t language, double chance) {
  language_ = language;
  language_chance_ = chance;
}

std::vector<int32_t> SpeechTrack::begin_attempt(float temperature) {
  temperature_ = temperature;
  const bool alone = temperature >= kNoContextFrom || (seek_ > 0 && !request_.context) ||
                     (seek_ > 0 && mel_.ended() && seek_ + kLastWindow >= mel_.content());
  const size_t most = text_context_ / 2 - 1;
  recent_.clear();
  if (!alone) recent_.assign(past_.end() - static_cast<std::ptrdiff_t>(std::min(past_.size(), most)), past_.end());
  std::vector<int32_t> tokens;
  if (!recent_.empty()) tokens.push_back(rules_.tokens.previous);
  tokens.insert(tokens.end(), recent_.begin(), recent_.end());
  tokens.push_back(rules_.tokens.start);
  if (rules_.tokens.multilingual) {
    tokens.push_back(rules_.tokens.language(language()));
    tokens.push_back(request_.translate ? rules_.tokens.translate : rules_.tokens.transcribe);
  }
  if (!request_.timestamps) tokens.push_back(rules_.tokens.no_timestamps);
  return tokens;
}

std::vector<int32_t> SpeechTrack::alignment_prompt() const {
  std::vector<int32_t> tokens = {rules_.tokens.start};
  if (rules_.tokens.multilingual) tokens.push_back(rules_.tokens.language(language()));
  tokens.push_back(rules_.tokens.no_timestamps);
  return tokens;
}

uint32_t SpeechTrack::rows_heard() const {
  const uint32_t end = mel_.ended() ? mel_.content() : mel_.frames();
  return std::max(std::min(end - seek_, rules_.window) / kFramesOfTimestamp, 1u);
}

SpeechWindow SpeechTrack::window() const {
  return {.seek = seek_,
          .end = mel_.ended() ? mel_.content()
                 : partial()  ? mel_.frames()
                              : UINT32_MAX,
          .most = rules_.window,
          .limit = text_context_ / 2 - 4,
          .timestamps = request_.timestamps,
          .temperature = temperature_};
}

double SpeechTrack::score(const SpeechCandidate& candidate) {
  return candidate.entropy() < kLeastEntropy ? -std::numeric_limits<double>::infinity() : candidate.mean();
}

bool SpeechTrack::accepts(const SpeechCandidate& best, double no_speech) const {
  if (partial() || !next_temperature()) return true;
  const bool doubtful = best.mean() < kLeastMean && no_speech < kSilence;
  return !best.failed() && best.entropy() >= kLeastEntropy && !doubtful;
}

std::optional<float> SpeechTrack::next_temperature() const {
  const float next = temperature_ + kTemperatureStep;
  return request_.fallback && next <= kHighestTemperature + kTemperatureStep / 2 ? std::optional(next) : std::nullopt;
}

// Tokens up to the last timestamp that closes a segment well before what has come ends.
size_t SpeechTrack::keep_settled(std::span<const int32_t> tokens, uint32_t& advance) const {
  const int32_t begin = rules_.tokens.first_timestamp;
  for (size_t i = tokens.size(); i-- > 1;) {
    if (tokens[i] <= begin || tokens[i - 1] >= begin) continue;
    const uint32_t end = kFramesOfTimestamp * static_cast<uint32_t>(tokens[i] - begin);
    if (seek_ + end + kSettled > mel_.frames()) continue;
    advance = end;
    return i + 1;
  }
  advance = 0;
  return 0;
}

std::vector<SpeechSegment> SpeechTrack::segments(const SpeechCandidate& said, size_t kept, uint32_t advance,
                                                 double no_speech) const {
  const int32_t begin = rules_.tokens.first_timestamp;
  std::vector<SpeechSegment> found;
  SpeechSegment open{.no_speech = no_speech};
  uint32_t start = seek_;
  const auto close = [&](uint32_t time) {
    if (!open.ids.empty()) {
      open.from_ms = uint64_t{kMillisecondsOfFrame} * start;
      open.to_ms = uint64_t{kMillisecondsOfFrame} * time;
      open.mean /= static_cast<double>(open.ids.size());
      found.push_back(std::exchange(open, SpeechSegment{.no_speech = no_speech}));
    }
    start = time;
  };
  for (size_t i = 0; i < kept; ++i) {
    const int32_t token = said.tokens()[i];
    if (token < rules_.tokens.end) {
      open.ids.push_back(token);
      open.mean += said.logs()[i];
    } else if (token > begin || (token == begin && open.ids.empty())) {
      close(seek_ + kFramesOfTimestamp * static_cast<uint32_t>(token - begin));
    }
  }
  close(seek_ + advance);
  return found;
}

std::vector<SpeechSegment> SpeechTrack::conclude(SpeechCandidate& best, double no_speech, double seconds) {
  const bool silent = no_speech > kSilence && best.mean() < kLeastMean;
  uint32_t advance = best.advance();
  size_t said = best.tokens().size(), kept = best.kept();
  if (partial()) {
    // Twice the time that a window takes, so that a slow device does not fall behind.
    step_ = std::clamp(static_cast<uint32_t>(2 * seconds * kFramesOfSecond), std::min(kLiveStep, rules_.window),
                       rules_.window);
    said = kept = best.failed() || silent ? 0 : keep_settled(best.tokens(), advance);
    if (kept == 0) {
      advance = 0;
      wanted_ = std::min(mel_.frames() - seek_ + step_, rules_.window);
      return {};
    }
  } else if (silent) {
    said = kept = 0;
  }
  std::vector<SpeechSegment> found = segments(best, said, advance, no_speech);
  past_ = recent_;
  past_.insert(past_.end(), best.tokens().begin(), best.tokens().begin() + static_cast<std::ptrdiff_t>(kept));
  seek_ += advance;
  if (request_.live) wanted_ = std::min(step_, rules_.window);
  return found;
}

}  // namespace pumice
