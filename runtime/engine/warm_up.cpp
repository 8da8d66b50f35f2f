#include "engine/warm_up.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/thread_team.h"
#include "engine/context.h"
#include "engine/encoder.h"
#include "model/step_list.h"

namespace pumice {
namespace {

// The prompt lengths whose pipelines differ: the usual slices first, then every count of columns that a matrix-vector
// product may have (kernels/matvec.h).
constexpr uint32_t kPrompts[] = {128, 512, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 32};
constexpr uint32_t kTunedPrompts[] = {128};  // choices are measured for decoding and for these

// Shares of the progress.
constexpr float kTuningShare = 0.5f, kPipelineShare = 0.4f;

std::function<bool(float)> part_of(const std::function<bool(float)>& progress, float from, float share) {
  if (!progress) return {};
  return [&progress, from, share](float fraction) { return progress(from + share * fraction); };
}

// Makes the pipelines by several threads, while the calling one reports; without threads it makes them itself.
class PipelineMaker {
 public:
  PipelineMaker(Kernels& kernels, const std::vector<PipelineKey>& keys) : kernels_(kernels), keys_(keys) {}
  Result<void> run(uint32_t threads, const std::function<bool(float)>& progress);

 private:
  void work();
  bool make_next();
  Result<void> report(const std::function<bool(float)>& progress);

