#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "cli/chat/talk.h"
#include "cli/output.h"
#include "cli/reply_flags.h"
#include "common/system.h"

namespace pumice_cli {

namespace {

std::string trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return std::string(text);
}

// The number that a text begins with, and in *rest what follows it; 0: none.
std::size_t leading_number(const std::string& text, std::string* rest) {
  std::size_t number = 0;
  const char* end = text.data() + text.size();
  const auto [at, failed] = std::from_chars(text.data(), end, number);
  if (failed != std::errc() || (at != end && *at != ' ')) return 0;
  *rest = trimmed({at, static_cast<std::size_t>(end - at)});
  return number;
}

}  // namespace

const Talk::Command Talk::kCommands[] = {
    {"help", "", "these lines", &Talk::help},
    {"system", "[TEXT]", "set what the model is told beforehand, or show it; '/system off' takes it away",
     &Talk::system},
    {"regenerate", "", "another reply to the last question; the former stays as a branch", &Talk::regenerate},
    {"edit", "[TURN] TEXT", "ask the last question, or that of a turn, differently; on a new branch", &Talk::edit},
    {"branch", "[NUMBER|at TURN]", "list the branches, go to one, or start one behind a turn", &Talk::branch},
    {"result", "TEXT", "what a tool that the model called gave", &Talk::result},
    {"save", "[FILE]", "keep the conversation in FILE, from now on after every reply", &Talk::save},
    {"load", "FILE", "go on with a conversation that was saved", &Talk::load},
    {"stats", "", "figures of the last reply, the context and the cache", &Talk::stats},
    {"preset", "[NAME|off]", "list the presets, reply as one says; '/preset save NAME' keeps how it is now",
     &Talk::preset},
    {"json", "SCHEMA|off", "replies are JSON of this schema (a file, or its text)", &Talk::json},
    {"think", "on|off|auto", "whether the model reasons first, where its template has that", &Talk::think},
    {"quit", "", "end; so does Ctrl-D", &Talk::quit},
};

Talk::Next Talk::answer(const std::string& text) const {
  screen_.say(text);
  return Next::kRead;
}

Talk::Next Talk::run_command(std::string_view entry) {
  entry.remove_prefix(1);
  const std::size_t space = std::min(entry.find_first_of(" \n"), entry.size());
  const std::string_view name = entry.substr(0, space);
  for (const Command& command : kCommands)
    if (name == command.name) return (this->*command.run)(trimmed(entry.substr(space)));
  return answer(
      fmt::format("there is no command /{}; /help lists them, and // begins a text with a slash", printable(name)));
}

Talk::Next Talk::help(const std::string&) {
  std::string text;
  for (const Command& command : kCommands)
    text += fmt::format("  {:<28} {}\n", fmt::format("/{} {}", command.name, command.argument), command.help);
  text +=
      "\nCtrl-C stops a reply. A line that ends in \\ goes on in the next one; \"\"\" begins and ends several lines;\n"
      "so does pasting, and Alt-Enter breaks a line. Arrow keys find former entries, Ctrl-R searches them.\n";
  if (screen_.interactive())
    write_stdout(text);
  else
    write_stderr(text);
  return Next::kRead;
}

Talk::Next Talk::system(const std::string& text) {
  if (text.empty()) {
    const std::string now = conversation_.system();
    return answer(now.empty() ? "the model is told nothing beforehand but what its template says" : "system: " + now);
  }
  conversation_.set_system(text == "off" ? "" : text);
  keep();
  return Next::kRead;
}

Talk::Next Talk::regenerate(const std::string&) {
  if (conversation_.take_back_reply()) return Next::kReply;
  return answer("there is no reply yet");
}

Talk::Next Talk::edit(const std::string& text) {
  std::string rest = text;
  const std::size_t said = leading_number(text, &rest);
  const std::size_t turn = said > 0 && said <= conversation_.turns() && !rest.empty() ? said : 0;
  if (turn == 0) rest = text;
  if (rest.empty()) return answer("say how: /edit TEXT, or /edit TURN TEXT");
  if (conversation_.edit(turn > 0 ? turn : conversation_.turns(), rest)) return Next::kReply;
  return answer("there is no question yet");
}

