// Time from the start of the program to its first byte of text, in child processes. Each cold start gets a new empty
// folder for every cache: ours, Mesa's and NVIDIA's; the warm starts use the folder of the last cold one.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>

#include "bench/bench.h"
#include "bench/report/statistics.h"
#include "cli/interrupt.h"
#include "cli/output.h"

extern char** environ;

namespace pumice_bench {

namespace {

namespace fs = std::filesystem;
constexpr int kRepetitions = 3;
constexpr double kSlowMs = 5000;  // a start beyond this is measured once

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "pumice-bench-XXXXXX").string();
    if (mkdtemp(name.data())) path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> list;
  for (std::string& word : words) list.push_back(word.data());
  list.push_back(nullptr);
  return list;
}

std::vector<std::string> environment_with(const std::string& folder) {
  const std::vector<std::string> own = {"XDG_CACHE_HOME=" + folder, "MESA_SHADER_CACHE_DIR=" + folder,
                                        "__GL_SHADER_DISK_CACHE_PATH=" + folder};
  std::vector<std::string> all = own;
  for (char** variable = environ; *variable; ++variable) {
    const std::string text = *variable;
    const std::string name = text.substr(0, text.find('=') + 1);
    bool replaced = false;
    for (const std::string& mine : own) replaced = replaced || mine.rfind(name, 0) == 0;
    if (!replaced) all.push_back(text);
  }
  return all;
}

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

// True at the first byte or the end of the output; throws on Ctrl-C.
void wait_for_output(int pipe, pid_t child) {
  pollfd waiting{.fd = pipe, .events = POLLIN, .revents = 0};
  while (::poll(&waiting, 1, 100) <= 0) {
    if (!pumice_cli::interrupted()) continue;
    kill(child, SIGKILL);
    return;
  }
}

// Milliseconds; empty when the child fails.
std::optional<double> one_start(const Bench& bench, const std::string& folder) {
  std::vector<std::string> words = command_of(bench), variables = environment_with(folder);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return {};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = -1;
  const double start = pumice_cli::now_ms();
  const int failed =
      posix_spawn(&child, "/proc/self/exe", &actions, nullptr, pointers(words).data(), pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  int status = -1;
  double first_text = 0;
  if (failed == 0) {
    wait_for_output(ends[0], child);
    first_text = pumice_cli::now_ms();
    char rest[256];
    while (read(ends[0], rest, sizeof rest) > 0) {
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
  }
  close(ends[0]);
  pumice_cli::throw_if_interrupted();
  if (failed != 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) return {};
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
