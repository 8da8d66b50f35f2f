// StepRecorder: turns planned steps into recorded command streams. One for each context.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "engine/picture_staging.h"
#include "engine/record_thread.h"
#include "engine/request.h"
#include "engine/step_plan.h"
#include "kernels/argmax.h"
#include "kernels/sample.h"
#include "kv/kv_cache.h"
#include "kv/pages/page_pool.h"
#include "model/model.h"

namespace pumice {

// What follows the last token of a prefill slice or a decode step. kDraw: nothing but the draw, from the logits that
// the decode step before it left, which ended with kNothing.
enum class StepEnd { kNothing, kGreedy, kSample, kLogits, kDraw };
inline StepEnd end_of(const GenerationParams& params) { return params.greedy() ? StepEnd::kGreedy : StepEnd::kSample; }

// Most sequences of one decode step.
constexpr uint32_t kMaxBatch = 32;

struct StepRecorderOptions {
  KvFormat kv;
  uint32_t slots = 1;
  uint32_t batch() const { return slots < kMaxBatch ? slots : kMaxBatch; }
  uint32_t context_tokens = 0;  // of one sequence
  uint32_t slice_tokens = 0;    // most tokens of a prefill slice
  uint32_t steps_ahead = 1;
  bool record_each_step = false;
  bool profile = false;
  bool exact = false;  // see StepShape
  uint32_t guesses = 0;                                                                    // most of a check
  uint32_t most_rows() const { return std::max(batch(), guesses > 0 ? guesses + 1 : 0); }  // that draw at once
  std::vector<std::shared_ptr<const Adapter>> adapters;
};

// A sequence in a decode step.
struct BatchMember {
  uint32_t slot = 0;
  uint32_t tokens = 0;  // of the sequence with the one that the step computes
  bool adapted = false;  // it has adapters
  bool kept = false;     // the host reads its logits
};

// Pages of a sequence that move to earlier positions, and what its next decode step computes then.
struct PageShift {
  uint32_t first_page = 0, pages = 0;  // of the slot's row of the page table
  uint32_t first_window_page = 0;      // likewise, of the layers whose pages are kept apart; up to the same end
  uint32_t shift = 0;                  // positions
  StepRow next;
};

// The pools of a context's memory, which outlive the recorder. states: a place for each slot, then those of snapshots.
// windows: of the layers that are `windowed`. Both are empty where the model has no such layer.
struct StepPools {
  const PagePool &pages, &states, &windows;
  std::vector<bool> windowed;  // by layer
};

// Owns the per-step device buffers. Thread rule: that of its context.
//
// A decode step computes row i of the batch rows for the i-th member; each commit leaves the next step's row in its
// place, so steps with the same members follow one another without the host. When the members change, a few copies
// before the step put the rows in their new places, by way of the slots' rows, where prefill commits to.
class StepRecorder {
 public:
  static Result<StepRecorder> create(const Model& model, const StepPools& pools, const StepRecorderOptions& options);
  static WorkspaceShape workspace_shape(const StepRecorderOptions& options);

  // Other pools of the same layers; nothing is in flight.
  void use(const StepPools& pools);

  // Host views of device memory; see shaders/shared/step_params.h.
  uint32_t* page_table(uint32_t slot) { return page_table_.mapped_as<uint32_t>() + slot * pages_per_slot_; }
  uint32_t* window_table(uint32_t slot) { return window_table_.mapped_as<uint32_t>() + slot * pages_per_slot_; }
  uint32_t* token_log(uint32_t slot) { return token_log_.mapped_as<uint32_t>() + slot * options_.context_tokens; }
  SamplerParams& sampler(uint32_t slot) { return samplers_.mapped_as<SamplerParams>()[slot]; }
  // A bit for each token of the vocabulary; read where the slot's sampler is masked.
  std::span<uint32_t> mask(uint32_t slot) {
    return {masks_.mapped_as<uint32_t>() + slot * size_t{mask_words_}, mask_words_};
  }
  const float* logits() const { return readback_.mapped_as<float>(); }
  // Makes room for logits that steps keep for the host, as they are before the draw: of a decode step's members in
  // their order, then those of the last slice that drew. Each stays until the next such step.
  Result<void> keep_logits();
  uint32_t slice_row() const { return options_.batch(); }
  std::span<const float> kept_logits(uint32_t row) const;

