// What thread.cpp asks the system for.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace pumice::thread_system {

// Runs entry(argument) on a new thread; join() or detach() releases what comes back.
Result<uintptr_t> start(const char* name, void (*entry)(void*) noexcept, void* argument);
void join(uintptr_t thread);
void detach(uintptr_t thread);

}  // namespace pumice::thread_system
