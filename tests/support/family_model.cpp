#include "support/family_model.h"

#include <cmath>

#include "model/model.h"
#include "support/generator.h"
#include "support/synthetic_model.h"

namespace pumice::test {
namespace {

class FamilyWriter {
 public:
  explicit FamilyWriter(const FamilyModel& model) : model_(model), random_(model.seed) {}

  std::vector<std::byte> write() {
    write_keys();
    matrix("token_embd.weight", model_.vocabulary, model_.width, 3);
    if (model_.rope_factors)
      for (const char* name : {"rope_factors_long.weight", "rope_factors_short.weight"})
        vector(name, model_.width / model_.heads / 2, 3, 0.5);
    GgufWriter signed_writer(writer_);
    for (const std::string& name : model_.signs)
      signed_writer.tensor({name, {1, model_.sign_rows}, 0, f32_bytes(std::vector(model_.sign_rows, 1.0f)), {}});
    const std::vector<std::byte> beginning = signed_writer.finish();
    const Result<Gguf> file = Gguf::from_memory(beginning);
    if (!file) return {};
    const Result<ModelSpec> spec = describe(*file);
    if (!spec) return {};
    if (!spec->embedding_norm.empty() && spec->embedding_norm != kBareNorm) write_norm(spec->embedding_norm);
    if (spec->learned_positions) matrix("position_embd.weight", spec->context_length, spec->width, 1);
    if (spec->token_types) matrix("token_types.weight", spec->token_types, spec->width, 2);
    for (const PooledLayerSpec& layer : spec->pooled) {
      matrix(layer.name + ".weight", layer.rows, layer.cols, 1);
      if (!layer.norm.empty()) write_norm(layer.norm);
    }
    for (size_t i = 0; i < spec->layers.size(); ++i) write_layer(*spec, i);
    if (spec->per_layer_width) write_per_layer_inputs(*spec);
    if (!spec->output_norm.empty() && spec->output_norm != kBareNorm) write_norm(spec->output_norm);
    return writer_.finish();
  }

 private:
  void write_keys() {
    const std::string p = model_.architecture + ".";
    writer_.string("general.architecture", model_.architecture);
    writer_.u32(p + "block_count", model_.layers).u32(p + "context_length", model_.context);
    writer_.u32(p + "embedding_length", model_.width);
    counts(p + "feed_forward_length", model_.ffn, model_.layer_ffn);
    if (model_.heads) {
      writer_.u32(p + "attention.head_count", model_.heads);
      counts(p + "attention.head_count_kv", model_.kv_heads, model_.layer_kv_heads);
    }
    writer_.f32(p + "attention.layer_norm_rms_epsilon", 1e-5f).f32(p + "attention.layer_norm_epsilon", 1e-5f);
    if (model_.keys) model_.keys(writer_, p);
    writer_.string("tokenizer.ggml.model", "none");
  }

  void counts(const std::string& key, uint32_t all, const std::vector<int32_t>& by_layer) {
    if (by_layer.empty())
      writer_.u32(key, all);
    else
      writer_.i32s(key, by_layer);
  }

  void matrix(const std::string& name, uint64_t rows, uint64_t cols, double gain, uint64_t experts = 0) {
    GgufWriter::Tensor tensor{name, {cols, rows}, static_cast<uint32_t>(model_.type), {}, {}};
    if (experts) tensor.dims.push_back(experts);
    tensor.data = random_weights(model_.type, rows * cols * std::max<uint64_t>(experts, 1),
                                 gain / std::sqrt(static_cast<double>(cols)), random_.bits());
    writer_.tensor(std::move(tensor));
  }
  void vector(const std::string& name, uint64_t length, double mean, double deviation, uint64_t rows = 0) {
    GgufWriter::Tensor tensor{name, {length}, static_cast<uint32_t>(TensorType::kF32), {}, {}};
    if (rows) tensor.dims.push_back(rows);
    tensor.data = f32_bytes(random_.normals(length * std::max<uint64_t>(rows, 1), mean, deviation));
    writer_.tensor(std::move(tensor));
  }

  void write_norm(const std::string& name) {
    vector(name + ".weight", model_.width, 1, 0.2);
    if (model_.biases) vector(name + ".bias", model_.width, 0, 0.2);
  }

