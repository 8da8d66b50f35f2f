#include "model/step.h"

#include <algorithm>

#include "kernels/activation.h"
#include "kernels/argmax.h"
#include "kernels/device_policy.h"
#include "kernels/embedding.h"
#include "kernels/matmul.h"
#include "kernels/matvec.h"
#include "kernels/rms_norm.h"
#include "kernels/sample.h"
#include "shared/attention.h"
#include "shared/sample.h"
#include "shared/step_params.h"

namespace pumice {
namespace {

FloatRows rows(const vk::Buffer& buffer, uint32_t columns) { return {buffer, row_stride(columns)}; }

// norm(hidden), which projections read: normalised once, and quantized once for all that read the same form.
class NormedInput {
 public:
  NormedInput(Recorder recorder, const StepContext& context, const vk::Buffer& weight)
      : recorder_(recorder),
        context_(context),
        weight_(weight),
        fused_(takes_fused_form(recorder.kernels.caps(), context.step.n, context.step.exact)) {
    if (!fused_)
      rms_norm(recorder, {.x = hidden(),
                          .weight = weight,
                          .y = normed(),
                          .n = context.step.n,
                          .cols = context.config.width,
                          .eps = context.config.norm_eps});
  }
  NormedInput(const NormedInput&) = delete;
  NormedInput& operator=(const NormedInput&) = delete;

  // y = norm(hidden) W^T + bias.
  void project(const Projection& projection, FloatRows y) {
    const vk::Buffer* bias = projection.bias ? &*projection.bias : nullptr;
    if (!fused_)
      linear(recorder_, {.w = projection.w,
                         .x = normed(),
                         .bias = bias,
                         .y = y,
                         .y_offset = projection.y_offset,
                         .n = context_.step.n,
                         .exact = context_.step.exact,
                         .quantized = &quantized_});
    else
      matvec(recorder_, {.w = projection.w,
                         .x = hidden(),
                         .norm = &weight_,
                         .eps = context_.config.norm_eps,
                         .bias = bias,
                         .y = y,
                         .y_offset = projection.y_offset,
                         .n = context_.step.n});
  }

 private:
  FloatRows hidden() const { return rows(context_.work.hidden, context_.config.width); }
  FloatRows normed() const { return rows(context_.work.normed, context_.config.width); }

