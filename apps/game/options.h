// The command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pumice_game {

struct Options {
  std::string model;   // empty: the bundled one
  std::string device;  // an index or a part of the name; empty: the best
  double budget_ms = 2;
  std::uint64_t frames = 0;  // 0: until the window is closed
  std::string record, screenshot, load, save;
  std::uint64_t screenshot_at = 0;  // 0: the last frame
  std::uint64_t seed = 1;
  int width = 1280, height = 720;
  double rate = 60;  // frames a second at most; 0: as many as there can be
  bool validate = false, no_model = false, naive = false, headless = false, chatty = false, overlay = false;
  std::vector<std::string> say;  // "NAME: text" of the player's, in turn, before anybody else speaks
};

// No value: the game ends with *exit_code (help, or a wrong command line, which has been printed).
std::optional<Options> read_options(int argc, char** argv, int* exit_code);

}  // namespace pumice_game
