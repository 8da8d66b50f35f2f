// Context: a KV cache with the sequences in it and the requests that run on them.
//
// A request first prefills its prompt in slices, the last of which draws the first token; then decode steps follow, one
// token of every decoding request in each, fed on the device by the step before; up to `steps_ahead` of them are in
// flight while the host collects drawn tokens.
// Thread rule: one thread at a time; Request::cancel alone may be set from any.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "engine/logit_reader.h"
#include "engine/score.h"
#include "engine/sequence.h"
#include "engine/step_recorder.h"
#include "kv/transfer.h"

namespace pumice {

struct ContextOptions {
  uint32_t context_tokens = 0;  // over all sequences; 0: the model's context length, at most 4096
  uint32_t max_sequences = 1;
  KvType kv_type = KvType::kF16;  // of keys, and of values where kv_type_v has none
  bool record_each_step = false;
  bool disable_kv_cache = false;  // every step computes its whole sequence again
  uint32_t prefill_slice = 0;     // 0: adapted to kSliceBudgetMs
  uint32_t steps_ahead = 0;       // 0: chosen by the device
  bool profile = false;
  std::optional<KvType> kv_type_v;  // of values; none: kv_type
  bool kv_rotation = true;          // see KvFormat
  uint32_t cache_tokens = 0;        // room in the pool beyond context_tokens, for texts that no sequence holds now
  // What is found in the cache changes no bit of what is computed after it. So pages that decoding filled are not found
  // again, as its rounding differs from prefill's, and prefill takes kernels that do not depend on the number of rows.
  bool exact = false;
  bool staged_transfers = false;  // pages move through staging buffers even where the host reaches them
  KvCacheOptions cache;
  bool slide = false;         // a sequence whose context is full goes on without its oldest tokens …
  uint32_t sink_tokens = 32;  // … but with its first ones, in whole pages

  KvFormat kv_format() const { return {.k = kv_type, .v = kv_type_v.value_or(kv_type), .rotate = kv_rotation}; }
};

struct ContextStats {
  uint64_t prefill_tokens = 0, decode_tokens = 0, cached_tokens = 0, submissions = 0;
  double host_seconds_decode = 0;
};

struct ContextEstimate {
  uint64_t kv_bytes = 0, workspace_bytes = 0;
};

class Context {
 public:
  static constexpr double kSliceBudgetMs = 100;

  // stop_tokens: ids that end a generation. The model outlives the context.
  static Result<std::unique_ptr<Context>> create(const Model& model, std::vector<int32_t> stop_tokens,
                                                 ContextOptions options);
  static constexpr uint32_t kMaxSequences = 1024;
  static Result<ContextEstimate> estimate(const ModelConfig& config, ContextOptions options);
  ~Context();

  // Sequences of different groups share nothing.
  Result<Sequence*> open_sequence(std::string_view group = {});
  // A new sequence with the same first `tokens` tokens; full pages are shared.
  Result<Sequence*> fork(Sequence& sequence, uint32_t tokens);
  // A new sequence with these tokens, and for the first `computed` of them the pages that `next_page` gives one after
  // another. They stay this sequence's own.
  Result<Sequence*> restore(std::string_view group, std::vector<int32_t> tokens, uint32_t computed, uint64_t dropped,
                            const std::function<Result<std::vector<std::byte>>()>& next_page);
  Result<void> check_idle(const Sequence& sequence) const;
  void close_sequence(Sequence* sequence);  // waits for what runs on it
  Result<void> truncate(Sequence& sequence, uint32_t tokens);
  // Appends ids, waits, and writes the logits after the last one.
  Result<void> evaluate(Sequence& sequence, std::span<const int32_t> ids, std::span<float> logits);
  // Appends ids, waits, and delivers what the model makes of the targets. A failure leaves the sequence as it was.
  Result<void> score(Sequence& sequence, const ScoreArgs& args);

