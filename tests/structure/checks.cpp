#include "structure/checks.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>
#include <string_view>

namespace pumice::structure {
namespace {

struct Include {
  std::string path;
  bool quoted = false;
  int line = 0;
};

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::vector<Include> includes_of(const SourceFile& file) {
  static const std::regex pattern(R"(^\s*#\s*include\s+(["<])([^">]+)[">])");
  std::vector<Include> found;
  int number = 0;
  for (const std::string& line : split_lines(file.text)) {
    ++number;
    std::smatch match;
    if (std::regex_search(line, match, pattern)) found.push_back({match[2], match[1] == "\"", number});
  }
  return found;
}

bool starts_with(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

std::string first_folder(const std::string& path) {
  const size_t slash = path.find('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

bool may_reach(const std::string& from, const std::string& to) {
  if (from == to) return true;
  const auto entry = module_arrows().find(from);
  if (entry == module_arrows().end()) return false;
  return std::any_of(entry->second.begin(), entry->second.end(),
                     [&](const std::string& next) { return may_reach(next, to); });
}

// Of the cache, only what moves pages on the device knows Vulkan objects.
bool is_kv_device_file(const std::string& path) {
  return starts_with(path, "runtime/kv/pages/page_pool") || starts_with(path, "runtime/kv/pages/transfer");
}

std::string runtime_problem(const SourceFile& file, const Include& include) {
  const std::string module = first_folder(file.path.substr(std::string_view("runtime/").size()));
  const std::string target = first_folder(include.path);
  if (target == "pumice") return module == "api" ? "" : "only runtime/api includes the public headers";
  if (!include.quoted || target == "shared") return "";
  if (!module_arrows().contains(target)) return "is not a path from runtime/ (module/file.h)";
  if (may_reach(module, target) || (target == "vk" && is_kv_device_file(file.path))) return "";
  return module + " must not include " + target;
}

// Of POSIX, Linux, Windows or macOS: no standard header of C or C++ has such a name.
bool is_system_header(const std::string& path) {
  static const std::regex pattern(
      R"((sys|arpa|net|netinet|linux|mach)/.*|csignal|(aio|conio|direct|dirent|dlfcn|fcntl|fnmatch|ftw|glob|grp|ifaddrs)"
      R"(|io|netdb|poll|process|psapi|pthread|pty|pwd|sched|sddl|semaphore|shellapi|shlobj|signal|spawn|syslog|termios)"
      R"(|unistd|utime|windows|winsock2|ws2tcpip)\.h)");
  return std::regex_match(path, pattern);
}

std::string include_problem(const SourceFile& file, const Include& include) {
  const bool vulkan = starts_with(include.path, "vulkan/") || include.path == "volk.h";
  const bool in_runtime = starts_with(file.path, "runtime/");
  if (vulkan && (in_runtime || starts_with(file.path, "apps/")) && file.path != "runtime/vk/functions.h") {
    return "Vulkan headers belong to runtime/vk/functions.h alone, which declares no function of theirs";
  }
  if (starts_with(file.path, "tests/")) return "";
  const bool system = !include.quoted && is_system_header(include.path);
  const bool of_system =
      starts_with(file.path, "runtime/base/posix/") || starts_with(file.path, "runtime/base/windows/");
  if (system && in_runtime && !of_system) {
    return "the operating system's headers belong to runtime/base/posix and runtime/base/windows alone";
  }
  if (system && starts_with(file.path, "apps/") && !starts_with(file.path, "apps/common/")) {
    return "the operating system's headers belong to apps/common alone";
  }
  const std::string target = first_folder(include.path);
  if (include.path.find("tests/") != std::string::npos) return "nothing includes tests";
  if (in_runtime) return runtime_problem(file, include);
  if (starts_with(file.path, "apps/") && include.quoted && (module_arrows().contains(target) || target == "shared")) {
    return "programs use the public API alone";
  }
  if (starts_with(file.path, "include/") && include.quoted && target != "" && target != "pumice") {
    return "public headers include no headers of the library";
  }
  if (starts_with(file.path, "shaders/shared/") && include.path != "cstdint" &&
      (!include.quoted || include.path.find('/') != std::string::npos)) {
    return "shared headers include only their neighbours and <cstdint>";
  }
  return "";
}

bool has_mark(const std::vector<std::string>& lines, size_t begin, size_t end) {
  for (size_t i = begin; i < std::min(end, lines.size()); ++i) {
    for (const char* mark : {"flat table", "flat list", "recipe"}) {
      if (lines[i].find(mark) != std::string::npos) return true;
    }
  }
  return false;
}

// The length of the comment or literal that starts at `at`; 0 if none does.
size_t non_code_length(const std::string& text, size_t at) {
  const auto through = [&](size_t found, size_t extra) {
    return (found == std::string::npos ? text.size() : found + extra) - at;
  };
  const std::string_view rest = std::string_view(text).substr(at);
  if (starts_with(rest, "//")) return through(text.find('\n', at), 0);
  if (starts_with(rest, "/*")) return through(text.find("*/", at + 2), 2);
  if (starts_with(rest, "R\"")) {
    const size_t open = text.find('(', at);
    if (open == std::string::npos) return 0;
    const std::string close = ")" + text.substr(at + 2, open - at - 2) + "\"";
    return through(text.find(close, open), close.size());
  }
  const bool separator = text[at] == '\'' && at > 0 && std::isxdigit(static_cast<unsigned char>(text[at - 1]));
  if (separator || (text[at] != '"' && text[at] != '\'')) return 0;
  size_t end = at + 1;
  while (end < text.size() && text[end] != text[at] && text[end] != '\n') end += text[end] == '\\' ? 2 : 1;
  return std::min(end + 1, text.size()) - at;
}

// Comments, literals and preprocessor lines become blanks; line breaks stay.
std::string blank_non_code(const std::string& text) {
  std::string code = text;
  for (size_t at = 0; at < text.size();) {
    const size_t length = non_code_length(text, at);
    for (size_t i = at; i < at + length; ++i) {
      if (code[i] != '\n') code[i] = ' ';
    }
    at += std::max<size_t>(length, 1);
  }
  std::istringstream in(code);
  std::string result;
  bool directive = false;
  for (std::string line; std::getline(in, line); result += '\n') {
    const size_t first = line.find_first_not_of(" \t");
    directive = directive || (first != std::string::npos && line[first] == '#');
    if (!directive) result += line;
    directive = directive && !line.empty() && line.back() == '\\';
  }
  return result;
}

// Whether the text before a '{' begins a function, given that the brace is not inside one.
bool is_function_header(std::string header) {
  static const std::regex noise(R"(template\s*<[^<>]*>|\[\[[^\]]*\]\]|operator\s*[=!<>]+)");
  static const std::regex scope(R"(\b(namespace|class|struct|union|enum|extern|concept|buffer|uniform)\b)");
  header = std::regex_replace(header, noise, "operator_");
  const size_t paren = header.find('(');
  if (paren == std::string::npos || header.find('=') < paren) return false;
  return !std::regex_search(header, scope) ||
         std::regex_search(header.substr(paren), std::regex(R"(\b(struct|class|enum)\b)"));
}

struct Span {
  size_t first = 0, last = 0;  // line indexes
};

std::vector<Span> function_spans(const std::string& code) {
  std::vector<Span> spans;
  std::string header;
  size_t line = 0, header_line = 0;
  int depth = 0, function_depth = -1;
  size_t function_line = 0;
  for (const char c : code) {
    if (c == '\n') ++line;
    if (c == '{') {
      if (function_depth < 0 && is_function_header(header)) {
        function_depth = depth;
        function_line = header_line;
      }
      ++depth;
      header.clear();
    } else if (c == '}') {
      depth = std::max(0, depth - 1);
      if (depth == function_depth) {
        spans.push_back({function_line, line});
        function_depth = -1;
      }
      header.clear();
    } else if (c == ';' && function_depth < 0) {
      header.clear();
    } else if (header.empty() && (c == ' ' || c == '\n')) {
      continue;
    } else {
      if (header.empty()) header_line = line;
      header += c;
    }
  }
  return spans;
}

Problems lines_with(const SourceFile& file, const std::regex& words, const std::string& advice) {
  Problems problems;
  int number = 0;
  for (const std::string& line : split_lines(blank_non_code(file.text))) {
    ++number;
    if (std::regex_search(line, words)) problems.push_back(file.path + ":" + std::to_string(number) + ": " + advice);
  }
  return problems;
}

}  // namespace

const std::map<std::string, std::set<std::string>>& module_arrows() {
  static const std::map<std::string, std::set<std::string>> arrows = {
      {"base", {}},
      {"vk", {"base"}},
      {"format", {"base"}},
      {"media", {"base"}},
      {"text", {"base"}},
      {"convert", {"format", "text"}},
      {"grammar", {"text", "base"}},
      {"kernels", {"vk"}},
      {"kv", {"base"}},
      {"model", {"kernels", "kv", "format"}},
      {"engine", {"model", "kernels", "kv", "text", "media", "grammar"}},
      {"api", {"engine", "convert"}},
  };
  return arrows;
}

Problems check_includes(const SourceFile& file) {
  Problems problems;
  for (const Include& include : includes_of(file)) {
    const std::string problem = include_problem(file, include);
    if (problem.empty()) continue;
    problems.push_back(file.path + ":" + std::to_string(include.line) + ": " + include.path + ": " + problem);
  }
  return problems;
}

Problems check_file_length(const SourceFile& file) {
  const std::vector<std::string> lines = split_lines(file.text);
  if (lines.size() <= kMaxFileLines || has_mark(lines, 0, 15)) return {};
  return {file.path + ": " + std::to_string(lines.size()) + " lines, more than " + std::to_string(kMaxFileLines)};
}

Problems check_line_lengths(const SourceFile& file) {
  Problems problems;
  std::string end;  // of the raw string that a line lies in
  const std::vector<std::string> lines = split_lines(file.text);
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string& line = lines[i];
    bool raw = !end.empty();
    for (size_t at = 0; at < line.size();) {
      const std::string begin = "R\"";
      const size_t found = line.find(end.empty() ? begin : end, at);
      if (found == std::string::npos) break;
      const size_t open = line.find('(', found);
      at = found + begin.size();
      if (!end.empty()) {
        end.clear();
      } else if (open != std::string::npos) {
        end = ")" + line.substr(at, open - at) + "\"";
        raw = true;
      }
    }
    const auto characters = std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; });
    if (!raw && characters > kMaxLineLength)
      problems.push_back(file.path + ":" + std::to_string(i + 1) + ": " + std::to_string(characters) + " characters");
  }
  return problems;
}

