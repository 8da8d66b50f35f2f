// A library of the system's that is found at run time.
#pragma once

#include <span>

namespace pumice {

// The first of `names` that there is, else null. It stays open for the life of the process: drivers leave threads and
// thread-local data behind.
void* open_system_library(std::span<const char* const> names);

// Null when the library has no such symbol.
void* find_symbol(void* library, const char* name);

}  // namespace pumice
