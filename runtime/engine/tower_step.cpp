#include "engine/tower_step.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <utility>

#include "kernels/activation.h"
#include "kernels/combine.h"
#include "kernels/matmul.h"
#include "kernels/rms_norm.h"
#include "model/blocks/branch.h"
#include "shared/step_params.h"

namespace pumice {
namespace {

constexpr KvFormat kExact{KvType::kF32, KvType::kF32};

uint32_t pages_of_rows(uint32_t rows) { return divide_up(rows, kPageTokens); }

uint32_t widest_layer(const TowerSpec& spec) {
  uint32_t widest = spec.layers.width * (spec.merged == PatchMerge::kJoined ? spec.merge * spec.merge : 1);
  for (const TowerLayer& layer : spec.projection) widest = std::max(widest, layer.rows);
  for (const DeepStackSpec& deep : spec.deep) widest = std::max(widest, deep.layers[0].rows);
  return widest;
}

// y = W x + b, then GELU where the layer asks for it.
void record_layer(Recorder recorder, const TowerLayer& layer, const Projection& weights, FloatRows x, FloatRows y,
                  uint32_t n, uint32_t first_column = 0) {
  if (weights.in) clamp_rows(recorder, *weights.in, x, x, n, weights.w.cols);
  linear(recorder, {.w = weights.w,
                    .x = x,
                    .bias = weights.bias ? &*weights.bias : nullptr,
                    .y = y,
                    .y_offset = first_column,
                    .n = n});
  if (weights.out) clamp_rows(recorder, *weights.out, y, y, n, weights.w.rows, first_column);
  if (layer.gelu)
    activation(recorder, {.gate = y, .y = y, .n = n, .cols = layer.rows, .activation = Activation::kGelu});
}

}  // namespace

FloatRows TowerStep::joined() const {
  const TowerSpec& spec = tower_->spec();
  const uint32_t stride = row_stride(spec.layers.width);
  return {work_.hidden, stride * spec.merge * spec.merge};
}

FloatRows TowerStep::output() const { return rows_of(output_, tower_->spec().row_width()); }

Result<void> TowerStep::make_room(uint32_t rows) {
  if (rows <= room_) return {};
  const TowerSpec& spec = tower_->spec();
  vk::Device& device = tower_->kernels().device();
  if (room_ == 0) {
    PUMICE_ASSIGN(stream_, vk::CommandStream::create(device));
  }
  room_ = 0;
  work_ = {};
  const auto make = [&](uint64_t words, vk::MemoryIntent intent = vk::MemoryIntent::kDevice) {
    return device.create_buffer(4 * words, intent);
  };
  PUMICE_ASSIGN(work_, Workspace::create(device, spec.layers, {.rows = rows}));
  const uint32_t square = spec.merge * spec.merge, merged = divide_up(rows, square);
  // Windows end with a page of their own, and have a square at least.
  const uint32_t windows = spec.window_side ? divide_up(rows, square) : 1;
  const uint64_t tokens = (uint64_t{pages_of_rows(rows)} + windows) * kPageTokens;
  PUMICE_ASSIGN(keys_, make(tokens * spec.layers.width));
  PUMICE_ASSIGN(values_, make(tokens * spec.layers.width));
  PUMICE_ASSIGN(patches_, make(uint64_t{rows} * patch_columns(spec), vk::MemoryIntent::kShared));
  PUMICE_ASSIGN(additions_, make(uint64_t{rows} * row_stride(spec.layers.width), vk::MemoryIntent::kShared));
  const uint64_t widest = row_stride(widest_layer(spec)), out = row_stride(spec.row_width());
  PUMICE_ASSIGN(first_, make(merged * widest));
  PUMICE_ASSIGN(second_, make(merged * widest));
  PUMICE_ASSIGN(output_, make(merged * out));
  PUMICE_ASSIGN(readback_, make(merged * out, vk::MemoryIntent::kReadback));
  PUMICE_ASSIGN(choices_, make(uint64_t{2} * merged * square, vk::MemoryIntent::kShared));
  auto* choices = choices_.mapped_as<uint32_t>();
  for (uint64_t i = 0; i < uint64_t{merged} * square; ++i) {
    choices[2 * i] = 0;
    choices[2 * i + 1] = std::bit_cast<uint32_t>(1.0f / static_cast<float>(square));
  }
  room_ = rows;
  return {};
}

// Positions count within a text, and heads turn by the patch's place alone.
Result<TowerStep::Texts> TowerStep::make_texts(const PatchOrder& order, std::span<const uint32_t> sizes) const {
  vk::Device& device = tower_->kernels().device();
  const auto make = [&](uint64_t bytes) { return device.create_buffer(bytes, vk::MemoryIntent::kShared); };
  const uint32_t extra = tower_->spec().class_row ? 1 : 0;
  const uint32_t longest = *std::max_element(sizes.begin(), sizes.end());
  const uint64_t rows = std::accumulate(sizes.begin(), sizes.end(), uint64_t{0}), texts = sizes.size();
  Texts made;
  made.pages_per_slot = pages_of_rows(longest);
  PUMICE_ASSIGN(made.rows, make(rows * sizeof(StepRow)));
  PUMICE_ASSIGN(made.spans, make(8 * texts));
  PUMICE_ASSIGN(made.page_table, make(4 * texts * made.pages_per_slot));
  auto* row = made.rows.mapped_as<StepRow>();
  auto *spans = made.spans.mapped_as<uint32_t>(), *table = made.page_table.mapped_as<uint32_t>();
  uint32_t first = 0, page = 0;
  for (uint32_t text = 0; text < texts; ++text) {
    spans[2 * text] = first;
    spans[2 * text + 1] = sizes[text];
    for (uint32_t i = 0; i < pages_of_rows(sizes[text]); ++i) table[text * made.pages_per_slot + i] = page++;
    for (uint32_t i = 0; i < sizes[text]; ++i) {
      const PatchOrder::Place place = first + i < extra ? PatchOrder::Place{} : order.patches[first + i - extra];
      *row++ = {
          .token = 0, .position = i, .slot = text, .live = 1, .turn = 0 - i, .grid = place.row | place.column << 16};
    }
    first += sizes[text];
  }
  made.texts = {.spans = made.spans, .count = static_cast<uint32_t>(texts), .longest = longest, .both_ways = true};
  return made;
}

Result<void> TowerStep::upload(const Picture& picture, PatchGrid grid, const PatchOrder& order) {
  const TowerSpec& spec = tower_->spec();
  const std::vector<float> patches = cut_patches(spec, picture, order);
  const std::vector<float> additions = patch_additions(*tower_, grid, order);
  const auto rows = static_cast<uint32_t>(additions.size() / row_stride(spec.layers.width));
  auto* to = patches_.mapped_as<float>();
  const size_t before = spec.class_row ? patch_columns(spec) : 0;
  std::fill_n(to, before, 0.0f);
  std::copy(patches.begin(), patches.end(), to + before);
  std::copy(additions.begin(), additions.end(), additions_.mapped_as<float>());
  PUMICE_ASSIGN(all_, make_texts(order, {&rows, 1}));
  if (!order.windows.empty()) {
    PUMICE_ASSIGN(windows_, make_texts(order, order.windows));
  }
  return {};
}

KvPages TowerStep::pages_of(const Texts& texts) const {
  return {.format = kExact,
          .k = keys_,
          .v = values_,
          .page_table = texts.page_table,
          .pages_per_slot = texts.pages_per_slot};
}

StepContext TowerStep::context(const Texts& texts, uint32_t rows, std::span<const KvPages> pages) {
  return {.spec = tower_->spec().layers,
          .weights = tower_->weights().layers,
          .work = work_,
          .pages = pages,
          .step = {.n = rows, .texts = &texts.texts, .step_rows = texts.rows}};
}

void TowerStep::record_layers_of(Recorder recorder, uint32_t rows, uint32_t merged) {
  const TowerSpec& spec = tower_->spec();
  const size_t count = spec.layers.layers.size();
  const std::vector<KvPages> all(count, pages_of(all_)), windows(count, pages_of(windows_));
  size_t deep = 0;
  for (size_t i = 0; i < count; ++i) {
    const bool windowed = !spec.windowed.empty() && spec.windowed[i];
    record_layers(recorder, context(windowed ? windows_ : all_, rows, windowed ? windows : all), i, i + 1);
    if (deep < spec.deep.size() && spec.deep[deep].behind == i) record_deep(recorder, deep++, merged);
  }
}

void TowerStep::record_deep(Recorder recorder, size_t index, uint32_t merged) {
  const TowerSpec& spec = tower_->spec();
  const DeepStackSpec& deep = spec.deep[index];
  const DeepStackWeights& weights = tower_->weights().deep[index];
  const uint32_t columns = spec.layers.width * spec.merge * spec.merge;
  const FloatRows normed = rows_of(first_, columns), inner = rows_of(second_, deep.layers[0].rows);
  rms_norm(recorder, {.x = joined(),
                      .weight = weights.norm.weight,
                      .bias = weights.norm.biased ? &weights.norm.bias : nullptr,
                      .y = normed,
                      .centred = spec.layers.norm_kind == NormKind::kLayer,
                      .n = merged,
                      .cols = columns,
                      .eps = spec.layers.norm_eps});
  record_layer(recorder, deep.layers[0], weights.first, normed, inner, merged);
  record_layer(recorder, deep.layers[1], weights.second, inner, output(), merged,
               spec.text_width() * static_cast<uint32_t>(index + 1));
}

FloatRows TowerStep::record_mean(Recorder recorder, uint32_t merged) {
  const TowerSpec& spec = tower_->spec();
  const uint32_t width = spec.layers.width;
  FloatRows x = rows_of(first_, width), other = rows_of(second_, width);
  combine(recorder, {.x = rows_of(work_.hidden, width),
                     .choices = choices_,
                     .y = x,
                     .n = merged,
                     .used = spec.merge * spec.merge,
                     .cols = width});
  if (spec.standardised) {
    record_layer(recorder, {}, tower_->weights().standard, x, other, merged);
    std::swap(x, other);
  }
  if (spec.merged_norm)
    rms_norm(recorder, {.x = x,
                        .weight = tower_->weights().merged_norm,
                        .y = x,
                        .n = merged,
                        .cols = width,
                        .eps = spec.layers.norm_eps});
  return x;
}

void TowerStep::record_projector(Recorder recorder, uint32_t merged) {
  const TowerSpec& spec = tower_->spec();
  FloatRows x;
  if (spec.merged == PatchMerge::kMean) {
    x = record_mean(recorder, merged);
  } else {
    x = joined();
    if (spec.class_row)  // one row is left out in front: patches are not merged then
      x.view = vk::BufferView(work_.hidden, uint64_t{4} * x.stride, work_.hidden.size() - uint64_t{4} * x.stride);
  }
  for (size_t i = 0; i < spec.projection.size(); ++i) {
    const TowerLayer& layer = spec.projection[i];
    const bool last = i + 1 == spec.projection.size();
    const FloatRows y = last ? output() : rows_of(i % 2 == 1 ? second_ : first_, layer.rows);
    record_layer(recorder, layer, tower_->weights().projection[i], x, y, merged);
    x = y;
  }
}

void TowerStep::record(Recorder recorder, uint32_t rows, uint32_t merged) {
  const TowerSpec& spec = tower_->spec();
  const TowerWeights& weights = tower_->weights();
  const FloatRows hidden = rows_of(work_.hidden, spec.layers.width);
  const uint64_t bytes = uint64_t{4} * hidden.stride * rows;
  recorder.stream.copy({additions_, 0, bytes}, {work_.hidden, 0, bytes});
  linear(recorder,
         {.w = weights.patches.w, .x = {patches_, patch_columns(spec)}, .accumulate = true, .y = hidden, .n = rows});
  const auto normalise = [&](const std::string& name, const NormWeights& norm) {
    if (!name.empty()) record_norm(recorder, spec.layers, norm, hidden, hidden, rows);
  };
  normalise(spec.layers.embedding_norm, weights.layers.embedding_norm);
  record_layers_of(recorder, rows, merged);
  normalise(spec.layers.output_norm, weights.layers.output_norm);
  record_projector(recorder, merged);
  const uint64_t out = uint64_t{4} * row_stride(spec.row_width()) * merged;
  recorder.stream.copy({output_, 0, out}, {readback_, 0, out});
}

Result<std::vector<float>> TowerStep::run(const Picture& picture) {
  const TowerSpec& spec = tower_->spec();
  PUMICE_ASSIGN(const PatchGrid grid, patch_grid(spec, picture.size));
  const PatchOrder order = order_patches(spec, grid);
  const auto rows = static_cast<uint32_t>(order.patches.size()) + (spec.class_row ? 1 : 0);
  const auto merged = static_cast<uint32_t>(order.reading.size());
  PUMICE_TRY(make_room(rows));
  PUMICE_TRY(upload(picture, grid, order));
  stream_.begin();
  record({tower_->kernels(), stream_}, rows, merged);
  PUMICE_TRY(stream_.end());
  PUMICE_ASSIGN(const uint64_t value, stream_.submit());
  PUMICE_ASSIGN(const bool reached, tower_->kernels().device().wait(value));
  PUMICE_CHECK(reached);
  const size_t width = spec.row_width(), stride = row_stride(spec.row_width());
  std::vector<float> result(merged * width);
  for (size_t i = 0; i < merged; ++i)
    std::memcpy(result.data() + order.reading[i] * width, readback_.mapped_as<float>() + i * stride,
                width * sizeof(float));
  return result;
}

}  // namespace pumice
