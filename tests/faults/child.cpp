#include "faults/child.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

extern char** environ;

namespace pumice::faults {

Child::Child(std::vector<std::string> command, std::string errors) : errors_(std::move(errors)) {
  int to[2], from[2];
  if (::pipe2(to, O_CLOEXEC) != 0 || ::pipe2(from, O_CLOEXEC) != 0) return;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  std::vector<char*> pointers;
  for (std::string& argument : command) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  if (::posix_spawn(&pid_, pointers[0], &actions, nullptr, pointers.data(), environ) != 0) pid_ = -1;
  posix_spawn_file_actions_destroy(&actions);
  ::close(to[0]), ::close(from[1]);
  in_ = to[1], out_ = from[0];
  if (pid_ < 0) status_ = -1;
}

Child::~Child() {
  if (pid_ > 0 && !status_) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(in_), ::close(out_);
}

void Child::send(const std::string& line) {
  const std::string text = line + "\n";
  if (::write(in_, text.data(), text.size()) < 0) return;  // it has ended: receive() will tell
}

std::optional<std::string> Child::receive(std::chrono::milliseconds time) {
  const auto cut = [&]() -> std::optional<std::string> {
    const size_t end = received_.find('\n');
    if (end == std::string::npos) return std::nullopt;
    std::string line = received_.substr(0, end);
    received_.erase(0, end + 1);
    return line;
  };
  if (auto line = cut()) return line;
  pollfd ready{.fd = out_, .events = POLLIN, .revents = 0};
  if (status_ || ::poll(&ready, 1, static_cast<int>(time.count())) <= 0) return std::nullopt;
  char buffer[65536];
  const ssize_t got = ::read(out_, buffer, sizeof buffer);
  if (got > 0) return received_.append(buffer, static_cast<size_t>(got)), cut();
  int status = 0;
  if (::waitpid(pid_, &status, 0) == pid_) status_ = status;
  return std::nullopt;
}

std::string Child::last_words() const {
  std::ifstream in(errors_);
  std::string words;
  // Sanitizers say first what is wrong, others last.
  for (std::string line; std::getline(in, line);)
    if (!line.empty() && words.find("ERROR: ") == std::string::npos && words.find("runtime error") == std::string::npos)
      words = line;
  return words.substr(0, 300);
}

namespace {

// Of a process or a thread, what follows its name: the state, …
std::istringstream fields_of(const std::string& stat) {
  std::ifstream in(stat);
  std::string text;
  std::getline(in, text);
  return std::istringstream(text.substr(std::min(text.size(), text.rfind(')') + 1)));
}

}  // namespace

bool Child::runnable() const {
  std::error_code ignored;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/" + std::to_string(pid_) + "/task", ignored)) {
    std::string state;
    fields_of(thread.path().string() + "/stat") >> state;
    if (state == "R" || state == "D") return true;
  }
  return false;
}

double Child::cpu_seconds() const {
  std::istringstream fields = fields_of("/proc/" + std::to_string(pid_) + "/stat");
  std::string skipped;
  double user = 0, system = 0;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace pumice::faults
