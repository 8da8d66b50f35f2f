// What the operating system does for the applications: all that differs from system to system is here.
//
// Paths, variables and arguments are UTF-8. Functions that fail return a reason as errno has it, or 0. Thread rule: the
// main thread's, unless said otherwise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace pumice_apps {

enum class Stream { kInput = 0, kOutput = 1, kError = 2 };

// At the start of a program: a standard stream that is closed becomes one that fails, and writing where nobody reads,
// or beyond a limit, becomes an error.
void prepare_streams();
bool is_terminal(Stream stream);
// All that comes. EINTR: a signal was caught (below).
int read_all(Stream stream, std::string* text);
int read_all(const std::string& path, std::string* text);
// As many bytes as there is room for, fewer where the stream ends. EINTR as above.
int read_some(Stream stream, char* bytes, std::size_t room, std::size_t* count);
// What is there; waits for the first of it. A count of 0: the stream has ended. EINTR: any signal came meanwhile.
int read_available(Stream stream, char* bytes, std::size_t room, std::size_t* count);
// Any thread.
int write_all(Stream stream, std::string_view text);
// A file that appears whole or not at all: beside its place first, then renamed. Any thread.
int replace_file(const std::string& path, std::string_view content);
std::string reason_text(int reason);
// As fopen() does; null: errno says why.
std::FILE* open_file(const std::string& path, const char* mode);
// A file that is there whole, and stays there whatever happens to the machine, or is as it was before. One that is made
// may be read by its owner alone. Links are followed.
int write_durably(const std::string& path, std::string_view text);
// As long as one is there, what a user types is kept for later instead of shown. One at a time.
class HiddenTyping {
 public:
  HiddenTyping();
  ~HiddenTyping();
  HiddenTyping(const HiddenTyping&) = delete;
  HiddenTyping& operator=(const HiddenTyping&) = delete;
};
// Of standard output's terminal; 0: it is none, or does not say.
std::size_t terminal_width();

// ---- Signals ----

enum class Caught { kNone, kInterrupt, kTerminate };

struct SignalPlan {
  unsigned grace_seconds = 0;           // that the program has for its end after the first signal
  const char* last_words = "";          // to standard error when they are over
  int interrupted = 1, terminated = 1;  // exit codes then
  // SIGINT is taken by take_interrupt() and stops what the program does instead of the program. Of those that nobody
  // takes, the third one ends it.
  bool program_goes_on = false;
};
// The first SIGINT or SIGTERM is caught; the second one ends the program at once.
void catch_signals(const SignalPlan& plan);
Caught caught_signal() noexcept;  // any thread
// Whether a SIGINT came since the last call; only where the program goes on.
bool take_interrupt() noexcept;
bool interrupt_waits() noexcept;  // the same, and it stays
// Once one was caught: so many seconds from now instead.
void allow_seconds(unsigned seconds) noexcept;

// ---- Programs ----

std::string program_path();  // of this one; empty: not known
std::vector<std::string> program_arguments(int argc, char** argv);  // without the program
std::string variable(const std::string& name);                      // of the environment; empty: not set
void set_variable(const std::string& name, const std::string& value);
// Becomes this program anew, with the variables as they are now; returns only when that fails.
void restart_program(char** arguments);
// Runs this program as a child with these variables replaced and its errors dropped. Calls on_output() at its first
// output; ends it when give_up() says so, which is asked now and then. Whether it ended with 0.
bool run_child(std::vector<std::string> arguments, const std::vector<std::string>& variables,
               const std::function<void()>& on_output, const std::function<bool()>& give_up);
// Empty: none could be made.
std::string make_temporary_folder(const std::string& prefix);

// Since 1970, as the clock on the user's wall shows it.
std::int64_t local_seconds();
std::string system_name();  // "Linux 6.1 x86_64"
std::string processor_name();
struct ProcessMemory {
  std::uint64_t resident = 0, peak = 0;  // bytes; 0: not known
};
ProcessMemory process_memory();

// ---- A user's folders; empty: not known ----

std::string home_folder();
std::string cache_folder();  // for what can be made again (XDG_CACHE_HOME, LOCALAPPDATA)
std::string state_folder();  // for what a program remembers (XDG_STATE_HOME, LOCALAPPDATA)

}  // namespace pumice_apps
