#include "model/spec_reader.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/printable.h"
#include "shared/recurrence.h"
#include "shared/short_conv.h"

namespace pumice {
namespace {

constexpr uint32_t kMaxLayers = 1024, kMaxWidth = 1u << 18, kMaxVocabulary = 1u << 24;
constexpr size_t kMostName = 100;

// One for each layer; they differ in the numbers of heads alone, and those without heads have no attention.
Result<std::vector<AttentionSpec>> read_attention(KeyReader& reader, uint32_t width, uint32_t layers) {
  constexpr uint32_t kMostHeads = 65536;
  PUMICE_ASSIGN(const std::vector<uint32_t> heads, reader.each_layer("attention.head_count", layers, kMostHeads));
  std::vector<uint32_t> kv_heads = heads;
  if (reader.has("attention.head_count_kv")) {
    PUMICE_ASSIGN(kv_heads, reader.each_layer("attention.head_count_kv", layers, kMostHeads));
  }
  std::vector<AttentionSpec> all(layers);
  const bool explicit_length = reader.has("attention.key_length");
  const uint32_t most = *std::max_element(heads.begin(), heads.end());
  if (most == 0) return all;
  AttentionSpec attention{.head_dim = width / most};
  if (explicit_length) {
    PUMICE_ASSIGN(attention.head_dim, reader.required("attention.key_length", 4096));
  }
  PUMICE_ASSIGN(const uint32_t value_length, reader.count("attention.value_length", attention.head_dim));
  PUMICE_ASSIGN(const uint32_t key_rank, reader.count("attention.kv_lora_rank", 0));
  if (value_length != attention.head_dim && key_rank == 0) {
    if (value_length == 0 || value_length > attention.head_dim || value_length % 4 != 0)
      return error(Status::kUnsupported, "values of %u dimensions with keys of %u are not supported", value_length,
                   attention.head_dim);
    attention.value_dim = value_length;
  }
  reader.accept("attention.scale");  // what the families that take it read themselves
  attention.scale = 1 / std::sqrt(static_cast<float>(attention.head_dim));
  for (size_t i = 0; i < all.size(); ++i) {
    if (heads[i] == 0 || kv_heads[i] == 0) continue;
    all[i] = attention;
    all[i].heads = heads[i];
    all[i].kv_heads = kv_heads[i];
    if (attention.head_dim == 0 || attention.head_dim % 2 != 0 || heads[i] % kv_heads[i] != 0 ||
        (!explicit_length && width % most != 0))
      return error(Status::kMalformed, "%s: %u heads and %u KV heads do not fit a width of %u",
                   reader.key("attention.head_count_kv").c_str(), heads[i], kv_heads[i], width);
  }
  return all;
}

Result<void> read_norm(KeyReader& reader, ModelSpec& spec) {
  const char *name = "attention.layer_norm_rms_epsilon", *other = "attention.layer_norm_epsilon";
  if (spec.norm_kind == NormKind::kLayer) std::swap(name, other);
  reader.accept(other);  // of norms that the model does not have
  if (!reader.has(name))
    spec.warnings.push_back(reader.key(name) + " is missing: 1e-05 is taken; convert the model again");
  PUMICE_ASSIGN(spec.norm_eps, reader.number(name, spec.norm_eps));
  if (!(spec.norm_eps >= 0 && spec.norm_eps < 1))
    return error(Status::kMalformed, "%s is %g", reader.key(name).c_str(), static_cast<double>(spec.norm_eps));
  return {};
}

Result<uint32_t> read_vocabulary(const Gguf& file) {
  const GgufTensor* embedding = file.find_tensor("token_embd.weight");
  if (!embedding) return error(Status::kMalformed, "the model file has no token_embd.weight");
  if (embedding->rows() > kMaxVocabulary)
    return error(Status::kUnsupported, "a vocabulary of %llu tokens is too large",
                 static_cast<unsigned long long>(embedding->rows()));
  return static_cast<uint32_t>(embedding->rows());
}

Result<void> read_groups(KeyReader& reader, MixtureSpec& mixture) {
  PUMICE_ASSIGN(const uint32_t groups, reader.count("expert_group_count", 0));
  if (groups <= 1) return {};
  PUMICE_ASSIGN(mixture.groups_used, reader.required("expert_group_used_count", groups));
  mixture.groups = groups;
  const uint32_t size = mixture.experts / groups;
  if (mixture.experts % groups != 0 || size < 2 || groups > kRouteMostGroups ||
      mixture.used > mixture.groups_used * size)
    return error(Status::kUnsupported, "%s: %u of %u groups do not fit %u of %u experts",
                 reader.key("expert_group_count").c_str(), mixture.groups_used, groups, mixture.used, mixture.experts);
  return {};
}

Result<void> read_gating(KeyReader& reader, MixtureSpec& mixture) {
  PUMICE_ASSIGN(const uint32_t gating, reader.count("expert_gating_func", 0));
  if (gating > 3)
    return error(Status::kUnsupported, "%s is %u, which is not supported", reader.key("expert_gating_func").c_str(),
                 gating);
  if (gating != 0) mixture.gating = static_cast<Gating>(gating - 1);
  return {};
}

Result<void> read_weights(KeyReader& reader, MixtureSpec& mixture) {
  PUMICE_ASSIGN(mixture.normalised, reader.flag("expert_weights_norm", mixture.normalised));
  PUMICE_ASSIGN(mixture.scale, reader.factor("expert_weights_scale"));
  return {};
}

}  // namespace

Result<void> read_pooling(KeyReader& reader, ModelSpec& spec) {
  if (!reader.has("pooling_type")) return {};
  constexpr uint32_t kUnstated = UINT32_MAX;  // as llama.cpp's saver writes it
  PUMICE_ASSIGN(const uint32_t type, reader.count("pooling_type", 0));
  if (type == kUnstated) return {};
  if (type > static_cast<uint32_t>(Pooling::kRank))
    return error(Status::kUnsupported, "%s is %u, which is not supported", reader.key("pooling_type").c_str(), type);
  spec.pooling = static_cast<Pooling>(type);
  return {};
}

Result<ModelSpec> read_decoder(KeyReader& reader, RopePairs pairs, NormKind norm) {
  ModelSpec spec;
  spec.norm_kind = norm;
  spec.biased_norms = norm == NormKind::kLayer;
  spec.architecture = reader.architecture();
  spec.name = printable(reader.file().get_string("general.name").value_or("").substr(0, kMostName));
  PUMICE_ASSIGN(const uint32_t layers, reader.required("block_count", kMaxLayers));
  PUMICE_ASSIGN(spec.width, reader.required("embedding_length", kMaxWidth));
  PUMICE_ASSIGN(const std::vector<uint32_t> ffn, reader.each_layer("feed_forward_length", layers, 4 * kMaxWidth));
  PUMICE_ASSIGN(spec.context_length, reader.required("context_length", 1u << 28));
  PUMICE_ASSIGN(const std::vector<AttentionSpec> attention, read_attention(reader, spec.width, layers));
  PUMICE_TRY(read_norm(reader, spec));
  PUMICE_ASSIGN(spec.causal, reader.flag("attention.causal", true));
  PUMICE_TRY(read_pooling(reader, spec));
  PUMICE_ASSIGN(spec.vocabulary, read_vocabulary(reader.file()));
  const auto attends = [](const AttentionSpec& layer) { return layer.heads != 0; };
  RopeSpec rope;
  if (const auto first = std::find_if(attention.begin(), attention.end(), attends); first != attention.end()) {
    PUMICE_ASSIGN(rope, read_rope(reader, pairs, first->head_dim, spec.context_length));
  }
  spec.ropes.push_back(std::move(rope));
  spec.layers.resize(layers);
  for (uint32_t i = 0; i < layers; ++i) {
    spec.layers[i].attention = attention[i];
    spec.layers[i].feed_forward.width = ffn[i];
  }
  return spec;
}

Result<ModelSpec> read_encoder(KeyReader& reader, RopePairs pairs, NormKind norm) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, pairs, norm));
  if (!reader.has("attention.causal")) spec.causal = false;
  if (const GgufTensor* types = reader.file().find_tensor("token_types.weight"))
    spec.token_types = static_cast<uint32_t>(std::min<uint64_t>(types->rows(), kMaxVocabulary));
  spec.output_norm.clear();
  return spec;
}

