// `pumice transcribe`: sounds in, text out.
#include <fmt/format.h>

#include <array>
#include <bit>
#include <memory>
#include <nlohmann/json.hpp>

#include "cache_report.h"
#include "commands.h"
#include "common/system.h"
#include "interrupt.h"
#include "output.h"

namespace pumice_cli {

namespace {

using Json = nlohmann::ordered_json;

struct TranscribeFlags {
  std::string model, language = "auto";
  DeviceFlags device;
  std::vector<std::string> files;
  std::optional<std::string> prompt;
  std::uint32_t batch = 4;
  std::uint64_t seed = 0;
  bool translate = false, no_timestamps = false, greedy = false, no_context = false, half = false, words = false;
  bool srt = false, vtt = false, json = false, times = false, stats = false;
  CacheFlags cache;
};

struct Word {
  std::uint64_t from, to;
  std::string text;
};

struct Segment {
  std::uint64_t from, to;
  std::string text;
  std::vector<std::int32_t> ids;
  double log_probability, no_speech;
  std::vector<Word> words;
};

// "00:01:02.500"
std::string clock_time(std::uint64_t ms, char point) {
  return fmt::format("{:02}:{:02}:{:02}{}{:03}", ms / 3600000, ms / 60000 % 60, ms / 1000 % 60, point, ms % 1000);
}

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(' ');
  return first == std::string::npos ? "" : text.substr(first);
}

// What becomes of one sound.
struct Transcript {
  std::string file, language;
  double language_probability = 0, seconds = 0;
  std::vector<Segment> segments;
  bool complete = false;

  Json json() const {
    Json rows = Json::array();
    std::string text;
    for (const Segment& segment : segments) {
      text += segment.text;
      rows.push_back({{"from", segment.from},
                      {"to", segment.to},
                      {"text", segment.text},
                      {"ids", segment.ids},
                      {"log_probability", segment.log_probability},
                      {"no_speech", segment.no_speech}});
      for (const Word& word : segment.words)
        rows.back()["words"].push_back({{"from", word.from}, {"to", word.to}, {"text", word.text}});
    }
    Json all = {{"file", file}, {"text", text}, {"language", language}};
    if (language_probability > 0) all["language_probability"] = language_probability;
    all["duration"] = static_cast<std::uint64_t>(seconds * 1000 + 0.5);
    all["complete"] = complete;
    all["segments"] = std::move(rows);
    return all;
  }
};

// Prints segments as they come, those of a file before those of the next.
class TranscriptPrinter {
 public:
  TranscriptPrinter(const TranscribeFlags& flags) : flags_(flags), transcripts_(flags.files.size()) {
    for (std::size_t i = 0; i < flags.files.size(); ++i) transcripts_[i].file = flags.files[i];
    if (flags.vtt) write_stdout("WEBVTT\n\n");
  }

  // first: of the files, the call's first.
  bool take(std::size_t first, const PumiceSegment& found) {
    Transcript& of = transcripts_[first + found.sound];
    of.language = found.language;
    of.segments.push_back({found.from_ms,
                           found.to_ms,
                           std::string(found.text, found.length),
                           std::vector<std::int32_t>(found.ids, found.ids + found.id_count),
                           found.log_probability,
                           found.no_speech,
                           {}});
    for (std::size_t i = 0; i < found.word_count; ++i) {
      const PumiceWord& word = found.words[i];
      of.segments.back().words.push_back({word.from_ms, word.to_ms, std::string(word.text, word.length)});
    }
    print();
    return !interrupted();
  }
  bool show(std::size_t first, const PumiceTranscript& so_far) {
    if (!flags_.device.quiet)
      show_progress(fmt::format("{} {} of {}", printable(transcripts_[first + so_far.sound].file),
                                clock_time(static_cast<std::uint64_t>(so_far.done_seconds * 1000), '.').substr(0, 8),
                                clock_time(static_cast<std::uint64_t>(so_far.seconds * 1000), '.').substr(0, 8)));
    return !interrupted();
  }
  bool end(std::size_t first, const PumiceTranscript& transcript) {
    Transcript& of = transcripts_[first + transcript.sound];
    of.language = transcript.language;
    of.language_probability = transcript.language_probability;
    of.seconds = transcript.seconds;
    of.complete = true;
    print();
    return !interrupted();
  }

