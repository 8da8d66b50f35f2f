#include "game/game.h"

#define SDL_MAIN_HANDLED
#include <SDL.h>
#include <SDL_vulkan.h>
#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "common/system.h"
#include "game/notes.h"
#include "game/png.h"
#include "game/stage.h"

namespace pumice_game {

namespace {

constexpr double kLongestStep = 0.05;            // seconds of the world in a frame
constexpr std::chrono::microseconds kLook{200};  // how often to see whether the device is idle

double ms_between(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

pumice::Instance open_pumice(bool validate) {
  PumiceInstanceOptions options = pumice_instance_options_init();
  options.log = on_pumice_log;
  options.log_level = PUMICE_LOG_WARNING;
  options.validation = validate ? 1 : 0;
  return pumice::Instance(options);
}

}  // namespace

void Game::WindowCloser::operator()(SDL_Window* window) const {
  SDL_DestroyWindow(window);
  SDL_Quit();
}

Game::Game(const Options& options, std::string model)
    : options_(options),
      model_path_(std::move(model)),
      pumice_(open_pumice(options.validate)),
      world_(options.seed),
      characters_{Character(0), Character(1), Character(2)},
      director_(&world_, &characters_, options.seed, options.chatty),
      recorder_(options.record),
      naive_(options.naive) {
  if (!options_.headless) open_window();
  gpu_ = std::make_unique<Gpu>(pumice_.get(), GpuPlan{options_.device, window_.get(), options_.validate});
  overlay_ = std::make_unique<Overlay>(window_.get());
  renderer_ = std::make_unique<Renderer>(gpu_.get(), window_extent());
  state_.shown = options_.overlay;
  state_.budget_ms = static_cast<float>(options_.budget_ms);
  state_.device = gpu_->name();
  state_.model = model_path_.substr(model_path_.find_last_of('/') + 1);
  if (!options_.load.empty()) restore(options_.load);
  for (const std::string& said : options_.say) {
    const std::size_t colon = said.find(':');
    const std::size_t who = target_of(said.substr(0, colon));
    if (colon == std::string::npos || who >= kCharacters)
      throw Failure(kExitUsage, "--say wants \"Hans: TEXT\", \"Gretel: TEXT\" or \"Fox: TEXT\"");
    director_.player_says(who, said.substr(std::min(said.size(), said.find_first_not_of(' ', colon + 1))));
  }
  open_mind();
}

Game::~Game() {
  finish_saving(true);
  mind_.reset();
  renderer_.reset();
}

void Game::open_window() {
  SDL_SetMainReady();
  SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
  if (SDL_Init(SDL_INIT_VIDEO) != 0)
    throw Failure(kExitNoDevice, fmt::format("no window system ({}): --headless plays without one", SDL_GetError()));
  window_.reset(SDL_CreateWindow("Pumice", SDL_WINDOWPOS_CENTERED, SDL_WINDOWPOS_CENTERED, options_.width,
                                 options_.height, SDL_WINDOW_VULKAN | SDL_WINDOW_RESIZABLE));
  if (!window_) throw Failure(kExitNoDevice, fmt::format("no window: {}", SDL_GetError()));
}

void Game::open_mind() {
  state_.queue = naive_ ? "a device of its own" : gpu_->model_queue();
  state_.naive = naive_;
  state_.progress = 1;
  ready_seen_ = false;
  if (options_.no_model) return;
  MindPlan plan{.model = model_path_, .device = gpu_->name(), .schema = reply_schema};
  if (!naive_) plan.import = gpu_->import();
  mind_ = std::make_unique<Mind>(&pumice_, std::move(plan));
}

VkExtent2D Game::window_extent() const {
  int width = options_.width, height = options_.height;
  if (window_) SDL_Vulkan_GetDrawableSize(window_.get(), &width, &height);
  return {static_cast<std::uint32_t>(std::max(width, 1)), static_cast<std::uint32_t>(std::max(height, 1))};
}

int Game::run() {
  last_frame_ = tokens_since_ = Clock::now();
  while (!quit_ && (options_.frames == 0 || frames_ < options_.frames) &&
         pumice_apps::caught_signal() == pumice_apps::Caught::kNone) {
    try {
      frame();
    } catch (const Failure& failure) {
      if (failure.code() != kExitDeviceLost || !recover()) throw;
    }
  }
  last_save();
  if (mind_) mind_->give_up();
  recorder_.finish();
  report();
  const int messages = gpu_->messages() + pumice_errors();
  if (options_.validate && messages > 0) throw Failure(kExitInternal, fmt::format("{} validation messages", messages));
  switch (pumice_apps::caught_signal()) {
    case pumice_apps::Caught::kNone:
      return kExitOk;
    case pumice_apps::Caught::kInterrupt:
      return kExitInterrupted;
    case pumice_apps::Caught::kTerminate:
      return kExitTerminated;
  }
  return kExitOk;
}

// A lost device is replaced by a new one, on which the scene goes on and, once the model is there, the conversation.
// False: it was lost again before anything was played.
bool Game::recover() {
  if (lost_at_ == frames_ || lost_) return false;
  lost_at_ = frames_;
  note("the device was lost: going on with a new one");
  finish_saving(true);
  const bool moves = mind_ && !naive_ && mind_->state() == Mind::State::kReady;
  if (!moves && !naive_) mind_.reset();
  renderer_.reset();
  lost_ = std::move(gpu_);
  gpu_ = std::make_unique<Gpu>(pumice_.get(), GpuPlan{options_.device, window_.get(), options_.validate});
  renderer_ = std::make_unique<Renderer>(gpu_.get(), window_extent());
  if (moves) {
    mind_->move(gpu_->import());
    ready_seen_ = false;
    return true;
  }
  lost_.reset();
  if (!mind_) open_mind();
  return true;
}

void Game::handle_events() {
  if (!window_) return;
  SDL_Event event;
  while (SDL_PollEvent(&event)) {
    overlay_->on_event(event);
    if (event.type == SDL_QUIT) quit_ = true;
    if (event.type == SDL_KEYDOWN && event.key.repeat == 0) on_key(event.key.keysym.sym);
    if (event.type != SDL_WINDOWEVENT) continue;
    if (event.window.event == SDL_WINDOWEVENT_SIZE_CHANGED) renderer_->resize(window_extent());
    if (event.window.event == SDL_WINDOWEVENT_MINIMIZED) minimised_ = true;
    if (event.window.event == SDL_WINDOWEVENT_RESTORED || event.window.event == SDL_WINDOWEVENT_SHOWN)
      minimised_ = false;
  }
}

void Game::on_key(int key) {
  OverlayWishes wishes;
  if (key == SDLK_F1) state_.shown = !state_.shown;
  wishes.toggle_naive = key == SDLK_F2;
  wishes.save = key == SDLK_F5;
  wishes.load = key == SDLK_F9;
  if (!overlay_->wants_keys()) {
    if (key == SDLK_ESCAPE) quit_ = true;
    if (key == SDLK_RETURN) overlay_->open_line();
  }
  obey(wishes);
}

Vec3 Game::direction() const {
  if (!window_ || overlay_->wants_keys()) return {};
  const Uint8* keys = SDL_GetKeyboardState(nullptr);
  const auto axis = [&](int a, int b, int c, int d) {
    return static_cast<float>((keys[a] | keys[b]) - (keys[c] | keys[d]));
  };
  const Vec3 way{axis(SDL_SCANCODE_RIGHT, SDL_SCANCODE_D, SDL_SCANCODE_LEFT, SDL_SCANCODE_A), 0,
                 axis(SDL_SCANCODE_DOWN, SDL_SCANCODE_S, SDL_SCANCODE_UP, SDL_SCANCODE_W)};
  return length(way) > 0 ? normalised(way) : Vec3{};
}

bool Game::playing() const { return !mind_ || mind_->state() == Mind::State::kReady; }

void Game::frame() {
  const Clock::time_point start = Clock::now();
  const double since = ms_between(last_frame_, start);
  last_frame_ = start;
  handle_events();
  watch_mind();
  advance_world(static_cast<float>(std::min(since / 1000, kLongestStep)));
  const bool counts = playing();
  const bool drawn = !minimised_ && draw();
  FrameTime time;
  run_model(&time);
  if (save_wanted_) begin_saving();
  finish_saving(false);
  if (!drawn) std::this_thread::sleep_for(std::chrono::milliseconds(10));  // nothing to be seen; the model goes on
  time.gpu_ms = renderer_->gpu_us() / 1000;
  time.work_ms = ms_between(start, Clock::now());
  wait_for_limit(start, &time);
  if (drawn && counts) count_frame(time, start);
}

void Game::count_frame(FrameTime time, Clock::time_point start) {
  time.frame_ms = ms_between(start, Clock::now());
  time.tokens =
      static_cast<std::uint32_t>(director_.tokens_seen() - std::exchange(tokens_before_, director_.tokens_seen()));
  times_.add(time);
  recorder_.add(time, options_.no_model ? "off" : naive_ ? "naive" : "shared", static_cast<double>(state_.budget_ms));
  ++frames_;
}

void Game::advance_world(float seconds) {
  world_.advance(seconds, direction());
  const bool may_ask = !saving_.valid() && !save_wanted_ && !to_restore_;
  try {
    director_.advance(seconds, mind_.get(), may_ask);
  } catch (const pumice::Error& error) {
    lose_mind(error.code(), error.what());
  }
}

// What is left of the frame's budget. False: nothing was submitted.
bool Game::run_model(FrameTime* time) {
  if (!mind_ || mind_->state() != Mind::State::kReady) return false;
  const Clock::time_point start = Clock::now();
  bool submitted = false;
  try {
    const double spent = std::max(time->model_gpu_ms, time->model_done_ms);
    const double left = std::max(0.0, static_cast<double>(state_.budget_ms) - spent);
    const PumiceFrame frame = mind_->advance(1000 * left);
    time->model_gpu_ms += frame.submitted_us / 1000;
    time->model_done_ms += frame.finished_us / 1000;
    time->chunks += frame.chunks;
    time->held = frame.held;
    submitted = frame.chunks > 0;
  } catch (const pumice::Error& error) {
    lose_mind(error.code(), error.what());
  }
  time->model_cpu_ms += ms_between(start, Clock::now());
  return submitted;
}

// On a shared queue a single chunk of the model is under way at a time. What is left of the budget after it has a place
// in the time until the next frame; what fits into no chunk was offered once and is not offered again.
void Game::wait_for_limit(Clock::time_point start, FrameTime* time) {
  if (options_.rate <= 0) return;
  const Clock::time_point end =
      start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(1 / options_.rate));
  bool more = time->chunks > 0 && !naive_;
  while (more && mind_ && Clock::now() + kLook < end && time->model_gpu_ms < static_cast<double>(state_.budget_ms)) {
    std::this_thread::sleep_for(kLook);
    if (mind_->device_idle()) more = run_model(time);
  }
  std::this_thread::sleep_until(end);
}

// A lost device is the renderer's, too: see recover(). Without anything else the game goes on, and nobody speaks.
void Game::lose_mind(PumiceResult code, const std::string& why) {
  if (code == PUMICE_DEVICE_LOST && !naive_) throw Failure(kExitDeviceLost, "the device was lost: " + why);
  note("nobody speaks any more: " + why);
  director_.interrupt();
  finish_saving(true);
  mind_.reset();
}

void Game::watch_mind() {
  if (!mind_) return;
  if (mind_->state() == Mind::State::kFailed) throw Failure(exit_code_of(mind_->problem_code()), mind_->problem());
  if (mind_->state() != Mind::State::kReady || ready_seen_) return;
  ready_seen_ = true;
  lost_.reset();
  const auto mib = [](std::uint64_t bytes) { return static_cast<float>(static_cast<double>(bytes) / (1 << 20)); };
  const std::uint64_t used = mind_->memory().used_bytes;
  state_.most_vram_mib = state_.vram_mib = mib(used);
  state_.least_vram_mib = mib(used - std::min<std::uint64_t>(used, mind_->stats().kv_bytes));
  if (to_restore_) restore_minds();
}

void Game::fill_overlay() {
  const bool loading = mind_ && mind_->state() == Mind::State::kLoading;
  state_.progress = loading ? std::min(mind_->progress(), 0.99f) : 1;
  state_.state = !mind_ ? "off" : loading ? "loading" : director_.anybody_speaks() ? "speaking" : "ready";
  state_.frame_gpu_ms = renderer_->gpu_us() / 1000;
  for (std::size_t i = 0; i < kCharacters; ++i)
    state_.memories[i] = fmt::format("{}: {} lines, {} facts kept, {} tokens", kNames[i], characters_[i].lines().size(),
                                     characters_[i].facts().size(), mind_ && !naive_ ? mind_->tokens(i).size() : 0);
  const double ms = ms_between(tokens_since_, Clock::now());
  if (ms < 1000) return;
  state_.tokens_per_second = static_cast<double>(director_.tokens_seen() - tokens_then_) * 1000 / ms;
  tokens_then_ = director_.tokens_seen();
  tokens_since_ = Clock::now();
}

void Game::obey(const OverlayWishes& wishes) {
  if (!wishes.say.empty()) director_.player_says(world_.nearest_to_player(), wishes.say);
  if (wishes.vram_changed && mind_ && ready_seen_) {
    const bool all = state_.vram_mib >= state_.most_vram_mib;
    mind_->set_memory(all ? 0 : static_cast<std::uint64_t>(static_cast<double>(state_.vram_mib) * (1 << 20)));
  }
  if ((wishes.save || wishes.load) && options_.save.empty())
    state_.notice = "no file: start with --save FILE";
  else if (wishes.save)
    save_wanted_ = true;
  else if (wishes.load && playing())
    load_saved();
  if (!wishes.toggle_naive || options_.no_model || !playing()) return;
  finish_saving(true);
  director_.interrupt();
  mind_.reset();
  naive_ = !naive_;
  open_mind();
}

bool Game::draw() {
  const VkExtent2D extent = renderer_->extent();
  const auto width = static_cast<float>(extent.width), height = static_cast<float>(extent.height);
  picture_ = picture_of(world_, width / height);
  fill_overlay();
  OverlayWishes wishes;
  const ImDrawData* overlay = overlay_->build(&state_, &wishes, world_, director_, picture_, times_, width, height);
  const std::uint64_t which = options_.screenshot_at > 0 ? options_.screenshot_at : options_.frames;
  const bool capture = !options_.screenshot.empty() && playing() && frames_ + 1 == which;
  const bool drawn = renderer_->draw(picture_, overlay, capture);
  if (drawn && capture) {
    const std::optional<Screenshot> shot = renderer_->take_screenshot();
    if (!shot) throw Failure(kExitInternal, "this window system does not let its images be read: try --headless");
    write_png(options_.screenshot, *shot);
  }
  obey(wishes);
  return drawn;
}

void Game::report() const {
  if (options_.frames == 0) return;
  const Percentiles p = times_.percentiles();
  PumiceContextStats stats = pumice_context_stats_init();
  if (mind_ && mind_->state() == Mind::State::kReady) stats = mind_->stats();
  pumice_apps::write_all(
      pumice_apps::Stream::kOutput,
      fmt::format("{{\"frames\": {}, \"p50_ms\": {:.3f}, \"p99_ms\": {:.3f}, \"worst_ms\": {:.3f}, \"replies\": {}, "
                  "\"whole_replies\": {}, \"reply_tokens\": {}, \"prefill_tokens\": {}, \"decode_tokens\": {}, "
                  "\"validation_messages\": {}, \"objects\": {}}}\n",
                  frames_, p.p50, p.p99, p.worst, director_.turn(), director_.whole_replies(), director_.tokens_seen(),
                  stats.prefill_tokens, stats.decode_tokens, gpu_->messages() + pumice_errors(),
                  world_.fireflies().size() + world_.sheep().size() + world_.birds().size() + kBodies));
}

}  // namespace pumice_game
