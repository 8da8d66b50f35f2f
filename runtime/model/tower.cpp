#include "model/tower.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "model/towers/towers.h"

namespace pumice {
namespace {

constexpr uint32_t kMostSide = 16384, kMostLayers = 1024, kMostWidth = 1u << 16, kMostFfn = 1u << 18;

struct Kind {
  const char* name;
  Result<void> (*describe)(KeyReader& reader, TowerSpec& spec);
};

#define PUMICE_TOWER(name, kind) {name, describe_##kind##_tower},
constexpr Kind kKinds[] = {PUMICE_TOWERS(PUMICE_TOWER)};
#undef PUMICE_TOWER

Result<const Kind*> find_kind(KeyReader& reader) {
  PUMICE_ASSIGN(std::string_view name, reader.text("projector_type", ""));
  if (name.empty() || reader.has("vision.projector_type")) {
    PUMICE_ASSIGN(name, reader.text("vision.projector_type", name));
  }
  const auto* found = std::find_if(std::begin(kKinds), std::end(kKinds), [&](const Kind& k) { return name == k.name; });
  if (found != std::end(kKinds)) return found;
  std::string names;
  for (const Kind& kind : kKinds) names += (names.empty() ? "" : ", ") + std::string(kind.name);
  return error(Status::kUnsupported, "projector %s is not supported; these are: %s", quote(name).c_str(),
               names.c_str());
}

Result<std::array<float, 3>> read_colour(KeyReader& reader, std::string_view name) {
  PUMICE_ASSIGN(const std::vector<float> values, reader.each_number(name, 3, 0));
  return std::array<float, 3>{values[0], values[1], values[2]};
}

Result<void> read_picture_spec(KeyReader& reader, TowerSpec& spec) {
  PUMICE_ASSIGN(spec.picture.image_size, reader.required("vision.image_size", kMostSide));
  PUMICE_ASSIGN(spec.patch, reader.required("vision.patch_size", 256));
  PUMICE_ASSIGN(spec.picture.mean, read_colour(reader, "vision.image_mean"));
  PUMICE_ASSIGN(spec.picture.deviation, read_colour(reader, "vision.image_std"));
  for (const float deviation : spec.picture.deviation)
    if (!(deviation > 0))
      return error(Status::kMalformed, "%s has a value that is not above 0", reader.key("vision.image_std").c_str());
  return {};
}

// Old converters have the names of the two matrices the wrong way round.
bool has_swapped_names(const Gguf& file, uint32_t width) {
  const GgufTensor* down = file.find_tensor("v.blk.0.ffn_down.weight");
  const GgufTensor* up = file.find_tensor("v.blk.0.ffn_up.weight");
  return down && up && down->dims[0] == width && up->dims[0] != width;
}

Result<FeedForwardSpec> read_feed_forward(KeyReader& reader, uint32_t width) {
  FeedForwardSpec feed;
  const Gguf& file = reader.file();
  if (has_swapped_names(file, width)) std::swap(feed.up_name, feed.down_name);
  const GgufTensor* up = file.find_tensor("v.blk.0." + feed.up_name + ".weight");
  if (!up || up->dims[1] == 0 || up->dims[1] > kMostFfn)
    return error(Status::kMalformed, "the file has no usable v.blk.0.%s.weight", feed.up_name.c_str());
  PUMICE_ASSIGN(const uint32_t stated, reader.count("vision.feed_forward_length", 0));  // 0 in old files
  feed.width = static_cast<uint32_t>(up->dims[1]);
  if (stated != 0 && stated != feed.width)
    return error(Status::kMalformed, "%s is %u, but v.blk.0.%s.weight has %u rows",
                 reader.key("vision.feed_forward_length").c_str(), stated, feed.up_name.c_str(), feed.width);
  feed.gated = file.find_tensor("v.blk.0.ffn_gate.weight") != nullptr;
  PUMICE_ASSIGN(const bool gelu, reader.flag("use_gelu", false));
  PUMICE_ASSIGN(const bool silu, reader.flag("use_silu", false));
  feed.activation = silu ? Activation::kSilu : gelu ? Activation::kGelu : Activation::kGeluQuick;
  return feed;
}

// Layers as most towers have them.
Result<void> read_layers(KeyReader& reader, TowerSpec& spec) {
  ModelSpec& layers = spec.layers;
  layers.architecture = spec.projector;
  layers.prefix = "v.";
  layers.causal = false;
  layers.norm_kind = NormKind::kLayer;
  layers.biased_norms = true;
  layers.ropes.emplace_back();
  PUMICE_ASSIGN(layers.width, reader.required("vision.embedding_length", kMostWidth));
  PUMICE_ASSIGN(layers.norm_eps, reader.number("vision.attention.layer_norm_epsilon", 1e-6f));
  PUMICE_ASSIGN(const uint32_t heads, reader.required("vision.attention.head_count", kMostWidth));
  PUMICE_ASSIGN(const uint32_t count, reader.required("vision.block_count", kMostLayers));
  if (layers.width % heads != 0 || layers.width / heads % 4 != 0 || layers.width % 32 != 0)
    return error(Status::kUnsupported, "%u heads of rows of %u values: heads of a multiple of 4, rows of 32 are needed",
                 heads, layers.width);
  if (!(layers.norm_eps >= 0 && layers.norm_eps < 1))
    return error(Status::kMalformed, "%s is out of range", reader.key("vision.attention.layer_norm_epsilon").c_str());
  LayerSpec layer;
  layer.attention = {.heads = heads, .kv_heads = heads, .head_dim = layers.width / heads};
  layer.attention.scale = 1 / std::sqrt(static_cast<float>(layer.attention.head_dim));
  layer.attention.names.output = "attn_out";
  layer.attention_norm = "ln1";
  layer.ffn_norm = "ln2";
  PUMICE_ASSIGN(layer.feed_forward, read_feed_forward(reader, layers.width));
  layers.layers.assign(count, layer);
  const Gguf& file = reader.file();
  layers.embedding_norm = file.find_tensor("v.pre_ln.weight") ? "v.pre_ln" : "";
  layers.output_norm = file.find_tensor("v.post_ln.weight") ? "v.post_ln" : "";
  return {};
}

// What says nothing that tensors and other keys do not say.
void accept_known(KeyReader& reader) {
  for (const char* name : {"has_vision_encoder", "has_audio_encoder", "has_llava_projector", "has_text_encoder",
                           "has_minicpmv_projector", "use_gelu", "use_silu", "projector_type", "vision.projector_type",
                           "vision.projection_dim", "vision.image_min_pixels", "vision.image_max_pixels",
                           "vision.mm_patch_merge_type", "vision.spatial_merge_size", "vision.projector.scale_factor"})
    reader.accept(name);
  for (const GgufEntry& entry : reader.file().metadata())
    if (entry.key.starts_with("clip.audio.")) reader.accept(entry.key.substr(std::string_view("clip.").size()));
}

}  // namespace

bool is_tower(const Gguf& file) { return file.get_string("general.architecture") == "clip"; }

Result<TowerSpec> describe_tower(const Gguf& file) {
  if (!is_tower(file))
    return error(Status::kUnsupported,
                 "this is not an image projector (mmproj); give the file that came with the model");
  KeyReader reader(file, "clip");
  PUMICE_ASSIGN(const bool sees, reader.flag("has_vision_encoder", true));
  if (!sees) return error(Status::kUnsupported, "this projector file has no image tower");
  PUMICE_ASSIGN(const Kind* const kind, find_kind(reader));
  TowerSpec spec;
  spec.projector = kind->name;
  PUMICE_TRY(read_picture_spec(reader, spec));
  PUMICE_TRY(read_layers(reader, spec));
  PUMICE_TRY(kind->describe(reader, spec));
  PUMICE_ASSIGN(const uint32_t stated, reader.count("vision.projection_dim", spec.text_width()));
  if (stated != 0 && stated != spec.text_width())
    return error(Status::kMalformed, "%s is %u, but the projector's rows are %u wide",
                 reader.key("vision.projection_dim").c_str(), stated, spec.text_width());
  accept_known(reader);
  PUMICE_TRY(reader.check_rest());
  return spec;
}

Result<void> read_merge(KeyReader& reader, std::string_view name, uint32_t fallback, TowerSpec& spec) {
  PUMICE_ASSIGN(spec.merge, reader.count(name, fallback));
  if (spec.merge == 0 || spec.merge > 16)
    return error(Status::kMalformed, "%s is %u, outside 1 to 16", reader.key(name).c_str(), spec.merge);
  return {};
}

Result<void> check_fixed_grid(const TowerSpec& spec) {
  const uint32_t unit = spec.patch * spec.merge;
  if (spec.picture.image_size % unit == 0) return {};
  return error(Status::kMalformed, "pictures of %u pixels cannot be cut into squares of %u", spec.picture.image_size,
               unit);
}

Result<void> check_positions(KeyReader& reader, uint64_t rows, TowerSpec& spec) {
  const GgufTensor* table = reader.file().find_tensor("v.position_embd.weight");
  if (!table || table->rows() != rows)
    return error(Status::kMalformed, "v.position_embd.weight has %llu rows, %llu are expected",
                 static_cast<unsigned long long>(table ? table->rows() : 0), static_cast<unsigned long long>(rows));
  spec.table_rows = static_cast<uint32_t>(rows);
  return {};
}

Result<TowerLayer> read_layer(const KeyReader& reader, const std::string& name, uint32_t cols, bool gelu) {
  const GgufTensor* tensor = reader.file().find_tensor(name + ".weight");
  if (!tensor) return error(Status::kMalformed, "the file has no tensor %s.weight", name.c_str());
  if (tensor->rows() > kMostFfn)
    return error(Status::kMalformed, "tensor %s.weight has %llu rows", name.c_str(),
                 static_cast<unsigned long long>(tensor->rows()));
  return TowerLayer{.name = name, .rows = static_cast<uint32_t>(tensor->rows()), .cols = cols, .gelu = gelu};
}

RopeSpec grid_rope(uint32_t head_dim, double base, RopePairs pairs, RopeAxis first, RopeAxis second) {
  RopeSpec rope{.rotary = head_dim, .pairs = pairs};
  const uint32_t quarter = head_dim / 4;
  for (uint32_t i = 0; i < head_dim / 2; ++i) {
    rope.radians.push_back(std::pow(base, -2.0 * (i % quarter) / (head_dim / 2)));
    rope.axes.push_back(i < quarter ? first : second);
  }
  return rope;
}

}  // namespace pumice
