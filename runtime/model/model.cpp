#include "model/model.h"

#include "format/file_kind.h"
#include "kernels/attention.h"
#include "model/families/families.h"

namespace pumice {
namespace {

Result<void> check_attention(const ModelSpec& spec, const vk::DeviceCaps& caps) {
  for (const LayerSpec& layer : spec.layers) {
    const AttentionSpec& attention = layer.attention;
    if (attention.heads == 0) continue;
    if (!attention_fits(caps, attention.heads / attention.kv_heads, attention.head_dim))
      return error(Status::kUnsupported, "no attention kernel of this device takes %u heads of %u dimensions a KV head",
                   attention.heads / attention.kv_heads, attention.head_dim);
  }
  return {};
}

// A layer that has a norm for something has that, too.
Result<void> check_parts(const KeyReader& reader, const LayerSpec& layer, size_t index) {
  const bool mixes = layer.attention.heads != 0 || layer.recurrence.kind != RecurrenceKind::kNone;
  if (!mixes && !layer.attention_norm.empty())
    return error(Status::kMalformed, "%s or %s is 0 in layer %zu", reader.key("attention.head_count").c_str(),
                 reader.key("attention.head_count_kv").c_str(), index);
  if (layer.feed_forward.width == 0 && !layer.ffn_norm.empty())
    return error(Status::kMalformed, "%s is 0 in layer %zu", reader.key("feed_forward_length").c_str(), index);
  return {};
}

// What no key alone shows.
Result<void> check_layers(const KeyReader& reader, const ModelSpec& spec) {
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    PUMICE_TRY(check_parts(reader, spec.layers[i], i));
    const AttentionSpec& attention = spec.layers[i].attention;
    if (attention.heads == 0) continue;
    const RopeSpec& rope = spec.rope(spec.layers[i]);
    if (rope.rotary > attention.head_dim || rope.rotary % 2 != 0)
      return error(Status::kMalformed, "%u dimensions of heads of %u are rotated in layer %zu", rope.rotary,
                   attention.head_dim, i);
    if (attention.value_dim != 0 && (attention.value_dim > attention.head_dim || attention.cache_layer ||
                                     attention.v_norm || attention.gate_in_q || attention.gate_width > attention.heads))
      return error(Status::kUnsupported, "values of %u dimensions are not supported with what else layer %zu has",
                   attention.value_dim, i);
    if (!attention.cache_layer) continue;
    const AttentionSpec& other = spec.layers[*attention.cache_layer].attention;
    if (other.cache_layer || other.kv_heads != attention.kv_heads || other.head_dim != attention.head_dim ||
        other.window != attention.window)
      return error(Status::kMalformed, "layer %zu cannot read the keys and values of layer %u", i,
                   *attention.cache_layer);
  }
  return {};
}

}  // namespace

Result<ModelSpec> describe(const Gguf& file) {
  PUMICE_TRY(check_is_model(file));
  const std::optional<std::string_view> name = file.get_string("general.architecture");
  if (!name) return error(Status::kMalformed, "the model file does not say its general.architecture");
  const Family* family = find_family(*name);
  if (!family)
    return error(Status::kUnsupported, "architecture %s is not supported; these are: %s", quote(*name).c_str(),
                 family_names().c_str());
  KeyReader reader(file, *name);
  PUMICE_ASSIGN(ModelSpec spec, family->describe(reader));
  PUMICE_TRY(check_layers(reader, spec));
  for (const ModelSpec& encoder : spec.encoder) PUMICE_TRY(check_layers(reader, encoder));
  PUMICE_TRY(reader.check_rest());
  return spec;
}

Result<uint64_t> estimate_weight_bytes(const Gguf& file) {
  PUMICE_ASSIGN(const ModelSpec spec, describe(file));
  PUMICE_ASSIGN(const WeightBytes bytes, weight_bytes(file, spec, 0));
  return bytes.device;
}

Result<std::vector<AdaptableMatrix>> adaptable_matrices(const Gguf& file) {
  PUMICE_ASSIGN(const ModelSpec spec, describe(file));
  WeightReader reader(file);
  PUMICE_TRY(bind_weights(spec, reader));
  return reader.take_adaptable();
}

Result<Model> Model::load(Kernels& kernels, const Gguf& file, const LoadProgress& progress, HostLayers host) {
  Model model;
  model.kernels_ = &kernels;
  PUMICE_ASSIGN(model.spec_, describe(file));
  PUMICE_TRY(check_attention(model.spec_, kernels.caps()));
  for (const ModelSpec& encoder : model.spec_.encoder) PUMICE_TRY(check_attention(encoder, kernels.caps()));
  vk::Device& device = kernels.device();
  // Whatever is wrong with tensors is known before any memory is taken.
  PUMICE_ASSIGN(model.host_layers_,
                choose_host_layers(file, model.spec_, host, device.memory().room(kernels.caps().budget_bytes)));
  PUMICE_ASSIGN(Uploader uploader, Uploader::create(device, {.file = &file}));
  WeightReader reader(file, uploader);
  PUMICE_ASSIGN(model.weights_, bind_weights(model.spec_, reader, model.host_layers_));
  model.adaptable_ = reader.take_adaptable();
  model.bytes_ = {.device = reader.bytes(), .host = reader.host_bytes()};
  const Log& log = device.log();
  for (const std::string& warning : model.spec_.warnings) log.write(LogLevel::kWarning, "%s", warning.c_str());
  PUMICE_TRY(uploader.finish(progress));
  if (model.host_layers_ > 0) {
    PUMICE_ASSIGN(const WeightBytes without, weight_bytes(file, model.spec_, 0));  // tables are read by the row
    PUMICE_ASSIGN(const std::string cost,
                  describe_cost(device, model.spec_, model.host_layers_, model.bytes_.host - without.host));
    log.write(LogLevel::kWarning, "%s", cost.c_str());
  }
  return model;
}

}  // namespace pumice
