// Context: a KV cache with the sequences in it and the requests that run on them.
//
// It checks what it is asked and hands it to the part whose job it is: sequences to SequenceTable, requests to
// Scheduler (Admission, Prefill, Batch), calls that wait to Evaluation. Thread rule: one thread at a time;
// Request::cancel alone may be set from any.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "engine/evaluation.h"
#include "engine/scheduler.h"
#include "engine/sequence_table.h"
#include "kv/pages/transfer.h"

namespace pumice {

struct ContextEstimate {
  uint64_t kv_bytes = 0, workspace_bytes = 0;  // kv: with recurrent states
  uint64_t adapter_bytes = 0;
};

// The pages of a context, and the cache that says what is in them.
struct ContextPages {
  PagePool pool;
  PageTransfer transfer;
  std::unique_ptr<KvCache> cache;
};

// What a context owns on the device.
struct ContextMemory {
  PagePool states, windows;  // empty where the model has no such layers
  PageTransfer state_transfer, window_transfer;
  std::unique_ptr<ContextPages> pages;
  StepRecorder recorder;

  // tiers: false where those of another context's cache are to be adopted.
  static Result<std::unique_ptr<ContextMemory>> create(const Model& model, const ContextPlan& plan, bool tiers = true);
  // So many pages, whose pool has yet to be filled.
  Result<std::unique_ptr<ContextPages>> plan_pages(vk::Device& device, const ContextPlan& plan, uint32_t count,
                                                   bool tiers);
  StepPools pools(const ContextPlan& plan) const;
};

// The parts of a context, which work on its memory. Each knows those before it, as far as it names them.
struct ContextParts {
  ContextParts(const Model& model, const ContextPlan& plan, ContextMemory& memory, SequenceSlots& slots,
               const std::vector<int32_t>& stop_tokens, ContextStats& stats, PictureEncoder* encoder, Draft* draft);

  SequencePages pages;
  Sampling sampling;
  Sliding sliding;
  SequenceTable table;
  Prefill prefill;
  Admission admission;
  Batch batch;
  Speculation speculation;
  Scheduler scheduler;
  Evaluation evaluation;
};

struct ContextTower {
  const Tower* tower = nullptr;
  std::string fingerprint;  // of its file
};

class Context {
 public:
  static constexpr double kSliceBudgetMs = Prefill::kSliceBudgetMs;
  static constexpr uint32_t kMaxSequences = pumice::kMaxSequences;

  // stop_tokens: ids that end a generation. The model outlives the context.
  // tower: of the model's projector, which outlives the context, too; null: it has none.
  static Result<std::unique_ptr<Context>> create(const Model& model, std::vector<int32_t> stop_tokens,
                                                 const ContextOptions& options, const ContextTower& tower = {});
  // matrices: of the model, where the options have adapters.
  static Result<ContextEstimate> estimate(const ModelSpec& spec, const ContextOptions& options, uint64_t room = 0,
                                          std::span<const AdaptableMatrix> matrices = {});
  static uint64_t room_on(vk::Device& device);  // see default_context()
  ~Context();

  // Sequences of different groups share nothing.
  Result<Sequence*> open_sequence(std::string_view group = {}) { return parts_->table.open(group); }
  // A new sequence with the same first `tokens` tokens; full pages are shared. A failure leaves none behind.
  Result<Sequence*> fork(Sequence& sequence, uint32_t tokens) {
    settle_cancelled(sequence);
    return parts_->table.fork(sequence, tokens);
  }
  // A new sequence whose pages stay its own. A failure leaves none behind.
  Result<Sequence*> restore(std::string_view group, SavedSequence saved) {
    return parts_->table.restore(group, std::move(saved));
  }
  void close_sequence(Sequence* sequence);  // waits for what runs on it
  // A failure leaves the sequence as it is.
  Result<void> truncate(Sequence& sequence, uint32_t tokens) {
    settle_cancelled(sequence);
    return parts_->table.truncate(sequence, tokens);
  }
  // One scale for each of ContextOptions::adapters; others than it has only without tokens. A failure leaves it as it
  // is.
  Result<void> set_adapters(Sequence& sequence, std::span<const float> scales);
  // A request on the sequence that was cancelled is told to have ended at once: what is left of it in flight is waited
  // for by what uses the sequence next.
  void settle_cancelled(const Sequence& sequence) { parts_->scheduler.abandon_cancelled(sequence); }
  // What the sequence has outside of the pool comes back into it; kContextFull: there is no room now.
  Result<void> unpark(Sequence& sequence) { return parts_->pages.unpark_now(sequence); }
  // Appends ids or a picture, to be computed with what comes behind it. A failure leaves the sequence as it was.
  Result<void> append(Sequence& sequence, std::span<const int32_t> ids);
  Result<void> append(Sequence& sequence, std::shared_ptr<const PictureContent> content);
  PictureEncoder* pictures() { return encoder_.get(); }  // null: the model sees none
  // Appends ids, waits, and writes the logits after the last one. A failure leaves the sequence as it was.
  Result<void> evaluate(Sequence& sequence, std::span<const int32_t> ids, std::span<float> logits);
  // Appends ids, waits, and delivers what the model makes of the targets. A failure leaves the sequence as it was.
  Result<void> score(Sequence& sequence, const ScoreArgs& args);

