// Windows' own types, its texts and paths. For this folder alone.
#pragma once

#include <windows.h>

#include <string>
#include <string_view>

namespace pumice_apps {

std::wstring wide(std::string_view utf8);
std::string utf8(std::wstring_view wide);
// Absolute and without a limit of length.
std::wstring long_path(const std::string& path);
// As errno has it.
int reason_of(DWORD error);
int last_reason();

}  // namespace pumice_apps
