#include "game/overlay.h"

#include <SDL.h>
#include <imgui.h>

#include <algorithm>

#include "game/stage.h"
#if __has_include(<backends/imgui_impl_sdl2.h>)  // its name from 1.89 on
#include <backends/imgui_impl_sdl2.h>
#else
#include <backends/imgui_impl_sdl.h>
#endif

namespace pumice_game {

namespace {

constexpr ImGuiWindowFlags kPlain = ImGuiWindowFlags_NoDecoration | ImGuiWindowFlags_NoInputs |
                                    ImGuiWindowFlags_AlwaysAutoResize | ImGuiWindowFlags_NoSavedSettings |
                                    ImGuiWindowFlags_NoFocusOnAppearing | ImGuiWindowFlags_NoBringToFrontOnFocus;

void text_row(const char* name, const char* format, double value) {
  ImGui::TextUnformatted(name);
  ImGui::SameLine(130);
  ImGui::Text(format, value);
}

}  // namespace

Overlay::Overlay(SDL_Window* window) : window_(window) {
  ImGui::CreateContext();
  ImGuiIO& io = ImGui::GetIO();
  io.IniFilename = nullptr;
  ImGui::StyleColorsDark();
  ImGui::GetStyle().WindowRounding = 6;
  if (window_) ImGui_ImplSDL2_InitForVulkan(window_);
}

Overlay::~Overlay() {
  if (window_) ImGui_ImplSDL2_Shutdown();
  ImGui::DestroyContext();
}

void Overlay::on_event(const SDL_Event& event) {
  if (window_) ImGui_ImplSDL2_ProcessEvent(&event);
}

bool Overlay::wants_keys() const { return ImGui::GetIO().WantTextInput || writing_; }

const ImDrawData* Overlay::build(OverlayState* state, OverlayWishes* wishes, const World& world,
                                 const Director& director, const Picture& picture, const FrameTimes& times, float width,
                                 float height) {
  ImGuiIO& io = ImGui::GetIO();
  if (window_) ImGui_ImplSDL2_NewFrame();
  io.DisplaySize = {width, height};
  io.DisplayFramebufferScale = {1, 1};
  if (!window_) io.DeltaTime = 1.0f / 60;
  ImGui::NewFrame();
  speech(world, director, picture, width, height);
  log(director, height);
  if (state->progress < 1) loading(*state, width, height);
  if (state->shown) panel(state, wishes, times);
  line(wishes, world, width, height);
  ImGui::Render();
  return ImGui::GetDrawData();
}

void Overlay::speech(const World& world, const Director& director, const Picture& picture, float width, float height) {
  for (std::size_t i = 0; i < kBodies; ++i) {
    const auto at = on_screen(picture, above_head(world, i), width, height);
    if (!at) continue;
    const std::string& spoken = director.speech(i).text;
    ImGui::SetNextWindowPos({at->x, at->y}, ImGuiCond_Always, {0.5f, 1});
    ImGui::SetNextWindowBgAlpha(spoken.empty() ? 0.25f : 0.75f);
    ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, {6, 4});
    ImGui::Begin((std::string("##speech") + kNames[i]).c_str(), nullptr, kPlain);
    ImGui::TextColored({1.0f, 0.85f, 0.5f, 1}, "%s", i == kPlayer ? "you" : kNames[i]);
    if (!spoken.empty()) {
      ImGui::PushTextWrapPos(std::max(width * 0.22f, 110.0f));
      ImGui::TextUnformatted(spoken.data(), spoken.data() + spoken.size());
      ImGui::PopTextWrapPos();
    }
    ImGui::End();
    ImGui::PopStyleVar();
  }
}

void Overlay::log(const Director& director, float height) {
  if (director.log().empty() || height < 300) return;
  ImGui::SetNextWindowPos({8, height - 8}, ImGuiCond_Always, {0, 1});
  ImGui::SetNextWindowBgAlpha(0.45f);
  ImGui::Begin("##log", nullptr, kPlain);
  for (const std::string& text : director.log()) ImGui::TextUnformatted(text.data(), text.data() + text.size());
  ImGui::End();
}

