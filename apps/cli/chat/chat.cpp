// `pumice chat`: a conversation in the terminal.
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>

#include "cli/chat/chat_model.h"
#include "cli/chat/screen.h"
#include "cli/chat/talk.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/reply_flags.h"
#include "common/line_editor.h"
#include "common/system.h"

namespace pumice_cli {

namespace {

using pumice_apps::LineEditor;

struct ChatFlags {
  std::string model, source_file, system, file, think = "auto";
  DeviceFlags device;
  ContextFlags context;
  SamplingFlags sampling;
  FormFlags form;
  ToolFlags tools;
  std::optional<std::uint32_t> max_tokens;
  bool fold = false, no_history = false, no_kv_file = false;
};

constexpr const char* kChatSampling = "0.8, with --top-p 0.95 and --min-p 0.05";

PumiceRequestOptions reply_options(const pumice::Model& model, const ChatFlags& flags) {
  PumiceRequestOptions options = pumice_request_options_init();
  options.temperature = 0.8f;
  options.top_p = 0.95f;
  options.min_p = 0.05f;
  options.max_tokens = 0;
  options = sampling_options(model, flags.sampling, options);
  if (flags.max_tokens) options.max_tokens = *flags.max_tokens;
  return options;
}

std::string history_file() {
  const std::filesystem::path state = pumice_apps::state_folder();
  return state.empty() ? std::string() : (state / "pumice" / "chat_history").string();
}

// One entry, which may be several lines where a person types. False: the end.
bool read_entry(LineEditor& editor, const Screen& screen, std::string* entry) {
  constexpr std::string_view kQuotes = "\"\"\"";
  entry->clear();
  bool quoted = false, more = false;
  while (true) {
    std::string line;
    const LineEditor::End end = editor.read(more ? "... " : ">>> ", &line);
    throw_if_interrupted();
    if (end == LineEditor::End::kInterrupted) {
      write_stdout("\n");
      if (!more && line.empty()) screen.say("/quit or Ctrl-D ends");
      entry->clear();
      quoted = more = false;
      continue;
    }
    if (end == LineEditor::End::kFailed) throw Failure(kExitNotFound, "cannot read standard input");
    if (end == LineEditor::End::kEnd) {
      if (editor.interactive()) write_stdout("\n");
      return more && !entry->empty();
    }
    if (!editor.interactive()) {
      *entry = line;
      return true;
    }
    const bool opens = !quoted && !more && line.starts_with(kQuotes);
    if (opens) line.erase(0, kQuotes.size());
    quoted = quoted || opens;
    const bool closes = quoted && line.ends_with(kQuotes);
    if (closes) line.erase(line.size() - kQuotes.size());
    const bool goes_on = quoted ? !closes : line.ends_with('\\');
    if (goes_on && !quoted) line.pop_back();
    *entry += line;
    if (closes && line.empty() && entry->ends_with('\n')) entry->pop_back();  // the quotes stand on a line of their own
    if (!goes_on) return true;
    *entry += opens && line.empty() ? "" : "\n";
    more = true;
  }
}

void greet(const ChatModel& model, const Session& session, const ChatFlags& flags, const Screen& screen) {
  if (flags.device.quiet) return;
  if (model.plain()) note("this model was not taught to converse: it goes on with what you write, as one text");
  if (screen.interactive())
    screen.say(fmt::format("{}, context {} tokens; /help lists the commands", printable(session.model_name()),
                           model.context_tokens()));
}

void converse(Talk& talk, const Screen& screen, const ChatFlags& flags) {
  LineEditor editor(flags.no_history ? "" : history_file());
  std::string entry;
  while (read_entry(editor, screen, &entry)) {
    if (entry.find_first_not_of(" \t\n") == std::string::npos) continue;
    editor.remember(entry);
    try {
      if (!talk.take(entry)) return;
    } catch (const Failure& failure) {
      if (!screen.interactive() || failure.code() == kExitInterrupted) throw;
      screen.say(failure.what());
    } catch (const pumice::Error& error) {
      if (!screen.interactive() || error.code() == PUMICE_DEVICE_LOST || error.code() == PUMICE_INTERNAL) throw;
      screen.say(fmt::format("{}; the question is taken back", error.what()));
    }
    throw_if_interrupted();
  }
}

std::string read_template(const ChatFlags& flags) {
  std::string source;
  if (flags.source_file.empty()) return source;
  if (const int reason = pumice_apps::read_all(flags.source_file, &source); reason != 0)
    throw Failure(kExitNotFound,
                  fmt::format("cannot read {}: {}", printable(flags.source_file), pumice_apps::reason_text(reason)));
  return source;
}

int chat(const ChatFlags& flags) {
  catch_interrupts();
  Messages messages(flags.device);
  const Session session(flags.device, &messages, flags.model, flags.context);
  Screen screen(pumice_apps::is_terminal(pumice_apps::Stream::kInput) && stdout_is_terminal(), flags.fold);
  ChatModel model(session, flags.context.options(), read_template(flags));
  PumiceRequestOptions sampling = reply_options(session.model(), flags);
  const std::optional<pumice::Grammar> grammar = grammar_of(session.model(), flags.form);
  sampling.grammar = grammar ? grammar->get() : nullptr;
  Talk talk(&model, &screen, sampling, flags.sampling.seed ? *flags.sampling.seed : random_seed());
  if (!flags.tools.file.empty()) {
    const std::string tools = read_tools(flags.tools);
    talk.set_tools(tools, tool_grammar_of(model.chat(), tools, flags.tools), flags.tools.forced());
  }
  if (flags.no_kv_file) talk.keep_no_kv();
  std::error_code ignored;
  if (!flags.file.empty() && std::filesystem::exists(flags.file, ignored))
    talk.open(flags.file);
  else if (!flags.file.empty())
    talk.keep_in(flags.file);
  const std::string system = !flags.system.empty() || flags.sampling.preset.empty()
                                 ? flags.system
                                 : preset_named(flags.sampling.preset).system;
  if (!system.empty()) talk.set_system(system);
  talk.set_thinking(flags.think == "on"    ? PUMICE_THINKING_ON
                    : flags.think == "off" ? PUMICE_THINKING_OFF
                                           : PUMICE_THINKING_AS_TEMPLATE);
  greet(model, session, flags, screen);
  interrupts_stop_replies();
  converse(talk, screen, flags);
  talk.close();
  if (flags.context.cache.options.secret) model.context().flush_cache(10000);
  return messages.exit_code();
}

void add_chat_flags(CLI::App* command, ChatFlags* flags) {
  add_model_flag(command, &flags->model);
  command->add_option("--template", flags->source_file, "a file with a chat template instead of the model's")
      ->check(not_empty())
      ->type_name("FILE");
  command->add_option("--system", flags->system, "what the model is told beforehand")->type_name("TEXT");
  command
      ->add_option("--file", flags->file,
                   "go on with the conversation in this file, and keep it there after every reply")
      ->check(not_empty())
      ->type_name("FILE");
  command->add_option("-n,--max-tokens", flags->max_tokens, "most tokens of a reply (default: until it ends)")
      ->type_name("N");
  command->add_option("--think", flags->think, "whether the model reasons first, where its template has that")
      ->check(CLI::IsMember({"on", "off", "auto"}).description(""))
      ->type_name("on|off|auto")
      ->capture_default_str();
  command->add_flag("--fold", flags->fold, "show of reasoning only how long it is");
  command->add_flag("--no-kv-file", flags->no_kv_file,
                    "keep no keys and values beside the conversation, from which it goes on at once");
  command->add_flag("--no-history", flags->no_history, "read and write no file of former entries");
  add_sampling_flags(command, &flags->sampling, kChatSampling);
  add_form_flags(command, &flags->form);
  add_tool_flags(command, &flags->tools);
  add_context_flags(command, &flags->context, true);
  add_cache_flags(command, &flags->context.cache);
  add_device_flags(command, &flags->device);
}

}  // namespace

void add_chat_command(CLI::App* app, Action* action) {
  auto flags = std::make_shared<ChatFlags>();
  CLI::App* command = app->add_subcommand("chat", "converse with a model in the terminal");
  command->footer(
      "\nIn the terminal, /help lists the commands; Ctrl-C stops a reply, Ctrl-D ends. Elsewhere each line of "
      "standard\n"
      "input is a question or a command, and standard output has the replies' contents, each with a line break.\n"
      "Former entries are kept in $XDG_STATE_HOME/pumice/chat_history, for you alone.\n");
  add_chat_flags(command, flags.get());
  command->callback([=] {
    *action = [flags] {
      prepare_cache(&flags->context.cache);
      return chat(*flags);
    };
  });
}

}  // namespace pumice_cli
