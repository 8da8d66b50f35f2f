// Replies on standard output as they come: wrapped, with reasoning dimmed or folded, on a terminal; else their content
// alone. Thread rule: the main thread.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "cli/chat/chat_model.h"
#include "common/word_wrap.h"

namespace pumice_cli {

class Screen {
 public:
  // interactive: a person sits there. fold: of reasoning only its length is shown.
  Screen(bool interactive, bool fold) : interactive_(interactive), fold_(fold) {}

  bool interactive() const { return interactive_; }
  void begin();
  void show(const Json& delta, std::size_t tokens);
  void end();
  // A line that the program says: on a terminal dimmed, elsewhere on standard error.
  void say(std::string_view text) const;

 private:
  void show_reasoning(const std::string& text, std::size_t tokens);
  void end_reasoning();

  bool interactive_, fold_;
  pumice_apps::WordWrap wrap_{0};
  bool reasoning_ = false;
};

// Some bytes of a text, on one line.
std::string beginning(const std::string& text, std::size_t most = 60);

}  // namespace pumice_cli
