#include "base/system_library.h"

#include "base/windows/text.h"

namespace pumice {

// Beside the program, then in the system's folder; never in the current one.
void* open_system_library(std::span<const char* const> names) {
  for (const char* name : names)
    if (const HMODULE library = ::LoadLibraryExW(wide(name).c_str(), nullptr, LOAD_LIBRARY_SEARCH_DEFAULT_DIRS))
      return reinterpret_cast<void*>(library);
  return nullptr;
}

void* find_symbol(void* library, const char* name) {
  return reinterpret_cast<void*>(::GetProcAddress(reinterpret_cast<HMODULE>(library), name));
}

}  // namespace pumice
