#include "input.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "interrupt.h"
#include "output.h"

namespace pumice_cli {

namespace {

std::string read_all(int file, const std::string& name) {
  std::string text;
  char buffer[65536];
  while (true) {
    const ssize_t got = ::read(file, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) {
      throw_if_interrupted();
      continue;
    }
    if (got < 0) throw Failure(kExitNotFound, fmt::format("cannot read {}: {}", name, std::strerror(errno)));
    if (got == 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

std::string read_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    throw Failure(kExitNotFound,
                  fmt::format("cannot read the prompt file {}: {}", printable(path), std::strerror(errno)));
  }
  struct Closer {
    int file;
    ~Closer() { ::close(file); }
  } const closer{file};
  return read_all(file, printable(path));
}

// Length of the well-formed UTF-8 character at the start; 0 if there is none.
std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const unsigned char second = byte(1);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool surrogate = first == 0xed && second > 0x9f;
  const bool beyond = first == 0xf4 && second > 0x8f;
  return overlong || surrogate || beyond ? 0 : length;
}

}  // namespace

void add_prompt_flags(CLI::App* app, PromptFlags* flags) {
  auto* text = app->add_option("-p,--prompt", flags->text, "the prompt")->type_name("TEXT");
  app->add_option("-f,--file", flags->file, "a file with the prompt; '-' is standard input")
      ->type_name("FILE")
      ->excludes(text);
  app->add_flag("--no-special", flags->no_special,
                "add no begin and end tokens, and read text such as <|endoftext|> as plain text");
}

std::string read_prompt(const PromptFlags& flags) {
  if (flags.text) return *flags.text;
  if (flags.file && *flags.file != "-") return read_file(*flags.file);
  if (!flags.file && isatty(STDIN_FILENO) == 1) {
    throw Failure(kExitUsage, "no prompt: give -p TEXT, -f FILE, or pipe one in");
  }
  return read_all(STDIN_FILENO, "standard input");
}

std::optional<std::size_t> invalid_utf8_at(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = character_length(text.substr(i));
    if (length == 0) return i;
    i += length;
  }
  return std::nullopt;
}

std::vector<std::int32_t> tokenize_prompt(const pumice::Model& model, std::string_view text, const PromptFlags& flags,
                                          bool quiet) {
  if (const auto at = invalid_utf8_at(text); at && !quiet) {
    note(fmt::format("warning: the prompt is not valid UTF-8 at byte {}; its bytes are used as they are", *at));
  }
  std::vector<std::int32_t> ids = model.tokenize(text, flags.tokenize_flags());
  if (ids.empty()) {
    throw Failure(kExitUsage, "the prompt is empty and no begin token is put before it: give some text");
  }
  return ids;
}

}  // namespace pumice_cli
