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
    const std::vector<std::byte> beginning = GgufWriter(writer_).finish();
    const Result<Gguf> file = Gguf::from_memory(beginning);
    if (!file) return {};
    const Result<ModelSpec> spec = describe(*file);
    if (!spec) return {};
    if (spec->learned_positions) matrix("position_embd.weight", spec->context_length, spec->width, 1);
    for (size_t i = 0; i < spec->layers.size(); ++i) write_layer(*spec, i);
    write_norm(spec->output_norm);
    return writer_.finish();
  }

 private:
  void write_keys() {
    const std::string p = model_.architecture + ".";
    writer_.string("general.architecture", model_.architecture);
    writer_.u32(p + "block_count", model_.layers).u32(p + "context_length", model_.context);
    writer_.u32(p + "embedding_length", model_.width).u32(p + "attention.head_count", model_.heads);
    counts(p + "feed_forward_length", model_.ffn, model_.layer_ffn);
    counts(p + "attention.head_count_kv", model_.kv_heads, model_.layer_kv_heads);
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
    for (const std::string& norm :
         {layer.attention_norm, layer.attention_post_norm, layer.ffn_norm, layer.ffn_post_norm})
      if (!norm.empty()) write_norm(block + norm);
    if (layer.attention.heads) write_attention(layer.attention, block);
    if (layer.recurrence.kind == RecurrenceKind::kShortConv) write_short_conv(layer.recurrence, block);
    if (layer.recurrence.key_dim) write_recurrence(layer.recurrence, block);
    const FeedForwardSpec& ffn = layer.feed_forward;
    if (ffn.width == 0) return;
    if (ffn.mixture.experts) return write_mixture(ffn, block);
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
      vector(block + "ssm_norm.weight", inner / spec.key_heads, 1, 0.2, spec.key_heads);
    } else {
      matrix(block + "attn_qkv.weight", spec.conv_width(), model_.width, 1);
      matrix(block + "attn_gate.weight", inner, model_.width, 1);
      matrix(block + "ssm_alpha.weight", spec.heads, model_.width, 1);
      matrix(block + "ssm_beta.weight", spec.heads, model_.width, 1);
      vector(block + "ssm_a", spec.heads, -0.5, 0.1);
      vector(block + "ssm_norm.weight", spec.value_dim, 1, 0.2);
    }
    vector(block + "ssm_conv1d.weight", spec.taps, 0, 0.6, spec.conv_width());
    vector(block + "ssm_dt.bias", spec.heads, 0, 0.5);
    matrix(block + "ssm_out.weight", model_.width, inner, 1);
  }

  void write_attention(const AttentionSpec& attention, const std::string& block) {
    const uint64_t q = attention.q_width() * (attention.gated ? 2 : 1), kv = attention.kv_width();
    if (model_.fused_qkv) {
      matrix(block + "attn_qkv.weight", q + 2 * kv, model_.width, 1.5);
    } else {
      matrix(block + "attn_q.weight", q, model_.width, 1.5);  // so that attention is not nearly uniform
      matrix(block + "attn_k.weight", kv, model_.width, 1.5);
      matrix(block + "attn_v.weight", kv, model_.width, 1);
    }
    if (model_.qkv_biases) {
      vector(block + "attn_q.bias", q, 0, 0.5);
      vector(block + "attn_k.bias", kv, 0, 0.5);
      vector(block + "attn_v.bias", kv, 0, 0.5);
    }
    if (attention.qk_norm != QkNorm::kNone) {
      const bool by_head = attention.qk_norm == QkNorm::kHead;
      vector(block + "attn_q_norm.weight", by_head ? attention.head_dim : attention.q_width(), 1, 0.2);
      vector(block + "attn_k_norm.weight", by_head ? attention.head_dim : kv, 1, 0.2);
    }
    if (attention.sinks) vector(block + "attn_sinks.weight", attention.heads, 0, 1);
    matrix(block + "attn_output.weight", model_.width, attention.q_width(), 1);
  }

  void write_mixture(const FeedForwardSpec& ffn, const std::string& block) {
    const uint64_t experts = ffn.mixture.experts, shared = ffn.mixture.shared_width, width = model_.width;
    matrix(block + "ffn_gate_inp.weight", experts, width, 1);
    matrix(block + "ffn_gate_exps.weight", ffn.width, width, 1, experts);
    matrix(block + "ffn_up_exps.weight", ffn.width, width, 1, experts);
    matrix(block + "ffn_down_exps.weight", width, ffn.width, 1, experts);
    if (model_.expert_biases) {
      vector(block + "ffn_gate_inp.bias", experts, 0, 0.5);
      vector(block + "ffn_gate_exps.bias", ffn.width, 0, 0.5, experts);
      vector(block + "ffn_up_exps.bias", ffn.width, 0, 0.5, experts);
      vector(block + "ffn_down_exps.bias", width, 0, 0.5, experts);
    }
    if (model_.selection_bias) vector(block + "exp_probs_b.bias", experts, 0, 0.5);
    if (shared == 0) return;
    matrix(block + "ffn_gate_shexp.weight", shared, width, 1);
    matrix(block + "ffn_up_shexp.weight", shared, width, 1);
    matrix(block + "ffn_down_shexp.weight", width, shared, 1);
  }

  const FamilyModel& model_;
  GgufWriter writer_;
  Generator random_;
};

}  // namespace

std::vector<std::byte> make_family_model(const FamilyModel& model) { return FamilyWriter(model).write(); }

}  // namespace pumice::test
