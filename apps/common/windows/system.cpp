// Streams and files, the environment and the user's folders.
#include "common/system.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "common/windows/text.h"
// after the system's types
#include <psapi.h>
#include <sddl.h>

namespace pumice_apps {

namespace {

constexpr DWORD kMostAtOnce = 1u << 20;
constexpr DWORD kCatchMs = 200;  // that the handler of Ctrl-C may come behind the read that it ended
constexpr std::size_t kDialogRoom = 4096;

HANDLE handle_of(Stream stream) {
  constexpr DWORD kHandles[] = {STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};
  return GetStdHandle(kHandles[static_cast<int>(stream)]);
}

struct CodePages {
  UINT input = GetConsoleCP(), output = GetConsoleOutputCP();
};
CodePages& former_code_pages() {
  static CodePages pages;
  return pages;
}

// What is typed, as UTF-8. The system's own reading of bytes knows no UTF-8.
int read_console(HANDLE console, char* bytes, std::size_t room, std::size_t* count) {
  static std::string ahead;
  if (ahead.empty()) {
    wchar_t typed[kDialogRoom];
    DWORD got = 0;
    SetLastError(ERROR_SUCCESS);
    if (!ReadConsoleW(console, typed, kDialogRoom, &got, nullptr)) return last_reason();
    if (got == 0 && GetLastError() == ERROR_OPERATION_ABORTED) {  // Ctrl-C
      for (DWORD waited = 0; waited < kCatchMs && caught_signal() == Caught::kNone && !interrupt_waits(); waited += 10)
        Sleep(10);
      return EINTR;
    }
    if (got > 0 && typed[0] == L'\x1a') got = 0;  // Ctrl-Z at the beginning of a line: the end
    ahead = utf8({typed, got});
  }
  *count = std::min(room, ahead.size());
  std::memcpy(bytes, ahead.data(), *count);
  ahead.erase(0, *count);
  return 0;
}

int write_handle(HANDLE file, std::string_view text) {
  while (!text.empty()) {
    DWORD written = 0;
    const auto size = static_cast<DWORD>(std::min<std::size_t>(text.size(), kMostAtOnce));
    if (!WriteFile(file, text.data(), size, &written, nullptr)) return last_reason();
    text.remove_prefix(written);
  }
  return 0;
}

// Opened for its owner alone if so.
HANDLE create_file(const std::wstring& path, DWORD how, bool owner_alone) {
  PSECURITY_DESCRIPTOR descriptor = nullptr;
  if (owner_alone)
    ConvertStringSecurityDescriptorToSecurityDescriptorW(L"D:P(A;;FA;;;OW)", SDDL_REVISION_1, &descriptor, nullptr);
  SECURITY_ATTRIBUTES attributes{sizeof attributes, descriptor, FALSE};
  const HANDLE file = CreateFileW(path.c_str(), GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_DELETE, &attributes, how,
                                  FILE_ATTRIBUTE_NORMAL, nullptr);
  const DWORD error = GetLastError();
  LocalFree(descriptor);
  SetLastError(error);
  return file;
}

// `beside` gets the text and then the name.
int write_and_rename(const std::wstring& beside, const std::wstring& path, std::string_view text, bool owner_alone) {
  const HANDLE file = create_file(beside, CREATE_ALWAYS, owner_alone);
  if (file == INVALID_HANDLE_VALUE) return last_reason();
  int reason = write_handle(file, text);
  if (reason == 0 && !FlushFileBuffers(file)) reason = last_reason();
  CloseHandle(file);
  if (reason == 0 && !MoveFileExW(beside.c_str(), path.c_str(), MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH))
    reason = last_reason();
  if (reason != 0) DeleteFileW(beside.c_str());
  return reason;
}

}  // namespace

void prepare_streams() {
  former_code_pages();
  SetConsoleOutputCP(CP_UTF8);
  SetConsoleCP(CP_UTF8);
  std::atexit([] {  // they are the console's and not the program's
    SetConsoleOutputCP(former_code_pages().output);
    SetConsoleCP(former_code_pages().input);
  });
  for (const Stream stream : {Stream::kOutput, Stream::kError}) {
    DWORD mode = 0;
    if (GetConsoleMode(handle_of(stream), &mode))
      SetConsoleMode(handle_of(stream), mode | ENABLE_PROCESSED_OUTPUT | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
  }
}

bool is_terminal(Stream stream) {
  DWORD mode = 0;
  return GetConsoleMode(handle_of(stream), &mode);
}

int read_available(Stream stream, char* bytes, std::size_t room, std::size_t* count) {
  *count = 0;
  if (is_terminal(stream)) return read_console(handle_of(stream), bytes, room, count);
  DWORD got = 0;
  const auto wanted = static_cast<DWORD>(std::min<std::size_t>(room, kMostAtOnce));
  const bool read = ReadFile(handle_of(stream), bytes, wanted, &got, nullptr);
  *count = got;
  if (read || GetLastError() == ERROR_BROKEN_PIPE || GetLastError() == ERROR_HANDLE_EOF) return 0;
  return last_reason();
}

int read_some(Stream stream, char* bytes, std::size_t room, std::size_t* count) {
  *count = 0;
  while (*count < room) {
    std::size_t got = 0;
    const int reason = read_available(stream, bytes + *count, room - *count, &got);
    if (reason == EINTR && caught_signal() == Caught::kNone) continue;
    if (reason != 0 || got == 0) return reason;
    *count += got;
  }
  return 0;
}

int read_all(Stream stream, std::string* text) {
  char buffer[65536];
  for (std::size_t got = sizeof buffer; got == sizeof buffer;) {
    if (const int reason = read_some(stream, buffer, sizeof buffer, &got); reason != 0) return reason;
    text->append(buffer, got);
  }
  return 0;
}

int read_all(const std::string& path, std::string* text) {
  std::FILE* const file = open_file(path, "rb");
  if (!file) return errno;
  char buffer[65536];
  for (std::size_t got; (got = std::fread(buffer, 1, sizeof buffer, file)) > 0;) text->append(buffer, got);
  const int reason = std::ferror(file) ? EIO : 0;
  std::fclose(file);
  return reason;
}

int write_all(Stream stream, std::string_view text) { return write_handle(handle_of(stream), text); }

int replace_file(const std::string& path, std::string_view content) {
  const std::wstring target = long_path(path);
  return write_and_rename(target + L".new", target, content, false);
}

int write_durably(const std::string& path, std::string_view text) {
  std::error_code failed;
  const std::filesystem::path real = std::filesystem::weakly_canonical(std::filesystem::path(path), failed);
  const std::wstring target = long_path(failed ? path : real.string());
  const bool is_new = GetFileAttributesW(target.c_str()) == INVALID_FILE_ATTRIBUTES;
  return write_and_rename(target + L"." + std::to_wstring(GetCurrentProcessId()) + L".new", target, text, is_new);
}

std::string reason_text(int reason) { return std::strerror(reason); }

std::FILE* open_file(const std::string& path, const char* mode) {
  return _wfopen(long_path(path).c_str(), (wide(mode) + L"N").c_str());  // N: not for children
}

HiddenTyping::HiddenTyping() {
  DWORD mode = 0;
  if (GetConsoleMode(handle_of(Stream::kInput), &mode))
    SetConsoleMode(handle_of(Stream::kInput), mode & ~static_cast<DWORD>(ENABLE_ECHO_INPUT));
}

HiddenTyping::~HiddenTyping() {
  DWORD mode = 0;
  if (GetConsoleMode(handle_of(Stream::kInput), &mode))
    SetConsoleMode(handle_of(Stream::kInput), mode | ENABLE_ECHO_INPUT);
}

std::size_t terminal_width() {
  CONSOLE_SCREEN_BUFFER_INFO info{};
  if (!GetConsoleScreenBufferInfo(handle_of(Stream::kOutput), &info)) return 0;
  return static_cast<std::size_t>(info.srWindow.Right - info.srWindow.Left + 1);
}

std::string variable(const std::string& name) {
  const std::wstring key = wide(name);
  std::wstring value(GetEnvironmentVariableW(key.c_str(), nullptr, 0), L'\0');
  if (!value.empty())
    value.resize(GetEnvironmentVariableW(key.c_str(), value.data(), static_cast<DWORD>(value.size())));
  return utf8(value);
}

void set_variable(const std::string& name, const std::string& value) {
  _wputenv_s(wide(name).c_str(), wide(value).c_str());  // the C library's copy and the process's
}

std::string make_temporary_folder(const std::string& prefix) {
  std::error_code failed;
  const std::filesystem::path place = std::filesystem::temp_directory_path(failed);
  for (unsigned tries = 0; !failed && tries < 100; ++tries) {
    const unsigned long long number = GetTickCount64() * 100 + tries;
    const std::filesystem::path name =
        place / (prefix + "-" + std::to_string(GetCurrentProcessId()) + "-" + std::to_string(number));
    if (std::filesystem::create_directory(name, failed)) return name.string();
  }
  return {};
}

std::int64_t local_seconds() {
  SYSTEMTIME local{};
  GetLocalTime(&local);
  FILETIME time{};
  SystemTimeToFileTime(&local, &time);
  constexpr std::int64_t kFrom1601 = 11644473600, kTicksPerSecond = 10000000;
  const auto ticks = static_cast<std::int64_t>(ULARGE_INTEGER{{time.dwLowDateTime, time.dwHighDateTime}}.QuadPart);
  return ticks / kTicksPerSecond - kFrom1601;
}

std::string system_name() {
  using GetVersion = LONG(WINAPI*)(OSVERSIONINFOW*);  // GetVersionEx() says what the program was made for
  const auto get = reinterpret_cast<GetVersion>(
      reinterpret_cast<void*>(GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "RtlGetVersion")));
  OSVERSIONINFOW version{};
  version.dwOSVersionInfoSize = sizeof version;
  if (!get || get(&version) != 0) return "Windows";
  return "Windows " + std::to_string(version.dwMajorVersion) + "." + std::to_string(version.dwMinorVersion) + "." +
         std::to_string(version.dwBuildNumber) + " x86_64";
}

std::string processor_name() {
  wchar_t name[256] = {};
  DWORD size = sizeof name - sizeof name[0];
  RegGetValueW(HKEY_LOCAL_MACHINE, LR"(HARDWARE\DESCRIPTION\System\CentralProcessor\0)", L"ProcessorNameString",
               RRF_RT_REG_SZ, nullptr, name, &size);
  return utf8(name);
}

ProcessMemory process_memory() {
  PROCESS_MEMORY_COUNTERS memory{};
  if (!K32GetProcessMemoryInfo(GetCurrentProcess(), &memory, sizeof memory)) return {};
  return {memory.WorkingSetSize, memory.PeakWorkingSetSize};
}

std::string home_folder() { return variable("USERPROFILE"); }
std::string cache_folder() { return variable("LOCALAPPDATA"); }
std::string state_folder() { return variable("LOCALAPPDATA"); }

}  // namespace pumice_apps