  // Whether submit_slice() or submit_decode() would neither wait for an earlier submission nor for a pipeline, which is
  // being made from now on then; nor, in a host's frames, record, which a thread does from now on. ahead: others may
  // come first.
  Result<bool> slice_ready(const SlicePlan& plan, const Sequence& sequence, StepEnd end, bool ahead = false);
  Result<bool> decode_ready(std::span<const BatchMember> batch, StepEnd end);
  Result<bool> shift_ready();                                                  // the same of submit_shift()
  Result<bool> row_ready() const { return finished(changes_[next_change_]); }  // of one that moves no page
  // marks: states that the slice leaves, of leading tokens up to its last one; at most kMostSnapshots. pictures: those
  // in the slice.
  Result<uint64_t> submit_slice(const SlicePlan& plan, const Sequence& sequence, StepEnd end,
                                std::span<const StateMark> marks, std::span<const SlicePicture> pictures);
  // One decode step of all members: from each, the row that was committed last. Between one that ends with kNothing and
  // its kDraw nothing else that computes logits may be submitted.
  Result<uint64_t> submit_decode(std::span<const BatchMember> batch, StepEnd end);

  // A check computes the sequence's last token and guesses that may follow it, as a decode step would one by one, and
  // draws after each of them: into the token log alone, so that submit_shift() has to say where decode steps go on. One
  // at a time, and nothing else of the sequence is in flight. ready: as of the others.
  Result<bool> check_ready(const Sequence& sequence, uint32_t guesses, StepEnd end);
  Result<uint64_t> submit_check(const Sequence& sequence, std::span<const int32_t> guesses, StepEnd end);

  // Nothing of the slot is in flight.
  Result<void> submit_shift(const PageShift& shift);
  // Until nothing in flight looks at the slot's row of the page table.
  Result<void> wait_for_row(uint32_t slot);
  // The same for what cannot fail: a lost device looks at nothing.
  void settle_row(uint32_t slot) noexcept;

  // From now on steps are recorded in parts whose times are measured, see vk::Chunk, and of which two fit into so long,
  // where dispatches let themselves be parted and their times are known. Those that are there anew at their next use.
  void time_parts(double microseconds);
  // Dispatches of which nothing is known are measured by themselves from now on.
  void measure_apart() { parting_.apart = true; }
  // Whether what is submitted now waits for the frames of a host.
  bool in_frames() const { return model_->kernels().device().paced(); }
  bool records_beside() const { return in_frames() && !options_.profile; }
  uint64_t recordings() const { return recordings_; }
  Workspace& workspace() { return work_; }
  const AdapterStack* adapters() const { return adapters_ ? &*adapters_ : nullptr; }  // null: the context has none
  uint64_t workspace_bytes() const { return workspace_bytes_; }
  uint32_t dispatches_per_decode_step() const { return dispatches_; }
  // Adds the times of the newest finished decode step and slice to the profile.
  void collect_profile();
  const std::map<std::string, vk::ProfiledOperation>& profile() const { return profile_; }
  const std::map<std::string, uint64_t>& profile_calls() const { return profile_calls_; }

