#include "input.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/system.h"
#include "common/utf8.h"
#include "interrupt.h"
#include "output.h"
#include "session.h"

namespace pumice_cli {

namespace {

// read_all() of a file or a stream, with a reason to throw.
template <typename From>
std::string read_whole(const From& from, const std::string& name) {
  std::string text;
  const int reason = pumice_apps::read_all(from, &text);
  if (reason == 0) return text;
  throw_if_interrupted();  // a pipe that nobody writes to
  throw Failure(kExitNotFound, fmt::format("cannot read {}: {}", name, pumice_apps::reason_text(reason)));
}

std::string without_last_line_break(std::string text) {
  if (!text.empty() && text.back() == '\n')
    text.pop_back();
  else
    return text;
  if (!text.empty() && text.back() == '\r') text.pop_back();
  return text;
}

}  // namespace

void add_prompt_flags(CLI::App* app, PromptFlags* flags, bool with_ids) {
  auto* text = app->add_option("-p,--prompt", flags->text, "the prompt")->type_name("TEXT");
  auto* file = app->add_option("-f,--file", flags->file, "a file with the prompt; '-' is standard input")
                   ->check(not_empty())
                   ->type_name("FILE")
                   ->excludes(text);
  if (with_ids)
    app->add_option("--ids", flags->ids, "the prompt as token ids, such as 1,2,3; nothing is added to them")
        ->delimiter(',')
        ->check(CLI::NonNegativeNumber)
        ->type_name("IDS")
        ->excludes(text)
        ->excludes(file);
  app->add_flag("--no-special", flags->no_special,
                "add no begin and end tokens, and read text such as <|endoftext|> as plain text");
}

std::string read_prompt(const PromptFlags& flags) {
  if (!flags.ids.empty()) return {};
  if (flags.text) return *flags.text;
  if (!flags.file && pumice_apps::is_terminal(pumice_apps::Stream::kInput)) {
    throw Failure(kExitUsage, "no prompt: give -p TEXT, -f FILE, or pipe one in");
  }
  return read_text(flags.file.value_or("-"), "the prompt file");
}

std::string read_text(const std::string& file, const char* what) {
  if (file == "-") return without_last_line_break(read_whole(pumice_apps::Stream::kInput, "standard input"));
  return without_last_line_break(read_whole(file, fmt::format("{} {}", what, printable(file))));
}

void add_line_flags(CLI::App* app, LineFlags* flags, bool with_ids) {
  app->add_option("texts", flags->texts, "the texts (default: one a line of standard input)")->type_name("TEXT");
  app->add_option("-f,--file", flags->file, "a text a line; -: standard input")->type_name("FILE");
  if (with_ids)
    app->add_option("--ids", flags->ids, "one text as token ids, such as 1,2,3; nothing is added to them")
        ->delimiter(',')
        ->check(CLI::NonNegativeNumber)
        ->type_name("IDS")
        ->excludes("texts")
        ->excludes("--file");
}

std::vector<std::string> read_lines(const LineFlags& flags) {
  if (!flags.ids.empty()) return {""};
  if (!flags.texts.empty() && flags.file) throw Failure(kExitUsage, "give either texts or -f FILE, not both");
  if (!flags.texts.empty()) return flags.texts;
  return split_lines(read_prompt({.file = flags.file}));
}

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  for (;;) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (end < text.size() && line.ends_with('\r')) line.remove_suffix(1);
    lines.emplace_back(line);
    if (end == text.size()) return lines;
    text.remove_prefix(end + 1);
  }
}

std::vector<std::int32_t> tokenize_prompt(const pumice::Model& model, std::string_view text, const PromptFlags& flags,
                                          bool quiet) {
  if (!flags.ids.empty()) return flags.ids;
  if (const auto at = pumice_apps::invalid_utf8_at(text); at && !quiet) {
    note(fmt::format("warning: the prompt is not valid UTF-8 at byte {}; its bytes are used as they are", *at));
  }
  std::vector<std::int32_t> ids = model.tokenize(text, flags.tokenize_flags());
  if (ids.empty()) {
    throw Failure(kExitUsage, text.empty()
                                  ? "the prompt is empty and no begin token is put before it: give some text"
                                  : "this model has no tokenizer: give the prompt as token ids with --ids 1,2,3");
  }
  return ids;
}

}  // namespace pumice_cli
