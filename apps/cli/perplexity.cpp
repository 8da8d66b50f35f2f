// `pumice perplexity`: how well a model predicts a text, and what a smaller KV cache costs of that.
#include "perplexity.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>

#include "adapters.h"
#include "commands.h"
#include "input.h"
#include "interrupt.h"
#include "output.h"

namespace pumice_cli {

namespace {

struct PerplexityFlags {
  std::string model;
  DeviceFlags device;
  PromptFlags text;
  AdapterFlags adapters;
  std::uint32_t window = 0, stride = 0;
  std::string kv_type = "f16", compared_kv_type;
  bool kv_no_rotation = false;
  bool json = false;
};

constexpr std::uint32_t kDefaultWindow = 512;
// Tokens of one call: bounds how late a Ctrl-C is seen, and the logits that a comparison keeps.
constexpr std::size_t kPiece = 128;

// One KV type: its cache, and what was found with it.
struct Scorer {
  pumice::Context context;
  pumice::Sequence sequence;
  KvTypeScore score;

  Scorer(const pumice::Model& model, const Adapters& adapters, const std::string& kv_type, bool rotation,
         std::uint32_t window)
      : context(model, options(adapters, kv_type, rotation, window)), sequence(context) {
    adapters.choose(sequence);
    score.kv_type = kv_type;
    score.kv_bytes_per_token = context.stats().kv_bytes_per_token;
  }
  static PumiceContextOptions options(const Adapters& adapters, const std::string& kv_type, bool rotation,
                                      std::uint32_t window) {
    PumiceContextOptions options = pumice_context_options_init();
    adapters.add_to(&options);
    options.context_tokens = window;
    options.kv_type = kv_type_of(kv_type);
    options.disable_kv_rotation = rotation ? 0 : 1;
    return options;
  }

  template <typename Function>
  void add(const std::vector<std::int32_t>& ids, const std::vector<std::int32_t>& targets, Function&& on_logits) {
    const double start = now_ms();
    const std::vector<float> log_probabilities = sequence.score(ids, targets, on_logits);
    score.seconds += (now_ms() - start) / 1000;
    score.computed += ids.size();
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (targets[i] < 0) continue;
      if (!std::isfinite(log_probabilities[i]))
        throw Failure(kExitInternal, "the device computed logits that are not finite: try another --device");
      score.negative_log.add(-static_cast<double>(log_probabilities[i]));
    }
  }
};

class Measurement {
 public:
  Measurement(const Session& session, const PerplexityFlags& flags, const std::vector<std::int32_t>& ids)
      : flags_(flags), ids_(ids), vocabulary_(session.model().info().vocabulary) {
    // The token that begins a text begins each window, as the model expects.
    const std::vector<std::int32_t> special = session.model().tokenize("", flags.text.tokenize_flags());
    const std::int32_t bos = session.model().info().bos_token;
    if (!special.empty() && special.front() == bos) begin_ = bos;
  }

  // Scores the windows until they end or a signal comes.
  void run(const pumice::Model& model, std::uint32_t window, PerplexityOutcome* outcome) {
    const std::vector<ScoreWindow> windows = plan_windows(ids_.size(), window, flags_.stride);
    outcome->windows = windows.size();
    const Adapters adapters(model, flags_.adapters);
    std::vector<std::unique_ptr<Scorer>> scorers;
    scorers.push_back(std::make_unique<Scorer>(model, adapters, flags_.kv_type, !flags_.kv_no_rotation, window));
    if (!flags_.compared_kv_type.empty())
      scorers.push_back(
          std::make_unique<Scorer>(model, adapters, flags_.compared_kv_type, !flags_.kv_no_rotation, window));
    const double start = now_ms();
    for (const ScoreWindow& of : windows) {
      if (!add_window(of, scorers, outcome)) break;
      ++outcome->windows_done;
      show(*scorers.front(), *outcome, (now_ms() - start) / 1000);
    }
    show_progress("");
    for (const auto& scorer : scorers) outcome->scores.push_back(scorer->score);
    outcome->complete = outcome->windows_done == windows.size();
  }

 private:
  // False: interrupted.
  bool add_window(const ScoreWindow& window, const std::vector<std::unique_ptr<Scorer>>& scorers,
                  PerplexityOutcome* outcome) {
    for (const auto& scorer : scorers) scorer->sequence.truncate(0);
    // The last token is only predicted.
    for (std::size_t at = 0; at + 1 < window.tokens; at += kPiece) {
      if (interrupted()) return false;
      take_piece(window, at, std::min(at + kPiece, window.tokens - 1));
      const bool compare = scorers.size() > 1;
      if (compare) kept_.resize(piece_.size() * vocabulary_);
      scorers[0]->add(piece_, targets_,
                      [&](std::size_t first, std::size_t count, const float* logits, std::size_t stride) {
                        for (std::size_t i = 0; compare && i < count; ++i)
                          std::copy_n(logits + i * stride, vocabulary_, kept_.data() + (first + i) * vocabulary_);
                        return true;
                      });
      if (!compare) continue;
      scorers[1]->add(piece_, targets_,
                      [&](std::size_t first, std::size_t count, const float* logits, std::size_t stride) {
                        for (std::size_t i = 0; i < count; ++i)
                          outcome->comparison.add(kept_.data() + (first + i) * vocabulary_, logits + i * stride,
                                                  vocabulary_, targets_[first + i]);
                        return true;
                      });
    }
    return true;
  }