 private:
  // What a recorded step depends on beside its buffers' content.
  struct Form {
    enum class Kind { kSlice, kDecode, kCheck, kShift } kind = Kind::kSlice;
    uint32_t rows = 0;
    StepEnd end = StepEnd::kNothing;
    bool adapted = false;  // a row's sequence has adapters
    bool kept = false;     // see keep_logits()
    auto operator<=>(const Form&) const = default;
  };
  struct Lane {  // a stream with the submission that last used it
    vk::CommandStream stream;
    vk::Buffer rows;  // slices only: (slice_tokens) StepRow
    PictureStaging pictures;
    uint64_t value = 0;
    bool recorded = false;
    // In a host's frames: what is or was recorded, and whether it has failed, or has not been submitted since.
    Form form{};
    uint32_t slot = 0;
    vk::Parting parting;
    bool failed = false, fresh = false;
  };
  static constexpr uint32_t kNoSlot = UINT32_MAX;
  static Form slice_form(const SlicePlan& plan, const Sequence& sequence, StepEnd end);
  static Form decode_form(std::span<const BatchMember> batch, StepEnd end);
  Result<bool> pipelines_ready(const Form& form);
  std::vector<PipelineKey> list_pipelines(const Form& form);
  Result<bool> finished(const Lane& lane) const;
  bool outdated(const Lane& lane) const;
  bool holds(const Lane& lane, const Form& form, uint32_t slot) const;
  Lane& slice_lane(const Form& form, uint32_t slot);
  bool prepare_beside(Lane& lane, const Form& form, uint32_t slot);
  void record_beside(Lane& lane) noexcept;
  bool await_pipelines(const Form& form);
  bool beside_is_done();
  void settle_beside();
  void record_slice(Recorder recorder, const Form& form, uint32_t slot, vk::BufferView rows,
                    const StateSnapshots& snapshots = {}, const PictureStep* pictures = nullptr);
  void bind_layers(const StepPools& pools);
  void record_decode_step(Recorder recorder, const Form& form);
  static Form check_form(const Sequence& sequence, uint32_t guesses, StepEnd end);
  void record_check(Recorder recorder, const Form& form);
  void record_shift(Recorder recorder, const PageShift& shift);
  void record_model(Recorder recorder, const StepShape& shape);
  FloatRows logit_rows(uint32_t n) const;
  void record_kept(Recorder recorder, uint32_t n, uint32_t row);
  void record_end(Recorder recorder, StepEnd end, uint32_t n, CommitArgs commit);
  Result<void> record_decode(Lane& lane, const Form& form);
  Result<Lane*> decode_lane(const Form& form);
  Result<Lane*> record_batch_change(std::span<const BatchMember> batch);
  Result<Lane*> next_lane(std::vector<Lane>& ring, size_t& next);
  Result<uint64_t> submit(Lane& lane, Lane* before = nullptr);

  const Model* model_ = nullptr;
  StepRecorderOptions options_;
  Workspace work_;
  std::optional<AdapterStack> adapters_;
  std::vector<KvPages> pages_;  // by layer
  std::vector<States> states_;  // likewise
  std::vector<bool> windowed_;  // likewise: its pages are kept apart
  uint32_t pages_per_slot_ = 0, mask_words_ = 0;
  vk::Buffer page_table_, window_table_, token_log_, samplers_, masks_, readback_;
  vk::Buffer kept_logits_;             // (batch + 1, vocabulary), once a request asks for it
  vk::Buffer slot_rows_;               // (slots) StepRow: committed by prefill, and of sequences outside the batch
  vk::Buffer batch_rows_;              // (batch) StepRow
  vk::Buffer check_rows_, checked_rows_;  // (guesses + 1) StepRow: of a check, and what it commits, which nobody reads
  vk::Buffer check_arguments_;            // as arguments_
  vk::Buffer arguments_;               // group counts of the batch's attention
  std::vector<uint64_t> row_readers_;  // by slot: the last submission that looks at its row of the page table
  std::vector<uint32_t> batch_slots_;  // of the batch rows; UINT32_MAX: prefill has committed a newer row since
  std::vector<Lane> slices_, decodes_, changes_;
  std::map<Form, Lane> replays_;  // of decode steps
  size_t next_slice_ = 0, next_decode_ = 0, next_change_ = 0;
  std::set<Form> prepared_;                           // their pipelines are there
  std::map<Form, std::vector<PipelineKey>> awaited_;  // those of others, being made
  uint64_t recordings_ = 0, workspace_bytes_ = 0;
  uint32_t dispatches_ = 0;
  vk::Parting parting_;
  double budget_ = 0;  // of a frame, the highest lately
  bool keeps_states_ = false;
  std::vector<Lane*> unprofiled_;
  std::map<std::string, vk::ProfiledOperation> profile_;
  std::map<std::string, uint64_t> profile_calls_;
  Lane* beside_lane_ = nullptr;           // what the thread records, or has recorded since the last look
  std::set<Form> prepared_beside_;        // as prepared_, the thread's own
  std::unique_ptr<RecordThread> beside_;  // goes first
};

}  // namespace pumice