void Overlay::loading(const OverlayState& state, float width, float height) {
  ImGui::SetNextWindowPos({width / 2, height * 0.82f}, ImGuiCond_Always, {0.5f, 0.5f});
  ImGui::Begin("##loading", nullptr, kPlain);
  ImGui::TextUnformatted("The characters are waking up");
  ImGui::ProgressBar(state.progress, {std::min(260.0f, width * 0.6f), 0});
  ImGui::End();
}

void Overlay::model_rows(const OverlayState& state, const FrameTimes& times) {
  ImGui::Separator();
  ImGui::Text("model    %s (%s)", state.model.c_str(), state.state);
  ImGui::Text("runs on  %s", state.queue.c_str());
  if (state.naive)
    ImGui::TextUnformatted("GPU time a frame: nobody knows");
  else
    text_row("GPU a frame", "%.2f ms (mean)", times.mean_model_ms());
  text_row("tokens a second", "%.1f", state.tokens_per_second);
}

void Overlay::panel(OverlayState* state, OverlayWishes* wishes, const FrameTimes& times) {
  ImGui::SetNextWindowPos({8, 8}, ImGuiCond_FirstUseEver);
  ImGui::SetNextWindowBgAlpha(0.75f);
  ImGui::Begin("Pumice", nullptr, ImGuiWindowFlags_AlwaysAutoResize | ImGuiWindowFlags_NoSavedSettings);
  ImGui::TextUnformatted(state->device.c_str());
  const Percentiles p = times.percentiles();
  const std::vector<float>& last = times.last_ms();
  ImGui::PlotLines("##frames", last.data(), static_cast<int>(last.size()), 0, "frame times", 0,
                   std::max(static_cast<float>(p.worst), 20.0f), {300, 60});
  text_row("frame p50", "%.2f ms", p.p50);
  text_row("frame p99", "%.2f ms", p.p99);
  text_row("frame worst", "%.2f ms", p.worst);
  text_row("scene on GPU", "%.2f ms", state->frame_gpu_ms);
  model_rows(*state, times);
  ImGui::BeginDisabled(state->naive);
  ImGui::SliderFloat("budget ms", &state->budget_ms, 0, 8, "%.2f");
  ImGui::EndDisabled();
  if (state->most_vram_mib > 0)
    wishes->vram_changed =
        ImGui::SliderFloat("VRAM MiB", &state->vram_mib, state->least_vram_mib, state->most_vram_mib, "%.1f");
  if (ImGui::Button(state->naive ? "Within the frame (F2)" : "The naive way (F2)")) wishes->toggle_naive = true;
  ImGui::SameLine();
  if (ImGui::Button("Save (F5)")) wishes->save = true;
  ImGui::SameLine();
  if (ImGui::Button("Load (F9)")) wishes->load = true;
  ImGui::Separator();
  for (const std::string& memory : state->memories) ImGui::TextUnformatted(memory.c_str());
  if (!state->notice.empty()) ImGui::TextUnformatted(state->notice.c_str());
  ImGui::End();
}

void Overlay::line(OverlayWishes* wishes, const World& world, float width, float height) {
  if (opening_) writing_ = true;
  if (!writing_) return;
  ImGui::SetNextWindowPos({width / 2, height - 12}, ImGuiCond_Always, {0.5f, 1});
  ImGui::Begin("##line", nullptr,
               ImGuiWindowFlags_NoDecoration | ImGuiWindowFlags_AlwaysAutoResize | ImGuiWindowFlags_NoSavedSettings);
  if (opening_) ImGui::SetKeyboardFocusHere();
  ImGui::SetNextItemWidth(std::min(420.0f, width * 0.7f));
  const std::string label = std::string("to ") + target_name(world.nearest_to_player());
  if (ImGui::InputText(label.c_str(), line_, sizeof line_, ImGuiInputTextFlags_EnterReturnsTrue)) {
    wishes->say = line_;
    line_[0] = 0;
    writing_ = false;
  } else if (!opening_ && ImGui::IsItemDeactivated()) {
    writing_ = false;  // Escape
  }
  opening_ = false;
  ImGui::End();
}

}  // namespace pumice_game