  // Offsets [at, end) of the window, with what follows each where that counts.
  void take_piece(const ScoreWindow& window, std::size_t at, std::size_t end) {
    piece_.clear();
    targets_.clear();
    for (std::size_t offset = at; offset < end; ++offset) {
      piece_.push_back(offset == 0 && begin_ >= 0 ? begin_ : ids_[window.first + offset]);
      targets_.push_back(offset + 1 >= window.scored_from ? ids_[window.first + offset + 1] : -1);
    }
  }

  void show(const Scorer& scorer, const PerplexityOutcome& outcome, double seconds) const {
    if (flags_.device.quiet) return;
    const double left = seconds / static_cast<double>(outcome.windows_done) *
                        static_cast<double>(outcome.windows - outcome.windows_done);
    show_progress(fmt::format("window {}/{}, perplexity {:.4f}, {:.0f} s left", outcome.windows_done, outcome.windows,
                              scorer.score.perplexity(), left));
  }

  const PerplexityFlags& flags_;
  const std::vector<std::int32_t>& ids_;
  std::size_t vocabulary_;
  std::int32_t begin_ = -1;
  std::vector<std::int32_t> piece_, targets_;
  std::vector<float> kept_;  // (piece, vocabulary) logits of the first KV type
};

std::uint32_t choose_window(const PerplexityFlags& flags, std::uint32_t context_length) {
  std::uint32_t window = flags.window;
  if (window == 0) window = context_length == 0 ? kDefaultWindow : std::min(context_length, kDefaultWindow);
  if (flags.stride > window)
    throw Failure(kExitUsage, fmt::format("a stride of {} is longer than a window of {}: tokens would be left out",
                                          flags.stride, window));
  if (window > context_length && context_length > 0 && !flags.device.quiet)
    note(fmt::format("warning: the model was trained for {} tokens of context; beyond them its text gets worse",
                     context_length));
  return window;
}

void measure(const PerplexityFlags& flags, Messages* messages, PerplexityOutcome* outcome) {
  const std::string text = read_prompt(flags.text);
  const Session session(flags.device, messages, flags.model);
  const std::vector<std::int32_t> ids = tokenize_prompt(session.model(), text, flags.text, flags.device.quiet);
  outcome->model = session.model_name();
  outcome->path = session.path();
  outcome->device = session.device_name();
  outcome->driver = session.driver_name();
  outcome->text_name = flags.text.text ? "" : flags.text.file.value_or("-");
  outcome->text_tokens = ids.size();
  outcome->window = choose_window(flags, session.model().info().context_length);
  outcome->stride = flags.stride;
  if (ids.size() < 2)
    throw Failure(kExitUsage, fmt::format("the text has {} token(s); perplexity needs two at least", ids.size()));
  if (ids.size() < outcome->window && !flags.device.quiet)
    note(fmt::format("the text has {} tokens, fewer than a window of {}: it is scored as one window of its length",
                     ids.size(), outcome->window));
  Measurement(session, flags, ids).run(session.model(), outcome->window, outcome);
}

int perplexity(const PerplexityFlags& flags) {
  catch_interrupts();
  Messages messages(flags.device);
  PerplexityOutcome outcome;
  measure(flags, &messages, &outcome);
  if (outcome.scores.front().negative_log.count() > 0)
    write_stdout(flags.json ? perplexity_json(outcome) : perplexity_table(outcome));
  throw_if_interrupted();
  return messages.exit_code();
}

}  // namespace

void add_perplexity_command(CLI::App* app, Action* action) {
  auto flags = std::make_shared<PerplexityFlags>();
  CLI::App* command = app->add_subcommand("perplexity", "how well a model predicts a text");
  command->footer(
      "\nThe text is cut into windows that lie end to end, and each is computed from an empty cache. The tokens after\n"
      "the middle of each window count: those at offsets N/2 + 1 to N - 1. With --stride S windows begin S tokens "
      "apart\n"
      "and the last S of each count. Where the model wants a begin token it takes the place of each window's first "
      "one.\n"
      "Tokens after the last whole window do not count. Log-probabilities are natural; +/- is the standard error of "
      "the\n"
      "mean. Ctrl-C prints what there is so far.\n" +
      std::string(kPromptHelp));
  add_model_flag(command, &flags->model);
  add_prompt_flags(command, &flags->text, true);
  add_adapter_flag(command, &flags->adapters);
  command->add_option("--ctx", flags->window, "tokens of a window (default: the model's context, at most 512)")
      ->check(CLI::Range(2u, 1u << 20).description(""))
      ->type_name("N");
  command->add_option("--stride", flags->stride, "tokens from one window to the next (default: a window)")
      ->check(CLI::Range(1u, 1u << 20).description(""))
      ->type_name("S");
  add_kv_type_flag(command, "--kv-type", &flags->kv_type, "type of the KV cache")->capture_default_str();
  command->add_flag("--kv-no-rotation", flags->kv_no_rotation,
                    "q4_0 without the rotation that makes it more accurate (for comparison)");
  add_kv_type_flag(command, "--compare-kv-type", &flags->compared_kv_type,
                   "compute with this type as well; prints the KL divergence of its next-token distributions");
  command->add_flag("--json", flags->json, "one JSON object");
  add_device_flags(command, &flags->device);
  command->callback([=] { *action = [flags] { return perplexity(*flags); }; });
}

}  // namespace pumice_cli
