#include "support/tower_model.h"

#include <algorithm>
#include <cmath>

#include "support/generator.h"
#include "support/gguf_writer.h"
#include "support/synthetic_model.h"

namespace pumice::test {
namespace {

class TowerWriter {
 public:
  explicit TowerWriter(const TowerModel& model) : model_(model), random_(model.seed) {}

  std::vector<std::byte> write() {
    write_keys();
    const uint64_t patch = TowerModel::kPatch;
    add("v.patch_embd.weight", {patch, patch, 3, kWidth}, 0.2f);
    if (model_.qwen()) add("v.patch_embd.weight.1", {patch, patch, 3, kWidth}, 0.2f);
    if (!model_.is("mlp") && model_.biased()) add("v.patch_embd.bias", {kWidth}, 0.1f);
    write_positions();
    if (model_.is("mlp") || model_.is("pixtral")) norm("v.pre_ln", kWidth);
    for (uint32_t i = 0; i < TowerModel::kLayers; ++i) write_layer("v.blk." + std::to_string(i) + ".");
    if (!model_.is("mlp") && !model_.is("pixtral") && !model_.is("gemma4v")) norm("v.post_ln", kWidth);
    write_projector();
    return writer_.finish();
  }

 private:
  static constexpr uint64_t kWidth = TowerModel::kWidth;

  void write_keys() {
    const auto vision = [](const char* name) { return std::string("clip.vision.") + name; };
    writer_.string("general.architecture", "clip").string("general.type", "mmproj");
    writer_.string("clip.projector_type", model_.projector).boolean("clip.has_vision_encoder", true);
    writer_.u32(vision("image_size"), model_.image_size).u32(vision("patch_size"), TowerModel::kPatch);
    writer_.u32(vision("embedding_length"), kWidth).u32(vision("feed_forward_length"), TowerModel::kFfn);
    writer_.u32(vision("block_count"), TowerModel::kLayers).u32(vision("projection_dim"), model_.text_width);
    writer_.u32(vision("attention.head_count"), TowerModel::kHeads);
    writer_.f32(vision("attention.layer_norm_epsilon"), 1e-6f);
    writer_.f32s(vision("image_mean"), {0.5f, 0.4f, 0.3f}).f32s(vision("image_std"), {0.5f, 0.25f, 0.3f});
    if (model_.is("gemma3") || model_.is("idefics3")) writer_.u32(vision("projector.scale_factor"), model_.merge());
    if (model_.is("idefics3")) writer_.u32(vision("preproc_image_size"), 2 * model_.image_size);
    if (model_.is("pixtral")) writer_.u32(vision("spatial_merge_size"), model_.merge());
    if (model_.is("qwen2.5vl_merger")) writer_.u32(vision("n_wa_pattern"), 2);
    if (model_.is("gemma3") || model_.is("idefics3") || model_.is("qwen3vl_merger"))
      writer_.boolean("clip.use_gelu", true);
    if (model_.is("qwen2.5vl_merger") || model_.is("pixtral")) writer_.boolean("clip.use_silu", true);
  }

  void write_positions() {
    const uint64_t side = model_.image_size / TowerModel::kPatch;
    if (model_.is("gemma3") || model_.is("idefics3")) add("v.position_embd.weight", {kWidth, side * side}, 0.3f);
    if (model_.is("qwen3vl_merger")) add("v.position_embd.weight", {kWidth, 25}, 0.3f);
    if (model_.is("gemma4v")) add("v.position_embd.weight", {kWidth, 200, 2}, 0.3f);
    if (!model_.is("mlp")) return;
    add("v.position_embd.weight", {kWidth, side * side + 1}, 0.3f);
    add("v.class_embd", {kWidth}, 0.3f);
  }

