// Ctrl-C and its like, and this program's name, arguments and children.
#include <process.h>

#include <algorithm>
#include <atomic>
#include <filesystem>

#include "common/system.h"
#include "common/windows/text.h"
// after the system's types
#include <shellapi.h>

namespace pumice_apps {

namespace {

constexpr int kMostNotTaken = 2;
constexpr DWORD kLookMs = 10;

// The handler runs on a thread of its own, which the system makes.
SignalPlan plan;
std::atomic<Caught> caught = Caught::kNone;
std::atomic<int> not_taken = 0;
std::atomic<ULONGLONG> grace_ends = 0;

DWORD WINAPI wait_for_end(void*) {
  while (GetTickCount64() < grace_ends) Sleep(kLookMs);
  (void)write_all(Stream::kError, plan.last_words);
  TerminateProcess(GetCurrentProcess(),
                   static_cast<UINT>(caught == Caught::kTerminate ? plan.terminated : plan.interrupted));
  return 0;
}

BOOL WINAPI on_event(DWORD event) {
  const bool interrupt = event == CTRL_C_EVENT;
  if (interrupt && plan.program_goes_on && not_taken < kMostNotTaken) {
    ++not_taken;
    return TRUE;
  }
  Caught none = Caught::kNone;
  if (!caught.compare_exchange_strong(none, interrupt ? Caught::kInterrupt : Caught::kTerminate)) return FALSE;
  allow_seconds(plan.grace_seconds);
  if (const HANDLE waiter = CreateThread(nullptr, 0, wait_for_end, nullptr, 0, nullptr)) CloseHandle(waiter);
  // The window is closed, or the session ends: the system ends the process when this returns.
  if (event == CTRL_CLOSE_EVENT || event == CTRL_LOGOFF_EVENT || event == CTRL_SHUTDOWN_EVENT) Sleep(INFINITE);
  return TRUE;
}

// As CommandLineToArgvW() takes it apart.
std::wstring quoted(const std::wstring& word) {
  std::wstring text = L"\"";
  std::size_t backslashes = 0;
  for (const wchar_t c : word) {
    if (c == L'"') text.append(backslashes + 1, L'\\');
    backslashes = c == L'\\' ? backslashes + 1 : 0;
    text += c;
  }
  text.append(backslashes, L'\\');
  return text + L"\"";
}

std::wstring name_of(const std::wstring& variable) { return variable.substr(0, variable.find(L'=', 1)); }

// This process's, with `own` in the place of theirs. Each ends with a zero, and so does the whole.
std::wstring environment_with(const std::vector<std::string>& own) {
  std::vector<std::wstring> all;
  for (const std::string& variable : own) all.push_back(wide(variable));
  const std::size_t count = all.size();
  wchar_t* const block = GetEnvironmentStringsW();
  for (const wchar_t* at = block; *at; at += std::wstring_view(at).size() + 1) {
    const std::wstring variable = at;
    const bool replaced = std::any_of(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count),
                                      [&](const std::wstring& mine) { return name_of(mine) == name_of(variable); });
    if (!replaced) all.push_back(variable);
  }
  FreeEnvironmentStringsW(block);
  std::wstring text;
  for (const std::wstring& variable : all) text += variable + L'\0';
  return text + L'\0';
}

// This program with its standard handles; null: not started.
HANDLE start(std::wstring command_line, std::wstring environment, STARTUPINFOW* startup) {
  PROCESS_INFORMATION child{};
  const std::wstring program = wide(program_path());
  if (!CreateProcessW(program.c_str(), command_line.data(), nullptr, nullptr, TRUE, CREATE_UNICODE_ENVIRONMENT,
                      environment.empty() ? nullptr : environment.data(), nullptr, startup, &child))
    return nullptr;
  CloseHandle(child.hThread);
  return child.hProcess;
}

DWORD exit_code_of(HANDLE process) {
  DWORD code = 1;
  WaitForSingleObject(process, INFINITE);
  GetExitCodeProcess(process, &code);
  CloseHandle(process);
  return code;
}

}  // namespace

void catch_signals(const SignalPlan& its_plan) {
  static const bool once = (plan = its_plan, SetConsoleCtrlHandler(on_event, TRUE) != 0);
  (void)once;
  plan = its_plan;
}

Caught caught_signal() noexcept { return caught; }
bool take_interrupt() noexcept { return not_taken.exchange(0) != 0; }
bool interrupt_waits() noexcept { return not_taken != 0; }

void allow_seconds(unsigned seconds) noexcept {
  if (caught != Caught::kNone) grace_ends = GetTickCount64() + 1000ull * seconds;
}

std::string program_path() {
  std::wstring path(MAX_PATH, L'\0');
  while (true) {
    const DWORD length = GetModuleFileNameW(nullptr, path.data(), static_cast<DWORD>(path.size()));
    if (length < path.size()) {
      path.resize(length);
      return utf8(path);
    }
    path.resize(2 * path.size());
  }
}

std::vector<std::string> program_arguments(int, char**) {
  std::vector<std::string> arguments;
  int count = 0;
  wchar_t** const words = CommandLineToArgvW(GetCommandLineW(), &count);
  for (int i = 1; i < count; ++i) arguments.push_back(utf8(words[i]));
  LocalFree(words);
  return arguments;
}

// No process becomes another here: this one waits for it and ends as it does.
void restart_program(char**) {
  STARTUPINFOW startup{};
  startup.cb = sizeof startup;
  SetConsoleCtrlHandler([](DWORD) { return TRUE; }, TRUE);  // Ctrl-C is the child's
  if (const HANDLE child = start(GetCommandLineW(), {}, &startup)) ExitProcess(exit_code_of(child));
}

bool run_child(std::vector<std::string> arguments, const std::vector<std::string>& variables,
               const std::function<void()>& on_output, const std::function<bool()>& give_up) {
  std::wstring command_line;
  for (const std::string& argument : arguments) command_line += quoted(wide(argument)) + L" ";
  SECURITY_ATTRIBUTES inherited{sizeof inherited, nullptr, TRUE};
  HANDLE ours = nullptr, theirs = nullptr;
  if (!CreatePipe(&ours, &theirs, &inherited, 0)) return false;
  SetHandleInformation(ours, HANDLE_FLAG_INHERIT, 0);
  const HANDLE nothing = CreateFileW(L"NUL", GENERIC_WRITE, 0, &inherited, OPEN_EXISTING, 0, nullptr);
  STARTUPINFOW startup{};
  startup.cb = sizeof startup;
  startup.dwFlags = STARTF_USESTDHANDLES;
  startup.hStdInput = GetStdHandle(STD_INPUT_HANDLE);
  startup.hStdOutput = theirs;
  startup.hStdError = nothing;
  const HANDLE child = start(command_line, environment_with(variables), &startup);
  CloseHandle(theirs);
  CloseHandle(nothing);
  bool ended_well = false;
  if (child) {
    DWORD there = 0;
    while (PeekNamedPipe(ours, nullptr, 0, nullptr, &there, nullptr) && there == 0) {
      if (give_up()) {
        TerminateProcess(child, 1);
        break;
      }
      Sleep(kLookMs);
    }
    on_output();
    char rest[256];
    for (DWORD got = 0; ReadFile(ours, rest, sizeof rest, &got, nullptr) && got > 0;) {
    }
    ended_well = exit_code_of(child) == 0;
  }
  CloseHandle(ours);
  return ended_well;
}

}  // namespace pumice_apps