  void write_layer(const ModelSpec& spec, size_t index) {
    const LayerSpec& layer = spec.layers[index];
    const std::string block = "blk." + std::to_string(index) + ".";
    for (const std::string& norm : {layer.attention_norm, layer.attention_post_norm, layer.ffn_norm,
                                    layer.ffn_post_norm, layer.attention_sum_norm, layer.ffn_sum_norm})
      if (!norm.empty() && norm != kBareNorm) write_norm(block + norm);
    if (layer.attention.heads) write_attention(layer.attention, block);
    if (layer.recurrence.kind == RecurrenceKind::kShortConv) write_short_conv(layer.recurrence, block);
    if (layer.recurrence.key_dim) write_recurrence(layer.recurrence, block);
    if (layer.output_scale || spec.embedding_skip) vector(block + "layer_output_scale.weight", 1, 0.8, 0.1);
    if (const uint64_t own = spec.per_layer_width) {
      matrix(block + "inp_gate.weight", own, spec.width, 1);
      matrix(block + "proj.weight", spec.width, own, 1);
      write_norm(block + "post_norm");
    }
    const FeedForwardSpec& ffn = layer.feed_forward;
    if (ffn.width == 0) return;
    if (ffn.mixture.experts) return write_mixture(ffn, block);
    if (ffn.divided) vector(block + "ffn.act.scales", ffn.width, 2, 0.3);
    if (model_.biases) {
      vector(block + "attn_output.bias", spec.width, 0, 0.5);
      vector(block + "ffn_up.bias", ffn.width, 0, 0.5);
      vector(block + "ffn_down.bias", spec.width, 0, 0.5);
    }
    if (ffn.gated && !model_.fused_gate) matrix(block + "ffn_gate.weight", ffn.width, spec.width, 1);
    matrix(block + "ffn_up.weight", ffn.width * (model_.fused_gate ? 2 : 1), spec.width, 1);
    matrix(block + "ffn_down.weight", spec.width, ffn.width, 1);
  }

  void write_short_conv(const RecurrenceSpec& spec, const std::string& block) {
    matrix(block + "shortconv.in_proj.weight", spec.projected_width(), model_.width, 1);
    vector(block + "shortconv.conv.weight", spec.taps, 0, 0.6, spec.conv_width());
    matrix(block + "shortconv.out_proj.weight", model_.width, spec.inner_width(), 1);
  }

  void write_recurrence(const RecurrenceSpec& spec, const std::string& block) {
    const bool mamba = spec.kind == RecurrenceKind::kMamba2;
    const uint64_t inner = spec.inner_width();
    if (mamba) {
      matrix(block + "ssm_in.weight", spec.projected_width(), model_.width, 1);
      vector(block + "ssm_conv1d.bias", spec.conv_width(), 0, 0.3);
      vector(block + "ssm_a", 1, -0.5, 0.1, spec.heads);
      vector(block + "ssm_d", 1, 0, 0.5, spec.heads);
      if (spec.norm) vector(block + "ssm_norm.weight", inner / spec.key_heads, 1, 0.2, spec.key_heads);
    } else {
      matrix(block + "attn_qkv.weight", spec.conv_width(), model_.width, 1);
      matrix(block + "attn_gate.weight", inner, model_.width, 1);
      if (spec.paired_gates) matrix(block + "ssm_ba.weight", 2 * spec.heads, model_.width, 1);
      for (const char* name : {"ssm_alpha.weight", "ssm_beta.weight"})
        if (!spec.paired_gates) matrix(block + name, spec.heads, model_.width, 1);
      vector(block + "ssm_a", spec.heads, -0.5, 0.1);
      vector(block + "ssm_norm.weight", spec.value_dim, 1, 0.2);
    }
    vector(block + "ssm_conv1d.weight", spec.taps, 0, 0.6, spec.conv_width());
    vector(block + "ssm_dt.bias", spec.heads, 0, 0.5);
    matrix(block + "ssm_out.weight", model_.width, inner, 1);
  }

  void write_per_layer_inputs(const ModelSpec& spec) {
    const uint64_t all = spec.per_layer_width * spec.layers.size();
    matrix("per_layer_token_embd.weight", spec.vocabulary, all, 1);
    matrix("per_layer_model_proj.weight", all, spec.width, 1);
    vector("per_layer_proj_norm.weight", spec.per_layer_width, 1, 0.2);
  }

  void write_latent(const AttentionSpec& attention, const std::string& block) {
    const LatentSpec& latent = attention.latent;
    const uint64_t rotary = attention.head_dim - latent.key_rank;
    if (latent.query_rank) {
      matrix(block + "attn_q_a.weight", latent.query_rank, model_.width, 1);
      vector(block + "attn_q_a_norm.weight", latent.query_rank, 1, 0.2);
      matrix(block + "attn_q_b.weight", attention.q_columns(), latent.query_rank, 1.5);
    } else {
      matrix(block + "attn_q.weight", attention.q_columns(), model_.width, 1.5);
    }
    matrix(block + "attn_kv_a_mqa.weight", latent.key_rank + rotary, model_.width, 1.5);
    vector(block + "attn_kv_a_norm.weight", latent.key_rank, 1, 0.2);
    if (model_.joined_latent) {
      matrix(block + "attn_kv_b.weight", attention.heads * (latent.plain + latent.value), latent.key_rank, 1);
    } else {
      matrix(block + "attn_k_b.weight", latent.key_rank, latent.plain, 1, attention.heads);
      matrix(block + "attn_v_b.weight", latent.value, latent.key_rank, 1, attention.heads);
    }
    matrix(block + "attn_output.weight", model_.width, attention.result_width(), 1);
  }

