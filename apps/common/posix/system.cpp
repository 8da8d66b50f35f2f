#include "common/system.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <optional>

extern char** environ;

namespace pumice_apps {

namespace {

constexpr int kLookMs = 100;  // how often a child's parent looks whether to give up

// A signal handler can reach nothing but globals.
SignalPlan plan;
volatile std::sig_atomic_t caught = 0;
std::atomic<int> not_taken = 0;
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler changes it");

termios shown_typing;  // the terminal's state while typing is hidden
volatile std::sig_atomic_t typing_hidden = 0;

void show_typing() {
  if (typing_hidden != 0) (void)tcsetattr(STDIN_FILENO, TCSANOW, &shown_typing);
  typing_hidden = 0;
}

constexpr int kMostNotTaken = 2;

extern "C" void on_signal(int number) {
  if (number == SIGINT && plan.program_goes_on && not_taken.fetch_add(1) < kMostNotTaken) return;
  caught = number;
  struct sigaction fatal = {};
  fatal.sa_handler = SIG_DFL;
  sigaction(SIGINT, &fatal, nullptr);
  sigaction(SIGTERM, &fatal, nullptr);
  alarm(plan.grace_seconds);
}

extern "C" void on_grace_over(int) {
  show_typing();
  (void)!write(STDERR_FILENO, plan.last_words, std::strlen(plan.last_words));
  _exit(caught == SIGTERM ? plan.terminated : plan.interrupted);
}

int read_file(int file, std::string* text) {
  char buffer[65536];
  while (true) {
    const ssize_t got = ::read(file, buffer, sizeof buffer);
    if (got == 0) return 0;
    if (got > 0) {
      text->append(buffer, static_cast<std::size_t>(got));
    } else if (errno != EINTR || caught != 0) {
      return errno;
    }
  }
}

// ends: a caught signal ends it.
int write_file(int file, std::string_view text, bool ends) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR || (ends && caught != 0)) {
      return errno;
    }
  }
  return 0;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> list;
  for (std::string& word : words) list.push_back(word.data());
  list.push_back(nullptr);
  return list;
}

std::string_view name_of(std::string_view variable) { return variable.substr(0, variable.find('=') + 1); }

std::vector<std::string> environment_with(std::vector<std::string> all) {
  const std::size_t own = all.size();
  for (char** variable = environ; *variable; ++variable) {
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(own);
    const bool replaced =
        std::any_of(all.begin(), end, [&](const std::string& mine) { return name_of(mine) == name_of(*variable); });
    if (!replaced) all.emplace_back(*variable);
  }
  return all;
}

// The child's process id, and in *output what it writes to.
std::optional<pid_t> start_child(std::vector<std::string>& arguments, std::vector<std::string>& variables,
                                 int* output) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return {};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = -1;
  const int failed =
      posix_spawn(&child, "/proc/self/exe", &actions, nullptr, pointers(arguments).data(), pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  *output = ends[0];
  if (failed == 0) return child;
  close(ends[0]);
  return {};
}

}  // namespace

void prepare_streams() {
  // A closed stream's number must not go to the next file that is opened, where output would then land. The stand-in
  // refuses what the stream was for.
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(stream, F_GETFD) != -1) continue;
    const int stand_in = open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    if (stand_in != stream && stand_in >= 0) close(stand_in);
  }
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

bool is_terminal(Stream stream) { return isatty(static_cast<int>(stream)) == 1; }

int read_all(Stream stream, std::string* text) { return read_file(static_cast<int>(stream), text); }

int read_all(const std::string& path, std::string* text) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return errno;
  const int reason = read_file(file, text);
  ::close(file);
  return reason;
}

int read_some(Stream stream, char* bytes, std::size_t room, std::size_t* count) {
  *count = 0;
  while (*count < room) {
    const ssize_t got = ::read(static_cast<int>(stream), bytes + *count, room - *count);
    if (got == 0) return 0;
    if (got > 0) {
      *count += static_cast<std::size_t>(got);
    } else if (errno != EINTR || caught != 0) {
      return errno;
    }
  }
  return 0;
}

int read_available(Stream stream, char* bytes, std::size_t room, std::size_t* count) {
  const ssize_t got = ::read(static_cast<int>(stream), bytes, room);
  *count = got > 0 ? static_cast<std::size_t>(got) : 0;
  return got < 0 ? errno : 0;
}

int write_all(Stream stream, std::string_view text) { return write_file(static_cast<int>(stream), text, true); }

int replace_file(const std::string& path, std::string_view content) {
  const std::string beside = path + ".new";
  const int file = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0) return errno;
  int reason = write_file(file, content, false);
  if (reason == 0 && ::fsync(file) != 0) reason = errno;
  if (::close(file) != 0 && reason == 0) reason = errno;
  if (reason == 0 && ::rename(beside.c_str(), path.c_str()) != 0) reason = errno;
  if (reason != 0) {
    ::unlink(beside.c_str());
    return reason;
  }
  // The name, too, is to survive a loss of power.
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const int folder_file = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder_file < 0) return 0;
  ::fsync(folder_file);
  ::close(folder_file);
  return 0;
}

std::string reason_text(int reason) { return std::strerror(reason); }

std::FILE* open_file(const std::string& path, const char* mode) { return std::fopen(path.c_str(), mode); }

namespace {

int write_and_sync(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno != EINTR) return errno;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  return fsync(file) == 0 ? 0 : errno;
}

