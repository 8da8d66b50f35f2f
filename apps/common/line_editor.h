// Lines that a user types, with editing and history where the build has libedit and the input is a terminal; plainly
// otherwise.
//
// Pasted text comes as one entry with its line breaks (bracketed paste), and Alt-Enter puts one in. Ctrl-C ends an
// entry (see take_interrupt()). Thread rule: the main thread.
#pragma once

#include <memory>
#include <string>

namespace pumice_apps {

class LineEditor {
 public:
  enum class End { kLine, kInterrupted, kEnd, kFailed };

  // history_file: read, and written after each entry, for its owner alone; empty: none.
  explicit LineEditor(const std::string& history_file);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  // Whether a person sits there.
  bool interactive() const { return interactive_; }
  // Without its line break; of an entry that was interrupted, what there was of it. The prompt is shown on a terminal
  // alone.
  End read(const std::string& prompt, std::string* line);
  void remember(const std::string& entry);

 private:
  End read_plain(std::string* line);

  struct Editor;
  std::unique_ptr<Editor> editor_;
  bool interactive_;
  std::string ahead_;  // read behind the last line
  bool ended_ = false;
};

}  // namespace pumice_apps
