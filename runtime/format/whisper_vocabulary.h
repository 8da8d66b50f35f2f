// The tokens of Whisper's vocabularies, which follow from their size: words, then special tokens, then timestamps.
// Thread rule: plain values. Source: Radford et al. 2022 (arXiv 2212.04356).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pumice {

constexpr uint32_t kWhisperTimestamps = 1501;  // 0.00 to 30.00 seconds, 20 ms apart

// Ids, in their order.
struct WhisperTokens {
  bool multilingual = false;  // else English is all that there is, and no prompt says so
  uint32_t languages = 0;     // of whisper_languages(), whose tokens follow `start`
  int32_t end = 0, start = 0, translate = 0, transcribe = 0, start_of_model = 0, previous = 0, no_speech = 0,
          no_timestamps = 0, first_timestamp = 0;

  int32_t language(uint32_t index) const { return start + 1 + static_cast<int32_t>(index); }
  // "<|endoftext|>" and the like; `id` is end or behind it.
  std::string name(int32_t id) const;
};
// Empty: no vocabulary of Whisper's has so many tokens.
std::optional<WhisperTokens> whisper_tokens(uint64_t vocabulary);

// Their codes ("en") in the order of their tokens.
std::span<const std::string_view> whisper_languages();

}  // namespace pumice