Result<void> read_start_token(KeyReader& reader, ModelSpec& spec) {
  PUMICE_ASSIGN(const uint32_t start, reader.count("decoder_start_token_id", 0));
  if (start >= spec.vocabulary)
    return error(Status::kMalformed, "%s is %u, which is no token", reader.key("decoder_start_token_id").c_str(),
                 start);
  spec.start_token = static_cast<int32_t>(start);
  return {};
}

void add_pooled(const KeyReader& reader, const std::string& name, ModelSpec& spec, PooledForm form,
                const std::string& norm) {
  const GgufTensor* tensor = reader.file().find_tensor(name + ".weight");
  if (!tensor) return;
  const auto rows = static_cast<uint32_t>(std::min<uint64_t>(tensor->rows(), kMaxWidth));
  const uint32_t cols = spec.pooled.empty() ? spec.width : spec.pooled.back().rows;
  const bool normed = !norm.empty() && reader.file().find_tensor(norm + ".weight");
  spec.pooled.push_back({.name = name, .rows = rows, .cols = cols, .form = form, .norm = normed ? norm : ""});
}

Result<void> read_mixture(KeyReader& reader, MixtureSpec mixture, ModelSpec& spec, MixtureKeys keys) {
  PUMICE_ASSIGN(mixture.experts, reader.count("expert_count", 0));
  if (mixture.experts == 0) return {};
  PUMICE_ASSIGN(mixture.used, reader.required("expert_used_count", mixture.experts));
  if (mixture.experts > kRouteMostExperts || mixture.used > kRouteMostUsed)
    return error(Status::kUnsupported, "%s: %u of %u experts are more than %u of %u",
                 reader.key("expert_count").c_str(), mixture.used, mixture.experts, kRouteMostUsed, kRouteMostExperts);
  PUMICE_TRY(read_groups(reader, mixture));
  if (keys == MixtureKeys::kGating || keys == MixtureKeys::kAll) PUMICE_TRY(read_gating(reader, mixture));
  if (keys == MixtureKeys::kWeights || keys == MixtureKeys::kAll) PUMICE_TRY(read_weights(reader, mixture));
  constexpr std::string_view kWidth = "expert_feed_forward_length";
  std::vector<uint32_t> widths(spec.layers.size(), 0);
  if (reader.has(kWidth)) {
    PUMICE_ASSIGN(widths, reader.each_layer(kWidth, static_cast<uint32_t>(widths.size()), 4 * kMaxWidth));
  }
  PUMICE_ASSIGN(const uint32_t dense, reader.count("leading_dense_block_count", 0));
  PUMICE_ASSIGN(const uint32_t shared, reader.count("expert_shared_count", 0));
  PUMICE_ASSIGN(mixture.shared_width, reader.count("expert_shared_feed_forward_length", 0));
  for (size_t i = dense; i < spec.layers.size(); ++i) {
    FeedForwardSpec& layer = spec.layers[i].feed_forward;
    if (widths[i] != 0) layer.width = widths[i];
    layer.mixture = mixture;
    if (mixture.shared_width == 0) layer.mixture.shared_width = shared * layer.width;
  }
  return {};
}