Talk::Next Talk::branch(const std::string& which) {
  if (which.empty()) {
    std::string text;
    for (std::size_t i = 0; i < conversation_.branches(); ++i) {
      const Json& messages = conversation_.branch(i);
      text += fmt::format("{} {}: {} messages, last: {}\n", i == conversation_.current() ? "*" : " ", i + 1,
                          messages.size(), messages.empty() ? "" : beginning(pumice_apps::text_of(messages.back())));
    }
    write_stdout(text);
    return Next::kRead;
  }
  std::string rest;
  const bool at = which.starts_with("at ");
  const std::size_t number = leading_number(at ? trimmed(which.substr(3)) : which, &rest);
  const bool done = number > 0 && (at ? conversation_.start_branch(number) : conversation_.switch_to(number - 1));
  if (!done) return answer(at ? "there is no such turn" : "there is no such branch; /branch lists them");
  left_out_ = 0;
  keep();
  show_branch();
  return Next::kRead;
}

void Talk::show_branch() const {
  screen_.say(fmt::format("branch {} of {}, {} turns", conversation_.current() + 1, conversation_.branches(),
                          conversation_.turns()));
  if (!screen_.interactive()) return;
  const Json& messages = conversation_.messages();
  constexpr std::size_t kShown = 2;
  for (std::size_t i = messages.size() - std::min(messages.size(), kShown); i < messages.size(); ++i)
    screen_.say(fmt::format("{}: {}", messages[i]["role"].get<std::string>(),
                            beginning(pumice_apps::text_of(messages[i]), 200)));
}

Talk::Next Talk::result(const std::string& text) {
  const Json& messages = conversation_.messages();
  if (messages.empty() || !messages.back().contains("tool_calls") || messages.back()["tool_calls"].empty())
    return answer("the model has called no tool");
  const Json call = messages.back()["tool_calls"].front();
  Json message = {{"role", "tool"}, {"name", call["function"]["name"]}, {"content", text}};
  if (call.contains("id")) message["tool_call_id"] = call["id"];
  conversation_.add(std::move(message));
  return Next::kReply;
}

Talk::Next Talk::save(const std::string& file) {
  if (file.empty() && file_.empty()) return answer("say where: /save FILE");
  const std::string before = file_, digest = conversation_.kv_digest();
  if (!file.empty()) file_ = file;
  try {
    keep_kv();
    keep();
    kv_is_old_ = false;
  } catch (const Failure& failure) {
    file_ = before;
    conversation_.set_kv_digest(digest);
    return answer(failure.what());
  }
  return answer(fmt::format("saved in {}, and so will be each reply", printable(file_)));
}

Talk::Next Talk::load(const std::string& file) {
  if (file.empty()) return answer("say which: /load FILE");
  try {
    open(file);
  } catch (const Failure& failure) {
    return answer(failure.what());
  }
  show_branch();
  return Next::kRead;
}

Talk::Next Talk::stats(const std::string&) {
  std::string text;
  const auto row = [&text](const char* label, const std::string& value) {
    text += fmt::format("  {:<16}{}\n", label, value);
  };
  row("conversation", fmt::format("{} turns, {} branches{}", conversation_.turns(), conversation_.branches(),
                                  file_.empty() ? "" : ", in " + printable(file_)));
  row("context", fmt::format("{} of {} tokens", model_.held_tokens(), model_.context_tokens()));
  if (last_) {
    const PumiceTimings& timings = last_->timings;
    row("last prompt", fmt::format("{} tokens, {} of them held already or found in the cache", last_->prompt_tokens,
                                   last_->prompt_tokens - last_->computed_tokens + timings.cached_tokens));
    row("first token", fmt::format("after {:.3f} s, {:.3f} of them for the prompt", last_->first_token_ms / 1000,
                                   timings.prefill_ms / 1000));
    row("last reply", fmt::format("{} tokens in {:.2f} s; end: {}", timings.generated_tokens, timings.decode_ms / 1000,
                                  last_->finish));
  }
  for (std::size_t i = 0; i < turns_.size(); ++i)
    row(i == 0 ? "prompts so far" : "",
        fmt::format("{:>6} tokens, {:>6} of them computed, first token after {:.3f} s", turns_[i].prompt,
                    turns_[i].computed, turns_[i].first_token_ms / 1000));
  const PumiceContextStats stats = model_.context().stats();
  row("KV cache", fmt::format("{} of {} pages, {}", stats.pages_used, stats.pages_total, format_bytes(stats.kv_bytes)));
  if (screen_.interactive())
    write_stdout(text);
  else
    write_stderr(text);
  return Next::kRead;
}

