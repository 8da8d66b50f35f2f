#include "model/autotune.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/random.h"
#include "format/block_factors.h"
#include "format/dequantize.h"
#include "format/half.h"
#include "kernels/device_policy.h"
#include "kernels/matmul.h"
#include "kernels/matvec.h"
#include "model/uploader.h"
#include "shared/matvec.h"

namespace pumice {
namespace {

// Rows of weights and of x that are random; further rows repeat them, so that the reference stays cheap.
constexpr uint32_t kRandomRows = 256, kRandomInputs = 8;
constexpr float kEps = 1e-5f;

TensorType type_of(uint32_t weight_type) {
  PUMICE_CHECK(weight_type < kWeightTypes);
  return kWeightLayouts[weight_type].type;
}

class Random {
 public:
  explicit Random(uint32_t seed) : bits_(seed) {}
  uint64_t bits() { return bits_.next(); }
  float symmetric() { return static_cast<float>(bits() >> 40) * 0x1p-23f - 1.0f; }  // [-1, 1)

 private:
  SplitMix bits_;
};

double dot(const float* a, const float* b, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

// One operation of a key's shape: weights and inputs on the device, and the answer.
class Workload {
 public:
  static Result<Workload> create(Kernels& kernels, const TuningKey& key);
  void record(Recorder recorder, uint32_t round) const;
  float expected(size_t i) const;
  const vk::Buffer& output() const { return y_; }
  uint32_t candidates(Kernels& kernels) const;

 private:
  Result<void> make_weights(Kernels& kernels, Uploader& uploader);
  Result<void> make_inputs(Uploader& uploader);
  Result<std::vector<WeightMatrix>> upload(Uploader& uploader, std::span<const std::byte> blocks, uint64_t pool) const;
  void compute(std::span<const float> weights, std::span<const float> up);
  bool normed() const { return (key_.flags & kMatvecNorm) != 0; }
  bool gated() const { return (key_.flags & kMatvecGated) != 0; }
  uint32_t y_stride() const { return divide_up(key_.rows, 32) * 32; }
  uint32_t x_stride() const { return divide_up(key_.cols, 32) * 32; }

  TuningKey key_;  // its rows cut to what the pool of weights holds
  uint32_t random_rows_ = 0, random_inputs_ = 0;
  std::vector<float> inputs_, norm_weight_, answer_;  // (inputs, cols), (cols), (inputs, random rows)
  std::vector<WeightMatrix> weights_, up_;            // copies
  vk::Buffer x_, norm_, y_;
};

Result<Workload> Workload::create(Kernels& kernels, const TuningKey& key) {
  Workload work;
  work.key_ = key;
  PUMICE_ASSIGN(Uploader uploader, Uploader::create(kernels.device()));
  PUMICE_TRY(work.make_inputs(uploader));
  PUMICE_TRY(work.make_weights(kernels, uploader));
  return work;
}

Result<void> Workload::make_inputs(Uploader& uploader) {
  Random random(1);
  random_inputs_ = std::min(key_.n, kRandomInputs);
  inputs_.resize(size_t{random_inputs_} * key_.cols);
  for (float& value : inputs_) value = random.symmetric();
  norm_weight_.resize(key_.cols);
  for (float& value : norm_weight_) value = 1.0f + 0.25f * random.symmetric();
  std::vector<float> padded(size_t{key_.n} * x_stride(), 0.0f);
  for (uint32_t i = 0; i < key_.n; ++i)
    std::copy_n(inputs_.begin() + static_cast<ptrdiff_t>(size_t{i % random_inputs_} * key_.cols), key_.cols,
                padded.begin() + static_cast<ptrdiff_t>(size_t{i} * x_stride()));
  PUMICE_ASSIGN(x_, uploader.upload_bytes(std::as_bytes(std::span(padded))));
  PUMICE_ASSIGN(norm_, uploader.upload_bytes(std::as_bytes(std::span(norm_weight_))));
  if (normed())
    for (uint32_t i = 0; i < random_inputs_; ++i) {
      float* row = inputs_.data() + size_t{i} * key_.cols;
      const double factor = 1 / std::sqrt(dot(row, row, key_.cols) / key_.cols + static_cast<double>(kEps));
      for (uint32_t k = 0; k < key_.cols; ++k)
        row[k] = static_cast<float>(static_cast<double>(row[k]) * factor * static_cast<double>(norm_weight_[k]));
    }
  return uploader.finish();
}

Result<std::vector<WeightMatrix>> Workload::upload(Uploader& uploader, std::span<const std::byte> blocks,
                                                   uint64_t pool) const {
  const size_t row_bytes = blocks.size() / random_rows_;
  std::vector<GgufTensor> tensors;
  for (uint32_t first = 0; first < key_.rows; first += random_rows_) {
    const uint32_t count = std::min(random_rows_, key_.rows - first);
    tensors.push_back({.dims = {key_.cols, count, 1, 1},
                       .dim_count = 2,
                       .type = type_of(key_.type),
                       .data = blocks.first(count * row_bytes)});
  }
  std::vector<const GgufTensor*> parts;
  for (const GgufTensor& tensor : tensors) parts.push_back(&tensor);
  std::vector<WeightMatrix> copies;
  do {
    PUMICE_ASSIGN(WeightMatrix made, uploader.upload_matrix(parts));
    copies.push_back(std::move(made));
  } while (copies.size() < 8 && (copies.size() + 1) * copies.front().bytes() <= pool);
  PUMICE_TRY(uploader.finish());
  return copies;
}

Result<void> Workload::make_weights(Kernels& kernels, Uploader& uploader) {
  // Enough that the next operation does not find its weights in a cache.
  const uint64_t pool = device_policy(kernels.caps()).tuning_bytes;
  PUMICE_ASSIGN(const DeviceLayout one, device_layout(static_cast<WeightType>(key_.type), kRowInterleave, key_.cols));
  const uint64_t most = std::max<uint64_t>(kRandomRows, 2 * pool / one.total_bytes() * kRowInterleave);
  if (key_.rows > most) key_.rows = static_cast<uint32_t>(most / kRandomRows * kRandomRows);
  random_rows_ = std::min(kRandomRows, key_.rows);
  const size_t values = size_t{random_rows_} * key_.cols;
  const TensorType type = type_of(key_.type);
  std::vector<float> decoded(values), decoded_up(gated() ? values : 0);
  const std::vector<std::byte> blocks = tuning_blocks(static_cast<WeightType>(key_.type), values, 2);
  dequantize_blocks(type, blocks, decoded);
  PUMICE_ASSIGN(weights_, upload(uploader, blocks, gated() ? pool / 2 : pool));
  if (gated()) {
    const std::vector<std::byte> up_blocks = tuning_blocks(static_cast<WeightType>(key_.type), values, 3);
    dequantize_blocks(type, up_blocks, decoded_up);
    PUMICE_ASSIGN(up_, upload(uploader, up_blocks, pool / 2));
  }
  PUMICE_ASSIGN(y_, kernels.device().create_buffer(uint64_t{4} * key_.n * y_stride(), vk::MemoryIntent::kDevice));
  compute(decoded, decoded_up);
  return {};
}

void Workload::compute(std::span<const float> weights, std::span<const float> up) {
  answer_.resize(size_t{random_inputs_} * random_rows_);
  for (uint32_t i = 0; i < random_inputs_; ++i)
    for (uint32_t row = 0; row < random_rows_; ++row) {
      const float* x = inputs_.data() + size_t{i} * key_.cols;
      double value = dot(x, weights.data() + size_t{row} * key_.cols, key_.cols);
      if (gated()) value *= dot(x, up.data() + size_t{row} * key_.cols, key_.cols) / (1 + std::exp(-value));
      answer_[size_t{i} * random_rows_ + row] = static_cast<float>(value);
    }
}

float Workload::expected(size_t i) const {
  const size_t row = i % y_stride(), input = i / y_stride();
  if (row >= key_.rows) return std::numeric_limits<float>::quiet_NaN();
  return answer_[input % random_inputs_ * random_rows_ + row % random_rows_];
}

void Workload::record(Recorder recorder, uint32_t round) const {
  const size_t copy = round % weights_.size();
  const FloatRows x{x_, x_stride()}, y{y_, y_stride()};
  if (key_.kernel == TunedKernel::kMatmul) return matmul(recorder, {.w = weights_[copy], .x = x, .y = y, .n = key_.n});
  matvec(recorder, {.w = weights_[copy],
                    .up = gated() ? &up_[copy % up_.size()] : nullptr,
                    .x = x,
                    .norm = normed() ? &norm_ : nullptr,
                    .eps = kEps,
                    .y = y,
                    .n = key_.n});
}

uint32_t Workload::candidates(Kernels& kernels) const {
  RecordList list;
  vk::CommandStream nothing;
  record({kernels, nothing, &list}, 0);
  return list.choices.empty() ? 1 : list.choices.begin()->second;
}

std::string name_of(const TuningKey& key) {
  return std::string(key.kernel == TunedKernel::kMatmul ? "matmul " : "matvec ") + weight_variant(key.type) + " " +
         std::to_string(key.rows) + " x " + std::to_string(key.cols) + ", n " + std::to_string(key.n) +
         (key.flags & kMatvecNorm ? ", norm" : "") + (key.flags & kMatvecGated ? ", gated" : "");
}

Result<TunerResult> tune(Kernels& kernels, const TuningKey& key, uint32_t count, uint64_t excluded) {
  PUMICE_ASSIGN(const Workload work, Workload::create(kernels, key));
  const std::string name = name_of(key);
  const bool exact = key.kernel == TunedKernel::kMatvec;  // in single precision; others may round to halves
  const TuningTask task{.name = name.c_str(),
                        .count = std::min(count, work.candidates(kernels)),
                        .record = [&](Recorder recorder, uint32_t round) { work.record(recorder, round); },
                        .output = &work.output(),
                        .expected = [&](size_t i) { return work.expected(i); },
                        .relative_error = exact ? 1e-3 : 1e-2};
  const DevicePolicy policy = device_policy(kernels.caps());
  const TunerOptions options{.round_seconds = policy.tuning_round_seconds, .rounds = policy.tuning_rounds};
  return measure_candidates(kernels, task, options, excluded);
}

bool all_excluded(const TuningEntry& entry) {
  return static_cast<uint32_t>(std::popcount(entry.excluded)) >= std::min(entry.count, 64u);
}

}  // namespace

double autotune_budget(const vk::DeviceCaps& caps) { return device_policy(caps).tuning_seconds; }

std::vector<std::byte> tuning_blocks(WeightType type, size_t values, uint32_t seed) {
  const TensorType stored = type_of(static_cast<uint32_t>(type));
  const TensorTypeInfo& info = listed_type(stored);
  std::vector<std::byte> blocks(values / info.block_values * info.block_bytes);
  Random random(seed);
  for (size_t at = 0; at < blocks.size(); at += info.block_bytes) {
    const auto put = [&](size_t offset, auto value) { std::memcpy(blocks.data() + at + offset, &value, sizeof value); };
    if (type == WeightType::kF32) {
      put(0, random.symmetric());
    } else if (type == WeightType::kF16) {
      put(0, float_to_half(random.symmetric()));
    } else if (type == WeightType::kBF16) {
      put(0, float_to_bf16(random.symmetric()));
    } else {
      for (size_t i = 0; i < info.block_bytes; ++i) blocks[at + i] = static_cast<std::byte>(random.bits() & 0xff);
      for (uint32_t i = 0; i < block_factors(stored); ++i)
        set_block_factor(stored, blocks.data() + at, i, 0.01f * (1.0f + 0.5f * random.symmetric()));
    }
  }
  return blocks;
}

Result<AutotuneSummary> autotune(Kernels& kernels, const std::map<TuningKey, uint32_t>& choices,
                                 const AutotuneOptions& options) {
  std::vector<std::pair<TuningKey, uint32_t>> ordered(choices.begin(), choices.end());
  const auto size_of = [](const TuningKey& key) { return uint64_t{key.rows} * key.cols * key.n; };
  std::stable_sort(ordered.begin(), ordered.end(), [&](const auto& a, const auto& b) {
    if ((a.first.n == 1) != (b.first.n == 1)) return a.first.n == 1;
    return size_of(a.first) > size_of(b.first);
  });
  const auto start = std::chrono::steady_clock::now();
  AutotuneSummary summary;
  for (size_t i = 0; i < ordered.size(); ++i) {
    const auto& [key, count] = ordered[i];
    if (options.progress && options.progress(static_cast<float>(i) / static_cast<float>(ordered.size())))
      return error(Status::kCancelled, "tuning was cancelled");
    const std::optional<TuningEntry> known = kernels.tuning().find(key);
    const bool measurable = count > 1 && (key.kernel == TunedKernel::kMatvec || key.kernel == TunedKernel::kMatmul);
    const double spent = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (known && known->count == count && (known->microseconds > 0 || all_excluded(*known))) {
      ++summary.known;
    } else if (!measurable || spent > options.budget_seconds) {
      ++summary.left;
    } else {
      const uint64_t excluded = known && known->count == count ? known->excluded : 0;
      PUMICE_ASSIGN(TunerResult result, tune(kernels, key, count, excluded));
      result.entry.count = count;
      kernels.tuning().set(key, result.entry);
      if (result.lost) return std::move(*result.lost);
      ++summary.measured;
      summary.changed += result.entry.candidate != 0 ? 1 : 0;
      summary.excluded += static_cast<uint32_t>(std::popcount(result.entry.excluded));
      kernels.device().log().write(LogLevel::kInfo, "tuned %s: candidate %u of %u, %.1f us instead of %.1f",
                                   name_of(key).c_str(), result.entry.candidate, count,
                                   static_cast<double>(result.entry.microseconds),
                                   static_cast<double>(result.entry.choice_microseconds));
    }
  }
  return summary;
}

}  // namespace pumice