  void write_layer(const std::string& block) {
    norm(block + "ln1", kWidth);
    norm(block + "ln2", kWidth);
    if (model_.is("qwen3vl_merger")) {
      linear(block + "attn_qkv", kWidth, 3 * kWidth, model_.biased());
    } else {
      for (const char* part : {"attn_q", "attn_k", "attn_v"}) linear(block + part, kWidth, kWidth, model_.biased());
    }
    linear(block + "attn_out", kWidth, kWidth, model_.biased());
    linear(block + "ffn_up", kWidth, TowerModel::kFfn, model_.biased());
    linear(block + "ffn_down", TowerModel::kFfn, kWidth, model_.biased());
    if (model_.gated()) linear(block + "ffn_gate", kWidth, TowerModel::kFfn, model_.biased());
    if (!model_.is("gemma4v")) return;
    for (const char* name : {"attn_q_norm", "attn_k_norm"}) norm(block + name, kWidth / TowerModel::kHeads);
    for (const char* name : {"attn_post_norm", "ffn_post_norm"}) norm(block + name, kWidth);
    for (const char* name : {"attn_q", "attn_out", "ffn_up", "ffn_down"})
      for (const char* side : {"input", "output"}) {
        value(block + name + "." + side + "_min", -0.9f);
        value(block + name + "." + side + "_max", 0.7f);
      }
  }

  void write_projector() {
    const uint64_t joined = kWidth * model_.merge() * model_.merge(), text = model_.text_width;
    if (model_.is("gemma3")) {
      add("mm.input_projection.weight", {text, kWidth}, 0.2f);
      norm("mm.soft_emb_norm", kWidth, false);
    } else if (model_.is("idefics3")) {
      linear("mm.model.fc", joined, text, false);
    } else if (model_.is("gemma4v")) {
      linear("mm.input_projection", kWidth, text, false);
      add("v.std_bias", {kWidth}, 0.2f);
      add("v.std_scale", {kWidth}, 0.2f, 1);
    } else if (model_.is("pixtral")) {
      norm("mm.input_norm", kWidth, false);
      linear("mm.patch_merger", joined, kWidth, false);
      linear("mm.1", kWidth, 40, true);
      linear("mm.2", 40, text, true);
      add("v.token_embd.img_break", {text}, 0.5f);
    } else {
      linear("mm.0", joined, 72, true);
      linear("mm.2", 72, text, true);
    }
    if (!model_.is("qwen3vl_merger")) return;
    norm("v.deepstack.1.norm", joined);
    linear("v.deepstack.1.fc1", joined, 56, true);
    linear("v.deepstack.1.fc2", 56, text, true);
  }

  void add(const std::string& name, const std::vector<uint64_t>& dims, float deviation, float mean = 0) {
    size_t count = 1;
    for (const uint64_t dim : dims) count *= dim;
    writer_.tensor(name, dims, TensorType::kF32, f32_bytes(random_.normals(count, mean, deviation)));
  }
  void value(const std::string& name, float value) {
    writer_.tensor(name, {1}, TensorType::kF32, f32_bytes(std::vector<float>{value}));
  }
  void linear(const std::string& name, uint64_t cols, uint64_t rows, bool bias) {
    add(name + ".weight", {cols, rows}, 1 / std::sqrt(static_cast<float>(cols)));
    if (bias) add(name + ".bias", {rows}, 0.1f);
  }
  void norm(const std::string& name, uint64_t length) { norm(name, length, !model_.plain_norms()); }
  void norm(const std::string& name, uint64_t length, bool bias) {
    add(name + ".weight", {length}, 0.2f, 1);
    if (bias) add(name + ".bias", {length}, 0.1f);
  }

  const TowerModel& model_;
  Generator random_;
  GgufWriter writer_;
};

}  // namespace

std::vector<std::byte> make_picture_reader() {
  return make_synthetic_model({.width = 64, .vocabulary = kReaderVocabulary});
}

std::vector<int32_t> reader_ids(size_t count, uint64_t seed) { return random_tokens(kReaderVocabulary, count, seed); }

std::vector<uint8_t> noise_pixels(size_t values, uint64_t seed) {
  std::vector<uint8_t> pixels;
  for (const float value : Generator(seed).normals(values, 128, 60))
    pixels.push_back(static_cast<uint8_t>(std::clamp(value, 0.0f, 255.0f)));
  return pixels;
}

std::vector<std::byte> make_tower_model(const TowerModel& model) { return TowerWriter(model).write(); }

}  // namespace pumice::test