// Some file systems have no folders to sync.
void sync_folder(const std::string& path) {
  const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  (void)fsync(folder);
  ::close(folder);
}

}  // namespace

int write_durably(const std::string& path, std::string_view text) {
  std::error_code failed;
  std::filesystem::path target = std::filesystem::weakly_canonical(path, failed);
  if (failed) target = path;
  std::string name = target.string() + ".XXXXXX";
  const int file = mkostemp(name.data(), O_CLOEXEC);
  if (file < 0) return errno;
  struct stat old = {};
  if (::stat(target.c_str(), &old) == 0) (void)fchmod(file, old.st_mode & 07777);
  int reason = write_and_sync(file, text);
  if (::close(file) != 0 && reason == 0) reason = errno;
  if (reason == 0 && std::rename(name.c_str(), target.c_str()) != 0) reason = errno;
  if (reason != 0) {
    (void)unlink(name.c_str());
    return reason;
  }
  const std::string folder = target.parent_path().string();
  sync_folder(folder.empty() ? "." : folder);
  return 0;
}

HiddenTyping::HiddenTyping() {
  if (tcgetattr(STDIN_FILENO, &shown_typing) != 0) return;  // no terminal
  termios hidden = shown_typing;
  hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  typing_hidden = 1;
  (void)tcsetattr(STDIN_FILENO, TCSANOW, &hidden);
}

HiddenTyping::~HiddenTyping() { show_typing(); }

std::size_t terminal_width() {
  winsize size = {};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

void catch_signals(const SignalPlan& its_plan) {
  plan = its_plan;
  struct sigaction action = {};
  action.sa_handler = on_signal;  // no SA_RESTART: a read from standard input ends, too
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  action.sa_handler = on_grace_over;
  sigaction(SIGALRM, &action, nullptr);
}

Caught caught_signal() noexcept {
  return caught == 0 ? Caught::kNone : caught == SIGTERM ? Caught::kTerminate : Caught::kInterrupt;
}

bool interrupt_waits() noexcept { return not_taken != 0; }

bool take_interrupt() noexcept { return not_taken.exchange(0) != 0; }

void allow_seconds(unsigned seconds) noexcept {
  if (caught != 0) alarm(seconds);
}

std::string program_path() {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/exe", ignored).string();
}

std::vector<std::string> program_arguments(int argc, char** argv) {
  return argc > 0 ? std::vector<std::string>(argv + 1, argv + argc) : std::vector<std::string>();
}

std::string variable(const std::string& name) {
  const char* const value = std::getenv(name.c_str());
  return value ? value : "";
}

void set_variable(const std::string& name, const std::string& value) { setenv(name.c_str(), value.c_str(), 1); }

void restart_program(char** arguments) { execv("/proc/self/exe", arguments); }

bool run_child(std::vector<std::string> arguments, const std::vector<std::string>& variables,
               const std::function<void()>& on_output, const std::function<bool()>& give_up) {
  std::vector<std::string> all = environment_with(variables);
  int output = -1;
  const std::optional<pid_t> child = start_child(arguments, all, &output);
  if (!child) return false;
  pollfd waiting{.fd = output, .events = POLLIN, .revents = 0};
  while (::poll(&waiting, 1, kLookMs) <= 0) {
    if (!give_up()) continue;
    kill(*child, SIGKILL);
    break;
  }
  on_output();
  char rest[256];
  while (read(output, rest, sizeof rest) > 0) {
  }
  close(output);
  int status = -1;
  while (waitpid(*child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::string make_temporary_folder(const std::string& prefix) {
  std::string name = (std::filesystem::temp_directory_path() / (prefix + "-XXXXXX")).string();
  return mkdtemp(name.data()) ? name : std::string();
}

std::int64_t local_seconds() {
  const std::time_t now = std::time(nullptr);
  std::tm local = {};
  return localtime_r(&now, &local) ? now + local.tm_gmtoff : now;
}

std::string system_name() {
  utsname system{};
  if (uname(&system) != 0) return {};
  return std::string(system.sysname) + " " + system.release + " " + system.machine;
}

namespace {

// The value of the first line "KEY<spaces>: VALUE" of a file.
std::string field_of(const char* path, const std::string& key) {
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (line.compare(0, key.size(), key) != 0) continue;
    const std::size_t colon = line.find(':');
    const std::size_t start = colon == std::string::npos ? colon : line.find_first_not_of(" \t", colon + 1);
    return start == std::string::npos ? std::string() : line.substr(start);
  }
  return {};
}

std::uint64_t kibibytes(const char* key) {
  return 1024 * std::strtoull(field_of("/proc/self/status", key).c_str(), nullptr, 10);
}

// XDG Base Directory Specification 0.8.
std::string user_folder(const char* name, const char* below_home) {
  if (const std::filesystem::path own = variable(name); own.is_absolute()) return own.string();
  const std::string home = home_folder();
  return home.empty() ? home : home + "/" + below_home;
}

}  // namespace

std::string processor_name() { return field_of("/proc/cpuinfo", "model name"); }

ProcessMemory process_memory() { return {kibibytes("VmRSS"), kibibytes("VmHWM")}; }

std::string home_folder() {
  const std::filesystem::path home = variable("HOME");
  return home.is_absolute() ? home.string() : std::string();
}

std::string cache_folder() { return user_folder("XDG_CACHE_HOME", ".cache"); }
std::string state_folder() { return user_folder("XDG_STATE_HOME", ".local/state"); }

}  // namespace pumice_apps
