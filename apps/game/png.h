// Screenshots as PNG files.
#pragma once

#include <string>

#include "game/renderer.h"

namespace pumice_game {

// Throws Failure(kExitIo).
void write_png(const std::string& path, const Screenshot& shot);

}  // namespace pumice_game
