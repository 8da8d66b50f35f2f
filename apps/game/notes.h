// What the game says on standard error: one line each, "pumice: TEXT". Any thread.
#pragma once

#include <string_view>

#include "pumice/pumice.h"

namespace pumice_game {

void note(std::string_view text) noexcept;
// PumiceInstanceOptions.log: warnings and errors are noted; of errors there are so many so far.
void on_pumice_log(void* user, PumiceLogLevel level, const char* text);
int pumice_errors() noexcept;

}  // namespace pumice_game
