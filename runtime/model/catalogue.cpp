#include "model/catalogue.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>
#include <string>

#include "kernels/kv_shift.h"
#include "model/step_list.h"

namespace pumice {
namespace {

constexpr KvFormat kFormats[] = {{KvType::kF16, KvType::kF16},
                                 {KvType::kF32, KvType::kF32},
                                 {KvType::kQ8_0, KvType::kQ8_0},
                                 {KvType::kQ4_0, KvType::kQ4_0},
                                 {KvType::kQ8_0, KvType::kQ4_0}};
constexpr uint32_t kPrompts[] = {1, 2, 4, 8, 16, 32, 512};

// One layer of each kind that a model has.
struct Sample {
  std::string name;
  ModelSpec spec;
  bool every_type = false;  // of weights; else Q4_0
  bool every_format = false;
};

ModelSpec dense(uint32_t width, uint32_t heads, uint32_t kv_heads, uint32_t head_dim, uint32_t ffn,
                uint32_t vocabulary = 32000) {
  ModelSpec spec{.width = width, .vocabulary = vocabulary, .context_length = 4096};
  spec.ropes.push_back({.rotary = head_dim, .radians = std::vector<double>(head_dim / 2, 1)});
  LayerSpec layer;
  layer.attention.heads = heads;
  layer.attention.kv_heads = kv_heads;
  layer.attention.head_dim = head_dim;
  layer.attention.scale = 1 / std::sqrt(static_cast<float>(head_dim));
  layer.feed_forward.width = ffn;
  spec.layers.push_back(layer);
  return spec;
}

ModelSpec with(ModelSpec spec, const std::function<void(LayerSpec&)>& change) {
  change(spec.layers[0]);
  return spec;
}

// Of 128 experts 8, each an eighth of the feed-forward block.
ModelSpec mixture(ModelSpec spec) {
  return with(std::move(spec), [](LayerSpec& layer) {
    layer.feed_forward.mixture.experts = 128;
    layer.feed_forward.mixture.used = 8;
    layer.feed_forward.width /= 8;
  });
}

ModelSpec encoder(ModelSpec spec, uint32_t window) {
  spec.causal = false;
  return with(std::move(spec), [&](LayerSpec& layer) { layer.attention.window = window; });
}

// Another layer before that, with the recurrence in the place of attention.
ModelSpec hybrid(ModelSpec spec, const RecurrenceSpec& recurrence) {
  LayerSpec layer = spec.layers[0];
  layer.attention = {};
  layer.recurrence = recurrence;
  spec.layers.insert(spec.layers.begin(), layer);
  return spec;
}

RecurrenceSpec heads_of(RecurrenceKind kind, uint32_t key_heads, uint32_t key_dim, uint32_t value_dim) {
  return {.kind = kind, .taps = 4, .heads = 32, .key_heads = key_heads, .key_dim = key_dim, .value_dim = value_dim};
}

std::vector<Sample> samples() {
  const ModelSpec small = dense(576, 9, 3, 64, 1536, 49152), large = dense(4096, 32, 8, 128, 14336, 128256);
  const auto windowed = [](LayerSpec& layer) { layer.attention.window = 1024; };
  const auto capped = [](LayerSpec& layer) { layer.attention.window = 1024, layer.attention.softcap = 50; };
  const auto with_sinks = [](LayerSpec& layer) { layer.attention.window = 128, layer.attention.sinks = true; };
  const auto with_slopes = [](LayerSpec& layer) { layer.attention.alibi = 8; };
  const auto latent = [](LayerSpec& layer) { layer.attention.latent = {.key_rank = 512, .plain = 128, .value = 128}; };
  const RecurrenceSpec convolution{.kind = RecurrenceKind::kShortConv, .taps = 3, .heads = 1, .value_dim = 2048};
  const RecurrenceSpec ssru{.kind = RecurrenceKind::kSsru, .heads = 1, .value_dim = 256};
  return {
      {"SmolLM2 135M", small, true, true},
      {"Llama 3 8B", large, true, true},
      {"mixture of 576", mixture(small), true},
      {"mixture of 4096", mixture(large), true},
      {"Mistral", with(dense(4096, 32, 8, 128, 14336), windowed)},
      {"Gemma 2", with(dense(3584, 16, 8, 256, 14336), capped)},
      {"Gemma 3", with(dense(2560, 8, 4, 256, 10240), windowed)},
      {"Gemma 4", dense(2560, 8, 1, 512, 10240)},
      {"gpt-oss", with(dense(2880, 64, 8, 64, 2880), with_sinks)},
      {"Qwen 3.5", hybrid(dense(2048, 16, 2, 256, 6144), heads_of(RecurrenceKind::kDeltaRule, 16, 128, 128))},
      {"DeepSeek V2 Lite", with(dense(2048, 16, 1, 576, 10944), latent)},
      {"BLOOM", with(dense(4096, 32, 32, 128, 16384), with_slopes)},
      {"Granite 4", hybrid(dense(2048, 32, 8, 64, 8192), heads_of(RecurrenceKind::kMamba2, 1, 128, 64))},
      {"Falcon H1", hybrid(dense(2048, 32, 8, 64, 8192), heads_of(RecurrenceKind::kMamba2, 1, 256, 64))},
      {"LFM2", hybrid(dense(2048, 32, 8, 64, 8192), convolution)},
      {"Marian", hybrid(dense(256, 8, 8, 32, 1536), ssru)},
      {"MiniLM", encoder(dense(384, 12, 12, 32, 1536), 0), false, true},
      {"ModernBERT", encoder(dense(768, 12, 12, 64, 1152), 65), false, true},
  };
}

class Catalogue {
 public:
  Catalogue(const vk::DeviceCaps& caps, bool with_candidates) : kernels_(caps), with_candidates_(with_candidates) {}

