#include "kernels/catalogue.h"

#include <algorithm>
#include <functional>
#include <set>

#include "base/result.h"
#include "kernels/activation.h"
#include "kernels/argmax.h"
#include "kernels/attention.h"
#include "kernels/combine.h"
#include "kernels/embedding.h"
#include "kernels/expert_tiles.h"
#include "kernels/kv_shift.h"
#include "kernels/matmul.h"
#include "kernels/matvec.h"
#include "kernels/recurrence.h"
#include "kernels/rms_norm.h"
#include "kernels/route.h"
#include "kernels/sample.h"
#include "kernels/short_conv.h"
#include "kernels/ssru.h"

namespace pumice {
namespace {

struct ModelShape {
  uint32_t width, heads, kv_heads, head_dim, ffn, vocabulary;
  uint32_t qkv() const { return (heads + 2 * kv_heads) * head_dim; }
};
constexpr ModelShape kShapes[] = {{576, 9, 3, 64, 1536, 49152}, {4096, 32, 8, 128, 14336, 128256}};
constexpr KvFormat kFormats[] = {{KvType::kF16, KvType::kF16},
                                 {KvType::kF32, KvType::kF32},
                                 {KvType::kQ8_0, KvType::kQ8_0},
                                 {KvType::kQ4_0, KvType::kQ4_0},
                                 {KvType::kQ8_0, KvType::kQ4_0}};

// Attention of other models than kShapes: heads of other widths, windows, soft caps, sinks, slopes.
struct AttentionForm {
  uint32_t heads, kv_heads, head_dim;
  bool windowed = false, capped = false, with_sinks = false, both_ways = false, with_slopes = false;
};
constexpr AttentionForm kForms[] = {
    {32, 8, 128, true},                               // Mistral
    {16, 8, 256, true, true},                         // Gemma 2; of Gemma 3 without a cap
    {8, 1, 512},                                      // Gemma 4
    {64, 8, 64, true, false, true},                   // gpt-oss
    {16, 2, 256},                                     // Qwen 3.5
    {16, 1, 576},                                     // DeepSeek V2, latent
    {12, 12, 32, false, false, false, true},          // MiniLM
    {12, 12, 64, true, false, false, true},           // ModernBERT
    {32, 32, 128, false, false, false, false, true},  // BLOOM, MPT
};

constexpr uint32_t kRowCounts[] = {1, 2, 4, 8, 16, 32, 512};
constexpr uint32_t kFusedRows = 16;  // as steps have it: norms and activations are passes of their own beyond

// A matrix without memory: enough to list with.
WeightMatrix matrix(uint32_t type, uint32_t rows, uint32_t cols) {
  WeightMatrix made{.type = type, .rows = rows, .cols = cols, .units = divide_up(cols, kUnitValues)};
  made.slabs.push_back({.rows = rows});
  return made;
}

FloatRows rows_of(uint32_t cols) { return {.view = {}, .stride = divide_up(cols, 32) * 32}; }

class Catalogue {
 public:
  Catalogue(const vk::DeviceCaps& caps, bool with_candidates) : kernels_(caps), with_candidates_(with_candidates) {}

  void add_weights(const ModelShape& shape, uint32_t type, uint32_t n);
  void add_attention(const ModelShape& shape, const KvFormat& format, uint32_t n);
  void add_other(const ModelShape& shape, uint32_t n);
  void add_head(const ModelShape& shape);
  void add_mixture(const ModelShape& shape, uint32_t type);
  void add_attention_form(const AttentionForm& form, const KvFormat& format);
  void add_recurrences();
  void add_ssru();
  void add_expert_tiles(const ModelShape& shape, uint32_t type, uint32_t n);
  std::vector<CataloguedPipeline> take() { return std::move(pipelines_); }

 private:
  using Operation = std::function<void(Recorder)>;
  void add(const std::string& use, bool decode, const Operation& operation);

