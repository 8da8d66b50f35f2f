// Runs the pumice program in a child process for the tests of its contract.
#pragma once

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "test_paths.h"

namespace pumice::test {

struct CliResult {
  int exit_code = -1;  // 128 + n when signal n ended it
  std::string out, err;
};

// The program under test; "" when it was not built. PUMICE_CLI, or beside the test program.
inline std::string cli_path() {
#ifdef PUMICE_CLI
  const std::filesystem::path path = PUMICE_CLI;
#else
  std::error_code ignored;
  const std::filesystem::path path = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path() / "pumice";
#endif
  return std::filesystem::is_regular_file(path) ? path.string() : std::string();
}

// A process whose standard streams are files, so that no pipe can fill up.
class CliProcess {
 public:
  // out_path: where standard output goes; nullptr keeps it for the result.
  CliProcess(const std::vector<std::string>& arguments, const std::string& input, const char* out_path)
      : CliProcess(cli_path(), arguments, input, out_path) {}
  // Another program, such as env(1).
  static CliProcess of_program(const std::string& program, const std::vector<std::string>& arguments) {
    return CliProcess(program, arguments, "", nullptr);
  }
  CliProcess(const CliProcess&) = delete;
  CliProcess& operator=(const CliProcess&) = delete;
  ~CliProcess() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    for (FILE* file : {in_, out_, err_}) fclose(file);
  }

  void send(int signal_number) const { kill(pid_, signal_number); }

  // Until standard error has this text, or the process is gone.
  void wait_for_error(const std::string& text) {
    while (content(err_).find(text) == std::string::npos && !ended()) usleep(10'000);
  }

  // The line with this text, once its end is there; "" where the process has ended without.
  std::string wait_for_error(const std::string& text, const std::string& end) {
    for (bool over = false;; usleep(10'000)) {
      const std::string all = content(err_);
      const size_t at = all.find(text), last = at == std::string::npos ? at : all.find(end, at);
      if (last != std::string::npos) return all.substr(at, last - at);
      if (over) return {};
      over = ended();
    }
  }

  bool ended() const {
    siginfo_t state = {};
    return waitid(P_PID, static_cast<id_t>(pid_), &state, WEXITED | WNOHANG | WNOWAIT) != 0 || state.si_pid != 0;
  }

  // Bytes that standard output has so far.
  off_t written() const {
    struct stat info = {};
    return fstat(fileno(out_), &info) == 0 ? info.st_size : 0;
  }

  CliResult wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    CliResult result;
    result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (capture_) result.out = content(out_);
    result.err = content(err_);
    return result;
  }

 private:
  CliProcess(const std::string& program, const std::vector<std::string>& arguments, const std::string& input,
             const char* out_path)
      : in_(tmpfile()), out_(out_path ? fopen(out_path, "w") : tmpfile()), err_(tmpfile()), capture_(!out_path) {
    fwrite(input.data(), 1, input.size(), in_);
    rewind(in_);
    std::vector<std::string> words = {program};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    pid_ = fork();
    if (pid_ != 0) return;
    dup2(fileno(in_), STDIN_FILENO);
    dup2(fileno(out_), STDOUT_FILENO);
    dup2(fileno(err_), STDERR_FILENO);
    execv(argv[0], argv.data());
    _exit(127);
  }

  static std::string content(FILE* file) {
    std::string text;
    char buffer[4096];
    off_t at = 0;  // the process writes at the offset that the file shares with it
    for (ssize_t got; (got = pread(fileno(file), buffer, sizeof(buffer), at)) > 0; at += got)
      text.append(buffer, static_cast<size_t>(got));
    return text;
  }

  FILE *in_, *out_, *err_;
  bool capture_;
  pid_t pid_ = -1;
};

// With standard output and standard error on a terminal. What it showed is in `out`.
inline CliResult run_cli_on_terminal(const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {cli_path()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  int screen = -1;
  const pid_t pid = forkpty(&screen, nullptr, nullptr, nullptr);
  if (pid == 0) {
    execv(argv[0], argv.data());
    _exit(127);
  }
  CliResult result;
  char buffer[4096];
  for (ssize_t got; (got = read(screen, buffer, sizeof buffer)) > 0;)
    result.out.append(buffer, static_cast<size_t>(got));
  close(screen);
  int status = 0;
  waitpid(pid, &status, 0);
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

inline CliResult run_cli(const std::vector<std::string>& arguments, const std::string& input = "",
                         const char* out_path = nullptr) {
  return CliProcess(arguments, input, out_path).wait();
}

}  // namespace pumice::test