Result<void> read_indexer(KeyReader& reader, uint32_t block_tokens, ModelSpec& spec) {
  PUMICE_ASSIGN(const uint32_t chosen, reader.required("attention.indexer.top_k", 1u << 30));
  const uint64_t whole = std::min<uint64_t>(uint64_t{chosen} * block_tokens, 1u << 28);
  spec.whole_context = static_cast<uint32_t>(whole);
  spec.context_length = std::min(spec.context_length, spec.whole_context);
  for (const char* name : {"k_norm.weight", "k_norm.bias", "q_norm.weight", "proj.weight", "attn_k.weight",
                           "attn_q_b.weight", "q_proj.weight", "k_proj.weight"})
    spec.unused_tensors.push_back(".indexer." + std::string(name));
  return {};
}

Result<void> read_latent_experts(KeyReader& reader, ModelSpec& spec) {
  PUMICE_ASSIGN(const uint32_t width, reader.count("moe_latent_size", 0));
  if (width > spec.width)
    return error(Status::kUnsupported, "%s is %u, more than the width of %u", reader.key("moe_latent_size").c_str(),
                 width, spec.width);
  for (LayerSpec& layer : spec.layers)
    if (layer.feed_forward.mixture.experts != 0) layer.feed_forward.mixture.latent_width = width;
  return {};
}

Result<void> read_latent(KeyReader& reader, ModelSpec& spec, std::string_view key_length,
                         std::string_view value_length) {
  LatentSpec latent;
  const RopeSpec& rope = spec.ropes[0];
  PUMICE_ASSIGN(latent.key_rank, reader.required("attention.kv_lora_rank", kMaxWidth));
  PUMICE_ASSIGN(latent.query_rank, reader.count("attention.q_lora_rank", 0));
  PUMICE_ASSIGN(const uint32_t head, reader.required(key_length, kMaxWidth));
  PUMICE_ASSIGN(latent.value, reader.required(value_length, kMaxWidth));
  if (latent.query_rank > kMaxWidth || head < rope.rotary || (head | rope.rotary | latent.key_rank) % 4 != 0)
    return error(Status::kUnsupported, "%s: heads of %u, of which %u are rotated, with rows of %u are not supported",
                 reader.key(key_length).c_str(), head, rope.rotary, latent.key_rank);
  latent.plain = head - rope.rotary;
  for (LayerSpec& layer : spec.layers) {
    AttentionSpec& attention = layer.attention;
    attention.latent = latent;
    attention.kv_heads = 1;
    attention.head_dim = rope.rotary + latent.key_rank;
    attention.scale = 1 / std::sqrt(static_cast<float>(head));
  }
  return {};
}

