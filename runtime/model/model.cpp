#include "model/model.h"

#include "format/device_layout.h"
#include "kernels/attention.h"

namespace pumice {
namespace {

Result<const Architecture*> architecture_of(const Gguf& file) {
  const std::optional<std::string_view> name = file.get_string("general.architecture");
  if (!name) return error(Status::kMalformed, "the model file does not say its general.architecture");
  const Architecture* known = find_architecture(*name);
  if (!known) return error(Status::kUnsupported, "architecture %s is not supported; llama is", quote(*name).c_str());
  return known;
}

}  // namespace

Result<ModelConfig> read_config(const Gguf& file) {
  PUMICE_ASSIGN(const Architecture* architecture, architecture_of(file));
  return architecture->read_config(file);
}

Result<uint64_t> estimate_weight_bytes(const Gguf& file) {
  PUMICE_ASSIGN(const ModelConfig config, read_config(file));
  uint64_t total = 8 * config.rope_radians.size();  // two words each, into which the file's rope_freqs.weight has gone
  for (const GgufTensor& tensor : file.tensors()) {
    if (tensor.name == "rope_freqs.weight") continue;
    if (tensor.rows() == 1) {
      total += 4 * tensor.cols();
      continue;
    }
    PUMICE_ASSIGN(const DeviceLayout layout, device_layout_for(tensor));
    total += layout.total_bytes();
  }
  return total;
}

Result<Model> Model::load(Kernels& kernels, const Gguf& file, const LoadProgress& progress) {
  Model model;
  model.kernels_ = &kernels;
  PUMICE_ASSIGN(model.architecture_, architecture_of(file));
  PUMICE_ASSIGN(model.config_, model.architecture_->read_config(file));
  const ModelConfig& config = model.config_;
  if (!attention_fits(kernels.caps(), config.heads / config.kv_heads, config.head_dim))
    return error(Status::kUnsupported, "no attention kernel of this device takes %u heads of %u dimensions a KV head",
                 config.heads / config.kv_heads, config.head_dim);
  PUMICE_ASSIGN(Uploader uploader, Uploader::create(kernels.device(), {.file = &file}));
  WeightReader reader(file, uploader, kernels.device().log());
  PUMICE_ASSIGN(model.weights_, model.architecture_->bind_weights(model.config_, reader));
  const std::vector<uint32_t> words = rope_frequencies(model.config_.rope_radians);
  PUMICE_ASSIGN(model.weights_.rope_frequencies, uploader.upload_bytes(std::as_bytes(std::span(words))));
  PUMICE_TRY(uploader.finish(progress));
  return model;
}

}  // namespace pumice
