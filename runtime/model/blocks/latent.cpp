#include "model/blocks/latent.h"

#include "kernels/matmul.h"
#include "kernels/rms_norm.h"
#include "model/blocks/branch.h"

namespace pumice {

Result<LatentWeights> bind_latent(const ModelSpec& spec, const AttentionSpec& attention, const std::string& block,
                                  WeightReader& reader) {
  const LatentSpec& latent = attention.latent;
  const uint32_t rotary = attention.head_dim - latent.key_rank;
  LatentWeights weights;
  if (latent.query_rank != 0) {
    PUMICE_ASSIGN(weights.query_down, reader.projection(block + "attn_q_a", latent.query_rank, spec.width));
    PUMICE_ASSIGN(weights.query_norm, reader.vector(block + "attn_q_a_norm", latent.query_rank));
    PUMICE_ASSIGN(weights.query, reader.projection(block + "attn_q_b", attention.q_columns(), latent.query_rank));
  } else {
    PUMICE_ASSIGN(weights.query, reader.projection(block + "attn_q", attention.q_columns(), spec.width));
  }
  PUMICE_ASSIGN(weights.key, reader.parts(block + "attn_kv_a_mqa", {latent.key_rank, rotary}, spec.width));
  weights.key[0].y_offset = attention.q_columns() + rotary;
  weights.key[1].y_offset = attention.q_columns();
  PUMICE_ASSIGN(weights.key_norm, reader.vector(block + "attn_kv_a_norm", latent.key_rank));
  if (!reader.has(block + "attn_k_b")) {
    PUMICE_ASSIGN(auto both, reader.latent_heads(block + "attn_kv_b", attention.heads, latent.plain, latent.value,
                                                 latent.key_rank, attention.latent_head()));
    weights.key_up = std::move(both[0]);
    weights.value_up = std::move(both[1]);
    return weights;
  }
  PUMICE_ASSIGN(weights.key_up, reader.experts(block + "attn_k_b", attention.heads, latent.key_rank, latent.plain));
  PUMICE_ASSIGN(weights.value_up, reader.experts(block + "attn_v_b", attention.heads, latent.value, latent.key_rank));
  return weights;
}

void project_latent(Recorder recorder, const StepContext& context, size_t index, BranchInput& input) {
  const AttentionSpec& spec = context.spec.layers[index].attention;
  const LatentWeights& weights = context.weights.layers[index].attention.latent;
  const uint32_t rotary = spec.head_dim - spec.latent.key_rank;
  const FloatRows qkv = rows_of(context.work.projected, spec.qkv_width());
  const auto normalise = [&](FloatRows x, uint32_t first, uint32_t cols, const vk::Buffer& weight) {
    rms_norm(recorder, {.x = x,
                        .weight = weight,
                        .y = x,
                        .first_column = first,
                        .n = context.step.n,
                        .cols = cols,
                        .eps = context.spec.norm_eps});
  };
  if (spec.latent.query_rank != 0) {
    const FloatRows down = rows_of(context.work.mixed, spec.latent.query_rank);
    input.project(weights.query_down, down);
    normalise(down, 0, spec.latent.query_rank, weights.query_norm);
    linear(recorder, {.w = weights.query.w, .x = down, .y = qkv, .n = context.step.n, .exact = context.step.exact});
  } else {
    input.project(weights.query, qkv);
  }
  for (const Projection& part : weights.key) input.project(part, qkv);
  normalise(qkv, spec.q_columns() + rotary, spec.latent.key_rank, weights.key_norm);
  matvec(recorder, {.w = weights.key_up.w,
                    .x = qkv,
                    .y = rows_of(context.work.q, spec.q_width()),
                    .y_offset = rotary,
                    .n = context.step.n,
                    .experts = spec.heads,
                    .heads = {.count = spec.heads, .x_head = spec.latent_head(), .y_head = spec.head_dim}});
}

void expand_latent(Recorder recorder, const StepContext& context, size_t index) {
  const AttentionSpec& spec = context.spec.layers[index].attention;
  matvec(recorder, {.w = context.weights.layers[index].attention.latent.value_up.w,
                    .x = rows_of(context.work.mixed, spec.q_width()),
                    .y = rows_of(context.work.q, spec.result_width()),
                    .n = context.step.n,
                    .experts = spec.heads,
                    .heads = {.count = spec.heads,
                              .x_first = spec.head_dim - spec.latent.key_rank,
                              .x_head = spec.head_dim,
                              .y_head = spec.latent.value}});
}

}  // namespace pumice
