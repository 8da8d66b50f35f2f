// `pumice run`: continues a text.
#include "run.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string_view>
#include <utility>

#include "adapters.h"
#include "commands.h"
#include "common/system.h"
#include "images.h"
#include "input.h"
#include "interrupt.h"
#include "output.h"
#include "reply_flags.h"

namespace pumice_cli {

namespace {

struct RunFlags {
  std::string model;
  DeviceFlags device;
  ContextFlags context;
  std::string session, session_kv = "exact";
  PromptFlags prompt;
  ImageFlags images;
  AdapterFlags adapters;
  std::vector<std::string> words;
  std::uint32_t max_tokens = 256;
  SamplingFlags sampling;
  FormFlags form;
  ToolFlags tools;
  std::string when_full = "stop";
  std::uint32_t sink_tokens = pumice_context_options_init().sink_tokens;
  bool ignore_eos = false, stats = false, profile = false, json = false;
};

// What holds where neither the command line nor the model's file says anything: the model's own distribution.
constexpr const char* kSamplingDefaults = "1, all else off";

PumiceRequestOptions request_options(const pumice::Model& model, const RunFlags& flags, std::uint64_t seed) {
  PumiceRequestOptions options = pumice_request_options_init();
  options.temperature = 1;
  options = sampling_options(model, flags.sampling, options);
  options.max_tokens = flags.max_tokens;
  options.ignore_eos = flags.ignore_eos ? 1 : 0;
  options.seed = seed;
  return options;
}

// The prompt before the story, where a person reads it; after the progress line, which would erase it.
void echo_prompt(std::string_view text) {
  const bool dim = pumice_apps::variable("NO_COLOR").empty();
  if (dim) steer_stdout("\x1b[2m");
  write_stdout(text);
  if (dim) steer_stdout("\x1b[0m");
}

// Generates until the end, a cancel or a write error; fills the outcome as it goes.
void generate(const PumiceRequestOptions& options, pumice::Context& context, pumice::Sequence& sequence,
              const std::string& prompt, const RunFlags& flags, RunOutcome* outcome) {
  pumice::Request request = sequence.submit(outcome->prompt_ids, options);
  constexpr std::int32_t kLookMs = 50;  // how late a Ctrl-C may be noticed
  // Nothing read after this long: most likely the driver compiles kernels, which it keeps for later starts.
  constexpr double kCompilingMs = 1000;
  const double start = now_ms();
  bool echo = !flags.json && stdout_is_terminal();
  while (true) {
    if (interrupted()) request.cancel();
    request.wait(kLookMs);
    const PumicePoll news = request.poll();
    if (news.status == PUMICE_REQUEST_FAILED) {
      context.check(news.result != PUMICE_OK ? news.result : PUMICE_INTERNAL);
    }
    if (news.prompt_done < news.prompt_total && !flags.device.quiet) {
      const bool compiling = news.prompt_done == 0 && now_ms() - start > kCompilingMs;
      show_progress(fmt::format("reading the prompt {}/{}{}", news.prompt_done, news.prompt_total,
                                compiling ? " (a first start also compiles the kernels)" : ""));
    }
    if (news.count > 0) outcome->ids.insert(outcome->ids.end(), news.ids, news.ids + news.count);
    if (echo && (news.text_length > 0 || news.status != PUMICE_REQUEST_RUNNING)) {
      echo_prompt(prompt);
      echo = false;
    }
    if (news.text_length > 0) {
      const std::string_view text(news.text, news.text_length);
      outcome->text += text;
      if (!flags.json) write_stdout(text);
    }
    if (news.status == PUMICE_REQUEST_RUNNING) continue;
    allow_after_interrupt(kUsualGraceSeconds);
    outcome->finish = finish_name(news.status);
    outcome->timings = request.timings();
    show_progress("");
    return;
  }
}

// -n 0: the prompt is computed, nothing is generated.
void prefill_only(const Session& session, pumice::Sequence& sequence, const RunFlags& flags, RunOutcome* outcome) {
  const double start = now_ms();
  evaluate(sequence, outcome->prompt_ids, session.model().info().vocabulary, flags.device.quiet);
  outcome->timings.prompt_tokens = static_cast<std::uint32_t>(outcome->prompt_ids.size());
  outcome->timings.prefill_ms = now_ms() - start;
  outcome->finish = "length";
}

// The sequence of --session, where its file exists, or a new one.
pumice::Sequence open_sequence(const pumice::Context& context, const RunFlags& flags) {
  std::error_code problem;
  if (flags.session.empty() || !std::filesystem::exists(flags.session, problem)) return pumice::Sequence(context);
  return pumice::Sequence::load(context, flags.session);
}

// A failure waits until what was generated has been printed.
void save_session(const pumice::Sequence& sequence, const RunFlags& flags, RunOutcome* outcome) {
  if (flags.session.empty()) return;
  constexpr unsigned kGraceSeconds = 60;  // for the disk
  allow_after_interrupt(kGraceSeconds);
  const PumiceSessionKv kv = flags.session_kv == "q8"       ? PUMICE_SESSION_Q8
                             : flags.session_kv == "tokens" ? PUMICE_SESSION_TOKENS
                                                            : PUMICE_SESSION_EXACT;
  try {
    sequence.save(flags.session, kv);
  } catch (const pumice::Error& error) {
    outcome->save_failure.emplace(error.code() == PUMICE_IO ? kExitIo : exit_code_of(error.code()), error.what());
  }
  allow_after_interrupt(kUsualGraceSeconds);
}

void report(const RunFlags& flags, RunOutcome* outcome) {
  if (std::exchange(outcome->reported, true)) return;
  if (flags.json) write_stdout(run_json(*outcome));
  if (flags.profile && !outcome->profile.empty()) write_stderr(profile_table(outcome->profile));
  if (flags.stats) write_stderr(run_stats_table(*outcome));
}

void run_model(const Session& session, const std::string& text, const RunFlags& flags, RunOutcome* outcome) {
  const PumiceModelInfo model = session.model().info();
  PumiceContextOptions options = flags.context.options();
  options.profile = flags.profile ? 1 : 0;
  options.when_full = flags.when_full == "slide" ? PUMICE_FULL_SLIDE : PUMICE_FULL_STOP;
  options.sink_tokens = flags.sink_tokens;
  if (options.context_tokens > model.context_length && model.context_length > 0 && !flags.device.quiet) {
    note(fmt::format("warning: the model was trained for {} tokens of context; beyond them its text gets worse",
                     model.context_length));
  }
  const Adapters adapters(session.model(), flags.adapters);
  adapters.add_to(&options);
  const std::optional<pumice::Model> draft = session.load_draft(flags.context, &options);
  pumice::Context context(session.model(), options);
  pumice::Sequence sequence = open_sequence(context, flags);
  adapters.choose(sequence);
  const std::uint32_t before = sequence.info().tokens;
  PromptFlags prompt = flags.prompt;
  prompt.continues = before > 0;
  outcome->prompt_ids = flags.images.files.empty() ? tokenize_prompt(session.model(), text, prompt, flags.device.quiet)
                                                   : append_images(session.model(), sequence, text, prompt,
                                                                   flags.images, flags.device.quiet, &outcome->images);
  if (options.when_full == PUMICE_FULL_STOP)
    check_prompt_fits(sequence.info().tokens + outcome->prompt_ids.size(), context.stats().context_tokens);
  if (flags.max_tokens == 0) {
    prefill_only(session, sequence, flags, outcome);
  } else {
    std::optional<pumice::Grammar> grammar = grammar_of(session.model(), flags.form);
    if (!flags.tools.file.empty())
      grammar =
          tool_grammar_of(pumice::Chat(session.instance(), &session.model()), read_tools(flags.tools), flags.tools);
    PumiceRequestOptions request = request_options(session.model(), flags, outcome->seed);
    request.grammar = grammar ? grammar->get() : nullptr;
    generate(request, context, sequence, text, flags, outcome);
  }
  if (!flags.json) steer_stdout("\n");
  save_session(sequence, flags, outcome);
  const std::uint32_t flush_ms = interrupted() ? 1000 : 10000;
  if (flags.context.cache.options.secret) context.flush_cache(flush_ms);
  outcome->stats = context.stats();
  outcome->dropped_tokens = sequence.info().dropped;
  outcome->cache = context.cache_stats();
  if (flags.profile) outcome->profile = context.profile();
  allow_after_interrupt(kUsualGraceSeconds);
  report(flags, outcome);  // before anything is destroyed, which a device that hangs may not let happen
}

void open_and_run(const std::string& text, const RunFlags& flags, Messages* messages, RunOutcome* outcome) {
  const Session session(flags.device, messages, flags.model, flags.context);
  const PumiceDeviceInfo device = session.device().info();
  outcome->model = session.model_name();
  outcome->path = session.path();
  outcome->device = device.name;
  outcome->driver = device.driver;
  outcome->device_type = device.type;
  outcome->load_ms = session.load_ms();
  run_model(session, text, flags, outcome);
}

int run(const RunFlags& flags) {
  catch_interrupts();
  Messages messages(flags.device);
  RunOutcome outcome;
  outcome.seed = flags.sampling.seed ? *flags.sampling.seed : random_seed();
  try {
    std::string text;
    for (const std::string& word : flags.words) text += (text.empty() ? "" : " ") + word;
    if (flags.words.empty()) text = read_prompt(flags.prompt);
    if (flags.device.verbose) note(fmt::format("seed {}", outcome.seed));
    open_and_run(text, flags, &messages, &outcome);
  } catch (const Failure& failure) {
    if (failure.code() != kExitInterrupted) throw;
  } catch (const pumice::Error& error) {
    if (error.code() != PUMICE_CANCELLED) throw;
  }
  report(flags, &outcome);
  if (outcome.save_failure) throw *outcome.save_failure;
  throw_if_interrupted();
  return messages.exit_code();
}

}  // namespace

const char* finish_name(PumiceRequestStatus status) {
  switch (status) {
    case PUMICE_REQUEST_FINISHED_EOS:
      return "eos";
    case PUMICE_REQUEST_FINISHED_LENGTH:
      return "length";
    case PUMICE_REQUEST_FINISHED_CONTEXT:
      return "context";
    case PUMICE_REQUEST_CANCELLED:
      return "cancelled";
    case PUMICE_REQUEST_RUNNING:
    case PUMICE_REQUEST_FAILED:
      break;
  }
  return "failed";
}

void add_run_command(CLI::App* app, Action* action) {
  auto flags = std::make_shared<RunFlags>();
  CLI::App* run_app = app->add_subcommand("run", "continue a text (the default: pumice TEXT...)");
  run_app->footer(std::string("\nThe prompt comes from TEXT..., -p, -f, or standard input. ") + kPromptHelp +
                  "A prompt that is not UTF-8 is used as it is, with a warning. The text is streamed to standard "
                  "output; the prompt\n"
                  "is not repeated there except on a terminal. Ctrl-C ends the text, a second one the program.\n");
  run_app->add_option("text", flags->words, "the prompt; several words are joined by spaces")->type_name("TEXT");
  add_prompt_flags(run_app, &flags->prompt, true);
  add_model_flag(run_app, &flags->model);
  add_image_flags(run_app, &flags->images);
  add_adapter_flag(run_app, &flags->adapters);
  run_app->add_option("-n,--max-tokens", flags->max_tokens, "most tokens to generate; 0: compute the prompt only")
      ->type_name("N")
      ->capture_default_str();
  run_app->add_flag("--ignore-eos", flags->ignore_eos, "go on after the model's end token");
  run_app->add_option("--session", flags->session, "go on with the text of this file, and save it there at the end")
      ->check(not_empty())
      ->type_name("FILE");
  run_app
      ->add_option("--session-kv", flags->session_kv,
                   "what is saved beside the tokens: keys and values exactly, in 8 bits, or none")
      ->check(CLI::IsMember({"exact", "q8", "tokens"}).description(""))
      ->type_name("exact|q8|tokens")
      ->capture_default_str();
  run_app->add_flag("--json", flags->json, "one JSON object instead of the text");
  run_app->add_flag("--stats", flags->stats, "figures on standard error");
  run_app->add_flag("--profile", flags->profile, "GPU time of each kernel on standard error, or in the JSON");
  add_sampling_flags(run_app, &flags->sampling, kSamplingDefaults);
  add_form_flags(run_app, &flags->form);
  add_tool_flags(run_app, &flags->tools);
  add_context_flags(run_app, &flags->context, true);
  add_guess_flags(run_app, &flags->context);
  run_app
      ->add_option("--when-full", flags->when_full,
                   "when the context is full: stop, or drop the oldest tokens and go on")
      ->check(CLI::IsMember({"stop", "slide"}).description(""))
      ->type_name("stop|slide")
      ->capture_default_str();
  run_app->add_option("--sinks", flags->sink_tokens, "first tokens that sliding keeps, in whole pages of 32")
      ->check(CLI::Range(0u, 1u << 20).description(""))
      ->type_name("N")
      ->capture_default_str();
  add_cache_flags(run_app, &flags->context.cache);
  add_device_flags(run_app, &flags->device);
  run_app->callback([=] {
    if (!flags->words.empty() && (flags->prompt.text || flags->prompt.file || !flags->prompt.ids.empty())) {
      throw CLI::ValidationError("give the prompt once: as words, with -p, -f or --ids");
    }
    if (!flags->images.files.empty() && !flags->prompt.ids.empty())
      throw CLI::ValidationError("--image goes with a text, not with --ids");
    flags->device.projector = flags->images.projector;
    flags->device.pictures = !flags->images.files.empty();
    *action = [flags] {
      prepare_cache(&flags->context.cache);
      return run(*flags);
    };
  });
}

}  // namespace pumice_cli
