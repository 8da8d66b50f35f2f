#include "common/line_editor.h"

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <utility>

#ifdef PUMICE_HAS_LIBEDIT
#include <histedit.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

#include "common/system.h"
#include "common/utf8.h"

namespace pumice_apps {

#ifdef PUMICE_HAS_LIBEDIT

namespace {

// An entry is one line to libedit: the breaks inside it are shown, and kept in the history, as these.
constexpr wchar_t kLineBreak = 0x240a, kTab = 0x2409;  // the pictures of their controls
constexpr std::string_view kLineBreakText = "\u240a", kTabText = "\u2409";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

std::string shown(const std::string& text) { return replaced(replaced(text, "\n", kLineBreakText), "\t", kTabText); }
std::string typed(const std::string& text) { return replaced(replaced(text, kLineBreakText, "\n"), kTabText, "\t"); }

}  // namespace

struct LineEditor::Editor {
  explicit Editor(std::string its_history_file);
  ~Editor();
  End read(const std::string& its_prompt, std::string* line);
  void remember(const std::string& entry);

  static char* prompt_of(EditLine* line) { return of(line).prompt.data(); }
  static int key_of(EditLine* line, wchar_t* key) { return of(line).next_key(key); }
  static Editor& of(EditLine* line) {
    void* self = nullptr;
    el_get(line, EL_CLIENTDATA, &self);
    return *static_cast<Editor*>(self);
  }
  int next_key(wchar_t* key);
  bool next_byte(unsigned char* byte);
  bool comes_now(std::string_view bytes);

  std::string history_file, prompt;
  History* history = history_init();
  EditLine* line = nullptr;
  std::deque<unsigned char> ahead;
  bool pasting = false, interrupted = false;
  // The terminal once more, where reading never waits: what poll() has seen is gone when Ctrl-C empties the terminal's
  // queue meanwhile, and a read that waited for more would not see the signal.
  int input = STDIN_FILENO;
};

LineEditor::Editor::Editor(std::string its_history_file) : history_file(std::move(its_history_file)) {
  // libedit writes characters as the locale does.
  if (!std::setlocale(LC_CTYPE, "") || MB_CUR_MAX < 4) std::setlocale(LC_CTYPE, "C.UTF-8");
  constexpr int kEntries = 1000;
  HistEvent event;
  ::history(history, &event, H_SETSIZE, kEntries);
  ::history(history, &event, H_SETUNIQUE, 1);
  if (!history_file.empty()) ::history(history, &event, H_LOAD, history_file.c_str());
  if (const char* name = ttyname(STDIN_FILENO)) input = ::open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (input < 0) input = STDIN_FILENO;
  line = el_init("pumice", stdin, stdout, stderr);
  if (!line) return;
  el_set(line, EL_CLIENTDATA, this);
  el_set(line, EL_PROMPT, &Editor::prompt_of);
  el_set(line, EL_EDITOR, "emacs");
  el_set(line, EL_HIST, ::history, history);
  el_set(line, EL_GETCFN, &Editor::key_of);
  el_set(line, EL_BIND, "^R", "em-inc-search-prev", nullptr);
}

LineEditor::Editor::~Editor() {
  if (line) el_end(line);
  if (input != STDIN_FILENO) ::close(input);
  history_end(history);
}

// False: the input ended, or Ctrl-C.
bool LineEditor::Editor::next_byte(unsigned char* byte) {
  constexpr int kLookMs = 100;
  if (!ahead.empty()) {
    *byte = ahead.front();
    ahead.pop_front();
    return true;
  }
  while (true) {
    if (take_interrupt()) {
      interrupted = true;
      return false;
    }
    if (caught_signal() != Caught::kNone) return false;
    // A signal may come just before the wait, or to another thread: neither ends it.
    pollfd waiting{.fd = input, .events = POLLIN, .revents = 0};
    const int ready = poll(&waiting, 1, kLookMs);
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    const ssize_t got = ::read(input, byte, 1);
    if (got == 1) return true;
    if (got == 0 || (errno != EINTR && errno != EAGAIN)) return false;
  }
}

// Whether these bytes come next, without waiting for a person; they are taken only if so.
bool LineEditor::Editor::comes_now(std::string_view bytes) {
  constexpr int kSameKeyMs = 30;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == ahead.size()) {
      pollfd waiting{.fd = input, .events = POLLIN, .revents = 0};
      unsigned char byte = 0;
      if (poll(&waiting, 1, kSameKeyMs) != 1 || ::read(input, &byte, 1) != 1) return false;
      ahead.push_back(byte);
    }
    if (ahead[i] != static_cast<unsigned char>(bytes[i])) return false;
  }
  ahead.erase(ahead.begin(), ahead.begin() + static_cast<std::ptrdiff_t>(bytes.size()));
  return true;
}

