#include "model/blocks/attention.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <utility>

#include "kernels/activation.h"
#include "kernels/attention.h"
#include "kernels/rms_norm.h"
#include "model/blocks/branch.h"
#include "shared/attention.h"

namespace pumice {
namespace {

// Of a head of such a file, the dimensions in the order of pairs (i, i + head_dim / 2): the middle quarters change
// places.
std::vector<uint32_t> quarters_in_order(uint32_t head_dim) {
  std::vector<uint32_t> order;
  for (const uint32_t quarter : {0u, 2u, 1u, 3u})
    for (uint32_t i = 0; i < head_dim / 4; ++i) order.push_back(quarter * head_dim / 4 + i);
  return order;
}

// Of a head that the cache has wider than the file.
std::vector<uint32_t> with_zeros(uint32_t value_dim, uint32_t head_dim) {
  std::vector<uint32_t> order(head_dim, WeightReader::kNoRow);
  std::iota(order.begin(), order.begin() + value_dim, 0u);
  return order;
}

// Queries and keys in the order of their quarters, values with zeros behind them; what stays as it is, as it is.
Result<std::vector<Projection>> bind_reordered(const ModelSpec& spec, const AttentionSpec& attention,
                                               const std::string& prefix, WeightReader& reader) {
  if (reader.has(prefix + "qkv"))
    return error(Status::kUnsupported, "%sqkv has heads whose order is not supported in one matrix", prefix.c_str());
  const uint32_t dim = attention.head_dim;
  const auto bind = [&](const char* name, uint32_t rows, const std::vector<uint32_t>& order) {
    return order.empty() ? reader.projection(prefix + name, rows, spec.width)
                         : reader.reordered(prefix + name, rows, spec.width, order);
  };
  std::vector<uint32_t> of_keys, of_values;
  if (attention.paired_quarters) of_keys = quarters_in_order(dim);
  if (attention.value_dim != 0) of_values = with_zeros(attention.value_dim, dim);
  std::vector<Projection> qkv(3);
  PUMICE_ASSIGN(qkv[0], bind("q", attention.q_width(), of_keys));
  PUMICE_ASSIGN(qkv[1], bind("k", attention.kv_width(), of_keys));
  PUMICE_ASSIGN(qkv[2], bind("v", attention.kv_width(), of_values));
  qkv[1].y_offset = attention.q_width();
  qkv[2].y_offset = attention.q_width() + attention.kv_width();
  return qkv;
}

// Three matrices, or one with the rows of q, k and v in that order.
Result<std::vector<Projection>> bind_qkv(const ModelSpec& spec, const AttentionSpec& attention,
                                         const std::string& block, WeightReader& reader) {
  const std::string prefix = block + attention.names.prefix;
  if (attention.paired_quarters || attention.value_dim != 0) return bind_reordered(spec, attention, prefix, reader);
  if (!reader.has(prefix + "qkv")) {
    // Without values of their own, keys as they are before their norm are the values.
    const std::string names[] = {prefix + "q", prefix + "k", prefix + (reader.has(prefix + "v") ? "v" : "k")};
    const uint64_t rows[] = {attention.q_width(), attention.kv_width(), attention.kv_width()};
    const size_t count = attention.cache_layer ? 1 : 3;
    return reader.stacked(std::span(names).first(count), std::span(rows).first(count), spec.width);
  }
  const std::string name = prefix + "qkv";
  const uint64_t rows = attention.qkv_width();
  return reader.stacked({&name, 1}, {&rows, 1}, spec.width);
}

// q, k, v and the gate where attn_q has it.
Result<void> bind_gated_queries(const ModelSpec& spec, const AttentionSpec& attention, const std::string& block,
                                WeightReader& reader, AttentionWeights& weights) {
  PUMICE_ASSIGN(auto both, reader.alternating(block + "attn_q", attention.heads, attention.head_dim, spec.width));
  const std::string names[] = {block + "attn_k", block + "attn_v"};
  const uint64_t rows[] = {attention.kv_width(), attention.kv_width()};
  PUMICE_ASSIGN(weights.qkv, reader.stacked(names, rows, spec.width));
  for (Projection& projection : weights.qkv) projection.y_offset += attention.q_width();
  weights.qkv.push_back(std::move(both[0]));
  weights.gate = std::move(both[1]);
  return {};
}

// Heads of q, k and v that are normalised by themselves before they are rotated: one norm with a weight for each head.
bool joins_norms(const AttentionSpec& attention) {
  return !attention.norm_after_rope && attention.qk_norm != QkNorm::kWhole && attention.qk_norm != QkNorm::kNone;
}

Result<void> bind_head_norms(const AttentionSpec& attention, const std::string& block, WeightReader& reader,
                             AttentionWeights& weights) {
  const uint32_t dim = attention.head_dim;
  std::vector<float> all;
  const auto add = [&](const char* name, uint32_t heads) -> Result<void> {
    const uint32_t stated = !name ? 0 : attention.qk_norm == QkNorm::kEachHead ? heads : 1;
    std::vector<float> own(dim, 1.0f);
    if (stated != 0) {
      PUMICE_ASSIGN(own, reader.values(block + name, stated, dim));
    }
    if (stated == 1 && attention.paired_quarters) {
      const std::vector<float> as_read = own;
      const std::vector<uint32_t> order = quarters_in_order(dim);
      std::transform(order.begin(), order.end(), own.begin(), [&](uint32_t from) { return as_read[from]; });
    }
    for (uint32_t head = stated > 1 ? heads - 1 : 0; head < heads; ++head)
      all.insert(all.end(), own.begin(), own.end());
    return {};
  };
  const bool bare = attention.qk_norm == QkNorm::kBare;
  PUMICE_TRY(add(bare ? nullptr : "attn_q_norm.weight", attention.heads));
  if (!attention.cache_layer) {
    PUMICE_TRY(add(bare ? nullptr : "attn_k_norm.weight", attention.kv_heads));
    if (attention.v_norm) PUMICE_TRY(add(nullptr, attention.kv_heads));
  }
  PUMICE_ASSIGN(weights.head_norms, reader.floats(all));
  return {};
}

Result<void> bind_qk_norm(const AttentionSpec& attention, const std::string& block, WeightReader& reader,
                          AttentionWeights& weights) {
  const std::string q = block + "attn_q_norm", k = block + "attn_k_norm";
  if (attention.qk_norm == QkNorm::kNone) return {};
  if (joins_norms(attention)) return bind_head_norms(attention, block, reader, weights);
  if (attention.qk_norm == QkNorm::kWhole) {
    PUMICE_ASSIGN(weights.q_norm, reader.vector(q, attention.q_width()));
    PUMICE_ASSIGN(weights.k_norm, reader.vector(k, attention.kv_width()));
    return {};
  }
  PUMICE_ASSIGN(weights.k_norm, reader.constant(attention.head_dim, 1));
  if (attention.qk_norm == QkNorm::kGain) {
    PUMICE_ASSIGN(const std::vector<float> gains, reader.values(q + ".weight", attention.heads, 1));
    std::vector<float> all;
    for (const float gain : gains) all.insert(all.end(), attention.head_dim, gain);
    PUMICE_ASSIGN(weights.q_norm, reader.floats(all));
  } else if (attention.qk_norm == QkNorm::kBare) {
    PUMICE_ASSIGN(weights.q_norm, reader.constant(attention.head_dim, 1));
  } else {
    PUMICE_ASSIGN(weights.q_norm, reader.product(q, k, attention.head_dim));
  }
  return {};
}

// Of heads beyond a power of two those that lie between its heads' slopes are taken. Source: Press 2022.
Result<vk::Buffer> bind_slopes(const AttentionSpec& attention, WeightReader& reader) {
  std::vector<float> slopes;
  const uint32_t regular = std::bit_floor(attention.heads);
  for (uint32_t head = 0; attention.alibi != 0 && head < attention.heads; ++head) {
    const double step = head < regular ? head + 1.0 : head - regular + 0.5;
    slopes.push_back(static_cast<float>(std::exp2(-static_cast<double>(attention.alibi) * step / regular)));
  }
  return reader.floats(slopes);
}

BranchInput::Norm norm_of(const LayerSpec& layer) {
  if (layer.attention_norm.empty()) return BranchInput::Norm::kNone;
  if (layer.has_both()) return BranchInput::Norm::kShared;
  return layer.parallel && layer.ffn_norm.empty() ? BranchInput::Norm::kPass : BranchInput::Norm::kOwn;
}

// Of the heads that begin at a column, in place. by_head: each has a weight of its own.
void record_head_norm(Recorder recorder, const StepContext& context, const AttentionSpec& attention,
                      const vk::Buffer& weight, FloatRows x, uint32_t heads, uint32_t first_column,
                      bool by_head = false) {
  const bool whole = attention.qk_norm == QkNorm::kWhole;
  rms_norm(recorder, {.x = x,
                      .weight = weight,
                      .by_segment = by_head,
                      .y = x,
                      .centred = context.spec.norm_kind == NormKind::kLayer,
                      .first_column = first_column,
                      .n = context.step.n,
                      .segments = whole ? 1 : heads,
                      .cols = whole ? heads * attention.head_dim : attention.head_dim,
                      .eps = context.spec.norm_eps});
}

// work.projected, in place, up to the rotation.
void prepare_qkv(Recorder recorder, const StepContext& context, const AttentionSpec& attention,
                 const AttentionWeights& weights) {
  const FloatRows qkv = rows_of(context.work.projected, attention.qkv_width());
  if (attention.clip != 0)
    activation(recorder, {.gate = qkv,
                          .y = qkv,
                          .n = context.step.n,
                          .cols = attention.qkv_width(),
                          .activation = Activation::kClip,
                          .limit = attention.clip});
  if (attention.qk_norm == QkNorm::kNone) return;
  const uint32_t own = attention.own_kv_heads();
  if (joins_norms(attention))
    return record_head_norm(recorder, context, attention, weights.head_norms, qkv,
                            attention.heads + (attention.v_norm ? 2 : 1) * own, 0, true);
  if (!attention.norm_after_rope)
    record_head_norm(recorder, context, attention, weights.q_norm, qkv, attention.heads, 0);
  // A rotation leaves the length of a key as it is.
  if (own != 0) record_head_norm(recorder, context, attention, weights.k_norm, qkv, own, attention.q_width());
}

// work.mixed *= gate(W n).
void record_gate(Recorder recorder, const StepContext& context, const AttentionSpec& attention,
                 const AttentionWeights& weights, BranchInput& input) {
  const FloatRows gate = rows_of(context.work.q, attention.gate_width);
  const FloatRows attended = rows_of(context.work.mixed, attention.heads_width());
  input.project(weights.gate, gate);
  activation(recorder, {.gate = gate,
                        .up = &attended,
                        .y = attended,
                        .n = context.step.n,
                        .cols = attention.heads_width(),
                        .activation = attention.gate,
                        .gate_share = attention.heads_width() / attention.gate_width});
}

KvWriteArgs write_args(const StepContext& context, size_t index, FloatRows qkv, FloatRows q) {
  const LayerSpec& layer = context.spec.layers[index];
  const AttentionSpec& spec = layer.attention;
  const RopeSpec& rope = context.spec.rope(layer);
  const StepShape& step = context.step;
  return {.qkv = qkv,
          .frequencies = context.weights.ropes[spec.rope].for_context(rope, context.work.shape.context_tokens),
          .step_rows = step.step_rows,
          .q = q,
          .pages = context.pages[spec.cache_layer.value_or(static_cast<uint32_t>(index))],
          .n = step.n,
          .heads = spec.heads,
          .kv_heads = spec.own_kv_heads(),
          .head_dim = spec.head_dim,
          .rotary = rope.rotary,
          .pairs = rope.pairs,
          .query = {.magnitude = static_cast<float>(rope.score_magnitude()),
                    .temperature = spec.temperature,
                    .temperature_length = spec.temperature_length},
          .latent = {
              .head = spec.latent_head(), .first = spec.latent.plain, .dims = spec.latent.key_rank ? rope.rotary : 0}};
}

// Rows between pictures see what is before them, those of a picture all of it.
void attend_pictures(Recorder recorder, const PictureStep& pictures, AttentionArgs args) {
  args.texts = &pictures.pictures;
  args.picture = true;
  attention(recorder, args);
  if (pictures.text.count == 0) return;
  args.texts = &pictures.text;
  args.picture = false;
  attention(recorder, args);
}

}  // namespace

// Half of the buckets hold one distance each, the others ever more up to kAttentionReach. Where keys behind the row are
// seen, too, they have buckets of their own.
static uint32_t bucket_of(int32_t ahead, uint32_t buckets, bool both_ways) {
  uint32_t first = 0, distance = static_cast<uint32_t>(std::max(-ahead, 0));
  if (both_ways) {
    buckets /= 2;
    if (ahead > 0) first = buckets, distance = static_cast<uint32_t>(ahead);
  }
  const uint32_t exact = buckets / 2;
  if (distance < exact) return first + distance;
  const double far = std::log(static_cast<double>(distance) / exact) / std::log(double{kAttentionReach} / exact);
  return first + std::min(exact + static_cast<uint32_t>(far * (buckets - exact)), buckets - 1);
}

Result<vk::Buffer> bind_biases(const ModelSpec& spec, WeightReader& reader) {
  if (spec.bias_buckets == 0) return vk::Buffer();
  const uint32_t heads = spec.layers[0].attention.heads;
  PUMICE_ASSIGN(const std::vector<float> table,
                reader.values(spec.prefix + "blk.0.attn_rel_b.weight", spec.bias_buckets, heads));
  constexpr auto kReach = static_cast<int32_t>(kAttentionReach);
  std::vector<float> biases;
  for (uint32_t head = 0; head < heads; ++head)
    for (int32_t ahead = -kReach; ahead <= kReach; ++ahead)
      biases.push_back(table[uint64_t{bucket_of(ahead, spec.bias_buckets, !spec.causal)} * heads + head]);
  return reader.floats(biases);
}

Result<RopeWeights> bind_rope(const RopeSpec& rope, WeightReader& reader) {
  RopeWeights weights;
  static constexpr double kNone[] = {0};  // to bind where nothing is rotated
  PUMICE_ASSIGN(
      weights.frequencies,
      reader.words(rope_frequencies(rope.radians.empty() ? std::span(kNone) : std::span(rope.radians), rope.axes)));
  PUMICE_ASSIGN(weights.long_frequencies, reader.words(rope_frequencies(rope.long_radians, rope.axes)));
  return weights;
}

Result<AttentionWeights> bind_attention(const ModelSpec& spec, const LayerSpec& layer, const std::string& block,
                                        WeightReader& reader) {
  const AttentionSpec& attention = layer.attention;
  AttentionWeights weights;
  PUMICE_ASSIGN(weights.norm, bind_norm(spec, block, layer.attention_norm, reader));
  PUMICE_ASSIGN(weights.post_norm, bind_norm(spec, block, layer.attention_post_norm, reader, layer.residual_scale));
  if (attention.latent.key_rank != 0) {
    PUMICE_ASSIGN(weights.latent, bind_latent(spec, attention, block, reader));
  } else if (attention.gate_in_q) {
    PUMICE_TRY(bind_gated_queries(spec, attention, block, reader, weights));
  } else {
    PUMICE_ASSIGN(weights.qkv, bind_qkv(spec, attention, block, reader));
  }
  PUMICE_TRY(bind_qk_norm(attention, block, reader, weights));
  if (attention.gate_width != 0 && !attention.gate_in_q) {
    PUMICE_ASSIGN(weights.gate, reader.projection(block + "attn_gate", attention.gate_width, spec.width));
  }
  if (attention.sinks) {
    PUMICE_ASSIGN(weights.sinks, reader.vector(block + "attn_sinks", attention.heads));
  }
  PUMICE_ASSIGN(weights.slopes, bind_slopes(attention, reader));
  const float bias_factor = layer.attention_post_norm.empty() ? layer.residual_scale : 1;
  PUMICE_ASSIGN(weights.output,
                reader.projection(block + attention.names.output, spec.width, attention.result_width(), bias_factor));
  return weights;
}

void record_attention(Recorder recorder, const StepContext& context, size_t index) {
  const LayerSpec& layer = context.spec.layers[index];
  const AttentionSpec& spec = layer.attention;
  const AttentionWeights& weights = context.weights.layers[index].attention;
  const StepShape& step = context.step;
  const FloatRows qkv = rows_of(context.work.projected, spec.qkv_width());
  const FloatRows q = rows_of(context.work.q, spec.q_width()),
                  attended = rows_of(context.work.mixed, spec.heads_width());
  BranchInput input(recorder, context, norm_of(layer), weights.norm);
  const bool latent = spec.latent.key_rank != 0;
  if (latent) project_latent(recorder, context, index, input);
  for (const Projection& projection : weights.qkv) input.project(projection, qkv);
  prepare_qkv(recorder, context, spec, weights);
  const KvWriteArgs write = write_args(context, index, qkv, q);
  const bool late_norm = spec.norm_after_rope && spec.qk_norm != QkNorm::kNone;
  const bool appends =
      !step.one_sequence && attention_appends(write.pages.format) && !late_norm && !spec.cache_layer && !latent;
  // Of rows that see each other's keys, attention writes the same bytes once more: each sums as if it were alone.
  if (!appends || step.chained) kv_write(recorder, write);
  if (late_norm)
    record_head_norm(recorder, context, spec, weights.q_norm, q, spec.heads, 0, spec.qk_norm == QkNorm::kGain);
  AttentionArgs args{.q = q,
                     .pages = write.pages,
                     .append = appends ? &write : nullptr,
                     .step_rows = step.step_rows,
                     .y = attended,
                     .n = step.n,
                     .heads = spec.heads,
                     .kv_heads = spec.kv_heads,
                     .head_dim = spec.head_dim,
                     .value_dim = spec.value_dim,
                     .scale = spec.scale,
                     .window = spec.window,
                     .chunks = spec.chunks,
                     .softcap = spec.softcap,
                     .sinks = spec.sinks ? &weights.sinks : nullptr,
                     .slopes = spec.alibi != 0 ? &weights.slopes : nullptr,
                     .biases = context.spec.bias_buckets != 0 ? &context.weights.biases : nullptr,
                     .one_sequence = step.one_sequence,
                     .texts = step.texts,
                     .arguments = step.decode_arguments,
                     .max_splits = context.work.max_splits,
                     .partials = context.work.partials,
                     .counters = context.work.counters};
  if (step.pictures && spec.whole_pictures)
    attend_pictures(recorder, *step.pictures, args);
  else
    attention(recorder, args);
  if (latent) expand_latent(recorder, context, index);
  if (spec.gate_width != 0) record_gate(recorder, context, spec, weights, input);
}

void add_attention(Recorder recorder, const StepContext& context, size_t index) {
  const LayerSpec& layer = context.spec.layers[index];
  const AttentionSpec& spec = layer.attention;
  const AttentionWeights& weights = context.weights.layers[index].attention;
  add_branch(recorder, context,
             rows_of(spec.latent.key_rank ? context.work.q : context.work.mixed, spec.result_width()),
             {.projection = weights.output,
              .post_norm = layer.attention_post_norm,
              .post_norm_weights = weights.post_norm,
              .scale = layer.residual_scale * spec.value_scale});
}

}  // namespace pumice
