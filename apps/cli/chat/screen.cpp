#include "cli/chat/screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "cli/output.h"
#include "common/system.h"

namespace pumice_cli {

namespace {

void dimmed(std::string_view text) {
  const bool colours = pumice_apps::variable("NO_COLOR").empty();
  if (colours) steer_stdout("\x1b[2m");
  write_stdout(text);
  if (colours) steer_stdout("\x1b[0m");
}

}  // namespace

std::string beginning(const std::string& text, std::size_t most) {
  std::string line = text.substr(0, most);
  std::replace(line.begin(), line.end(), '\n', ' ');
  while (line.size() < text.size() && !line.empty() && (static_cast<unsigned char>(text[line.size()]) & 0xc0) == 0x80)
    line.pop_back();  // a character that is cut
  return line.size() < text.size() ? line + " …" : line;
}

void Screen::begin() {
  wrap_ = pumice_apps::WordWrap(stdout_is_terminal() ? pumice_apps::terminal_width() : 0);
  reasoning_ = false;
}

void Screen::show_reasoning(const std::string& text, std::size_t tokens) {
  if (!stdout_is_terminal()) return;
  reasoning_ = true;
  if (fold_)
    show_progress(fmt::format("thinking, {} tokens", tokens));
  else
    dimmed(wrap_.push(text));
}

void Screen::end_reasoning() {
  if (!reasoning_) return;
  reasoning_ = false;
  show_progress("");
  if (fold_) return;
  dimmed(wrap_.finish());
  write_stdout("\n\n");
  begin();
}

void Screen::show(const Json& delta, std::size_t tokens) {
  if (delta.contains("reasoning_content")) show_reasoning(delta["reasoning_content"].get<std::string>(), tokens);
  if (delta.contains("content")) {
    end_reasoning();
    write_stdout(wrap_.push(delta["content"].get<std::string>()));
  }
  if (!delta.contains("tool_calls")) return;
  end_reasoning();
  for (const Json& call : delta["tool_calls"]) {
    const Json& function = call["function"];
    std::string line = wrap_.finish() + (wrap_.column() > 0 ? "\n" : "");
    line += interactive_ ? fmt::format("-> {} {}\n", function["name"].get<std::string>(), function["arguments"].dump())
                         : function.dump() + "\n";
    write_stdout(line);
    begin();
  }
}

void Screen::end() {
  if (reasoning_) end_reasoning();
  const std::string rest = wrap_.finish();
  write_stdout(rest + (wrap_.column() > 0 ? "\n" : ""));
}

void Screen::say(std::string_view text) const {
  if (!interactive_) return note(text);
  pumice_apps::WordWrap wrap(pumice_apps::terminal_width());
  std::string lines = wrap.push(text);
  lines += wrap.finish() + "\n";
  dimmed(lines);
}

}  // namespace pumice_cli
