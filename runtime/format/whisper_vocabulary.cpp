#include "format/whisper_vocabulary.h"

#include <cstdio>

namespace pumice {
namespace {

constexpr std::string_view kLanguages[] = {
    "en", "zh", "de", "es", "ru", "ko", "fr", "ja", "pt",  "tr", "pl", "ca", "nl", "ar", "sv", "it", "id",
    "hi", "fi", "vi", "he", "uk", "el", "ms", "cs", "ro",  "da", "hu", "ta", "no", "th", "ur", "hr", "bg",
    "lt", "la", "mi", "ml", "cy", "sk", "te", "fa", "lv",  "bn", "sr", "az", "sl", "kn", "et", "mk", "br",
    "eu", "is", "hy", "ne", "mn", "bs", "kk", "sq", "sw",  "gl", "mr", "pa", "si", "km", "sn", "yo", "so",
    "af", "oc", "ka", "be", "tg", "sd", "gu", "am", "yi",  "lo", "uz", "fo", "ht", "ps", "tk", "nn", "mt",
    "sa", "lb", "my", "bo", "tl", "mg", "as", "tt", "haw", "ln", "ha", "ba", "jw", "su", "yue"};

constexpr uint32_t kEnglishVocabulary = 51864;  // others have at least one token more

}  // namespace

std::span<const std::string_view> whisper_languages() { return kLanguages; }

std::optional<WhisperTokens> whisper_tokens(uint64_t vocabulary) {
  if (vocabulary < kEnglishVocabulary || vocabulary > kEnglishVocabulary + 2) return std::nullopt;
  WhisperTokens tokens;
  tokens.multilingual = vocabulary != kEnglishVocabulary;
  tokens.languages = vocabulary == kEnglishVocabulary + 2 ? 100 : 99;
  tokens.end = tokens.multilingual ? 50257 : 50256;
  tokens.start = tokens.end + 1;
  tokens.translate = tokens.language(tokens.languages);
  tokens.transcribe = tokens.translate + 1;
  tokens.start_of_model = tokens.translate + 2;
  tokens.previous = tokens.translate + 3;
  tokens.no_speech = tokens.translate + 4;
  tokens.no_timestamps = tokens.translate + 5;
  tokens.first_timestamp = tokens.translate + 6;
  return tokens;
}

std::string WhisperTokens::name(int32_t id) const {
  const std::string_view after_languages[] = {"translate",   "transcribe", "startoflm",
                                              "startofprev", "nospeech",   "notimestamps"};
  std::string text;
  if (id == end) {
    text = "endoftext";
  } else if (id == start) {
    text = "startoftranscript";
  } else if (id < translate) {
    text = kLanguages[id - start - 1];
  } else if (id < first_timestamp) {
    text = after_languages[id - translate];
  } else {
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%d.%02d", (id - first_timestamp) / 50, (id - first_timestamp) % 50 * 2);
    text = seconds;
  }
  return "<|" + text + "|>";
}

}  // namespace pumice
