#include "kernels/tuner.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

namespace pumice {
namespace {

constexpr uint32_t kNanWord = 0xffffffffu;
constexpr uint32_t kMaxRepeats = 64;

struct Candidate {
  uint32_t index = 0, repeats = 1;
  vk::CommandStream stream;
  double seconds = std::numeric_limits<double>::infinity();  // of one operation
};

class Tuner {
 public:
  Tuner(Kernels& kernels, const TuningTask& task, const TunerOptions& options)
      : kernels_(kernels), task_(task), options_(options) {}
  Result<void> prepare();
  // Checks the candidate and readies its timing.
  Result<void> admit(uint32_t index);
  Result<void> time_all();
  TuningEntry entry(uint64_t excluded) const;

 private:
  Result<void> record(vk::CommandStream& stream, uint32_t index, uint32_t repeats, bool checked);
  Result<double> time(vk::CommandStream& stream);
  double error_of_output() const;
  double allowed_error() const;

  Kernels& kernels_;
  const TuningTask& task_;
  const TunerOptions& options_;
  vk::Buffer readback_;
  vk::CommandStream check_;
  std::vector<Candidate> candidates_;
  std::optional<double> choice_error_;
};

Result<void> Tuner::prepare() {
  PUMICE_ASSIGN(readback_, kernels_.device().create_buffer(task_.output->size(), vk::MemoryIntent::kReadback));
  PUMICE_ASSIGN(check_, vk::CommandStream::create(kernels_.device()));
  return {};
}

Result<void> Tuner::record(vk::CommandStream& stream, uint32_t index, uint32_t repeats, bool checked) {
  const Recorder recorder{kernels_, stream, nullptr, index};
  stream.begin();
  if (checked) stream.fill(*task_.output, kNanWord);
  for (uint32_t round = 0; round < repeats; ++round) task_.record(recorder, round);
  if (checked) stream.copy(*task_.output, readback_);
  return stream.end();
}

// Seconds of a whole submission: the device's own time where it tells, else this thread's wait.
Result<double> Tuner::time(vk::CommandStream& stream) {
  const auto start = std::chrono::steady_clock::now();
  PUMICE_TRY(stream.run());
  const double waited = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  double on_device = 0;
  for (const vk::ProfiledOperation& operation : stream.profile()) on_device += operation.microseconds * 1e-6;
  return on_device > 0 ? on_device : waited;
}

double Tuner::error_of_output() const {
  const float* values = readback_.mapped_as<float>();
  double difference = 0, whole = 0;
  for (size_t i = 0; i < task_.output->size() / sizeof(float); ++i) {
    const double wanted = static_cast<double>(task_.expected(i)), got = static_cast<double>(values[i]);
    if (std::isnan(wanted)) continue;
    if (!std::isfinite(got)) return std::numeric_limits<double>::infinity();
    difference += (got - wanted) * (got - wanted);
    whole += wanted * wanted;
  }
  return std::sqrt(difference / std::max(whole, 1e-30));
}

// Speed may not be bought with accuracy: where the choice computes in single precision, so must what replaces it.
double Tuner::allowed_error() const {
  constexpr double kSinglePrecision = 1e-5;
  if (!choice_error_) return task_.relative_error;
  return std::min(task_.relative_error, std::max(kSinglePrecision, 4 * *choice_error_));
}

Result<void> Tuner::admit(uint32_t index) {
  PUMICE_TRY(record(check_, index, 1, true));
  PUMICE_TRY(check_.run());
  const double wrong = error_of_output();
  if (!(wrong <= allowed_error())) return error(Status::kInternal, "its result is wrong by a part of %.2g", wrong);
  if (index == 0) choice_error_ = wrong;
  Candidate candidate{.index = index};
  PUMICE_ASSIGN(candidate.stream, vk::CommandStream::create(kernels_.device(), true));
  PUMICE_TRY(record(candidate.stream, index, 1, false));
  PUMICE_ASSIGN(const double once, time(candidate.stream));
  const double wanted = options_.round_seconds / std::max(once, 1e-9);
  candidate.repeats = static_cast<uint32_t>(std::clamp(wanted, 1.0, static_cast<double>(kMaxRepeats)));
  PUMICE_TRY(record(candidate.stream, index, candidate.repeats, false));
  candidates_.push_back(std::move(candidate));
  return {};
}

Result<void> Tuner::time_all() {
  for (uint32_t round = 0; round < options_.rounds; ++round)
    for (Candidate& candidate : candidates_) {
      PUMICE_ASSIGN(const double seconds, time(candidate.stream));
      candidate.seconds = std::min(candidate.seconds, seconds / candidate.repeats);
    }
  return {};
}

TuningEntry Tuner::entry(uint64_t excluded) const {
  TuningEntry entry{.candidate = 0, .count = task_.count, .excluded = excluded};
  double choice = std::numeric_limits<double>::infinity(), best = choice;
  for (const Candidate& candidate : candidates_) {
    if (candidate.index == 0) choice = candidate.seconds;
    const double needed = std::min(best, candidate.index == 0 ? best : choice * (1 - options_.margin));
    if (candidate.seconds >= needed) continue;
    best = candidate.seconds;
    entry.candidate = candidate.index;
  }
  if (std::isfinite(best)) entry.microseconds = static_cast<float>(best * 1e6);
  if (std::isfinite(choice)) entry.choice_microseconds = static_cast<float>(choice * 1e6);
  return entry;
}

}  // namespace

Result<TunerResult> measure_candidates(Kernels& kernels, const TuningTask& task, const TunerOptions& options,
                                       uint64_t known_excluded) {
  const Log& log = kernels.device().log();
  Tuner tuner(kernels, task, options);
  PUMICE_TRY(tuner.prepare());
  uint64_t excluded = known_excluded;
  const uint32_t count = std::min(task.count, 64u);
  for (uint32_t index = 0; index < count; ++index) {
    if (excluded >> index & 1) continue;
    Result<void> admitted = tuner.admit(index);
    if (admitted) continue;
    const Status status = admitted.error().status;
    if (status == Status::kOutOfHostMemory || status == Status::kOutOfDeviceMemory) return std::move(admitted).error();
    excluded |= uint64_t{1} << index;
    log.write(index == 0 ? LogLevel::kWarning : LogLevel::kInfo, "%s: candidate %u is out: %s", task.name, index,
              admitted.error().message.c_str());
    if (status == Status::kDeviceLost) return TunerResult{tuner.entry(excluded), std::move(admitted).error()};
  }
  Result<void> timed = tuner.time_all();
  if (!timed && timed.error().status == Status::kDeviceLost)
    return TunerResult{{.count = task.count, .excluded = excluded}, std::move(timed).error()};
  PUMICE_TRY(std::move(timed));
  return TunerResult{tuner.entry(excluded), std::nullopt};
}

}  // namespace pumice