int LineEditor::Editor::next_key(wchar_t* key) {
  constexpr unsigned char kEscape = 0x1b;
  while (true) {
    unsigned char byte = 0;
    if (!next_byte(&byte)) return interrupted ? -1 : 0;
    if (byte == kEscape && comes_now(pasting ? "[201~" : "[200~")) {
      pasting = !pasting;
    } else if (pasting && (byte == '\r' || byte == '\n')) {
      if (byte == '\r') (void)comes_now("\n");
      *key = kLineBreak;
      return 1;
    } else if (pasting && byte < 0x20) {
      if (byte != '\t') continue;  // no pasted text edits the line
      *key = kTab;
      return 1;
    } else if (byte == kEscape && (comes_now("\r") || comes_now("\n"))) {
      *key = kLineBreak;
      return 1;
    } else {
      std::string character(1, static_cast<char>(byte));
      const bool begins = byte >= 0xc0;
      while (begins && character.size() < 4 && utf8_character_length(character) == 0 && next_byte(&byte))
        character += static_cast<char>(byte);
      if (interrupted) return -1;
      const bool whole = utf8_character_length(character) == character.size();
      *key = whole ? static_cast<wchar_t>(utf8_code_point(character)) : L'?';
      return 1;
    }
  }
}

LineEditor::End LineEditor::Editor::read(const std::string& its_prompt, std::string* entry) {
  prompt = its_prompt;
  interrupted = pasting = false;
  el_resize(line);
  (void)write_all(Stream::kOutput, "\x1b[?2004h");
  int count = 0;
  const char* got = el_gets(line, &count);
  (void)write_all(Stream::kOutput, "\x1b[?2004l");
  if (interrupted) {
    const LineInfo* left = el_line(line);
    entry->assign(left->buffer, left->lastchar);
    return End::kInterrupted;
  }
  if (!got || count <= 0) return End::kEnd;
  std::string text(got, static_cast<std::size_t>(count));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  *entry = typed(text);
  return End::kLine;
}

void LineEditor::Editor::remember(const std::string& entry) {
  HistEvent event;
  ::history(history, &event, H_ENTER, shown(entry).c_str());
  if (history_file.empty()) return;
  std::error_code failed;
  std::filesystem::create_directories(std::filesystem::path(history_file).parent_path(), failed);
  const mode_t old = umask(077);
  ::history(history, &event, H_SAVE, history_file.c_str());
  umask(old);
}

LineEditor::LineEditor(const std::string& history_file)
    : interactive_(is_terminal(Stream::kInput) && is_terminal(Stream::kOutput)) {
  if (!interactive_) return;
  editor_ = std::make_unique<Editor>(history_file);
  if (!editor_->line) editor_.reset();
}

LineEditor::End LineEditor::read(const std::string& prompt, std::string* line) {
  if (editor_) return editor_->read(prompt, line);
  if (interactive_) (void)write_all(Stream::kOutput, prompt);
  return read_plain(line);
}

void LineEditor::remember(const std::string& entry) {
  if (editor_) editor_->remember(entry);
}

#else

struct LineEditor::Editor {};

LineEditor::LineEditor(const std::string&)
    : interactive_(is_terminal(Stream::kInput) && is_terminal(Stream::kOutput)) {}

LineEditor::End LineEditor::read(const std::string& prompt, std::string* line) {
  if (interactive_) (void)write_all(Stream::kOutput, prompt);
  return read_plain(line);
}

void LineEditor::remember(const std::string&) {}

#endif

LineEditor::~LineEditor() = default;

LineEditor::End LineEditor::read_plain(std::string* line) {
  while (true) {
    const std::size_t end = ahead_.find('\n');
    if (end != std::string::npos || (ended_ && !ahead_.empty())) {
      *line = ahead_.substr(0, end);
      ahead_.erase(0, end == std::string::npos ? end : end + 1);
      if (line->ends_with('\r')) line->pop_back();
      return End::kLine;
    }
    if (ended_) return End::kEnd;
    if (take_interrupt()) return End::kInterrupted;
    char buffer[4096];
    std::size_t got = 0;
    const int reason = read_available(Stream::kInput, buffer, sizeof buffer, &got);
    if (reason == EINTR && caught_signal() == Caught::kNone) continue;
    if (reason != 0) return End::kFailed;
    ahead_.append(buffer, got);
    ended_ = got == 0;
  }
}

}  // namespace pumice_apps
