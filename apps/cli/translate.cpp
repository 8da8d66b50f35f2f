// `pumice translate`: lines in, lines out.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "cache_report.h"
#include "commands.h"
#include "input.h"
#include "interrupt.h"
#include "output.h"

namespace pumice_cli {

namespace {

using Json = nlohmann::ordered_json;

struct TranslateFlags {
  std::string model, to;
  DeviceFlags device;
  LineFlags lines;
  std::uint32_t beam = 0, alternatives = 1, max_tokens = 0, batch = 0;
  std::optional<double> alpha;
  bool whole = false, half = false, json = false, scores = false, stats = false;
  CacheFlags cache;
};

PumiceTranslatorOptions translator_options(const TranslateFlags& flags) {
  PumiceTranslatorOptions options = pumice_translator_options_init();
  options.beam = flags.beam;
  if (flags.alpha) options.length_penalty = *flags.alpha == 0 ? -1 : *flags.alpha;
  options.batch = flags.batch;
  options.half_precision = flags.half ? 1 : 0;
  options.cache = &flags.cache.options;
  return options;
}

// Prints translations as they come.
class Printer {
 public:
  Printer(const TranslateFlags& flags, std::size_t lines) : flags_(flags), lines_(lines) {}

  bool take(const PumiceTranslation& made) {
    cut_ += made.complete ? 0 : 1;
    if (flags_.json) {
      rows_.push_back({{"line", made.text},
                       {"text", std::string(made.output, made.length)},
                       {"ids", std::vector<std::int32_t>(made.ids, made.ids + made.id_count)},
                       {"score", made.score}});
    } else {
      const std::string text(made.output, made.length);
      if (flags_.alternatives > 1)
        write_stdout(fmt::format("{} ||| {} ||| {:.6f}\n", made.text + 1, text, made.score));
      else if (flags_.scores)
        write_stdout(fmt::format("{:.6f}\t{}\n", made.score, text));
      else
        write_stdout(text + "\n");
    }
    if (!flags_.device.quiet && flags_.json) show_progress(fmt::format("line {}/{}", made.text + 1, lines_));
    return !interrupted();
  }

  void finish() {
    show_progress("");
    if (flags_.json)
      write_stdout(Json{{"translations", rows_}}.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
    if (cut_ > 0 && !flags_.device.quiet)
      note(fmt::format("warning: {} translation(s) were cut at their limit of tokens; see --max-tokens", cut_));
  }

 private:
  const TranslateFlags& flags_;
  std::size_t lines_, cut_ = 0;
  Json rows_ = Json::array();
};

void report(const TranslateFlags& flags, const pumice::Translator& translator) {
  if (!flags.stats) return;
  const PumiceTranslatorInfo info = translator.info();
  const double seconds = std::max(info.seconds, 1e-9);
  note(fmt::format("{} sentences, {} source tokens in {:.3f} s: {:.1f} sentences/s; {} steps, {:.1f} tokens/s",
                   info.sentences, info.source_tokens_done, info.seconds, static_cast<double>(info.sentences) / seconds,
                   info.steps, static_cast<double>(info.target_tokens) / seconds));
  note(fmt::format("{} sources were encoded, {} found", info.encoded_sentences,
                   info.sentences - info.encoded_sentences));
  note_cache(translator.cache_stats(), "sources");
}

int translate(TranslateFlags& flags) {
  catch_interrupts();
  prepare_cache(&flags.cache);
  Messages messages(flags.device);
  const std::vector<std::string> lines = read_lines(flags.lines);
  DeviceFlags device = flags.device;
  device.no_autotune = true;  // what is tuned is decoding and prompts of decoders
  const Session session(device, &messages, flags.model);
  pumice::Translator translator(session.model(), translator_options(flags));
  PumiceTranslateOptions options = pumice_translate_options_init();
  options.to = flags.to.empty() ? nullptr : flags.to.c_str();
  options.max_tokens = flags.max_tokens;
  options.whole = flags.whole ? 1 : 0;
  options.alternatives = flags.alternatives;
  const PumiceTokens source = {flags.lines.ids.data(), flags.lines.ids.size()};
  if (!flags.lines.ids.empty()) options.sources = &source, options.count = 1;
  Printer printer(flags, lines.size());
  translator.translate(lines, options, [&](const PumiceTranslation& made) { return printer.take(made); });
  printer.finish();
  report(flags, translator);
  throw_if_interrupted();
  return messages.exit_code();
}

}  // namespace

void add_translate_command(CLI::App* app, Action* action) {
  auto flags = std::make_shared<TranslateFlags>();
  CLI::App* command =
      app->add_subcommand("translate", "translate texts (Marian models such as OPUS-MT and Bergamot; T5)");
  command->footer(
      "\nA line of output for each line of input. Long lines are cut into sentences; white space stays as it is. With\n"
      "--json {\"translations\": [{\"line\", \"text\", \"ids\", \"score\"}]}, with -n N lines of \"LINE ||| TEXT ||| "
      "SCORE\".\nA score is the sum of log-probabilities by the number of tokens to the power of --alpha.\n");
  add_model_flag(command, &flags->model);
  add_line_flags(command, &flags->lines, true);
  command->add_option("--to", flags->to, "target language, of models that have several")->type_name("LANG");
  command->add_option("--beam", flags->beam, "hypotheses; 1: greedy (default: as the file says)")
      ->check(CLI::Range(1u, 32u).description(""))
      ->type_name("N");
  command->add_option("--alpha", flags->alpha, "length penalty (default: as the file says, else 1)")
      ->check(finite_range(0, 10))
      ->type_name("A");
  command->add_option("-n,--n-best", flags->alternatives, "translations of each line, of one sentence each")
      ->check(CLI::Range(1u, 32u).description(""))
      ->type_name("N");
  command->add_option("--max-tokens", flags->max_tokens, "most tokens of a sentence (default: by its length)")
      ->type_name("N");
  command->add_option("--batch", flags->batch, "hypotheses of a step (default: 32)")
      ->check(CLI::Range(1u, 1024u).description(""))
      ->type_name("N");
  command->add_flag("--whole", flags->whole, "a line is one sentence");
  command->add_flag("--half", flags->half, "keys and values as F16: faster on GPUs, a little less accurate");
  command->add_flag("--scores", flags->scores, "the score before each line");
  command->add_flag("--json", flags->json, "one JSON object");
  command->add_flag("--stats", flags->stats, "figures on standard error");
  add_source_flags(command, &flags->cache);
  add_device_flags(command, &flags->device);
  command->callback([=] { *action = [flags] { return translate(*flags); }; });
}

}  // namespace pumice_cli
