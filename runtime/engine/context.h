// Context: a KV cache with the sequences in it and the requests that run on them.
//
// It checks what it is asked and hands it to the part whose job it is: sequences to SequenceTable, requests to
// Scheduler (Admission, Prefill, Batch), calls that wait to Evaluation. Thread rule: one thread at a time;
// Request::cancel alone may be set from any.
#pragma once

#include <memory>
#include <vector>

#include "engine/evaluation.h"
#include "engine/scheduler.h"
#include "engine/sequence_table.h"
#include "kv/pages/transfer.h"

namespace pumice {

struct ContextEstimate {
  uint64_t kv_bytes = 0, workspace_bytes = 0;  // kv: with recurrent states
};

// What a context owns on the device, and the cache that says what is in it.
struct ContextMemory {
  PagePool pool, states, windows;  // empty where the model has no such layers
  PageTransfer transfer, state_transfer, window_transfer;
  std::unique_ptr<KvCache> cache;
  StepRecorder recorder;

  static Result<std::unique_ptr<ContextMemory>> create(const Model& model, const ContextPlan& plan);
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
  static Result<ContextEstimate> estimate(const ModelSpec& spec, const ContextOptions& options, uint64_t room = 0);
  static uint64_t room_on(vk::Device& device);  // see default_context()
  ~Context();

  // Sequences of different groups share nothing.
  Result<Sequence*> open_sequence(std::string_view group = {}) { return table_.open(group); }
  // A new sequence with the same first `tokens` tokens; full pages are shared. A failure leaves none behind.
  Result<Sequence*> fork(Sequence& sequence, uint32_t tokens) { return table_.fork(sequence, tokens); }
  // A new sequence whose pages stay its own. A failure leaves none behind.
  Result<Sequence*> restore(std::string_view group, SavedSequence saved) {
    return table_.restore(group, std::move(saved));
  }
  void close_sequence(Sequence* sequence);  // waits for what runs on it
  // A failure leaves the sequence as it is.
  Result<void> truncate(Sequence& sequence, uint32_t tokens) { return table_.truncate(sequence, tokens); }
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
  // Does what can be done without waiting; true: some request is unfinished.
  Result<bool> step();
  // The same within a host's frame: of all that is submitted, what takes so much of the device's time goes now, and the
  // rest at the next calls; it begins nothing once it has taken the host so long. step() and whatever waits let all of
  // it go. busy: as step(). It neither waits nor, once all that a request needs has been recorded, allocates.
  struct FrameStep {
    bool busy = false;
    vk::Device::Released released;
  };
  Result<FrameStep> step_within(double device_microseconds, double host_microseconds);
  // step(), and whether the request has new tokens or is finished.
  Result<bool> advance_to_news(Request& request);
  uint64_t oldest_in_flight() const { return scheduler_.oldest_in_flight(); }  // 0: nothing is
  // Waits until that submission has finished (0: until something may have come from the tiers), or for the time. From
  // any thread, also while another one uses the context. A lost device is found by the next step().
  Result<void> wait_for(uint64_t submission, int64_t timeout_ns) const;
  // Steps until the request has new tokens or is finished; false: not within the time.
  Result<bool> wait(Request& request, int64_t timeout_ms);
  // Ends the request and waits for what it has in flight.
  void abandon(Request& request) { scheduler_.abandon(request); }

  const ContextOptions& options() const { return plan_.options; }
  const Model& model() const { return model_; }
  KvCache& cache() { return *memory_->cache; }
  const KvCache& cache() const { return *memory_->cache; }
  const PagePool& pool() const { return memory_->pool; }
  uint64_t kv_bytes() const { return plan_.kv_bytes(); }
  std::span<const std::unique_ptr<Sequence>> sequences() const { return slots_; }
  StepRecorder& recorder() { return memory_->recorder; }
  const ContextStats& stats() const { return stats_; }

 private:
  Context(const Model& model, const ContextPlan& plan, std::unique_ptr<ContextMemory> memory,
          std::vector<int32_t> stop_tokens, std::unique_ptr<PictureEncoder> encoder);
  Result<void> check_ids(const Sequence& sequence, std::span<const int32_t> ids) const;
  Result<void> check_room(const Sequence& sequence, size_t tokens) const;

  const Model& model_;
  const ContextPlan plan_;
  std::unique_ptr<ContextMemory> memory_;
  std::unique_ptr<PictureEncoder> encoder_;
  ContextStats stats_;
  // Each knows those before it, as far as it names them.
  SequenceSlots slots_;
  SequencePages pages_;
  Sampling sampling_;
  Sliding sliding_;
  SequenceTable table_;
  Prefill prefill_;
  Admission admission_;
  Batch batch_;
  Scheduler scheduler_;
  Evaluation evaluation_;
};

}  // namespace pumice
