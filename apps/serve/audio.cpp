// OpenAI's interface to speech: a file in a form, text in one of five formats.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "serve/fields.h"
#include "serve/multipart.h"
#include "serve/protocols.h"

namespace pumice_serve {

namespace {

std::string clock(std::uint64_t ms, char point) {
  return fmt::format("{:02}:{:02}:{:02}{}{:03}", ms / 3600000, ms / 60000 % 60, ms / 1000 % 60, point, ms % 1000);
}

std::string transcript_of(const Transcribed& made) {
  std::string text;
  for (const Transcribed::Piece& segment : made.segments) text += segment.text;
  return text.starts_with(' ') ? text.substr(1) : text;
}

std::string subtitles(const Transcribed& made, bool vtt) {
  std::string text = vtt ? "WEBVTT\n\n" : "";
  std::size_t number = 0;
  for (const Transcribed::Piece& segment : made.segments) {
    const char point = vtt ? '.' : ',';
    const std::string said = segment.text.starts_with(' ') ? segment.text.substr(1) : segment.text;
    if (!vtt) text += fmt::format("{}\n", ++number);
    text += fmt::format("{} --> {}\n{}\n\n", clock(segment.from_ms, point), clock(segment.to_ms, point), said);
  }
  return text;
}

double seconds(std::uint64_t ms) { return static_cast<double>(ms) / 1000; }

Json verbose(const Transcribed& made, bool translate) {
  Json segments = Json::array(), words = Json::array();
  for (const Transcribed::Piece& segment : made.segments)
    segments.push_back({{"id", segments.size()},
                        {"start", seconds(segment.from_ms)},
                        {"end", seconds(segment.to_ms)},
                        {"text", segment.text},
                        {"avg_logprob", segment.log_probability},
                        {"no_speech_prob", segment.no_speech}});
  for (const Transcribed::Piece& word : made.words)
    words.push_back({{"word", word.text}, {"start", seconds(word.from_ms)}, {"end", seconds(word.to_ms)}});
  Json json = {{"task", translate ? "translate" : "transcribe"},
               {"language", made.language},
               {"duration", made.seconds},
               {"text", transcript_of(made)},
               {"segments", std::move(segments)}};
  if (!words.empty()) json["words"] = std::move(words);
  return json;
}

HttpResponse response_of(const Transcribed& made, const std::string& format, bool translate) {
  if (format == "text") return {.type = "text/plain; charset=utf-8", .body = transcript_of(made) + "\n"};
  if (format == "srt") return {.type = "application/x-subrip; charset=utf-8", .body = subtitles(made, false)};
  if (format == "vtt") return {.type = "text/vtt; charset=utf-8", .body = subtitles(made, true)};
  return json_response(format == "verbose_json" ? verbose(made, translate) : Json{{"text", transcript_of(made)}});
}

Outcome transcribe(const HttpRequest& request, Service& service, bool translate) {
  Transcription task{.group = request.group, .translate = translate};
  std::string format = "json";
  for (const FormPart& part : parse_form(request.header("content-type"), request.body)) {
    const std::string value(part.body);
    if (part.name == "file") task.sound = value;
    if (part.name == "model") task.model = value;
    if (part.name == "language") task.language = value;
    if (part.name == "prompt") task.prompt = value;
    if (part.name == "response_format") format = value;
    if (part.name == "timestamp_granularities[]" && value == "word") task.words = true;
    if (part.name == "stream" && value == "true") throw ApiError(400, "transcripts come whole", "stream");
  }
  static constexpr std::string_view kFormats[] = {"json", "text", "srt", "vtt", "verbose_json"};
  if (std::find(std::begin(kFormats), std::end(kFormats), format) == std::end(kFormats))
    throw ApiError(400, "'response_format' must be json, text, srt, vtt or verbose_json", "response_format");
  if (task.sound.empty()) throw ApiError(400, "the form has no 'file'", "file");
  service.find(task.model);
  return AskedOnce{
      std::move(task),
      [format, translate](const Event& event) { return response_of(event.transcribed, format, translate); },
      openai_refused};
}

}  // namespace

Outcome openai_transcriptions(const HttpRequest& request, Service& service) {
  return transcribe(request, service, false);
}

Outcome openai_translations(const HttpRequest& request, Service& service) { return transcribe(request, service, true); }

}  // namespace pumice_serve