  Kernels& kernels_;
  const std::vector<PipelineKey>& keys_;
  std::atomic<size_t> next_{0};
  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  size_t done_ = 0, working_ = 0;
  std::optional<Error> error_;
};

// False when there is nothing left to do.
bool PipelineMaker::make_next() {
  const size_t i = next_.fetch_add(1);
  if (i >= keys_.size()) return false;
  Result<const vk::Pipeline*> made = kernels_.pipeline(keys_[i], true);
  const std::lock_guard lock(mutex_);
  ++done_;
  if (!made && !error_) {
    error_ = std::move(made).error();
    next_ = keys_.size();
  }
  changed_.notify_one();
  return true;
}

void PipelineMaker::work() {
  // After an exception the others need not go on.
  struct Leave {
    PipelineMaker& maker;
    ~Leave() {
      maker.next_ = maker.keys_.size();
      const std::lock_guard lock(maker.mutex_);
      --maker.working_;
      maker.changed_.notify_one();
    }
  };
  const Leave leave{*this};
  while (make_next()) {
  }
}

// Until all threads have ended. Reports of fast pipelines merge into one.
Result<void> PipelineMaker::report(const std::function<bool(float)>& progress) {
  std::unique_lock lock(mutex_);
  for (size_t reported = 0; working_ > 0 || done_ > reported;) {
    changed_.wait(lock, [&] { return done_ > reported || working_ == 0; });
    if (error_ || done_ == reported) break;
    reported = done_;
    const float fraction = static_cast<float>(reported) / static_cast<float>(keys_.size());
    lock.unlock();
    const bool cancelled = progress && progress(fraction);
    lock.lock();
    if (!cancelled) continue;
    next_ = keys_.size();
    if (!error_) error_ = error(Status::kCancelled, "warming up was cancelled");
  }
  if (error_) return *error_;
  return {};
}

Result<void> PipelineMaker::run(uint32_t threads, const std::function<bool(float)>& progress) {
  const uint32_t cores = std::clamp(std::thread::hardware_concurrency(), 1u, 8u);
  const size_t wanted = std::min<size_t>(threads ? threads : cores, keys_.size());
  working_ = wanted;
  ThreadTeam team;
  const size_t started = team.start(wanted, [this] { work(); });
  {
    const std::lock_guard lock(mutex_);
    working_ -= wanted - started;
  }
  while (started == 0 && make_next()) {
  }
  const Result<void> reported = report(progress);
  next_ = keys_.size();
  team.join();
  return reported;
}

// What each dispatch takes, for the frames of a host: a page of a prompt and two steps, every dispatch by itself.
Result<void> measure_once(vk::Device& device, Context& context, Sequence& sequence,
                          const std::function<bool(float)>& progress) {
  if (device.caps().timestamp_period_ns <= 0) return {};
  constexpr double kShortest = 1;          // microseconds of a part
  constexpr double kEndless = 1e12;        // and of a frame
  constexpr int64_t kPauseNs = 50'000'000;  // how soon a cancellation is seen
  const bool paced = device.paced();
  const std::vector<int32_t> prompt(kPageTokens, 0);
  const GenerationParams params{.sampler = {.temperature = 1, .top_p = 1, .repeat_penalty = 1}, .max_tokens = 3,
                                .ignore_eos = true};
  PUMICE_ASSIGN(const std::shared_ptr<Request> request, context.submit(sequence, prompt, params));
  context.recorder().time_parts(kShortest);
  context.recorder().measure_apart();
  while (request->status == RequestStatus::kRunning) {
    PUMICE_TRY(context.step_within(kEndless, kEndless));
    PUMICE_TRY(context.wait_for(context.oldest_in_flight(), kPauseNs));
    if (progress && progress(0)) return error(Status::kCancelled, "warming up was cancelled");
  }
  if (request->status == RequestStatus::kFailed) return request->error;
  return paced ? Result<void>() : device.release_all();
}

// Drivers that compile when a pipeline first runs (software drivers do) do it now: a prompt of one token, then a decode
// step, in a small context of its own.
Result<void> run_once(const Model& model, const KvFormat& kv, const std::function<bool(float)>& progress) {
  if (!model.spec().causal) return encode_once(model, kv);
  PUMICE_ASSIGN(
      const std::unique_ptr<Context> context,
      Context::create(
          model, {},
          {.context_tokens = 64, .kv_type = kv.k, .prefill_slice = 32, .kv_type_v = kv.v, .kv_rotation = kv.rotate}));
  PUMICE_ASSIGN(Sequence * sequence, context->open_sequence());
  const int32_t token = 0;
  PUMICE_ASSIGN(const std::shared_ptr<Request> request,
                context->submit(*sequence, {&token, 1}, {.max_tokens = 2, .ignore_eos = true}));
  while (request->status == RequestStatus::kRunning) {
    PUMICE_ASSIGN(const bool news, context->wait(*request, 1000));
    if (!news && progress && progress(0)) return error(Status::kCancelled, "warming up was cancelled");
  }
  if (request->status == RequestStatus::kFailed) return request->error;
  return measure_once(model.kernels().device(), *context, *sequence, progress);
}

}  // namespace

RecordList list_steps(const Model& model, const KvFormat& kv, std::span<const uint32_t> prompts) {
  RecordList list;
  vk::CommandStream nothing;
  const Recorder recorder{model.kernels(), nothing, &list};
  const ListedModel listed{model.spec(), model.weights(), kv};
  list_decode(recorder, listed);
  for (const uint32_t n : prompts) list_prompt(recorder, listed, n);
  return list;
}

Result<WarmUpSummary> warm_up(const Model& model, const WarmUpOptions& options) {
  Kernels& kernels = model.kernels();
  WarmUpSummary summary;
  if (!model.spec().encoder.empty()) return summary;  // a translator makes what it takes as it goes
  if (options.autotune) {
    const RecordList list = list_steps(model, options.kv, kTunedPrompts);
    Result<AutotuneSummary> tuned = autotune(
        kernels, list.choices,
        {.budget_seconds = options.autotune_seconds > 0 ? options.autotune_seconds : autotune_budget(kernels.caps()),
         .progress = part_of(options.progress, 0, kTuningShare)});
    if (options.tuned) options.tuned();
    PUMICE_ASSIGN(summary.tuning, std::move(tuned));
  }
  const RecordList list = list_steps(model, options.kv, kPrompts);
  PUMICE_TRY(PipelineMaker(kernels, list.pipelines)
                 .run(options.threads, part_of(options.progress, kTuningShare, kPipelineShare)));
  summary.pipelines = static_cast<uint32_t>(list.pipelines.size());
  PUMICE_TRY(run_once(model, options.kv, part_of(options.progress, kTuningShare + kPipelineShare, 0)));
  return summary;
}

}  // namespace pumice