Talk::Next Talk::preset(const std::string& name) {
  if (name.starts_with("save ")) return keep_preset(trimmed(name.substr(5)));
  if (name.empty()) {
    std::string text;
    for (const pumice_apps::Preset& preset : pumice_apps::presets_in(pumice_apps::preset_folder()))
      text += fmt::format("  {:<16}{}\n", preset.name,
                          !preset.problem.empty() ? preset.problem
                          : preset.system.empty() ? ""
                                                  : beginning(preset.system));
    write_stdout(text);
    return Next::kRead;
  }
  sampling_ = without_preset_;
  if (name == "off") return Next::kRead;
  try {
    const pumice_apps::Preset preset = preset_named(name);
    apply(preset, &sampling_);
    if (!preset.system.empty()) conversation_.set_system(preset.system);
  } catch (const Failure& failure) {
    return answer(failure.what());
  }
  keep();
  return Next::kRead;
}

Talk::Next Talk::keep_preset(const std::string& name) {
  if (!pumice_apps::is_preset_name(name)) return answer("a name has letters, digits, '-', '_', and 64 bytes at most");
  const std::string folder = pumice_apps::preset_folder();
  pumice_apps::Preset preset{.name = name, .system = conversation_.system()};
  preset.temperature = sampling_.temperature;
  preset.top_p = sampling_.top_p;
  preset.min_p = sampling_.min_p;
  preset.top_k = sampling_.top_k;
  preset.repeat_penalty = sampling_.repeat_penalty;
  preset.frequency_penalty = sampling_.frequency_penalty;
  preset.presence_penalty = sampling_.presence_penalty;
  preset.penalty_window = sampling_.penalty_window;
  if (sampling_.max_tokens > 0) preset.max_tokens = sampling_.max_tokens;
  if (const int reason = pumice_apps::save_preset(folder, preset); reason != 0)
    return answer(fmt::format("cannot keep it in {}: {}", printable(folder), pumice_apps::reason_text(reason)));
  return answer(fmt::format("kept in {}, for all programs of pumice", printable(folder)));
}

Talk::Next Talk::json(const std::string& schema) {
  if (schema.empty()) return answer("say which: /json FILE, /json {\"type\": …}, or /json off");
  if (schema == "off") {
    form_.reset();
    return Next::kRead;
  }
  std::string text = schema;
  if (!schema.starts_with('{')) {
    text.clear();
    if (const int reason = pumice_apps::read_all(schema, &text); reason != 0)
      return answer(fmt::format("cannot read {}: {}", printable(schema), pumice_apps::reason_text(reason)));
  }
  try {
    form_ = pumice::Grammar(model_.model(), PUMICE_GRAMMAR_JSON_SCHEMA, text);
  } catch (const pumice::Error& error) {
    return answer(error.what());
  }
  return answer("replies are JSON now; '/json off' ends that");
}

Talk::Next Talk::think(const std::string& how) {
  if (how == "on")
    thinking_ = PUMICE_THINKING_ON;
  else if (how == "off")
    thinking_ = PUMICE_THINKING_OFF;
  else if (how == "auto")
    thinking_ = PUMICE_THINKING_AS_TEMPLATE;
  else
    return answer("say how: /think on, off or auto");
  return Next::kRead;
}

}  // namespace pumice_cli
