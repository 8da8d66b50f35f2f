// `pumice bench compare`: results against results.
#include "bench/compare_command.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "bench/report/compare.h"
#include "bench/report/render.h"
#include "cli/output.h"
#include "common/system.h"

namespace pumice_bench {

namespace {

using pumice_cli::Failure;

struct CompareFlags {
  std::vector<std::string> files;
  bool json = false;
};

std::string read_file(const std::string& path) {
  std::string text;
  std::FILE* file = pumice_apps::open_file(path, "rb");
  char buffer[65536];
  while (file) {
    const std::size_t got = std::fread(buffer, 1, sizeof buffer, file);
    text.append(buffer, got);
    if (got < sizeof buffer) break;
  }
  const int reason = errno;
  const bool good = file && !std::ferror(file);
  if (file) std::fclose(file);
  if (good) return text;
  throw Failure(pumice_cli::kExitNotFound, fmt::format("cannot read {}: {}", clean_text(path), std::strerror(reason)));
}

int run_compare(const CompareFlags& flags) {
  std::vector<Results> files;
  try {
    for (const std::string& path : flags.files) files.push_back(read_results(read_file(path), path));
  } catch (const MalformedResults& malformed) {
    throw Failure(pumice_cli::kExitBadModel, malformed.what());
  }
  const std::vector<Comparison> rows = compare(files);
  if (rows.empty()) {
    throw Failure(pumice_cli::kExitUsage,
                  "nothing to compare: no test of the first file (model, tokens, depth, batch) is in another one");
  }
  pumice_cli::write_stdout(flags.json ? render_comparison_json(files, rows) : render_comparison(files, rows));
  return pumice_cli::kExitOk;
}

}  // namespace

CLI::App* add_compare_command(CLI::App* bench, pumice_cli::Action* action) {
  auto flags = std::make_shared<CompareFlags>();
  CLI::App* command = bench->add_subcommand("compare", "results against those of the first file");
  command->footer(
      "\nFiles: output of 'pumice bench --json', or of llama.cpp's llama-bench with -o json or -o jsonl. Tests match "
      "by\n"
      "the model's file name, prompt or generated tokens, depth and batch.\n");
  command->add_option("files", flags->files, "two or more")->required()->expected(2, 26)->type_name("FILE...");
  command->add_flag("--json", flags->json, "as JSON");
  command->callback([=] { *action = [flags] { return run_compare(*flags); }; });
  return command;
}

}  // namespace pumice_bench
