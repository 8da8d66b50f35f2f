#include "model/step.h"

#include <algorithm>
#include <utility>

#include "kernels/activation.h"
#include "kernels/argmax.h"
#include "kernels/attention.h"
#include "kernels/combine.h"
#include "kernels/device_policy.h"
#include "kernels/embedding.h"
#include "kernels/expert_tiles.h"
#include "kernels/matmul.h"
#include "kernels/sample.h"
#include "model/blocks/adapters.h"
#include "model/blocks/branch.h"
#include "model/blocks/per_layer.h"
#include "shared/attention.h"
#include "shared/sample.h"
#include "shared/step_params.h"

namespace pumice {
namespace {

struct WorkspaceSizes {
  uint64_t hidden, projected, q, convolved, mixed, ffn, router, choices, tiles = 0, expert_rows, per_layer, skip,
                                                                         logits;
  uint64_t partials = 0, counters = 4, finds, samplings;
  uint32_t max_splits;
};

WorkspaceSizes sizes_of(const ModelSpec& spec, const WorkspaceShape& shape) {
  const auto floats = [](uint64_t n, uint32_t columns) { return 4 * n * row_stride(columns); };
  const uint32_t splits = divide_up(std::max(shape.context_tokens, 1u), kAttentionDecodePages * kPageTokens);
  WorkspaceSizes sizes{
      .hidden = floats(shape.rows, spec.width),
      .projected = floats(shape.rows, spec.widest_projection()),
      .q = floats(shape.rows, spec.widest_q()),
      .convolved = floats(shape.rows, spec.widest_conv()),
      .mixed = floats(shape.rows, spec.widest_mixed()),
      .ffn = floats(shape.rows, spec.widest_ffn()),
      .router = floats(shape.rows, spec.most_router_columns()),
      .choices = route_choice_bytes(shape.rows, spec.most_used()),
      .expert_rows = floats(uint64_t{shape.rows} * spec.most_used(), spec.width),
      .per_layer = floats(shape.rows, spec.per_layer_width * static_cast<uint32_t>(spec.layers.size())),
      .skip = spec.embedding_skip ? floats(shape.rows, spec.width) : 0,
      .logits = floats(shape.logit_rows, spec.vocabulary),
      .finds = std::max(argmax_find_bytes(spec.vocabulary, shape.logit_rows),
                        sample_find_bytes(spec.vocabulary, shape.logit_rows)),
      .samplings = uint64_t{shape.logit_rows} * sizeof(SampleState),
      .max_splits = splits};
  for (const LayerSpec& layer : spec.layers) {
    const AttentionSpec &attention = layer.attention, &cross = layer.cross;
    sizes.partials = std::max(sizes.partials,
                              attention_partial_bytes(shape.decode_rows, attention.heads, attention.head_dim, splits));
    sizes.counters = std::max(sizes.counters, uint64_t{4} * shape.rows * std::max(attention.kv_heads, cross.kv_heads));
    sizes.partials =
        std::max(sizes.partials, attention_partial_bytes(shape.decode_rows, cross.heads, cross.head_dim, splits));
    const MixtureSpec& mixture = layer.feed_forward.mixture;
    if (mixture.experts != 0)
      sizes.tiles =
          std::max(sizes.tiles, expert_tiles_most_bytes(uint64_t{shape.rows} * mixture.used, mixture.experts));
  }
  return sizes;
}

// hidden = norm(hidden), by the norm of that name; empty: none.
void normalise_hidden(Recorder recorder, const StepContext& context, const std::string& name, const NormWeights& norm) {
  if (name.empty()) return;
  record_norm(recorder, context.spec, norm, context.hidden(), context.hidden(), context.step.n);
}

}  // namespace

uint64_t Workspace::bytes(const ModelSpec& spec, const WorkspaceShape& shape) {
  const WorkspaceSizes sizes = sizes_of(spec, shape);
  return 2 * sizes.hidden + sizes.projected + sizes.q + sizes.convolved + sizes.mixed + 2 * sizes.ffn + sizes.router +
         sizes.choices + sizes.tiles + sizes.expert_rows + sizes.logits + sizes.partials + sizes.counters +
         sizes.finds + sizes.samplings + sizes.per_layer + sizes.skip + 4 * shape.logit_rows;
}

Result<Workspace> Workspace::create(vk::Device& device, const ModelSpec& spec, const WorkspaceShape& shape) {
  const WorkspaceSizes sizes = sizes_of(spec, shape);
  Workspace work;
  work.shape = shape;
  work.max_splits = sizes.max_splits;
  const auto make = [&](uint64_t bytes) {
    return bytes ? device.create_buffer(bytes, vk::MemoryIntent::kDevice) : Result<vk::Buffer>(vk::Buffer());
  };
  PUMICE_ASSIGN(work.hidden, make(sizes.hidden));
  PUMICE_ASSIGN(work.normed, make(sizes.hidden));
  PUMICE_ASSIGN(work.projected, make(sizes.projected));
  PUMICE_ASSIGN(work.q, make(sizes.q));
  PUMICE_ASSIGN(work.convolved, make(sizes.convolved));
  PUMICE_ASSIGN(work.mixed, make(sizes.mixed));
  PUMICE_ASSIGN(work.gate, make(sizes.ffn));
  PUMICE_ASSIGN(work.up, make(sizes.ffn));
  PUMICE_ASSIGN(work.router, make(sizes.router));
  PUMICE_ASSIGN(work.choices, make(sizes.choices));
  PUMICE_ASSIGN(work.tiles, make(sizes.tiles));
  PUMICE_ASSIGN(work.expert_rows, make(sizes.expert_rows));
  PUMICE_ASSIGN(work.logits, make(sizes.logits));
  PUMICE_ASSIGN(work.partials, make(sizes.partials));
  PUMICE_ASSIGN(work.counters, make(sizes.counters));
  PUMICE_ASSIGN(work.finds, make(sizes.finds));
  PUMICE_ASSIGN(work.arrivals, make(4 * shape.logit_rows));
  PUMICE_ASSIGN(work.samplings, make(sizes.samplings));
  PUMICE_ASSIGN(work.per_layer, make(sizes.per_layer));
  PUMICE_ASSIGN(work.skip, make(sizes.skip));
  PUMICE_ASSIGN(vk::CommandStream stream, vk::CommandStream::create(device));
  stream.begin();
  stream.fill(work.counters, 0);
  stream.fill(work.arrivals, 0);
  stream.fill(work.samplings, 0);
  PUMICE_TRY(stream.end());
  PUMICE_ASSIGN(const uint64_t value, stream.submit());
  PUMICE_ASSIGN(const bool reached, device.wait(value));
  PUMICE_CHECK(reached);
  return work;
}

namespace {

vk::BufferView part_of(vk::BufferView view, uint64_t from, uint64_t bytes) {
  view.offset += from;
  view.size = bytes;
  return view;
}

FloatRows picture_rows(const StepContext& context, uint32_t part) {
  const PictureStep& pictures = *context.step.pictures;
  const uint32_t stride = row_stride(context.spec.width);
  const uint64_t plane = uint64_t{4} * stride * pictures.capacity;
  return {part_of(pictures.rows, part * plane, uint64_t{4} * stride * context.step.n), stride};
}

// No embedding has been written for them: their tokens are outside the vocabulary.
void place_pictures(Recorder recorder, const StepContext& context) {
  const FloatRows rows = picture_rows(context, 0);
  const uint64_t row = uint64_t{4} * rows.stride;
  for (const PictureStep::Run& run : context.step.pictures->runs)
    recorder.stream.copy(part_of(rows.view, row * run.first, row * run.count),
                         {context.work.hidden, row * run.first, row * run.count});
}

void add_deepstack(Recorder recorder, const StepContext& context, size_t layer) {
  combine(recorder, {.x = picture_rows(context, static_cast<uint32_t>(layer) + 1),
                     .choices = context.step.pictures->ones,
                     .y = context.hidden(),
                     .accumulate = true,
                     .n = context.step.n,
                     .used = 1,
                     .cols = context.spec.width});
}

}  // namespace

void record_embedding(Recorder recorder, const StepContext& context) {
  const DecoderWeights& tables = context.weights.embedding ? context.weights : *context.shared;
  const FloatRows skip = rows_of(context.work.skip, context.spec.width);
  if (context.spec.sound_bands != 0)
    record_sound(recorder, context);
  else
    embedding(recorder, {.table = tables.embedding,
                         .step_rows = context.step.step_rows,
                         .y = context.spec.embedding_skip ? skip : context.hidden(),
                         .n = context.step.n,
                         .scale = context.spec.embedding_scale});
  if (context.step.pictures) place_pictures(recorder, context);
  if (context.spec.learned_positions)
    embedding(recorder, {.table = context.weights.positions ? context.weights.positions : context.shared->positions,
                         .step_rows = context.step.step_rows,
                         .y = context.hidden(),
                         .n = context.step.n,
                         .row = EmbeddingRow::kOfPosition,
                         .accumulate = true});
  if (context.spec.token_types != 0)
    embedding(recorder, {.table = context.weights.token_types,
                         .step_rows = context.step.step_rows,
                         .y = context.hidden(),
                         .n = context.step.n,
                         .row = EmbeddingRow::kFirst,
                         .accumulate = true});
  if (context.spec.embedding_skip)
    record_norm(recorder, context.spec, context.weights.embedding_norm, skip, context.hidden(), context.step.n);
  else
    normalise_hidden(recorder, context, context.spec.embedding_norm, context.weights.embedding_norm);
  if (context.spec.per_layer_width != 0) record_per_layer_inputs(recorder, context);
}

namespace {

// Of a layer with both the recurrence is added first: they share work.mixed.
void record_mixer(Recorder recorder, const StepContext& context, size_t index) {
  const LayerSpec& layer = context.spec.layers[index];
  if (layer.recurrence.kind == RecurrenceKind::kSsru) return record_ssru(recorder, context, index);
  if (layer.recurrence.kind != RecurrenceKind::kNone) record_recurrence(recorder, context, index);
  if (layer.has_both()) add_recurrence(recorder, context, index);
  if (layer.attention.heads != 0) record_attention(recorder, context, index);
}

void add_mixer(Recorder recorder, const StepContext& context, size_t index) {
  if (context.spec.layers[index].attention.heads != 0)
    add_attention(recorder, context, index);
  else if (const RecurrenceKind kind = context.spec.layers[index].recurrence.kind;
           kind != RecurrenceKind::kNone && kind != RecurrenceKind::kSsru)
    add_recurrence(recorder, context, index);
}

}  // namespace

void record_layers(Recorder recorder, const StepContext& context, size_t first, size_t last) {
  for (size_t layer = first; layer < last; ++layer) {
    const bool parallel = context.spec.layers[layer].parallel;
    const bool feeds = context.spec.layers[layer].feed_forward.width != 0;
    const MixtureSpec& mixture = context.spec.layers[layer].feed_forward.mixture;
    if (mixture.early_router || !mixture.early_norm.empty()) record_early_mixture(recorder, context, layer);
    record_mixer(recorder, context, layer);
    if (parallel && feeds) record_feed_forward(recorder, context, layer);
    add_mixer(recorder, context, layer);
    normalise_hidden(recorder, context, context.spec.layers[layer].attention_sum_norm,
                     context.weights.layers[layer].attention_sum_norm);
    if (context.spec.layers[layer].crosses()) {
      record_cross(recorder, context, layer);
      normalise_hidden(recorder, context, context.spec.layers[layer].cross_sum_norm,
                       context.weights.layers[layer].cross.sum_norm);
    }
    if (!parallel && feeds) record_feed_forward(recorder, context, layer);
    if (feeds) add_feed_forward(recorder, context, layer);
    normalise_hidden(recorder, context, context.spec.layers[layer].ffn_sum_norm,
                     context.weights.layers[layer].ffn_sum_norm);
    if (context.spec.per_layer_width != 0) add_per_layer(recorder, context, layer);
    if (context.step.pictures && layer < context.spec.deepstack) add_deepstack(recorder, context, layer);
    if (context.spec.embedding_skip)
      record_norm(recorder, context.spec, context.weights.layers[layer].skip,
                  rows_of(context.work.skip, context.spec.width), context.hidden(), context.step.n,
                  {.accumulate = true});
    if (!recorder.list) recorder.stream.cut();
  }
}

void record_head(Recorder recorder, const StepContext& context) {
  const StepShape& step = context.step;
  if (step.logit_count == 0) return;
  const uint32_t stride = row_stride(context.spec.width);
  const WeightMatrix& head = context.weights.head.w ? context.weights.head.w : context.weights.embedding;
  const FloatRows x{
      {context.work.hidden, uint64_t{4} * stride * step.first_logit, uint64_t{4} * stride * step.logit_count}, stride};
  const FloatRows logits = rows_of(step.logits ? *step.logits : context.work.logits, context.spec.vocabulary);
  const NormWeights& norm = context.weights.output_norm;
  const bool normed = !context.spec.output_norm.empty();
  const bool fused = normed && fuses_norm(context.spec, norm);
  if (normed && !fused) record_norm(recorder, context.spec, norm, x, context.normed(), step.logit_count);
  matvec(recorder, {.w = head,
                    .x = fused || !normed ? x : context.normed(),
                    .norm = fused ? &norm.weight : nullptr,
                    .eps = context.spec.norm_eps,
                    .bias = context.weights.head.bias ? &*context.weights.head.bias : nullptr,
                    .y = logits,
                    .n = step.logit_count});
  add_adapters(recorder, context,
               {.projection = context.weights.head,
                .x = fused || !normed ? x : context.normed(),
                .norm = fused ? &norm.weight : nullptr,
                .y = logits,
                .n = step.logit_count,
                .first_row = step.first_logit});
  if (context.spec.logit_softcap == 0) return;
  activation(recorder, {.gate = logits,
                        .y = logits,
                        .n = step.logit_count,
                        .cols = context.spec.vocabulary,
                        .activation = Activation::kSoftcap,
                        .limit = context.spec.logit_softcap});
}

void record_encoding(Recorder recorder, const StepContext& context) {
  record_embedding(recorder, context);
  record_layers(recorder, context, 0, context.spec.layers.size());
  normalise_hidden(recorder, context, context.spec.output_norm, context.weights.output_norm);
}

void record_pooled(Recorder recorder, const StepContext& context, uint32_t count, FloatRows y) {
  const vk::Buffer *from = &context.work.hidden, *other = &context.work.normed;
  for (size_t i = 0; i < context.spec.pooled.size(); ++i) {
    const PooledLayerSpec& layer = context.spec.pooled[i];
    const Projection& projection = context.weights.pooled[i];
    const FloatRows to = i + 1 == context.spec.pooled.size() ? y : rows_of(*other, layer.rows);
    linear(recorder, {.w = projection.w,
                      .x = rows_of(*from, layer.cols),
                      .bias = projection.bias ? &*projection.bias : nullptr,
                      .y = to,
                      .n = count,
                      .exact = context.step.exact});
    if (layer.form != PooledForm::kPlain)  // tanh is a cap of 1
      activation(recorder, {.gate = to,
                            .y = to,
                            .n = count,
                            .cols = layer.rows,
                            .activation = layer.form == PooledForm::kTanh ? Activation::kSoftcap : Activation::kGeluErf,
                            .limit = 1});
    if (!layer.norm.empty()) record_norm(recorder, context.spec, context.weights.pooled_norms[i], to, to, count);
    std::swap(from, other);
  }
}

void record_step(Recorder recorder, const StepContext& context) {
  record_embedding(recorder, context);
  record_layers(recorder, context, 0, context.spec.layers.size());
  record_head(recorder, context);
}

}  // namespace pumice
