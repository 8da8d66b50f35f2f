#include "game/options.h"

#include <CLI/CLI.hpp>

#include "common/system.h"
#include "game/exit_codes.h"

namespace pumice_game {

namespace {

constexpr const char* kDescription =
    "A small game beside a language model: one Vulkan device draws the scene and runs the model, which speaks for "
    "three\n"
    "characters within a budget of the device's time in each frame.\n"
    "\n"
    "Keys: arrows or WASD walk; Enter speaks to whoever is nearest; F1 the overlay; F2 the naive way (a device and a\n"
    "thread of the model's own, no budget); F5 save; F9 load; Escape leaves.";

void add_options(CLI::App* app, Options* options) {
  app->add_option("-m,--model", options->model, "a GGUF file (default: the bundled model)")->type_name("FILE");
  app->add_option("-d,--device", options->device, "an index or a part of the device's name")->type_name("NAME");
  app->add_option("--budget", options->budget_ms, "milliseconds of the device's time in each frame for the model")
      ->check(CLI::Range(0.0, 1000.0))
      ->capture_default_str();
  app->add_option("--frames", options->frames, "end after so many frames of play")->type_name("N");
  app->add_option("--record", options->record, "write the times of all frames of play as CSV")->type_name("FILE");
  app->add_option("--screenshot", options->screenshot, "write a frame as PNG")->type_name("FILE");
  app->add_option("--screenshot-at", options->screenshot_at, "which frame of play (default: the last)");
  app->add_option("--load", options->load, "go on with a savegame")->type_name("FILE");
  app->add_option("--save", options->save, "save there after each reply, with F5, and at the end")->type_name("FILE");
  app->add_option("--seed", options->seed, "of the scene and of what is said")->capture_default_str();
  app->add_option("--size",
                  [options](const CLI::results_t& words) {
                    char end = 0;
                    return std::sscanf(words[0].c_str(), "%dx%d%c", &options->width, &options->height, &end) == 2 &&
                           options->width >= 16 && options->height >= 16 && options->width <= 16384 &&
                           options->height <= 16384;
                  })
      ->type_name("WxH")
      ->description("of the window (default: 1280x720)");
  app->add_option("--fps", options->rate, "frames a second at most; 0: no limit")
      ->check(CLI::Range(0.0, 1000.0))
      ->capture_default_str();
  app->add_option("--say", options->say, "said by the player: \"NAME: TEXT\"; may be given several times");
  app->add_flag("--overlay", options->overlay, "show the overlay from the beginning (F1)");
  app->add_flag("--naive", options->naive, "begin with a device and a thread of the model's own, without a budget");
  app->add_flag("--no-model", options->no_model, "nobody speaks (to compare)");
  app->add_flag("--chatty", options->chatty, "characters speak without pauses");
  app->add_flag("--headless", options->headless, "no window");
  app->add_flag("--validate", options->validate,
                "with the Khronos validation layer, synchronisation included; any message fails");
}

}  // namespace

std::optional<Options> read_options(int argc, char** argv, int* exit_code) {
  Options options;
  CLI::App app(kDescription, "pumice game");
  app.set_help_flag("-h,--help", "print this help");
  app.footer(std::string("\n") + kExitCodeHelp);
  add_options(&app, &options);
  *exit_code = kExitOk;
  try {
    app.parse(argc, argv);
    return options;
  } catch (const CLI::CallForHelp&) {
    pumice_apps::write_all(pumice_apps::Stream::kOutput, app.help());
  } catch (const CLI::ParseError& error) {
    pumice_apps::write_all(pumice_apps::Stream::kError,
                           std::string("pumice: ") + error.what() + "; see './pumice game --help'\n");
    *exit_code = kExitUsage;
  }
  return {};
}

}  // namespace pumice_game
