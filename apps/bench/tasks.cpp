// Tasks other than generation: each input once anew and once again, when all that it has cost is found, and the answers
// compared.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "bench/bench.h"
#include "bench/task_inputs.h"
#include "cli/interrupt.h"
#include "cli/output.h"

namespace pumice_bench {

namespace {

constexpr double kSoundSeconds = 20;
constexpr std::uint32_t kPictureSide = 448;

struct Answer {
  std::string bytes;   // equal if the answer is
  bool found = false;  // nothing was computed that had been before
};

struct Task {
  std::string input;
  std::uint32_t size = 0;
  std::function<Answer(std::uint32_t number)> run;
};

template <typename T>
void append(std::string* bytes, const T* values, std::size_t count) {
  bytes->append(reinterpret_cast<const char*>(values), count * sizeof(T));
}

std::uint32_t words_of(const Bench& bench) { return bench.plan.prefill.empty() ? 128 : bench.plan.prefill.front(); }

Task embed_task(const Bench& bench) {
  const pumice::Model& model = bench.session.model();
  auto encoder = std::make_shared<pumice::Encoder>(model);
  const std::uint32_t words = words_of(bench);
  const auto run = [&model, encoder, words](std::uint32_t number) {
    std::vector<std::int32_t> ids = model.tokenize(made_up_words(words, number), PUMICE_TOKENIZE_ADD_SPECIAL);
    ids.resize(std::min<std::size_t>(ids.size(), encoder->info().text_tokens));
    const std::uint64_t before = encoder->info().computed_texts;
    Answer answer;
    encoder->embed({ids}, [&](std::size_t, const float* vectors, std::size_t rows, std::size_t width) {
      append(&answer.bytes, vectors, rows * width);
      return !pumice_cli::interrupted();
    });
    answer.found = encoder->info().computed_texts == before;
    return answer;
  };
  return {fmt::format("a text of {} words", words), words, run};
}

Task translate_task(const Bench& bench) {
  auto translator = std::make_shared<pumice::Translator>(bench.session.model());
  const std::uint32_t words = words_of(bench), most = bench.plan.decode.empty() ? 32 : bench.plan.decode.front();
  const auto run = [translator, words, most](std::uint32_t number) {
    PumiceTranslateOptions options = pumice_translate_options_init();
    options.whole = 1;
    options.max_tokens = most;
    const std::uint64_t before = translator->info().encoded_sentences;
    Answer answer;
    translator->translate({made_up_words(words, number)}, options, [&](const PumiceTranslation& made) {
      append(&answer.bytes, made.ids, made.id_count);
      append(&answer.bytes, &made.score, 1);
      return !pumice_cli::interrupted();
    });
    answer.found = translator->info().encoded_sentences == before;
    return answer;
  };
  return {fmt::format("a sentence of {} words, {} tokens of its translation", words, most), words, run};
}

Task transcribe_task(const Bench& bench) {
  auto transcriber = std::make_shared<pumice::Transcriber>(bench.session.model());
  const auto run = [transcriber](std::uint32_t number) {
    const std::vector<float> samples = made_up_sound(kSoundSeconds, PUMICE_SOUND_RATE, number);
    const PumiceSound sound = {.path = nullptr,
                               .data = nullptr,
                               .data_size = 0,
                               .samples = samples.data(),
                               .sample_count = samples.size(),
                               .read = nullptr,
                               .read_user = nullptr};
    PumiceTranscribeOptions options = pumice_transcribe_options_init();
    options.sounds = &sound;
    options.count = 1;
    options.language = "en";
    options.disable_fallback = options.disable_context = 1;
    const std::uint64_t before = transcriber->info().encoded_windows;
    Answer answer;
    transcriber->transcribe(options, {.segment =
                                          [&](const PumiceSegment& segment) {
                                            append(&answer.bytes, segment.ids, segment.id_count);
                                            append(&answer.bytes, &segment.from_ms, 1);
                                            append(&answer.bytes, &segment.to_ms, 1);
                                            append(&answer.bytes, &segment.log_probability, 1);
                                            return true;
                                          },
                                      .progress = [](const PumiceTranscript&) { return !pumice_cli::interrupted(); },
                                      .end = {}});
    answer.found = transcriber->info().encoded_windows == before;
    return answer;
  };
  return {fmt::format("{:.0f} s of sound", kSoundSeconds), static_cast<std::uint32_t>(kSoundSeconds), run};
}

// To the logits of the first token of an answer.
Task image_task(const Bench& bench) {
  const pumice::Model& model = bench.session.model();
  auto flags = std::make_shared<pumice_cli::ContextFlags>(bench.flags.context);
  flags->cache.options.disable_reuse = 0;
  flags->cache.options.exact = 1;  // so that the bits can be compared
  auto context = std::make_shared<pumice::Context>(model, flags->options());
  const auto run = [&model, flags, context](std::uint32_t number) {
    const std::vector<std::uint8_t> pixels = made_up_picture(kPictureSide, number);
    PumiceImage image = pumice_image_init();
    image.pixels = pixels.data();
    image.width = image.height = kPictureSide;
    const std::uint64_t before = context->stats().images_computed;
    pumice::Sequence sequence(*context);
    sequence.append(image);
    const std::vector<float> logits = sequence.evaluate(
        model.tokenize("What is in the picture?", PUMICE_TOKENIZE_ADD_SPECIAL), model.info().vocabulary);
    Answer answer;
    append(&answer.bytes, logits.data(), logits.size());
    answer.found = context->stats().images_computed == before;
    return answer;
  };
  return {fmt::format("a question about a picture of {0} x {0}", kPictureSide), kPictureSide, run};
}

Task task_of(const Bench& bench) {
  const std::string& name = bench.flags.task;
  return name == "embed"       ? embed_task(bench)
         : name == "translate" ? translate_task(bench)
         : name == "image"     ? image_task(bench)
                               : transcribe_task(bench);
}

double timed(const Task& task, std::uint32_t number, Answer* answer) {
  const double start = pumice_cli::now_ms();
  *answer = task.run(number);
  const double seconds = (pumice_cli::now_ms() - start) / 1000;
  pumice_cli::throw_if_interrupted();
  return std::max(seconds, 1e-9);
}

}  // namespace

void measure_task(const Bench& bench, Report* report) {
  const Task task = task_of(bench);
  std::uint32_t compared = 0, wrong = 0, missed = 0;
  const bool verifies = !bench.flags.no_verify;
  for (std::uint32_t number = 0; number <= bench.plan.repetitions; ++number) {
    bench.progress(fmt::format("{}: run {}/{}", task.input, number, bench.plan.repetitions));
    Answer first, again;
    const double computed = timed(task, number, &first), found = timed(task, number, &again);
    ++compared;
    wrong += first.bytes == again.bytes && !first.bytes.empty() ? 0 : 1;
    missed += !first.found && again.found ? 0 : 1;
    if (verifies)
      report->verification = {
          .state = wrong + missed == 0 ? Verified::kVerified : Verified::kFailed,
          .checks = {{.name = "what is found answers as what is computed",
                      .passed = wrong + missed == 0,
                      .detail = fmt::format("{} inputs, {} of other answers, {} not found", compared, wrong, missed)}}};
    if (number == 0) continue;  // warms up
    if (report->tasks.empty())
      report->tasks.push_back({.task = bench.flags.task, .input = task.input, .size = task.size});
    report->tasks.back().computed.push_back(computed);
    report->tasks.back().found.push_back(found);
  }
  if (report->verification.state == Verified::kFailed) report->status = Status::kWrong;
}

}  // namespace pumice_bench