  Recorder recorder_;
  const StepContext& context_;
  const vk::Buffer& weight_;
  const bool fused_;
  std::optional<QuantizedRows> quantized_;
};

// hidden += x W^T + bias.
void record_residual_projection(Recorder recorder, const StepContext& context, FloatRows x,
                                const Projection& projection) {
  linear(recorder, {.w = projection.w,
                    .x = x,
                    .bias = projection.bias ? &*projection.bias : nullptr,
                    .accumulate = true,
                    .y = rows(context.work.hidden, context.config.width),
                    .n = context.step.n,
                    .exact = context.step.exact});
}

bool same_layout(const WeightMatrix& a, const WeightMatrix& b) {
  return a.type == b.type && a.rows == b.rows && a.cols == b.cols;
}

struct WorkspaceSizes {
  uint64_t hidden, qkv, q, ffn, logits, partials, counters, finds, samplings;
  uint32_t max_splits;
};

WorkspaceSizes sizes_of(const ModelConfig& config, const WorkspaceShape& shape) {
  const auto floats = [](uint64_t n, uint32_t columns) { return 4 * n * row_stride(columns); };
  const uint32_t splits = divide_up(std::max(shape.context_tokens, 1u), kAttentionDecodePages * kPageTokens);
  return {.hidden = floats(shape.rows, config.width),
          .qkv = floats(shape.rows, config.qkv_width()),
          .q = floats(shape.rows, config.q_width()),
          .ffn = floats(shape.rows, config.ffn_width),
          .logits = floats(shape.logit_rows, config.vocabulary),
          .partials = attention_partial_bytes(shape.decode_rows, config.heads, config.head_dim, splits),
          .counters = uint64_t{4} * shape.rows * config.kv_heads,
          .finds = std::max(argmax_find_bytes(config.vocabulary, shape.logit_rows),
                            sample_find_bytes(config.vocabulary, shape.logit_rows)),
          .samplings = uint64_t{shape.logit_rows} * sizeof(SampleState),
          .max_splits = splits};
}

}  // namespace

bool takes_fused_form(const vk::DeviceCaps& caps, uint32_t n, bool exact) {
  return (n <= kFusedRows && !exact) || device_policy(caps).matvec_only;
}

uint64_t Workspace::bytes(const ModelConfig& config, const WorkspaceShape& shape) {
  const WorkspaceSizes sizes = sizes_of(config, shape);
  return 2 * sizes.hidden + sizes.qkv + 2 * sizes.q + 2 * sizes.ffn + sizes.logits + sizes.partials + sizes.counters +
         sizes.finds + sizes.samplings + 4 * shape.logit_rows;
}

Result<Workspace> Workspace::create(vk::Device& device, const ModelConfig& config, const WorkspaceShape& shape) {
  const WorkspaceSizes sizes = sizes_of(config, shape);
  Workspace work;
  work.shape = shape;
  work.max_splits = sizes.max_splits;
  const auto make = [&](uint64_t bytes) { return device.create_buffer(bytes, vk::MemoryIntent::kDevice); };
  PUMICE_ASSIGN(work.hidden, make(sizes.hidden));
  PUMICE_ASSIGN(work.normed, make(sizes.hidden));
  PUMICE_ASSIGN(work.qkv, make(sizes.qkv));
  PUMICE_ASSIGN(work.q, make(sizes.q));
  PUMICE_ASSIGN(work.attended, make(sizes.q));
  PUMICE_ASSIGN(work.gate, make(sizes.ffn));
  PUMICE_ASSIGN(work.up, make(sizes.ffn));
  PUMICE_ASSIGN(work.logits, make(sizes.logits));
  PUMICE_ASSIGN(work.partials, make(sizes.partials));
  PUMICE_ASSIGN(work.counters, make(sizes.counters));
  PUMICE_ASSIGN(work.finds, make(sizes.finds));
  PUMICE_ASSIGN(work.arrivals, make(4 * shape.logit_rows));
  PUMICE_ASSIGN(work.samplings, make(sizes.samplings));
  PUMICE_ASSIGN(vk::CommandStream stream, vk::CommandStream::create(device));
  stream.begin();
  stream.fill(work.counters, 0);
  stream.fill(work.arrivals, 0);
  stream.fill(work.samplings, 0);
  PUMICE_TRY(stream.end());
  const VkCommandBuffer commands = stream.handle();
  PUMICE_ASSIGN(const uint64_t value, device.submit({&commands, 1}));
  PUMICE_ASSIGN(const bool reached, device.wait(value));
  PUMICE_CHECK(reached);
  return work;
}

void record_embedding(Recorder recorder, const StepContext& context) {
  embedding(recorder, {.table = context.weights.embedding,
                       .step_rows = context.step.step_rows,
                       .y = rows(context.work.hidden, context.config.width),
                       .n = context.step.n});
}

void record_attention_block(Recorder recorder, const StepContext& context, uint32_t layer) {
  const ModelConfig& config = context.config;
  const LayerWeights& weights = context.weights.layers[layer];
  const FloatRows qkv = rows(context.work.qkv, config.qkv_width()), q = rows(context.work.q, config.q_width());
  const FloatRows attended = rows(context.work.attended, config.q_width());
  NormedInput normed(recorder, context, weights.attention_norm);
  for (const Projection& projection : weights.qkv) normed.project(projection, qkv);
  const KvWriteArgs write{.qkv = qkv,
                          .frequencies = context.weights.rope_frequencies,
                          .step_rows = context.step.step_rows,
                          .q = q,
                          .pages = context.pages[layer],
                          .n = context.step.n,
                          .heads = config.heads,
                          .kv_heads = config.kv_heads,
                          .head_dim = config.head_dim,
                          .rotary = config.rotary,
                          .pairs = config.rope_pairs};
  const bool appends = !context.step.one_sequence && attention_appends(write.pages.format);
  if (!appends) kv_write(recorder, write);
  attention(recorder, {.q = q,
                       .pages = write.pages,
                       .append = appends ? &write : nullptr,
                       .step_rows = context.step.step_rows,
                       .y = attended,
                       .n = context.step.n,
                       .heads = config.heads,
                       .kv_heads = config.kv_heads,
                       .head_dim = config.head_dim,
                       .scale = config.attention_scale,
                       .one_sequence = context.step.one_sequence,
                       .arguments = context.step.decode_arguments,
                       .max_splits = context.work.max_splits,
                       .partials = context.work.partials,
                       .counters = context.work.counters});
  record_residual_projection(recorder, context, attended, weights.output);
}

void record_gated_ffn_block(Recorder recorder, const StepContext& context, uint32_t layer, Activation kind) {
  const ModelConfig& config = context.config;
  const LayerWeights& weights = context.weights.layers[layer];
  const FloatRows gate = rows(context.work.gate, config.ffn_width), up = rows(context.work.up, config.ffn_width);
  const bool fused = takes_fused_form(recorder.kernels.caps(), context.step.n, context.step.exact) &&
                     same_layout(weights.gate.w, weights.up.w) && !weights.gate.bias && !weights.up.bias;
  if (fused) {
    matvec(recorder, {.w = weights.gate.w,
                      .up = &weights.up.w,
                      .activation = kind,
                      .x = rows(context.work.hidden, config.width),
                      .norm = &weights.ffn_norm,
                      .eps = config.norm_eps,
                      .y = gate,
                      .n = context.step.n});
    return record_residual_projection(recorder, context, gate, weights.down);
  }
  NormedInput normed(recorder, context, weights.ffn_norm);
  normed.project(weights.gate, gate);
  normed.project(weights.up, up);
  activation(recorder,
             {.gate = gate, .up = &up, .y = gate, .n = context.step.n, .cols = config.ffn_width, .activation = kind});
  record_residual_projection(recorder, context, gate, weights.down);
}

void record_head(Recorder recorder, const StepContext& context) {
  const StepShape& step = context.step;
  if (step.logit_count == 0) return;
  const ModelConfig& config = context.config;
  const uint32_t stride = row_stride(config.width);
  const WeightMatrix& head = context.weights.head.w ? context.weights.head.w : context.weights.embedding;
  const FloatRows x{
      {context.work.hidden, uint64_t{4} * stride * step.first_logit, uint64_t{4} * stride * step.logit_count}, stride};
  matvec(recorder, {.w = head,
                    .x = x,
                    .norm = &context.weights.output_norm,
                    .eps = config.norm_eps,
                    .bias = context.weights.head.bias ? &*context.weights.head.bias : nullptr,
                    .y = rows(step.logits ? *step.logits : context.work.logits, config.vocabulary),
                    .n = step.logit_count});
}

}  // namespace pumice
