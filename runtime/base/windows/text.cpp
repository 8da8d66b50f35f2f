#include "base/windows/text.h"

namespace pumice {
namespace {

int units_of(std::string_view text, DWORD flags, wchar_t* to, int room) {
  return ::MultiByteToWideChar(CP_UTF8, flags, text.data(), static_cast<int>(text.size()), to, room);
}

Error bad_path(const std::string& path, const char* why) {
  return error(Status::kIo, "%s is not a regular file but %s", path.c_str(), why);
}

}  // namespace

std::wstring wide(std::string_view utf8) {
  std::wstring text(utf8.empty() ? 0 : static_cast<size_t>(units_of(utf8, 0, nullptr, 0)), L'\0');
  if (!text.empty()) units_of(utf8, 0, text.data(), static_cast<int>(text.size()));
  return text;
}

std::string utf8(std::wstring_view wide) {
  const auto convert = [&](char* to, int room) {
    return ::WideCharToMultiByte(CP_UTF8, 0, wide.data(), static_cast<int>(wide.size()), to, room, nullptr, nullptr);
  };
  std::string text(wide.empty() ? 0 : static_cast<size_t>(convert(nullptr, 0)), '\0');
  if (!text.empty()) convert(text.data(), static_cast<int>(text.size()));
  return text;
}

Result<std::wstring> system_path(const std::string& path) {
  if (path.empty()) return error(Status::kNotFound, "the path is empty; check it");
  if (units_of(path, MB_ERR_INVALID_CHARS, nullptr, 0) == 0)
    return error(Status::kIo, "a path is not UTF-8, as paths must be");
  const std::wstring given = wide(path);
  std::wstring full;
  for (DWORD room = MAX_PATH; full.empty();) {
    full.resize(room);
    const DWORD length = ::GetFullPathNameW(given.c_str(), room, full.data(), nullptr);
    if (length == 0) return system_error(path, "is no path", ::GetLastError());
    full.resize(length < room ? length : 0);
    room = length + 1;
  }
  const std::wstring_view view = full;
  if (view.starts_with(LR"(\\.\)")) return bad_path(path, "a device");
  if (view.starts_with(LR"(\\?\)")) return full;
  if (view.starts_with(LR"(\\)")) return LR"(\\?\UNC\)" + full.substr(2);
  return LR"(\\?\)" + full;
}

std::string system_text(DWORD reason) {
  wchar_t* text = nullptr;
  const DWORD length =
      ::FormatMessageW(FORMAT_MESSAGE_ALLOCATE_BUFFER | FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS,
                       nullptr, reason, 0, reinterpret_cast<wchar_t*>(&text), 0, nullptr);
  std::wstring_view words(text, length);
  while (!words.empty() && (words.back() <= L' ' || words.back() == L'.')) words.remove_suffix(1);
  std::string said = words.empty() ? "error " + std::to_string(reason) : utf8(words);
  ::LocalFree(text);
  return said;
}

Error system_error(const std::string& whom, const char* what, DWORD reason) {
  const bool missing = reason == ERROR_FILE_NOT_FOUND || reason == ERROR_PATH_NOT_FOUND;
  const bool memory = reason == ERROR_NOT_ENOUGH_MEMORY || reason == ERROR_OUTOFMEMORY ||
                      reason == ERROR_COMMITMENT_LIMIT || reason == ERROR_NO_SYSTEM_RESOURCES;
  const Status status = missing ? Status::kNotFound : memory ? Status::kOutOfHostMemory : Status::kIo;
  return error(status, "%s %s: %s", whom.c_str(), what, system_text(reason).c_str());
}

}  // namespace pumice
