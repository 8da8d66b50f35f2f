// pumice game: a small game beside a language model. Of Pumice it uses the public interface alone.
#include <atomic>
#include <new>
#include <string>

#include "common/start.h"
#include "common/system.h"
#include "game/game.h"
#include "game/notes.h"

namespace pumice_game {

namespace {

std::atomic<int> errors{0};

// Terminals obey control characters, which names of files and drivers may hold.
std::string printable(std::string_view text) {
  std::string shown(text);
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < 32 || c == 127) c = ' ';
  return shown;
}

int run(int argc, char** argv) {
  pumice_apps::prepare_streams();
  int exit_code = kExitOk;
  const std::optional<Options> options = read_options(argc, argv, &exit_code);
  if (!options) return exit_code;
  pumice_apps::restart_as_devices_ask(argv);
  pumice_apps::catch_signals({.grace_seconds = 20,
                              .last_words = "pumice: the device does not answer\n",
                              .interrupted = kExitInterrupted,
                              .terminated = kExitTerminated});
  const std::string model = options->model.empty() ? pumice_apps::bundled_model() : options->model;
  if (model.empty() && !options->no_model)
    throw Failure(kExitNotFound, "the bundled model was not found: give -m FILE");
  Game game(*options, model);
  return game.run();
}

}  // namespace

void note(std::string_view text) noexcept {
  try {
    pumice_apps::write_all(pumice_apps::Stream::kError, "pumice: " + printable(text) + "\n");
  } catch (const std::bad_alloc&) {  // nothing may be thrown into the library
  }
}

void on_pumice_log(void*, PumiceLogLevel level, const char* text) {
  if (level == PUMICE_LOG_ERROR) ++errors;
  if (level >= PUMICE_LOG_WARNING) note(text);
}

int pumice_errors() noexcept { return errors; }

}  // namespace pumice_game

int main(int argc, char** argv) {
  using namespace pumice_game;
  try {
    return run(argc, argv);
  } catch (const Failure& failure) {
    note(failure.what());
    return failure.code();
  } catch (const std::bad_alloc&) {
    note("out of memory: close other programs or use a smaller model");
    return kExitOutOfMemory;
  } catch (const std::exception& error) {
    note(std::string("internal error: ") + error.what());
    return kExitInternal;
  }
}
