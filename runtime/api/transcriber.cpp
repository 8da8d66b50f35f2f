// Transcription: files or samples into the transcriber, and its segments as text.
#include "engine/transcriber.h"

#include <algorithm>
#include <cstring>

#include "api/call_turn.h"
#include "api/handles.h"
#include "api/source_cache.h"
#include "base/mapped_file.h"
#include "media/sound_file.h"
#include "text/unicode.h"

namespace pumice {
namespace {

constexpr uint32_t kDefaultSounds = 4;
constexpr uint32_t kMostSoundSeconds = 24 * 3600;    // of a file, whatever its header says
constexpr std::string_view kSpaceName = "\xC4\xA0";  // of a space alone, in the byte alphabet

Result<MelFilters> filters_of(const ModelObject& model) {
  MelFilters filters;
  filters.bands = model.model->spec().encoder[0].sound_bands;
  filters.weights = model.file->get_f32_array("whisper.mel_filters").value_or(std::vector<float>());
  if (filters.weights.size() == size_t{filters.bands} * kMelFrequencies) return filters;
  return error(Status::kMalformed, "whisper.mel_filters has not %u bands of %u values; convert the model again",
               filters.bands, kMelFrequencies);
}

// Samples that are there already, handed out piece by piece.
auto read_from(std::vector<float> samples) {
  return [samples = std::move(samples), at = size_t{0}](std::span<float> to) mutable -> Result<size_t> {
    const size_t count = std::min(to.size(), samples.size() - at);
    std::copy_n(samples.begin() + static_cast<std::ptrdiff_t>(at), count, to.begin());
    at += count;
    return count;
  };
}

Result<std::vector<float>> read_file(const char* path) {
  PUMICE_ASSIGN(MappedFile file, MappedFile::open(path));
  PUMICE_TRY(file.hold(file.bytes().size()));  // decoders touch it
  Result<std::vector<float>> samples = read_sound(file.bytes(), kMostSoundSeconds);
  if (samples) return samples;
  return error(samples.error().status, "%s: %s", path, samples.error().message.c_str());
}

Result<void> open_sound(const PumiceSound& sound, SpeechRequest& request) {
  const int ways =
      (sound.path != nullptr) + (sound.data != nullptr) + (sound.samples != nullptr) + (sound.read != nullptr);
  if (ways != 1 && !(ways == 0 && sound.sample_count == 0 && sound.data_size == 0))
    return invalid("a sound is one of path, data, samples and read");
  if (sound.read) {
    request.live = true;
    request.read = [sound](std::span<float> to) -> Result<size_t> {
      const size_t count = sound.read(sound.read_user, to.data(), to.size());
      if (count == PUMICE_SOUND_STOP) return error(Status::kCancelled, "cancelled");
      for (float& sample : to.first(std::min(count, to.size())))
        if (!(sample >= -1 && sample <= 1)) sample = sample > 1 ? 1 : sample < -1 ? -1 : 0.0f;
      return std::min(count, to.size());
    };
    return {};
  }
  std::vector<float> samples(sound.samples, sound.samples + sound.sample_count);
  if (sound.path) {
    PUMICE_ASSIGN(samples, read_file(sound.path));
  } else if (sound.data) {
    PUMICE_ASSIGN(samples, read_sound({static_cast<const std::byte*>(sound.data), sound.data_size}, kMostSoundSeconds));
  }
  request.read = read_from(std::move(samples));
  return {};
}

Result<std::optional<uint32_t>> language_of(const WhisperTokens& tokens, const char* code) {
  if (!code) return std::optional<uint32_t>();
  const auto known = whisper_languages().first(tokens.languages);
  const auto found = std::find(known.begin(), known.end(), std::string_view(code));
  if (found == known.end()) return error(Status::kInvalidArgument, "the model knows no language %s", code);
  if (!tokens.multilingual && found != known.begin())
    return error(Status::kInvalidArgument, "the model knows English alone, not %s; take one without \".en\"", code);
  return std::optional(static_cast<uint32_t>(found - known.begin()));
}

Result<SpeechRequest> common_request(const TranscriberObject& object, const PumiceTranscribeOptions& given) {
  const WhisperTokens& tokens = object.transcriber->rules().tokens;
  SpeechRequest request;
  PUMICE_ASSIGN(request.language, language_of(tokens, given.language));
  request.translate = given.translate != 0;
  if (request.translate && !tokens.multilingual)
    return error(Status::kInvalidArgument, "the model knows English alone and translates nothing");
  request.timestamps = given.disable_timestamps == 0;
  request.fallback = given.disable_fallback == 0;
  request.context = given.disable_context == 0;
  request.word_times = given.word_times != 0;
  request.group = given.group ? given.group : "";
  if (given.prompt) {
    if (!object.model->tokenizer) return *object.model->tokenizer_error;
    const std::string spaced = " " + std::string(given.prompt);  // as words within a text are
    request.prompt = object.model->tokenizer->encode(spaced, {.add_special = false, .parse_special = false});
  }
  return request;
}

PumiceTranscript transcript_of(const SpeechTrack& track) {
  PumiceTranscript made = {.size = sizeof(PumiceTranscript),
                           .next = nullptr,
                           .sound = track.index(),
                           .language = whisper_languages()[track.language()].data(),
                           .language_probability = track.language_chance(),
                           .seconds = track.seconds_known(),
                           .done_seconds = track.seconds_done()};
  return made;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const Utf8Unit unit = first_unit(text);
    if (unit.state != Utf8State::kValid) return false;
    text.remove_prefix(unit.length);
  }
  return true;
}

// Tokens that begin with a space begin a word; where a language has none, each character that is complete is one.
struct Words {
  std::vector<std::string> texts;
  std::vector<PumiceWord> list;  // views of texts
};
Words words_of(const ModelObject& model, std::string_view language, const SpeechSegment& found) {
  constexpr std::string_view kWithoutSpaces[] = {"zh", "ja", "th", "lo", "my", "yue"};
  const bool spaced = std::ranges::find(kWithoutSpaces, language) == std::end(kWithoutSpaces);
  Words words;
  for (size_t i = 0; i < found.begins_ms.size(); ++i) {
    const std::string_view bytes = model.tokenizer->token_bytes(found.ids[i]);
    const bool whole = !words.texts.empty() && is_utf8(words.texts.back());
    if (words.texts.empty() || (whole && (!spaced || bytes.starts_with(' ')))) {
      words.texts.emplace_back();
      words.list.push_back({.from_ms = found.begins_ms[i], .to_ms = 0, .text = nullptr, .length = 0});
    }
    words.texts.back() += bytes;
    words.list.back().to_ms = found.ends_ms[i];
  }
  for (size_t i = 0; i < words.list.size(); ++i) {
    words.list[i].text = words.texts[i].c_str();
    words.list[i].length = words.texts[i].size();
  }
  return words;
}

Transcriber::Events events_of(const TranscriberObject& object, const PumiceTranscribeOptions& given) {
  const auto segment = [&](const SpeechTrack& track, const SpeechSegment& found) {
    const std::string text = object.model->tokenizer->decode(found.ids);
    const std::string_view language = whisper_languages()[track.language()];
    const Words words = words_of(*object.model, language, found);
    const PumiceSegment made = {.size = sizeof(PumiceSegment),
                                .next = nullptr,
                                .sound = track.index(),
                                .from_ms = found.from_ms,
                                .to_ms = found.to_ms,
                                .text = text.c_str(),
                                .length = text.size(),
                                .ids = found.ids.data(),
                                .id_count = found.ids.size(),
                                .log_probability = found.mean,
                                .no_speech = found.no_speech,
                                .language = language.data(),
                                .words = words.list.empty() ? nullptr : words.list.data(),
                                .word_count = words.list.size()};
    return !given.on_segment || given.on_segment(given.on_segment_user, &made) == 0;
  };
  const auto progress = [&](const SpeechTrack& track) {
    const PumiceTranscript so_far = transcript_of(track);
    return !given.on_progress || given.on_progress(given.on_progress_user, &so_far) == 0;
  };
  const auto end = [&](const SpeechTrack& track) {
    const PumiceTranscript transcript = transcript_of(track);
    return !given.on_end || given.on_end(given.on_end_user, &transcript) == 0;
  };
  return {.segment = segment, .progress = progress, .end = end};
}

Result<void> transcribe(TranscriberObject& object, const PumiceTranscribeOptions& given) {
  if (given.count > 0 && !given.sounds) return invalid("sounds");
  PUMICE_ASSIGN(const SpeechRequest common, common_request(object, given));
  std::vector<SpeechRequest> requests(given.count, common);
  for (size_t i = 0; i < given.count; ++i) PUMICE_TRY(open_sound(given.sounds[i], requests[i]));
  return object.transcriber->transcribe(std::move(requests), events_of(object, given));
}

}  // namespace
}  // namespace pumice