Problems check_function_lengths(const SourceFile& file) {
  Problems problems;
  const std::vector<std::string> lines = split_lines(file.text);
  for (const Span& span : function_spans(blank_non_code(file.text))) {
    const size_t count = span.last - span.first + 1;
    size_t comment = span.first;
    while (comment > 0 && starts_with(lines[comment - 1], "//")) --comment;
    if (count <= kMaxFunctionLines || has_mark(lines, comment, span.first + 5)) continue;
    problems.push_back(file.path + ":" + std::to_string(span.first + 1) + ": a function of " + std::to_string(count) +
                       " lines, more than " + std::to_string(kMaxFunctionLines));
  }
  return problems;
}

Problems check_kits(const std::string& variants_json, const std::function<bool(const std::string&)>& exists) {
  Problems problems;
  const auto list = nlohmann::json::parse(variants_json, nullptr, false);
  if (!list.is_object() || !list.contains("kernels")) return {"shaders/variants.json: no list \"kernels\""};
  for (const auto& kernel : list["kernels"]) {
    const std::string name = kernel.value("name", "");
    const std::string kit = kernel.value("kit", name);
    for (const std::string& part :
         {"shaders/" + kernel.value("source", ""), "shaders/kernels/" + kit + ".comp", "shaders/shared/" + kit + ".h",
          "runtime/kernels/" + kit + ".h", "runtime/kernels/" + kit + ".cpp", "tests/reference/" + kit + ".h",
          "tests/kernels/" + kit + "_test.cpp"}) {
      if (!exists(part)) problems.push_back("kernel " + name + ": " + part + " is missing");
    }
  }
  return problems;
}