  void add(const Sample& sample);
  std::vector<CataloguedPipeline> take() { return std::move(pipelines_); }

 private:
  void add_model(const std::string& name, const ListedModel& model);
  void add_shift(const std::string& name, const ListedModel& model);
  // decode: its matrix-vector products are those of the decode step.
  void add_steps(const std::string& use, bool decode, const std::function<void(Recorder)>& list);

  Kernels kernels_;
  vk::CommandStream nothing_;
  bool with_candidates_;
  std::set<PipelineKey> seen_;
  std::vector<CataloguedPipeline> pipelines_;
};

void Catalogue::add_steps(const std::string& use, bool decode, const std::function<void(Recorder)>& list_into) {
  uint32_t candidates = 1;
  for (uint32_t candidate = 0; candidate < candidates; ++candidate) {
    RecordList list;
    list_into({kernels_, nothing_, &list, candidate});
    for (const PipelineKey& key : list.pipelines) {
      if (!seen_.insert(key).second) continue;
      const bool product = decode && key.shader.is(ShaderKernel::kMatvec);
      pipelines_.push_back({.key = key, .use = use, .decode = product, .candidate = candidate});
    }
    if (!with_candidates_) break;
    for (const auto& [choice, count] : list.choices) candidates = std::max(candidates, count);
  }
}

// What moves keys where a context slides.
void Catalogue::add_shift(const std::string& name, const ListedModel& model) {
  const AttentionSpec& attention = model.spec.layers.back().attention;
  if (!model.spec.causal || !can_shift(model.kv.k, RopePairs::kAdjacent, attention.head_dim)) return;
  KvPages pages;
  pages.format = model.kv;
  add_steps(name + ", sliding", false, [&](Recorder recorder) {
    kv_shift(recorder, {.pages = pages,
                        .frequencies = {},
                        .count = 1,
                        .kv_heads = attention.kv_heads,
                        .head_dim = attention.head_dim,
                        .rotary = attention.head_dim});
  });
}

void Catalogue::add_model(const std::string& name, const ListedModel& model) {
  add_steps(name + ", decode", true, [&](Recorder recorder) { list_decode(recorder, model); });
  for (const uint32_t n : kPrompts)
    add_steps(name + ", prompt of " + std::to_string(n), false,
              [&](Recorder recorder) { list_prompt(recorder, model, n); });
  add_shift(name, model);
}

void Catalogue::add(const Sample& sample) {
  for (uint32_t type = 0; type < kWeightTypes; ++type) {
    if (!sample.every_type && type != kWeightQ4_0) continue;
    WeightReader reader = WeightReader::inventing(kWeightLayouts[type].type);
    const Result<DecoderWeights> weights = bind_weights(sample.spec, reader);
    PUMICE_CHECK(weights.ok());
    const bool every_format = sample.every_format && type == kWeightQ4_0;
    for (const KvFormat& format : every_format ? std::span<const KvFormat>(kFormats) : std::span(kFormats).first(1))
      add_model(sample.name + ", " + weight_variant(type) + ", " + type_name(format.k) + " KV cache",
                {sample.spec, *weights, format});
  }
}

}  // namespace

std::vector<CataloguedPipeline> pipeline_catalogue(const vk::DeviceCaps& caps, bool with_candidates) {
  Catalogue catalogue(caps, with_candidates);
  for (const Sample& sample : samples()) catalogue.add(sample);
  return catalogue.take();
}

}  // namespace pumice
