// The game: a window, a device, a scene, and a model that speaks for its characters.
#pragma once

#include <array>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>

#include "game/director.h"
#include "game/frame_times.h"
#include "game/gpu.h"
#include "game/mind.h"
#include "game/options.h"
#include "game/overlay.h"
#include "game/renderer.h"
#include "game/savegame.h"
#include "game/world.h"

namespace pumice_game {

class Game {
 public:
  // model: path. Throws Failure.
  Game(const Options& options, std::string model);
  Game(const Game&) = delete;
  Game& operator=(const Game&) = delete;
  ~Game();

  // The exit code. Throws Failure.
  int run();

 private:
  using Clock = std::chrono::steady_clock;

  void open_window();
  void open_mind();
  void handle_events();
  void on_key(int key);
  VkExtent2D window_extent() const;
  void frame();
  Vec3 direction() const;
  void advance_world(float seconds);
  bool run_model(FrameTime* time);
  void wait_for_limit(Clock::time_point start, FrameTime* time);
  void watch_mind();
  void fill_overlay();
  void obey(const OverlayWishes& wishes);
  bool draw();
  void count_frame(FrameTime time, Clock::time_point start);
  bool playing() const;  // everything is loaded
  void lose_mind(PumiceResult code, const std::string& why);

  Savegame snapshot() const;
  void begin_saving();
  void write_save(Savegame game);
  void finish_saving(bool wait);
  void restore(const std::string& path);
  void restore_minds();
  void load_saved();
  void last_save();
  void report() const;
  bool recover();

  const Options options_;
  const std::string model_path_;
  pumice::Instance pumice_;
  struct WindowCloser {
    void operator()(SDL_Window* window) const;
  };
  std::unique_ptr<SDL_Window, WindowCloser> window_;
  std::unique_ptr<Gpu> gpu_, lost_;  // lost_: what the mind still has to let go
  std::unique_ptr<Overlay> overlay_;
  std::unique_ptr<Renderer> renderer_;
  World world_;
  std::array<Character, kCharacters> characters_;
  Director director_;
  std::unique_ptr<Mind> mind_;
  FrameTimes times_;
  FrameRecorder recorder_;
  OverlayState state_;
  Picture picture_;
  std::optional<Savegame> to_restore_;  // sessions for a mind that is still loading
  std::future<void> saving_;
  bool save_wanted_ = false, quit_ = false, naive_, minimised_ = false, ready_seen_ = false;
  std::uint64_t frames_ = 0, saved_at_ = 0;
  std::optional<std::uint64_t> lost_at_;  // frames that had been played when the device was lost
  std::size_t tokens_before_ = 0, tokens_then_ = 0;
  Clock::time_point last_frame_, tokens_since_;
};

}  // namespace pumice_game
