// Time from the start of the program to its first byte of text, in child processes. Each cold start gets a new empty
// folder for every cache: ours, Mesa's and NVIDIA's; the warm starts use the folder of the last cold one.
#include <fmt/format.h>

#include <filesystem>

#include "bench/bench.h"
#include "bench/report/statistics.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "common/system.h"

namespace pumice_bench {

namespace {

constexpr int kRepetitions = 3;
constexpr double kSlowMs = 5000;  // a start beyond this is measured once

class TemporaryFolder {
 public:
  TemporaryFolder() : path_(pumice_apps::make_temporary_folder("pumice-bench")) {}
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::vector<std::string> command_of(const Bench& bench) {
  const BenchFlags& flags = bench.flags;
  std::vector<std::string> words = {
      "pumice",           "run", "-q", "-m",       bench.session.path(), "-p",
      "Once upon a time", "-n",  "1",  "--greedy", "--kv-type",          flags.context.kv_type};
  if (!flags.context.kv_type_k.empty()) words.insert(words.end(), {"--kv-type-k", flags.context.kv_type_k});
  if (!flags.context.kv_type_v.empty()) words.insert(words.end(), {"--kv-type-v", flags.context.kv_type_v});
  if (flags.context.kv_no_rotation) words.emplace_back("--kv-no-rotation");
  if (!flags.device.selector.empty()) words.insert(words.end(), {"--device", flags.device.selector});
  if (flags.device.no_subgroups) words.emplace_back("--no-subgroups");
  return words;
}

// Milliseconds; empty when the child fails. Throws on Ctrl-C.
std::optional<double> one_start(const Bench& bench, const std::string& folder) {
  const std::vector<std::string> variables = {"XDG_CACHE_HOME=" + folder, "MESA_SHADER_CACHE_DIR=" + folder,
                                              "__GL_SHADER_DISK_CACHE_PATH=" + folder};
  double first_text = 0;
  const double start = pumice_cli::now_ms();
  const bool good = pumice_apps::run_child(
      command_of(bench), variables, [&] { first_text = pumice_cli::now_ms(); }, pumice_cli::interrupted);
  pumice_cli::throw_if_interrupted();
  if (!good) return {};
  return first_text - start;
}

// Starts until kRepetitions are done or they are slow; adds to *times.
bool repeat(const Bench& bench, const std::string& folder, int count, const char* what, std::vector<double>* times) {
  for (int i = 0; i < count; ++i) {
    bench.progress(fmt::format("program start, {} caches: run {}", what, times->size() + 1));
    const std::optional<double> ms = one_start(bench, folder);
    if (!ms) return false;
    times->push_back(*ms);
    if (*ms > kSlowMs) break;
  }
  return true;
}

}  // namespace

std::optional<Start> measure_start(const Bench& bench) {
  std::vector<double> cold, warm;
  bool good = true;
  for (int i = 0; good && i < kRepetitions; ++i) {
    const TemporaryFolder folder;
    good = !folder.path().empty() && repeat(bench, folder.path(), 1, "empty", &cold);
    const bool last = i + 1 == kRepetitions || (good && cold.back() > kSlowMs);
    if (good && last) good = repeat(bench, folder.path(), kRepetitions, "full", &warm);
    if (last) break;
  }
  if (good) return Start{.cold_ms = median(cold), .warm_ms = median(warm)};
  if (!bench.flags.device.quiet)
    pumice_cli::note("the time of a program start was not measured: a child process failed");
  return {};
}

}  // namespace pumice_bench