  Result<std::shared_ptr<Request>> submit(Sequence& sequence, std::span<const int32_t> ids,
                                          const GenerationParams& params);
  // Does what can be done without waiting; true: some request is unfinished.
  Result<bool> step();
  // step(), and whether the request has new tokens or is finished.
  Result<bool> advance_to_news(Request& request);
  uint64_t oldest_in_flight() const;  // 0: nothing is
  // Waits until that submission has finished (0: until something may have come from the tiers), or for the time. From
  // any thread, also while another one uses the context. A lost device is found by the next step().
  Result<void> wait_for(uint64_t submission, int64_t timeout_ns) const;
  // Steps until the request has new tokens or is finished; false: not within the time.
  Result<bool> wait(Request& request, int64_t timeout_ms);
  // Ends the request and waits for what it has in flight.
  void abandon(Request& request);

  const ContextOptions& options() const { return options_; }
  const Model& model() const { return model_; }
  KvCache& cache() { return *cache_; }
  const KvCache& cache() const { return *cache_; }
  const PagePool& pool() const { return pool_; }
  std::span<const std::unique_ptr<Sequence>> sequences() const { return sequences_; }
  StepRecorder& recorder() { return recorder_; }
  const ContextStats& stats() const { return stats_; }

 private:
  Context(const Model& model, ContextOptions options) : model_(model), options_(options) {}
  Result<void> check_tokens(const Sequence& sequence, std::span<const int32_t> ids) const;  // both of these:
  Result<void> check_ids(const Sequence& sequence, std::span<const int32_t> ids) const;
  Result<void> check_room(const Sequence& sequence, size_t tokens) const;
  bool reserve(Sequence& sequence, uint32_t tokens);              // pages, all or none; false: too few are free
  Result<void> reserve_all(Sequence& sequence, uint32_t tokens);  // likewise, or kContextFull
  void release_pages(Sequence& sequence, uint32_t tokens);        // those beyond `tokens`
  void write_page_table(const Sequence& sequence, size_t from = 0);
  void write_token_log(const Sequence& sequence);
  // Before a text that has been appended is computed: takes over what of it is in the pool (reuse), and sees to it that
  // no shared page will be written. Raises `computed`.
  Result<void> enter(Sequence& sequence, bool reuse);
  Result<void> fetch_now(Sequence& sequence);  // what the tiers have; waits
  Result<bool> wait_for_pages(Request& request);
  bool computed_by_another(const Request& request);
  Error no_room(uint32_t tokens) const;
  static Result<void> check_slide(const ModelConfig& config, const ContextOptions& options);
  Result<uint32_t> slide(Sequence& sequence, uint32_t computed, uint32_t tokens);
  Result<void> slide_for_prompt(Sequence& sequence, size_t tokens);
  Result<bool> slide_request(Request& request);
  Result<void> score_slices(Sequence& sequence, const ScoreArgs& args, uint32_t before);
  Result<void> deliver_rows(const ScoreArgs& args, const LogitRows& rows) const;
  Result<void> prepare(Request& request);
  Result<void> advance(Request& request);
  Result<void> collect(Request& request);
  Result<void> schedule_prefill(Request& request);
  void schedule_decode();
  bool gather_batch();  // false: nothing to submit now
  void share_host_time(double seconds);
  void take_token(Request& request, const InFlight& step);
  void end(Request& request, RequestStatus status);
  void finish(Request& request);
  void fail(Request& request, Error error);
  bool is_stop(int32_t token) const;
  StepEnd end_of(const Request& request) const { return request.params.greedy() ? StepEnd::kGreedy : StepEnd::kSample; }

  const Model& model_;
  ContextOptions options_;
  std::vector<int32_t> stop_tokens_;
  PagePool pool_;
  PageTransfer transfer_;
  std::unique_ptr<KvCache> cache_;
  StepRecorder recorder_;
  std::optional<LogitReader> logit_reader_;  // made by the first score()
  uint32_t slice_ = 0, highest_slice_ = 0;
  std::vector<std::unique_ptr<Sequence>> sequences_;  // by slot; null: free
  std::vector<std::shared_ptr<Request>> active_;
  std::vector<Request*> batch_;  // of the decode step being submitted
  std::vector<BatchMember> members_;
  ContextStats stats_;
};

}  // namespace pumice