  Kernels kernels_;
  vk::CommandStream stream_;
  bool with_candidates_;
  std::set<PipelineKey> seen_;
  std::vector<CataloguedPipeline> pipelines_;
};

void Catalogue::add(const std::string& use, bool decode, const Operation& operation) {
  uint32_t candidates = 1;
  for (uint32_t candidate = 0; candidate < candidates; ++candidate) {
    RecordList list;
    operation({kernels_, stream_, &list, candidate});
    for (const PipelineKey& key : list.pipelines) {
      if (!seen_.insert(key).second) continue;
      pipelines_.push_back({.key = key, .use = use, .decode = decode, .candidate = candidate});
    }
    if (!with_candidates_) break;
    for (const auto& [choice, count] : list.choices) candidates = std::max(candidates, count);
  }
}

void Catalogue::add_weights(const ModelShape& shape, uint32_t type, uint32_t n) {
  const vk::Buffer norm;
  const bool fused = n <= kFusedRows;
  const auto use = [&](const char* what, uint32_t rows, uint32_t cols) {
    return std::string(what) + " " + weight_variant(type) + " " + std::to_string(rows) + " x " + std::to_string(cols) +
           ", n " + std::to_string(n);
  };
  const auto projection = [&](uint32_t rows, uint32_t cols, bool accumulate, bool normed) {
    const WeightMatrix w = matrix(type, rows, cols);
    add(use("projection", rows, cols) + (accumulate ? ", accumulate" : "") + (normed ? ", norm" : ""), n == 1,
        [&](Recorder recorder) {
          if (normed)
            matvec(recorder, {.w = w, .x = rows_of(cols), .norm = &norm, .y = rows_of(rows), .n = n});
          else
            linear(recorder, {.w = w, .x = rows_of(cols), .accumulate = accumulate, .y = rows_of(rows), .n = n});
        });
  };
  projection(shape.qkv(), shape.width, false, fused);
  projection(shape.width, shape.width, true, false);
  projection(shape.width, shape.ffn, true, false);
  if (fused) {
    const WeightMatrix gate = matrix(type, shape.ffn, shape.width);
    add(use("gate and up", shape.ffn, shape.width) + ", norm", n == 1, [&](Recorder recorder) {
      matvec(recorder,
             {.w = gate, .up = &gate, .x = rows_of(shape.width), .norm = &norm, .y = rows_of(shape.ffn), .n = n});
    });
  }
  if (n == 1) projection(shape.vocabulary, shape.width, false, true);
  const WeightMatrix table = matrix(type, shape.vocabulary, shape.width);
  add(use("embedding", shape.vocabulary, shape.width), false, [&](Recorder recorder) {
    embedding(recorder, {.table = table, .step_rows = {}, .y = rows_of(shape.width), .n = n});
  });
}

void Catalogue::add_attention(const ModelShape& shape, const KvFormat& format, uint32_t n) {
  const KvPages pages{.format = format, .k = {}, .v = {}, .page_table = {}, .pages_per_slot = 128};
  const std::string types = type_name(format.k) + (format.plain() ? "" : std::string("/") + type_name(format.v));
  const std::string use = " " + types + " " + std::to_string(shape.heads) + " heads of " +
                          std::to_string(shape.head_dim) + ", n " + std::to_string(n);
  const uint32_t q_width = shape.heads * shape.head_dim;
  const KvWriteArgs write{.qkv = rows_of(shape.qkv()),
                          .frequencies = {},
                          .step_rows = {},
                          .q = rows_of(q_width),
                          .pages = pages,
                          .n = n,
                          .heads = shape.heads,
                          .kv_heads = shape.kv_heads,
                          .head_dim = shape.head_dim,
                          .rotary = shape.head_dim};
  add("kv_write" + use, false, [&](Recorder recorder) { kv_write(recorder, write); });
  if (n == 1 && can_shift(format.k, RopePairs::kAdjacent, shape.head_dim))
    add("kv_shift" + use, false, [&](Recorder recorder) {
      kv_shift(recorder, {.pages = pages,
                          .frequencies = {},
                          .count = 1,
                          .kv_heads = shape.kv_heads,
                          .head_dim = shape.head_dim,
                          .rotary = shape.head_dim});
    });
  const vk::BufferView arguments;
  const auto add_one = [&](const char* what, bool decode, const KvWriteArgs* append) {
    add(what + use, false, [&](Recorder recorder) {
      attention(recorder, {.q = rows_of(q_width),
                           .pages = pages,
                           .append = append,
                           .step_rows = {},
                           .y = rows_of(q_width),
                           .n = n,
                           .heads = shape.heads,
                           .kv_heads = shape.kv_heads,
                           .head_dim = shape.head_dim,
                           .one_sequence = !decode,
                           .arguments = decode ? &arguments : nullptr});
    });
  };
  if (n == 1 && attention_appends(format)) add_one("decode attention with kv_write", true, &write);
  if (n == 1) add_one("decode attention", true, nullptr);
  add_one("attention", false, nullptr);
}

void Catalogue::add_attention_form(const AttentionForm& form, const KvFormat& format) {
  const vk::Buffer of_heads;
  const vk::BufferView arguments;
  KvWriteArgs write{.heads = form.heads, .kv_heads = form.kv_heads};
  write.pages.format = format;
  write.head_dim = write.rotary = form.head_dim;
  const std::string use = "attention " + std::string(type_name(format.k)) + (form.windowed ? ", window" : "") +
                          (form.capped ? ", soft cap" : "") + (form.with_sinks ? ", sinks" : "") +
                          (form.both_ways ? ", both ways" : "") + (form.with_slopes ? ", slopes" : "") + ", " +
                          std::to_string(form.heads) + " heads of " + std::to_string(form.head_dim);
  const AttentionTexts texts{.spans = {}, .count = 8, .longest = 64, .both_ways = true};
  for (const bool decode : {true, false}) {
    if (decode && form.both_ways) continue;
    add((decode ? "decode " : "") + use, false, [&](Recorder recorder) {
      attention(recorder, {.pages = write.pages,
                           .append = decode && attention_appends(format) ? &write : nullptr,
                           .heads = form.heads,
                           .kv_heads = form.kv_heads,
                           .head_dim = form.head_dim,
                           .window = form.windowed ? 1024u : 0u,
                           .softcap = form.capped ? 50.0f : 0.0f,
                           .sinks = form.with_sinks ? &of_heads : nullptr,
                           .slopes = form.with_slopes ? &of_heads : nullptr,
                           .one_sequence = !decode,
                           .texts = form.both_ways ? &texts : nullptr,
                           .arguments = decode ? &arguments : nullptr});
    });
  }
}

void Catalogue::add_ssru() {
  add("ssru 256", false,
      [&](Recorder recorder) { ssru(recorder, {.x = rows_of(512), .y = rows_of(256), .cols = 256}); });
}

void Catalogue::add_other(const ModelShape& shape, uint32_t n) {
  const std::string use = std::to_string(shape.width) + ", n " + std::to_string(n);
  const FloatRows x = rows_of(shape.width);
  add("rms_norm " + use, false,
      [&](Recorder recorder) { rms_norm(recorder, {.x = x, .y = x, .n = n, .cols = shape.width}); });
  add("activation " + use, false,
      [&](Recorder recorder) { activation(recorder, {.gate = x, .up = &x, .y = x, .n = n, .cols = shape.width}); });
}

void Catalogue::add_head(const ModelShape& shape) {
  const std::string use = std::to_string(shape.vocabulary);
  add("argmax " + use, false, [&](Recorder recorder) { argmax(recorder, {.cols = shape.vocabulary}); });
  add("sample " + use, false, [&](Recorder recorder) { sample(recorder, {.cols = shape.vocabulary}); });
}

// Of 128 experts 8, each an eighth of the feed-forward block.
constexpr uint32_t kExperts = 128, kUsed = 8;

void Catalogue::add_expert_tiles(const ModelShape& shape, uint32_t type, uint32_t n) {
  const uint32_t width = shape.ffn / kUsed;
  const vk::Buffer none;
  const WeightMatrix gate = matrix(type, kExperts * width, shape.width);
  const uint32_t tile = matvec_tile(
      kernels_.caps(), {.type = type, .rows = width, .cols = shape.width, .n = n * kUsed, .gated = true}, kExperts);
  if (tile == 1) return;
  add("tiles of experts " + std::string(weight_variant(type)), false, [&](Recorder recorder) {
    expert_tiles(recorder, {.rows = n * kUsed, .experts = kExperts, .size = tile});
    matvec(recorder, {.w = gate,
                      .up = &gate,
                      .x = rows_of(shape.width),
                      .y = rows_of(width),
                      .n = n * kUsed,
                      .choices = &none,
                      .experts = kExperts,
                      .share = kUsed,
                      .tiles = &none,
                      .tile_size = tile});
  });
}

void Catalogue::add_mixture(const ModelShape& shape, uint32_t type) {
  const uint32_t width = shape.ffn / kUsed;
  const vk::Buffer none;
  const std::string use = std::string(" of experts ") + weight_variant(type) + " " + std::to_string(shape.width);
  const WeightMatrix gate = matrix(type, kExperts * width, shape.width),
                     down = matrix(type, kExperts * shape.width, width);
  add("gate and up" + use, true, [&](Recorder recorder) {
    matvec(recorder, {.w = gate,
                      .up = &gate,
                      .x = rows_of(shape.width),
                      .norm = &none,
                      .y = rows_of(width),
                      .n = kUsed,
                      .choices = &none,
                      .experts = kExperts,
                      .share = kUsed});
  });
  add("down" + use, true, [&](Recorder recorder) {
    matvec(
        recorder,
        {.w = down, .x = rows_of(width), .y = rows_of(shape.width), .n = kUsed, .choices = &none, .experts = kExperts});
  });
  add("route", false, [&](Recorder recorder) {
    route(recorder, {.logits = rows_of(kExperts), .choices = {}, .experts = kExperts, .used = kUsed});
  });
  add("combine", false, [&](Recorder recorder) {
    combine(recorder, {.x = rows_of(shape.width), .choices = {}, .y = rows_of(shape.width), .cols = shape.width});
  });
}

// Of the heads that models have.
void Catalogue::add_recurrences() {
  struct Heads {
    RecurrenceRule rule;
    uint32_t key_dim, value_dim;
  };
  for (const Heads& heads : {Heads{RecurrenceRule::kDelta, 128, 128}, Heads{RecurrenceRule::kMamba, 128, 64},
                             Heads{RecurrenceRule::kMamba, 256, 64}})
    add("recurrence of keys of " + std::to_string(heads.key_dim), false, [&](Recorder recorder) {
      recurrence(
          recorder,
          {.rule = heads.rule, .heads = 32, .key_heads = 16, .key_dim = heads.key_dim, .value_dim = heads.value_dim});
    });
  add("short_conv", false, [&](Recorder recorder) { short_conv(recorder, {.cols = 2048}); });
}

}  // namespace

std::vector<CataloguedPipeline> pipeline_catalogue(const vk::DeviceCaps& caps, bool with_candidates) {
  Catalogue catalogue(caps, with_candidates);
  for (const ModelShape& shape : kShapes) {
    for (const uint32_t n : kRowCounts) {
      for (uint32_t type = 0; type < kWeightTypes; ++type) catalogue.add_weights(shape, type, n);
      for (const KvFormat& format : kFormats) catalogue.add_attention(shape, format, n);
      catalogue.add_other(shape, n);
    }
    for (uint32_t type = 0; type < kWeightTypes; ++type) {
      catalogue.add_mixture(shape, type);
      catalogue.add_expert_tiles(shape, type, 512);
    }
    catalogue.add_head(shape);
  }
  for (const AttentionForm& form : kForms)
    for (const KvFormat& format : {kFormats[0], kFormats[form.both_ways ? 1 : 2]})
      catalogue.add_attention_form(form, format);
  catalogue.add_recurrences();
  catalogue.add_ssru();
  return catalogue.take();
}

}  // namespace pumice