  void write_attention(const AttentionSpec& attention, const std::string& block) {
    if (attention.latent.key_rank) return write_latent(attention, block);
    const uint64_t q = attention.q_width() * (attention.gate_in_q ? 2 : 1), kv = attention.kv_width();
    if (model_.fused_qkv) {
      matrix(block + "attn_qkv.weight", q + 2 * kv, model_.width, 1.5);
    } else {
      matrix(block + "attn_q.weight", q, model_.width, 1.5);  // so that attention is not nearly uniform
      if (kv) matrix(block + "attn_k.weight", kv, model_.width, 1.5);
      if (kv && !model_.keys_are_values) matrix(block + "attn_v.weight", attention.value_width(), model_.width, 1);
    }
    if (model_.qkv_biases) {
      vector(block + "attn_q.bias", q, 0, 0.5);
      vector(block + "attn_k.bias", kv, 0, 0.5);
      vector(block + "attn_v.bias", kv, 0, 0.5);
    }
    if (attention.qk_norm == QkNorm::kHead || attention.qk_norm == QkNorm::kEachHead) {
      const bool each = attention.qk_norm == QkNorm::kEachHead;
      vector(block + "attn_q_norm.weight", attention.head_dim, 1, 0.2, each ? attention.heads : 0);
      if (kv) vector(block + "attn_k_norm.weight", attention.head_dim, 1, 0.2, each ? attention.kv_heads : 0);
    }
    if (attention.qk_norm == QkNorm::kGain) vector(block + "attn_q_norm.weight", 1, 1, 0.2, attention.heads);
    if (attention.qk_norm == QkNorm::kWhole) {
      vector(block + "attn_q_norm.weight", q, 1, 0.2);
      vector(block + "attn_k_norm.weight", kv, 1, 0.2);
    }
    if (attention.gate_width && !attention.gate_in_q)
      matrix(block + "attn_gate.weight", attention.gate_width, model_.width, 2);
    if (attention.sinks) vector(block + "attn_sinks.weight", attention.heads, 0, 1);
    matrix(block + "attn_output.weight", model_.width, attention.result_width(), 1);
  }

  void write_mixture(const FeedForwardSpec& ffn, const std::string& block) {
    const uint64_t experts = ffn.mixture.experts, shared = ffn.mixture.shared_width, width = model_.width;
    const uint64_t outer = ffn.mixture.latent_width ? ffn.mixture.latent_width : width;
    if (ffn.mixture.latent_width) {
      matrix(block + "ffn_latent_down.weight", outer, width, 1);
      matrix(block + "ffn_latent_up.weight", width, outer, 1);
    }
    matrix(block + "ffn_gate_inp.weight", experts, width, 1);
    if (model_.merged_experts) {
      matrix(block + "ffn_gate_up_exps.weight", 2 * ffn.width, outer, 1, experts);
    } else {
      if (ffn.gated) matrix(block + "ffn_gate_exps.weight", ffn.width, outer, 1, experts);
      matrix(block + "ffn_up_exps.weight", ffn.width, outer, 1, experts);
    }
    matrix(block + "ffn_down_exps.weight", outer, ffn.width, 1, experts);
    if (model_.expert_biases) {
      vector(block + "ffn_gate_inp.bias", experts, 0, 0.5);
      vector(block + "ffn_gate_exps.bias", ffn.width, 0, 0.5, experts);
      vector(block + "ffn_up_exps.bias", ffn.width, 0, 0.5, experts);
      vector(block + "ffn_down_exps.bias", width, 0, 0.5, experts);
    }
    if (model_.selection_bias) vector(block + "exp_probs_b.bias", experts, 0, 0.5);
    if (shared == 0) return;
    if (ffn.mixture.scales) vector(block + "ffn_down_exps.scale", experts, 1, 0.3);
    if (ffn.mixture.own_norms) {
      vector(block + "ffn_gate_inp.scale", width, 2, 0.5);
      for (const char* norm : {"pre_ffw_norm_2", "post_ffw_norm_1", "post_ffw_norm_2"}) write_norm(block + norm);
    }
    if (!ffn.mixture.early_norm.empty()) write_norm(block + ffn.mixture.early_norm);
    const std::string& end = ffn.mixture.shared_end;
    if (ffn.gated) matrix(block + "ffn_gate" + end + ".weight", shared, width, 1);
    matrix(block + "ffn_up" + end + ".weight", shared, width, 1);
    matrix(block + "ffn_down" + end + ".weight", width, shared, 1);
    if (ffn.mixture.shared_gate) vector(block + "ffn_gate_inp" + end + ".weight", width, 0, 0.5);
  }

  const FamilyModel& model_;
  GgufWriter writer_;
  Generator random_;
};

}  // namespace

std::vector<std::byte> make_family_model(const FamilyModel& model) { return FamilyWriter(model).write(); }

}  // namespace pumice::test
