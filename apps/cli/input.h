// Prompts: from the command line, a file or standard input.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pumice/pumice.hpp"

namespace pumice_cli {

struct PromptFlags {
  std::optional<std::string> text;
  std::optional<std::string> file;  // "-": standard input
  std::vector<std::int32_t> ids;    // instead of a text
  bool no_special = false;
  bool continues = false;  // a text that has begun already: no begin token

  std::uint32_t tokenize_flags() const {
    if (no_special) return 0;
    return static_cast<std::uint32_t>(PUMICE_TOKENIZE_PARSE_SPECIAL | (continues ? 0 : PUMICE_TOKENIZE_ADD_SPECIAL));
  }
};

// with_ids: the prompt may be given as token ids, too.
void add_prompt_flags(CLI::App* app, PromptFlags* flags, bool with_ids);

// The bytes of -p; or of -f or standard input, without the line break that ends a text file: one final "\n" or "\r\n"
// is left out. Empty where ids are given. Throws Failure.
std::string read_prompt(const PromptFlags& flags);
// The same of another file, or of standard input where it is "-". what: "the schema", for messages. Throws Failure.
std::string read_text(const std::string& file, const char* what);
// Texts, each of which is computed by itself: given one by one, a line each of a file or of standard input, or one as
// token ids.
struct LineFlags {
  std::vector<std::string> texts;
  std::optional<std::string> file;  // "-": standard input
  std::vector<std::int32_t> ids;
};
void add_line_flags(CLI::App* app, LineFlags* flags, bool with_ids);
// One that is empty where ids are given. Throws Failure.
std::vector<std::string> read_lines(const LineFlags& flags);

// Without their line breaks, "\n" or "\r\n"; at least one.
std::vector<std::string> split_lines(std::string_view text);
inline constexpr const char* kPromptHelp =
    "One line break at the very end of a file or of standard input is left out; -p is taken exactly.\n";

// The prompt's ids; at least one. Warns about text that is not UTF-8 (its bytes are used as they are).
std::vector<std::int32_t> tokenize_prompt(const pumice::Model& model, std::string_view text, const PromptFlags& flags,
                                          bool quiet);

}  // namespace pumice_cli
