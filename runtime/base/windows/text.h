// Windows' own types, its texts and paths, and what it says of errors. For this folder alone.
#pragma once

#include <windows.h>
#include <winsock2.h>

#include <string>
#include <string_view>

#include "base/result.h"

namespace pumice {

// Bytes that are no UTF-8, and halves of pairs, become U+FFFD.
std::wstring wide(std::string_view utf8);
std::string utf8(std::wstring_view wide);
// Absolute and without a limit of length. kIo: the name is that of a device, or not UTF-8.
Result<std::wstring> system_path(const std::string& path);
// As the system says it, without its line break.
std::string system_text(DWORD reason);
// "WHOM WHAT: as the system says it".
Error system_error(const std::string& whom, const char* what, DWORD reason);

}  // namespace pumice
