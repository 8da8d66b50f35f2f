// What stands above the scene: names, speech, frame times, and the controls of the model's share of the frame.
#pragma once

#include <string>

#include "game/director.h"
#include "game/frame_times.h"
#include "game/meshes.h"

struct ImDrawData;
struct SDL_Window;
union SDL_Event;

namespace pumice_game {

// What the controls show, and change.
struct OverlayState {
  bool shown = false;  // F1
  float budget_ms = 2;
  // Of device memory that the model may take; from without keys and values to all that it took. most 0: no model yet.
  float vram_mib = 0, least_vram_mib = 0, most_vram_mib = 0;
  std::string device, queue, model;
  bool naive = false;
  const char* state = "";  // of the model
  float progress = 0;      // of loading it; 1: done
  double tokens_per_second = 0;
  double frame_gpu_ms = 0;
  std::array<std::string, kCharacters> memories;  // of each character: how much there is
  std::string notice;                             // "saved"
};

// What the player did with them.
struct OverlayWishes {
  bool vram_changed = false, toggle_naive = false, save = false, load = false;
  std::string say;  // to whoever is nearest
};

class Overlay {
 public:
  // window: null without one.
  explicit Overlay(SDL_Window* window);
  Overlay(const Overlay&) = delete;
  Overlay& operator=(const Overlay&) = delete;
  ~Overlay();

  void on_event(const SDL_Event& event);
  bool wants_keys() const;
  // The player begins to write.
  void open_line() { opening_ = true; }
  const ImDrawData* build(OverlayState* state, OverlayWishes* wishes, const World& world, const Director& director,
                          const Picture& picture, const FrameTimes& times, float width, float height);

 private:
  void speech(const World& world, const Director& director, const Picture& picture, float width, float height);
  void panel(OverlayState* state, OverlayWishes* wishes, const FrameTimes& times);
  void model_rows(const OverlayState& state, const FrameTimes& times);
  void log(const Director& director, float height);
  void loading(const OverlayState& state, float width, float height);
  void line(OverlayWishes* wishes, const World& world, float width, float height);

  SDL_Window* window_;
  bool opening_ = false, writing_ = false;
  char line_[160] = "";
};

}  // namespace pumice_game
