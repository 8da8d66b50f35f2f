// `pumice kv waste`: what rounding up to whole pages costs, on recorded lengths.
#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "interrupt.h"
#include "kv.h"
#include "output.h"

namespace pumice_cli {

namespace {

using Json = nlohmann::ordered_json;

struct WasteFlags {
  std::string lengths;
  std::uint32_t page_tokens = 32;
};

std::vector<std::string_view> cells_of(std::string_view line) {
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
  std::vector<std::string_view> cells;
  for (std::size_t comma; (comma = line.find(',')) != line.npos; line.remove_prefix(comma + 1))
    cells.push_back(line.substr(0, comma));
  cells.push_back(line);
  return cells;
}

std::size_t column_of(const std::vector<std::string_view>& header, std::string_view name, const std::string& path) {
  for (std::size_t i = 0; i < header.size(); ++i)
    if (header[i] == name) return i;
  throw Failure(kExitBadModel, fmt::format("{}:1: no column {}; the first line names the columns", path, name));
}

std::uint32_t number_in(const std::vector<std::string_view>& cells, std::size_t column, const std::string& place) {
  std::uint32_t number = 0;
  const std::string_view cell = column < cells.size() ? cells[column] : std::string_view();
  const auto [end, problem] = std::from_chars(cell.data(), cell.data() + cell.size(), number);
  if (cell.empty() || problem != std::errc() || end != cell.data() + cell.size())
    throw Failure(kExitBadModel, fmt::format("{}: column {} is not a number of tokens", place, column + 1));
  return number;
}

int waste(const WasteFlags& flags) {
  catch_interrupts();
  const std::string path = printable(flags.lengths);
  std::ifstream in(std::filesystem::path(flags.lengths), std::ios::binary);
  if (!in) throw Failure(kExitNotFound, fmt::format("cannot open {}; give a file of lengths", path));
  std::string line;
  std::getline(in, line);
  const std::string header = line;
  const auto names = cells_of(header);
  const std::size_t context = column_of(names, "ContextTokens", path);
  const std::size_t generated = column_of(names, "GeneratedTokens", path);
  std::uint64_t requests = 0, tokens = 0, pages = 0;
  for (std::uint64_t number = 2; std::getline(in, line); ++number) {
    const auto cells = cells_of(line);
    if (cells.size() == 1 && cells[0].empty()) continue;
    const std::string place = fmt::format("{}:{}", path, number);
    const std::uint64_t length = std::uint64_t{number_in(cells, context, place)} + number_in(cells, generated, place);
    ++requests;
    tokens += length;
    pages += (length + flags.page_tokens - 1) / flags.page_tokens;
    throw_if_interrupted();
  }
  if (in.bad()) throw Failure(kExitNotFound, fmt::format("cannot read {}", path));
  if (pages == 0) throw Failure(kExitBadModel, path + ": no requests in this file");
  const double slots = static_cast<double>(pages) * flags.page_tokens;
  const Json json = {{"page_tokens", flags.page_tokens},
                     {"requests", requests},
                     {"tokens", tokens},
                     {"pages", pages},
                     {"waste_percent", 100 * (slots - static_cast<double>(tokens)) / slots}};
  write_stdout(json.dump() + "\n");
  return kExitOk;
}

}  // namespace

void add_kv_waste_command(CLI::App* group, Action* action) {
  auto flags = std::make_shared<WasteFlags>();
  CLI::App* command = group->add_subcommand("waste", "what rounding up to whole pages costs on recorded lengths");
  command->footer(
      "\nThe file is comma-separated; its first line names the columns, among them ContextTokens and GeneratedTokens. "
      "Prints\n"
      "one JSON object; waste_percent: token slots of the pages that stay unused, if no text shared a page with "
      "another.\n"
      "Exit codes: 0 done; 2 wrong usage; 3 no such file; 6 a malformed line (its number is said); 130 interrupted.\n");
  command->add_option("--lengths", flags->lengths, "the recorded lengths")->type_name("FILE")->required();
  command->add_option("--page-tokens", flags->page_tokens, "tokens a page (the KV cache has 32)")
      ->type_name("N")
      ->check(CLI::Range(1u, 65536u));
  command->callback([=] { *action = [flags] { return waste(*flags); }; });
}

}  // namespace pumice_cli