  // A failure leaves the sequence as it was.
  Result<std::shared_ptr<Request>> submit(Sequence& sequence, std::span<const int32_t> ids,
                                          const GenerationParams& params);
  // Does what can be done without waiting; true: some request is unfinished. kDeviceLost: requests stay as they are.
  //
  // The pool follows the device's memory limit: while it is smaller than it was made, or as small as it can be,
  // requests may be paused. When its size changes nothing is in flight; texts are found in the tiers or computed again,
  // and what cannot be computed again lies in the host's memory meanwhile.
  Result<bool> step();
  // The same within a host's frame: of all that is submitted, what takes so much of the device's time goes now, and the
  // rest at the next calls; it begins nothing once it has taken the host so long. step() and whatever waits let all of
  // it go. busy: as step(). It neither waits nor, once all that a request needs has been recorded, allocates.
  struct FrameStep {
    bool busy = false;
    vk::Device::Released released;
  };
  // commands: where it goes instead of to the queue, see vk::Device::record(); null: nowhere else.
  Result<FrameStep> step_within(double device_microseconds, double host_microseconds,
                                VkCommandBuffer commands = VK_NULL_HANDLE);
  // step(), and whether the request has new tokens or is finished.
  Result<bool> advance_to_news(Request& request);
  // The context goes on with the same model on another device, whose model and tower outlive it; sequences and requests
  // stay what they are, and compute their texts again. A failure leaves all as it was.
  Result<void> rebind(const Model& model, const ContextTower& tower = {});
  uint64_t generation() const { return generation_; }  // of the cache's pages: what was pinned in another one is not
  uint64_t oldest_in_flight() const;                   // 0: nothing is
  // Waits until that submission has finished (0: until something may have come from the tiers), or for the time. From
  // any thread, also while another one uses the context. A lost device is found by the next step().
  Result<void> wait_for(uint64_t submission, int64_t timeout_ns) const;
  // Steps until the request has new tokens or is finished; false: not within the time.
  Result<bool> wait(Request& request, int64_t timeout_ms);
  // Ends the request and waits for what it has in flight.
  void abandon(Request& request) { parts_->scheduler.abandon(request); }

  const ContextOptions& options() const { return plan_.options; }
  const Model& model() const { return *model_; }
  KvCache& cache() { return *memory_->pages->cache; }
  const KvCache& cache() const { return *memory_->pages->cache; }
  const PagePool& pool() const { return memory_->pages->pool; }
  uint64_t kv_bytes() const { return plan_.kv_bytes(); }  // of all pages that it was made with
  std::span<const std::unique_ptr<Sequence>> sequences() const { return slots_; }
  StepRecorder& recorder() { return memory_->recorder; }
  const ContextStats& stats() const { return stats_; }

 private:
  Context(const Model& model, const ContextOptions& asked, const ContextPlan& plan,
          std::unique_ptr<ContextMemory> memory, std::vector<int32_t> stop_tokens,
          std::unique_ptr<PictureEncoder> encoder, std::unique_ptr<Draft> draft);
  vk::Device& device() const { return model_->kernels().device(); }
  Result<bool> advance(double host_seconds);
  uint32_t pages_allowed() const;
  bool worth_resizing(uint32_t pages) const;
  Result<bool> make_way();
  Result<void> resize(uint32_t pages);
  Result<void> park(Sequence& sequence);
  void begin_again(std::vector<std::shared_ptr<Request>> active);
  Result<void> check_ids(const Sequence& sequence, std::span<const int32_t> ids) const;
  Result<void> check_room(const Sequence& sequence, size_t tokens) const;

  const Model* model_;
  const ContextOptions asked_;
  ContextPlan plan_;
  std::unique_ptr<ContextMemory> memory_;
  std::unique_ptr<PictureEncoder> encoder_;
  std::unique_ptr<Draft> draft_;  // null: it has none
  const std::vector<int32_t> stop_tokens_;
  ContextStats stats_;
  SequenceSlots slots_;
  std::unique_ptr<ContextParts> parts_;
  uint64_t generation_ = 0;
  bool resizing_ = false;
  uint64_t fitted_limit_ = 0;  // of the device's memory, when the pool's size was changed last
  std::chrono::steady_clock::time_point resized_{};
};

}  // namespace pumice
