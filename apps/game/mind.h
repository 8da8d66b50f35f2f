// The characters' model: loaded on a thread of its own, then run within each frame, or the naive way on a thread that
// knows nothing of frames. Thread rule: the main thread's; save_session() alone may be called from another one while
// nobody is asked anything.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "game/world.h"
#include "pumice/pumice.hpp"
#include "pumice/pumice_vulkan.h"

namespace pumice_game {

struct MindPlan {
  std::string model;                     // path
  std::optional<PumiceVkImport> import;  // the renderer's device; none: the naive way, with a device of its own
  std::string device;                    // of the naive way: as for PumiceDeviceOptions.selector
  std::function<std::string(std::size_t)> schema;  // of each character's replies
};

// A reply that has ended, or that goes on.
struct Answer {
  std::string text;
  std::vector<std::int32_t> ids;
  bool ended = false;
  std::string problem;  // empty: it is whole
};

class Mind {
 public:
  enum class State { kLoading, kReady, kFailed };

  // `instance` outlives it, and so does the imported device.
  Mind(const pumice::Instance* instance, MindPlan plan);
  Mind(const Mind&) = delete;
  Mind& operator=(const Mind&) = delete;
  ~Mind();

  // Once it is ready: goes on with another device, after the one that it had was lost, as it loaded: on a thread.
  // Whoever was speaking goes on speaking. The former one stays until it is ready again, or has failed.
  void move(const PumiceVkImport& import);

  bool naive() const { return !plan_.import; }
  State state() const { return state_; }
  float progress() const { return progress_; }
  // Of a failed one; after join_loader() or once state() says so.
  const std::string& problem() const { return problem_; }
  PumiceResult problem_code() const { return problem_code_; }

  // ---- Once it is ready.

  const pumice::Model& model() const { return *model_; }
  pumice::Chat* chat() { return chat_ ? &*chat_ : nullptr; }
  std::size_t most_prompt_tokens() const { return room_ - kMostReplyTokens - 1; }
  PumiceContextStats stats() const { return context_->stats(); }
  PumiceDeviceMemory memory() const { return device_->memory(); }
  // Most device memory that the model may take; 0: no limit. Whoever it is too little for waits.
  void set_memory(std::uint64_t bytes) { device_->set_budget(bytes); }

  // Begins a reply. The prompt's beginning that the sequence has already is not computed again.
  void ask(std::size_t who, const std::vector<std::int32_t>& prompt, std::uint64_t seed);
  // Once a frame: lets the model work for so much of the device's time. The naive way works by itself.
  PumiceFrame advance(double gpu_us);
  // Whether nothing that was submitted is still running. Not of the naive way.
  bool device_idle() const;
  // Of one who was asked. An ended answer is the last.
  Answer answer(std::size_t who);
  // What still runs is given up.
  void give_up();

  const std::vector<std::int32_t>& tokens(std::size_t who) const { return turns_[who].tokens; }
  // Waits. Nobody is asked anything.
  std::string save_session(std::size_t who);
  void load_session(std::size_t who, const std::string& session, std::vector<std::int32_t> tokens);

  static constexpr std::uint32_t kMostReplyTokens = 120;

 private:
  struct Turn {
    std::optional<pumice::Sequence> sequence;
    std::vector<std::int32_t> tokens;  // of the sequence
    std::optional<pumice::Request> request;
    bool active = false;
    Answer answer;
    std::vector<std::int32_t> prompt;  // of the naive way's worker
    std::uint64_t seed = 0;
  };

  void load();
  void load_again();
  void rebind();
  void attempt(const std::function<void()>& work);
  void open_device();
  void load_model();
  void make_context();
  static std::int32_t on_progress(void* self, float fraction);
  void begin(Turn* turn, std::size_t who, const std::vector<std::int32_t>& prompt, std::uint64_t seed);
  void collect(Turn* turn);
  void finish(Turn* turn, const PumicePoll& poll);
  void work();

  const pumice::Instance* instance_;
  MindPlan plan_;
  std::atomic<State> state_{State::kLoading};
  std::atomic<float> progress_{0};
  std::atomic<bool> stop_{false};
  float progress_from_ = 0, progress_share_ = 1;
  std::string problem_;
  PumiceResult problem_code_ = PUMICE_OK;
  std::optional<pumice::Device> device_;
  std::optional<pumice::Model> model_;
  std::optional<pumice::Chat> chat_;
  std::vector<pumice::Grammar> grammars_;
  std::optional<pumice::Context> context_;
  std::size_t room_ = 0;
  std::array<Turn, kCharacters> turns_;
  std::mutex mutex_;  // of turns_, the naive way
  std::condition_variable wake_;
  std::thread thread_;  // loads, and then works where it is naive
};

}  // namespace pumice_game