Result<void> read_windows(KeyReader& reader, uint32_t period, ModelSpec& spec, WindowOrder order) {
  PUMICE_ASSIGN(const uint32_t window, reader.count("attention.sliding_window", 0));
  const uint32_t reach = spec.causal || window == 0 ? window : window / 2 + 1;  // half of it to each side
  PUMICE_ASSIGN(const auto stated, reader.layer_flags("attention.sliding_window_pattern", spec.layers.size()));
  if (!stated) {
    PUMICE_ASSIGN(period, reader.count("attention.sliding_window_pattern", period));
  }
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    const bool dense = period == 0 || i % period == (order == WindowOrder::kDenseLast ? period - 1 : 0);
    if (stated ? (*stated)[i] : !dense) spec.layers[i].attention.window = reach;
  }
  return {};
}

Result<RecurrenceSpec> read_recurrence(KeyReader& reader, RecurrenceKind kind) {
  RecurrenceSpec spec{.kind = kind};
  PUMICE_ASSIGN(spec.taps, reader.required("ssm.conv_kernel", kConvMostTaps));
  PUMICE_ASSIGN(const uint32_t inner, reader.required("ssm.inner_size", kMaxWidth));
  PUMICE_ASSIGN(spec.key_dim, reader.required("ssm.state_size", kRecurrenceMostKeys));
  PUMICE_ASSIGN(spec.heads, reader.required("ssm.time_step_rank", kMaxWidth));
  PUMICE_ASSIGN(spec.key_heads, reader.required("ssm.group_count", spec.heads));
  spec.value_dim = inner / spec.heads;
  if (inner % spec.heads == 0 && spec.heads % spec.key_heads == 0) return spec;
  return error(Status::kMalformed, "%s: %u heads in %u groups do not fit a width of %u",
               reader.key("ssm.inner_size").c_str(), spec.heads, spec.key_heads, inner);
}

Result<std::vector<bool>> read_recurrent_layers(KeyReader& reader, uint32_t interval, const ModelSpec& spec) {
  PUMICE_ASSIGN(const auto stated, reader.layer_flags("attention.recurrent_layers", spec.layers.size()));
  if (stated) return *stated;
  PUMICE_ASSIGN(interval, reader.count("full_attention_interval", interval));
  std::vector<bool> layers;
  for (size_t i = 0; i < spec.layers.size(); ++i) layers.push_back(interval == 0 || (i + 1) % interval != 0);
  return layers;
}

uint32_t add_no_rope(ModelSpec& spec) {
  spec.ropes.push_back({});
  return static_cast<uint32_t>(spec.ropes.size() - 1);
}

Result<void> read_sliding_rope(KeyReader& reader, float base, ModelSpec& spec, std::string_view key) {
  RopeSpec rope{.pairs = spec.ropes[0].pairs};
  PUMICE_ASSIGN(rope.rotary, reader.count("rope.dimension_count_swa", spec.ropes[0].rotary));
  if (base == 0) {
    PUMICE_ASSIGN(base, reader.number("rope.freq_base", 10000));
  }
  PUMICE_ASSIGN(base, reader.number(key, base));
  if (!(base > 0)) return error(Status::kMalformed, "%s is not positive", reader.key(key).c_str());
  for (uint32_t i = 0; i < rope.rotary / 2; ++i)
    rope.radians.push_back(std::pow(static_cast<double>(base), -2.0 * i / rope.rotary));
  const auto sliding = static_cast<uint32_t>(spec.ropes.size());
  spec.ropes.push_back(std::move(rope));
  for (LayerSpec& layer : spec.layers)
    if (layer.attention.window != 0) layer.attention.rope = sliding;
  return {};
}

Result<void> read_sliding_base(KeyReader& reader, ModelSpec& spec) {
  const std::string_view key = reader.has("rope.freq_base_swa") ? "rope.freq_base_swa" : "rope.freq_base";
  const RopeSpec& all = spec.ropes[0];
  PUMICE_ASSIGN(RopeSpec rope,
                read_rope(reader, all.pairs, spec.layers[0].attention.head_dim, spec.context_length, key, true));
  if (rope.radians == all.radians) return {};
  const auto sliding = static_cast<uint32_t>(spec.ropes.size());
  spec.ropes.push_back(std::move(rope));
  for (LayerSpec& layer : spec.layers)
    if (layer.attention.window != 0) layer.attention.rope = sliding;
  return {};
}

}  // namespace pumice