using namespace pumice;

extern "C" {

PumiceResult pumice_transcriber_create(PumiceModel* model, const PumiceTranscriberOptions* options,
                                       PumiceTranscriber** transcriber) {
  if (!model) return PUMICE_INVALID_ARGUMENT;
  return guarded(&model->object->last_error, [&]() -> Result<void> {
    if (!transcriber) return invalid("transcriber");
    ModelObject& object = *model->object;
    if (!object.model) return invalid("the model was opened without a device");
    PUMICE_ASSIGN(const PumiceTranscriberOptions given,
                  taken_if_given(options, pumice_transcriber_options_init(), "transcriber options"));
    TranscriberOptions wanted{
        .sounds = given.sounds ? given.sounds : kDefaultSounds, .windows = given.windows, .seed = given.seed};
    if (given.half_precision) wanted.kv = {KvType::kF16, KvType::kF16};
    PUMICE_ASSIGN(wanted.cache, translate_source_cache(object, given.cache, wanted.kv));
    const bool hears = !object.model->spec().encoder.empty() && object.model->spec().encoder[0].sound_bands != 0;
    MelFilters filters;
    if (hears) {
      PUMICE_ASSIGN(filters, filters_of(object));
    }
    auto made = std::make_shared<TranscriberObject>();
    made->model = model->object;
    const int32_t space = object.tokenizer ? object.tokenizer->find(kSpaceName).value_or(-1) : -1;
    PUMICE_ASSIGN(made->transcriber, Transcriber::create(*object.model, std::move(filters), space, wanted));
    *transcriber = new PumiceTranscriber{std::move(made)};
    return {};
  });
}

void pumice_transcriber_destroy(PumiceTranscriber* transcriber) { delete transcriber; }

size_t pumice_transcriber_error(const PumiceTranscriber* transcriber, char* buffer, size_t capacity) {
  return transcriber ? transcriber->object->last_error.copy(buffer, capacity) : copy_text("", buffer, capacity);
}

PumiceResult pumice_transcribe(PumiceTranscriber* transcriber, const PumiceTranscribeOptions* options) {
  if (!transcriber) return PUMICE_INVALID_ARGUMENT;
  const std::shared_ptr<TranscriberObject> object = transcriber->object;
  return guarded(&object->last_error, [&]() -> Result<void> {
    PUMICE_TRY(CallTurn::check_none(object.get()));
    PUMICE_ASSIGN(const PumiceTranscribeOptions given, taken(options, pumice_transcribe_options_init(), "options"));
    const CallTurn turn(object.get(), object->turn);
    return transcribe(*object, given);
  });
}

PumiceResult pumice_transcriber_get_info(const PumiceTranscriber* transcriber, PumiceTranscriberInfo* info) {
  if (!transcriber) return PUMICE_INVALID_ARGUMENT;
  const std::shared_ptr<TranscriberObject> object = transcriber->object;
  return guarded(&object->last_error, [&]() -> Result<void> {
    PUMICE_TRY(check_struct(info, "info"));
    PUMICE_TRY(CallTurn::check_none(object.get()));
    const CallTurn turn(object.get(), object->turn);
    const TranscriberStats& stats = object->transcriber->stats();
    const WhisperTokens& tokens = object->transcriber->rules().tokens;
    PumiceTranscriberInfo to = pumice_transcriber_info_init();
    to.languages = tokens.multilingual ? tokens.languages : 1;
    to.windows = stats.windows;
    to.encoded_windows = stats.encoded_windows;
    to.attempts = stats.attempts;
    to.prompt_tokens = stats.prompt_tokens;
    to.tokens = stats.tokens;
    to.steps = stats.steps;
    to.sound_seconds = stats.sound_seconds;
    to.seconds = stats.seconds;
    to.encode_seconds = stats.encoding_seconds;
    to.prompt_seconds = stats.prompt_seconds;
    to.step_seconds = stats.step_seconds;
    hand_out(to, info);
    return {};
  });
}

PumiceResult pumice_transcriber_get_cache_stats(const PumiceTranscriber* transcriber, PumiceCacheStats* stats) {
  if (!transcriber) return PUMICE_INVALID_ARGUMENT;
  return source_cache_stats(transcriber->object, &TranscriberObject::transcriber, stats);
}

PumiceResult pumice_transcriber_set_group_quota(PumiceTranscriber* transcriber, const char* group, uint32_t tokens) {
  if (!transcriber) return PUMICE_INVALID_ARGUMENT;
  return set_source_quota(transcriber->object, &TranscriberObject::transcriber, group, tokens);
}

}  // extern "C"