Problems check_kernels_used(const std::string& variants_json, const std::vector<SourceFile>& files) {
  // Roofs are measured for reports; a quantised input is made by the wrappers that take one.
  static const std::set<std::string> indirect = {"roof", "quantize", "kv_write"};
  std::set<std::string> included;
  for (const SourceFile& file : files)
    if (starts_with(file.path, "runtime/model/") || starts_with(file.path, "runtime/engine/"))
      for (const Include& include : includes_of(file)) included.insert(include.path);
  Problems problems;
  const auto list = nlohmann::json::parse(variants_json);
  for (const auto& kernel : list.at("kernels")) {
    const std::string kit = kernel.value("kit", kernel.value("name", ""));
    if (!indirect.contains(kit) && !included.contains("kernels/" + kit + ".h"))
      problems.push_back("no model uses kernel " + kernel.value("name", ""));
  }
  return problems;
}

Problems check_device_policy(const SourceFile& file) {
  static const std::regex facts("DeviceType::k|vendor_id|driver_version|driver_major|driver_minor");
  if (!starts_with(file.path, "runtime/") || starts_with(file.path, "runtime/kernels/device_policy.") ||
      starts_with(file.path, "runtime/vk/") || starts_with(file.path, "runtime/api/"))
    return {};
  return lines_with(file, facts, "ask device_policy() instead");
}

Problems check_threads(const SourceFile& file) {
  static const std::regex starts(R"(\bstd::(async|jthread|packaged_task|promise|thread)\b(?!::hardware_concurrency))");
  if (!starts_with(file.path, "runtime/") || starts_with(file.path, "runtime/base/")) return {};
  return lines_with(file, starts, "start threads by base/thread.h; wait with a latch or a condition variable");
}

}  // namespace pumice::structure