  void finish(const pumice::Transcriber& transcriber) {
    show_progress("");
    if (!flags_.json) return;
    Json all;
    if (transcripts_.size() == 1) {
      all = transcripts_[0].json();
    } else {
      all["transcripts"] = Json::array();
      for (const Transcript& transcript : transcripts_) all["transcripts"].push_back(transcript.json());
    }
    const PumiceTranscriberInfo info = transcriber.info();
    all["statistics"] = {{"windows", info.windows},   {"encoded_windows", info.encoded_windows},
                         {"attempts", info.attempts}, {"prompt_tokens", info.prompt_tokens},
                         {"tokens", info.tokens},     {"steps", info.steps},
                         {"seconds", info.seconds},   {"encode_seconds", info.encode_seconds}};
    const PumiceCacheStats cache = transcriber.cache_stats();
    all["statistics"]["cache"] = cache_json(cache, cache.recompute_seconds_saved);
    write_stdout(all.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
  }

 private:
  void print() {
    if (flags_.json) return;
    for (; at_ < transcripts_.size(); ++at_, printed_ = 0) {
      const Transcript& of = transcripts_[at_];
      if (printed_ == 0 && flags_.files.size() > 1 && (of.complete || !of.segments.empty()) && headed_ == at_) {
        write_stdout(fmt::format("{}== {} ==\n", at_ == 0 ? "" : "\n", printable(of.file)));
        ++headed_;
      }
      for (; printed_ < of.segments.size(); ++printed_) print(of.segments[printed_], printed_ + 1);
      if (!of.complete) return;
    }
  }
  void print(const Segment& segment, std::size_t number) {
    show_progress("");
    const std::string text = trimmed(segment.text);
    if (flags_.srt)
      write_stdout(fmt::format("{}\n{} --> {}\n{}\n\n", number, clock_time(segment.from, ','),
                               clock_time(segment.to, ','), text));
    else if (flags_.vtt)
      write_stdout(fmt::format("{} --> {}\n{}\n\n", clock_time(segment.from, '.'), clock_time(segment.to, '.'), text));
    else if (flags_.times)
      write_stdout(fmt::format("[{} --> {}]  {}\n", clock_time(segment.from, '.'), clock_time(segment.to, '.'), text));
    else
      write_stdout(text + "\n");
  }

  const TranscribeFlags& flags_;
  std::vector<Transcript> transcripts_;
  std::size_t at_ = 0, printed_ = 0, headed_ = 0;  // the file whose turn it is
};

// 16-bit samples, the lower byte first, of standard input as they come.
std::size_t read_live(void*, float* samples, std::size_t capacity) {
  std::string bytes(2 * capacity, '\0');
  std::size_t count = 0;
  const int reason = pumice_apps::read_some(pumice_apps::Stream::kInput, bytes.data(), bytes.size(), &count);
  if (interrupted()) return PUMICE_SOUND_STOP;
  if (reason != 0) note("standard input: " + pumice_apps::reason_text(reason));
  for (std::size_t i = 0; i < count / 2; ++i) {
    const auto low = static_cast<unsigned char>(bytes[2 * i]), high = static_cast<unsigned char>(bytes[2 * i + 1]);
    samples[i] = static_cast<float>(static_cast<std::int16_t>(low | high << 8)) / 32768;
  }
  return count / 2;
}

PumiceTranscribeOptions transcribe_options(const TranscribeFlags& flags) {
  PumiceTranscribeOptions options = pumice_transcribe_options_init();
  options.language = flags.language == "auto" ? nullptr : flags.language.c_str();
  options.translate = flags.translate ? 1 : 0;
  options.disable_timestamps = flags.no_timestamps ? 1 : 0;
  options.disable_fallback = flags.greedy ? 1 : 0;
  options.disable_context = flags.no_context ? 1 : 0;
  options.word_times = flags.words ? 1 : 0;
  options.prompt = flags.prompt ? flags.prompt->c_str() : nullptr;
  return options;
}

void report(const TranscribeFlags& flags, const pumice::Transcriber& transcriber) {
  if (!flags.stats) return;
  const PumiceTranscriberInfo info = transcriber.info();
  note(fmt::format("{:.1f} s of sound in {:.2f} s: {:.2f} times as fast as it plays", info.sound_seconds, info.seconds,
                   info.sound_seconds / std::max(info.seconds, 1e-9)));
  note(fmt::format("{} windows, {} encoded ({:.0f} ms each), {} found; {} attempts", info.windows, info.encoded_windows,
                   1000 * info.encode_seconds / static_cast<double>(std::max<std::uint64_t>(info.encoded_windows, 1)),
                   info.windows - info.encoded_windows, info.attempts));
  note(fmt::format("{} tokens in {} steps ({:.1f} ms each); prompts of {} tokens in {:.0f} ms", info.tokens, info.steps,
                   1000 * info.step_seconds / static_cast<double>(std::max<std::uint64_t>(info.steps, 1)),
                   info.prompt_tokens, 1000 * info.prompt_seconds));
  note_cache(transcriber.cache_stats(), "windows");
}

void run(const TranscribeFlags& flags, pumice::Transcriber& transcriber, TranscriptPrinter& printer) {
  PumiceTranscribeOptions options = transcribe_options(flags);
  for (std::size_t first = 0; first < flags.files.size(); first += flags.batch) {
    std::vector<PumiceSound> sounds;
    for (std::size_t i = first; i < std::min(flags.files.size(), first + flags.batch); ++i) {
      PumiceSound& sound = sounds.emplace_back();
      if (flags.files[i] == "-")
        sound.read = read_live;
      else
        sound.path = flags.files[i].c_str();
    }
    options.sounds = sounds.data();
    options.count = sounds.size();
    transcriber.transcribe(options,
                           {.segment = [&](const PumiceSegment& segment) { return printer.take(first, segment); },
                            .progress = [&](const PumiceTranscript& so_far) { return printer.show(first, so_far); },
                            .end = [&](const PumiceTranscript& transcript) { return printer.end(first, transcript); }});
  }
}

int transcribe(TranscribeFlags& flags) {
  if (flags.files.size() > 1 && (flags.srt || flags.vtt))
    throw Failure(kExitUsage, "subtitles are of one file: give one, or take --json");
  catch_interrupts();
  prepare_cache(&flags.cache);
  Messages messages(flags.device);
  DeviceFlags device = flags.device;
  device.no_autotune = true;  // what is tuned is decoding and prompts of decoders
  const Session session(device, &messages, flags.model);
  PumiceTranscriberOptions with = pumice_transcriber_options_init();
  with.sounds = flags.batch;
  with.half_precision = flags.half ? 1 : 0;
  with.seed = flags.seed;
  with.cache = &flags.cache.options;
  pumice::Transcriber transcriber(session.model(), with);
  TranscriptPrinter printer(flags);
  try {
    run(flags, transcriber, printer);
  } catch (const pumice::Error& error) {
    if (error.code() == PUMICE_CANCELLED) printer.finish(transcriber);  // what has been found
    throw;
  }
  printer.finish(transcriber);
  report(flags, transcriber);
  return messages.exit_code();
}

}  // namespace

void add_transcribe_command(CLI::App* app, Action* action) {
  auto flags = std::make_shared<TranscribeFlags>();
  CLI::App* command =
      app->add_subcommand("transcribe", "write down what is said (Whisper models, .bin of whisper.cpp)");
  command->footer(
      "\nA line of output for each segment, as it is found. Files are WAV, FLAC, Ogg or MP3; - is standard input: raw\n"
      "16-bit samples, little-endian, one channel, 16 kHz, whose segments appear while it goes on. With --json\n"
      "{\"text\", \"language\", \"segments\": [{\"from\", \"to\", \"text\", \"ids\"}], \"statistics\"}, times in ms; "
      "of "
      "several files\n{\"transcripts\": [...]}. After Ctrl-C what was found is printed.\n");
  add_model_flag(command, &flags->model);
  command->add_option("files", flags->files, "sounds; -: standard input")->type_name("FILE")->required();
  command->add_option("-l,--language", flags->language, "of what is said (en, de, ...); auto: detected (default)")
      ->type_name("L");
  command->add_flag("--translate", flags->translate, "into English");
  command->add_option("--prompt", flags->prompt, "what was said before: names, spelling, style")->type_name("TEXT");
  auto* srt = command->add_flag("--srt", flags->srt, "subtitles as SubRip has them");
  auto* vtt = command->add_flag("--vtt", flags->vtt, "subtitles as WebVTT has them")->excludes(srt);
  auto* json = command->add_flag("--json", flags->json, "one JSON object")->excludes(srt)->excludes(vtt);
  command->add_flag("--times", flags->times, "from when to when, before each line")
      ->excludes(srt)
      ->excludes(vtt)
      ->excludes(json);
  command->add_flag("--words", flags->words, "when each word is said, in the JSON")->needs(json);
  command->add_flag("--no-timestamps", flags->no_timestamps, "segments are windows of 30 s");
  command->add_flag("--greedy", flags->greedy, "always the likeliest tokens; what fails is not tried again");
  command->add_flag("--no-context", flags->no_context, "a window does not see what those before it have said");
  command->add_option("--batch", flags->batch, "files that are transcribed together (default: 4)")
      ->check(CLI::Range(1u, 64u).description(""))
      ->type_name("N");
  command->add_option("--seed", flags->seed, "of what is drawn where a window fails")->type_name("N");
  command->add_flag("--half", flags->half, "keys and values as F16: faster on GPUs, a little less accurate");
  command->add_flag("--stats", flags->stats, "figures on standard error");
  add_source_flags(command, &flags->cache);
  add_device_flags(command, &flags->device);
  command->callback([=] { *action = [flags] { return transcribe(*flags); }; });
}

}  // namespace pumice_cli
