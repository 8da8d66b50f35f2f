#include "engine/encoding_step.h"

#include <algorithm>
#include <cstring>

namespace pumice {
namespace {

constexpr uint64_t kLookNs = 100'000'000;  // how soon a cancellation is seen

uint32_t widest_pooled(const ModelSpec& spec) {
  uint32_t widest = spec.width;
  for (const PooledLayerSpec& layer : spec.pooled) widest = std::max(widest, layer.rows);
  return row_stride(widest);
}

// Words of K and of V of a token in the layer that has most.
struct TokenWords {
  uint64_t k = 1, v = 1;
};
TokenWords most_words(const ModelSpec& spec, const KvFormat& format) {
  TokenWords most;
  for (const LayerSpec& layer : spec.layers) {
    const AttentionSpec& attention = layer.attention;
    most.k = std::max(most.k, uint64_t{attention.kv_heads} * kv_words(format.k, attention.head_dim));
    most.v = std::max(most.v, uint64_t{attention.kv_heads} * kv_words(format.v, attention.head_dim));
  }
  return most;
}

Result<void> check(const ModelSpec& spec) {
  const auto needs_state = [](const LayerSpec& layer) {
    return layer.recurrence.kind != RecurrenceKind::kNone || layer.attention.cache_layer;
  };
  if (std::any_of(spec.layers.begin(), spec.layers.end(), needs_state))
    return error(Status::kUnsupported,
                 "a model whose layers keep states or read other layers' keys makes no vectors of texts here");
  return {};
}

}  // namespace

Result<EncodingStep> EncodingStep::create(const EncodingModel& model, const EncodingShape& shape) {
  const ModelSpec& spec = *model.spec;
  vk::Device& device = model.kernels->device();
  PUMICE_TRY(check(spec));
  EncodingStep step;
  step.model_ = model;
  step.shape_ = shape;
  PUMICE_ASSIGN(step.work_, Workspace::create(device, spec, {.rows = shape.rows, .context_tokens = shape.text_tokens}));
  const uint64_t room = step.work_.hidden.size();
  if (uint64_t{4} * shape.texts * widest_pooled(spec) > room)
    return error(Status::kUnsupported, "%u vectors of %u values are more than a step has room for", shape.texts,
                 widest_pooled(spec));
  const auto make = [&](uint64_t words, vk::MemoryIntent intent) { return device.create_buffer(4 * words, intent); };
  const TokenWords words = most_words(spec, shape.kv);
  const uint64_t tokens = (uint64_t{pages_for(shape.rows)} + shape.texts) * kPageTokens;
  PUMICE_ASSIGN(step.keys_, make(tokens * words.k, vk::MemoryIntent::kDevice));
  PUMICE_ASSIGN(step.values_, make(tokens * words.v, vk::MemoryIntent::kDevice));
  PUMICE_ASSIGN(step.pooled_, make(uint64_t{shape.texts} * widest_pooled(spec), vk::MemoryIntent::kShared));
  for (size_t i = 0; i < kInFlight; ++i) {
    Lane lane;
    const uint64_t table = uint64_t{shape.texts} * pages_for(shape.text_tokens);
    PUMICE_ASSIGN(lane.stream, vk::CommandStream::create(device));
    PUMICE_ASSIGN(lane.rows, make(uint64_t{shape.rows} * sizeof(StepRow) / 4, vk::MemoryIntent::kShared));
    PUMICE_ASSIGN(lane.spans, make(uint64_t{2} * shape.texts, vk::MemoryIntent::kShared));
    PUMICE_ASSIGN(lane.page_table, make(table, vk::MemoryIntent::kShared));
    const uint64_t hidden = shape.rows_wanted ? uint64_t{shape.rows} * step.stride() : 1;
    PUMICE_ASSIGN(lane.hidden, make(hidden, vk::MemoryIntent::kReadback));
    if (spec.sound_bands != 0) {
      PUMICE_ASSIGN(lane.sounds, make(shape.texts * sound_floats(spec), vk::MemoryIntent::kShared));
    }
    step.lanes_.push_back(std::move(lane));
  }
  return step;
}

AttentionTexts EncodingStep::fill(Lane& lane, std::span<const std::span<const int32_t>> texts) {
  auto* rows = lane.rows.mapped_as<StepRow>();
  auto* spans = lane.spans.mapped_as<uint32_t>();
  auto* table = lane.page_table.mapped_as<uint32_t>();
  const uint32_t pages_per_slot = pages_for(shape_.text_tokens);
  AttentionTexts step{
      .spans = lane.spans, .count = static_cast<uint32_t>(texts.size()), .both_ways = !model_.spec->causal};
  uint32_t row = 0, page = 0;
  for (uint32_t slot = 0; slot < step.count; ++slot) {
    const auto tokens = static_cast<uint32_t>(texts[slot].size());
    spans[2 * slot] = row;
    spans[2 * slot + 1] = tokens;
    for (uint32_t i = 0; i < pages_for(tokens); ++i) table[slot * pages_per_slot + i] = page++;
    for (uint32_t i = 0; i < tokens; ++i)
      rows[row++] = {.token = static_cast<uint32_t>(texts[slot][i]), .position = i, .slot = slot, .live = 1};
    step.longest = std::max(step.longest, tokens);
  }
  return step;
}

// What lies around a window's frames is silence.
void EncodingStep::fill_sounds(Lane& lane, std::span<const std::span<const float>> windows) {
  const ModelSpec& spec = *model_.spec;
  auto* place = lane.sounds.mapped_as<float>();
  for (const std::span<const float> window : windows) {
    PUMICE_CHECK(window.size() == uint64_t{sound_frames(spec)} * spec.sound_bands);
    float* const end = std::copy(window.begin(), window.end(), std::fill_n(place, spec.sound_bands, 0.0f));
    place += sound_floats(spec);
    std::fill(end, place, 0.0f);
  }
}

Result<void> EncodingStep::submit(Lane& lane) {
  PUMICE_TRY(lane.stream.end());
  PUMICE_ASSIGN(lane.value, lane.stream.submit());
  return {};
}

Result<size_t> EncodingStep::submit(std::span<const std::span<const int32_t>> texts, const Behind& behind) {
  return submit(texts, {}, behind);
}

Result<size_t> EncodingStep::submit_sounds(std::span<const std::span<const float>> windows, const Behind& behind) {
  const std::vector<int32_t> no_tokens(model_.spec->context_length);
  const std::vector<std::span<const int32_t>> texts(windows.size(), no_tokens);
  return submit(texts, windows, behind);
}

Result<size_t> EncodingStep::submit(std::span<const std::span<const int32_t>> texts,
                                    std::span<const std::span<const float>> sounds, const Behind& behind) {
  const size_t index = next_;
  Lane& lane = lanes_[index];
  PUMICE_TRY(wait(index));
  const AttentionTexts step_texts = fill(lane, texts);
  if (!sounds.empty()) fill_sounds(lane, sounds);
  uint32_t n = 0;
  for (const std::span<const int32_t> text : texts) n += static_cast<uint32_t>(text.size());
  PUMICE_CHECK(n > 0 && n <= shape_.rows && texts.size() <= shape_.texts && step_texts.longest <= shape_.text_tokens);
  const std::vector<KvPages> pages(model_.spec->layers.size(), {.format = shape_.kv,
                                                                .k = keys_,
                                                                .v = values_,
                                                                .page_table = lane.page_table,
                                                                .pages_per_slot = pages_for(shape_.text_tokens)});
  const Recorder recorder{*model_.kernels, lane.stream};
  const StepContext context{.spec = *model_.spec,
                            .weights = *model_.weights,
                            .work = work_,
                            .pages = pages,
                            .step = {.n = n,
                                     .texts = &step_texts,
                                     .exact = Exactness::kMany,
                                     .step_rows = lane.rows,
                                     .sound = {.frames = lane.sounds, .windows = static_cast<uint32_t>(sounds.size())}},
                            .shared = model_.shared};
  lane.stream.begin();
  record_encoding(recorder, context);
  if (behind) behind(recorder, context);
  const uint64_t bytes = uint64_t{4} * stride() * n;
  if (shape_.rows_wanted) lane.stream.copy({work_.hidden, 0, bytes}, {lane.hidden, 0, bytes});
  PUMICE_TRY(submit(lane));
  next_ = (next_ + 1) % kInFlight;
  return index;
}

Result<const float*> EncodingStep::wait(size_t lane, const GoOn& go_on) {
  for (;;) {
    PUMICE_ASSIGN(const bool reached, model_.kernels->device().wait(lanes_[lane].value, go_on ? kLookNs : UINT64_MAX));
    if (reached) return lanes_[lane].hidden.mapped_as<float>();
    PUMICE_CHECK(go_on);
    if (!go_on()) return error(Status::kCancelled, "cancelled");
  }
}

Result<void> EncodingStep::settle() {
  for (size_t lane = 0; lane < lanes_.size(); ++lane) PUMICE_TRY(wait(lane));
  return {};
}

Result<std::vector<float>> EncodingStep::finish(std::span<const float> vectors, uint32_t count) {
  const ModelSpec& spec = *model_.spec;
  const uint32_t width = spec.width, out = spec.pooled.back().rows, out_stride = row_stride(out);
  Lane& lane = lanes_[next_];
  PUMICE_TRY(wait(next_));
  float* host = pooled_.mapped_as<float>();
  for (uint32_t i = 0; i < count; ++i)
    std::memcpy(host + uint64_t{i} * stride(), vectors.data() + uint64_t{i} * width, width * sizeof(float));
  lane.stream.begin();
  const uint64_t in_bytes = uint64_t{4} * count * stride(), out_bytes = uint64_t{4} * count * out_stride;
  lane.stream.copy({pooled_, 0, in_bytes}, {work_.hidden, 0, in_bytes});
  record_pooled(
      {*model_.kernels, lane.stream},
      {.spec = spec, .weights = *model_.weights, .work = work_, .step = {.n = count, .exact = Exactness::kMany}}, count,
      rows_of(work_.gate, out));
  lane.stream.copy({work_.gate, 0, out_bytes}, {pooled_, 0, out_bytes});
  PUMICE_TRY(submit(lane));
  PUMICE_TRY(wait(next_));
  std::vector<float> result(uint64_t{count} * out);
  for (uint32_t i = 0; i < count; ++i)
    std::memcpy(result.data() + uint64_t{i} * out, host + uint64_t{i} * out_stride, out * sizeof(float));
  return result;
}

}  // namespace pumice
