// Models: loading, and what their files say.
#include <algorithm>
#include <map>

#include "api/handles.h"
#include "engine/vocabulary.h"

namespace pumice {
namespace {

void read_tokenizer_of(ModelObject& object) {
  Result<TokenizerData> data = read_tokenizer(*object.file);
  if (!data) {
    object.tokenizer_error = data.error().message;
    return;
  }
  Result<Tokenizer> tokenizer = Tokenizer::create(std::move(data).value());
  if (tokenizer)
    object.tokenizer = std::move(tokenizer).value();
  else
    object.tokenizer_error = tokenizer.error().message;
}

void render_listing(ModelObject& object) {
  for (const GgufEntry& entry : object.file->metadata()) {
    object.texts.emplace_back(entry.key);
    object.texts.push_back(value_type_name(entry.value));
    object.texts.push_back(render(entry.value));
  }
  for (const GgufTensor& tensor : object.file->tensors()) {
    object.texts.emplace_back(tensor.name);
    object.texts.push_back(tensor_type_name(tensor.type));
  }
}

Result<void> load(const std::shared_ptr<InstanceObject>& instance, PumiceDevice* device,
                  const PumiceModelOptions& options, PumiceModel** model) {
  if ((options.path != nullptr) == (options.data != nullptr)) return invalid("give either a path or data, not both");
  auto object = std::make_shared<ModelObject>();
  object->instance = instance;
  if (device) object->device = device->object;
  if (options.path) {
    PUMICE_ASSIGN(object->file, Gguf::open(options.path));
  } else {
    PUMICE_ASSIGN(object->file, Gguf::from_memory({static_cast<const std::byte*>(options.data), options.data_size}));
  }
  read_tokenizer_of(*object);
  render_listing(*object);
  if (device) {
    LoadProgress progress;
    if (options.progress)
      progress = [&](float fraction) { return options.progress(options.progress_user, fraction) != 0; };
    PUMICE_ASSIGN(Model loaded, Model::load(*object->device->kernels, *object->file, progress));
    object->model = std::move(loaded);
    if (!object->tokenizer) return error(Status::kUnsupported, "%s", object->tokenizer_error.c_str());
    if (static_cast<uint32_t>(object->tokenizer->vocabulary_size()) > object->model->config().vocabulary)
      return error(Status::kMalformed, "the tokenizer has %d tokens, the embedding only %u",
                   object->tokenizer->vocabulary_size(), object->model->config().vocabulary);
  }
  *model = new PumiceModel{std::move(object)};
  return {};
}

// "Q4_K 43, F32 13": how many tensors of each type, most first.
std::string weight_types(const Gguf& file) {
  std::map<std::string, uint32_t> counts;
  for (const GgufTensor& tensor : file.tensors()) ++counts[tensor_type_name(tensor.type)];
  std::vector<std::pair<std::string, uint32_t>> ordered(counts.begin(), counts.end());
  std::stable_sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string text;
  for (const auto& [name, count] : ordered) text += (text.empty() ? "" : ", ") + name + " " + std::to_string(count);
  return text;
}

void write_info(const ModelObject& object, PumiceModelInfo& info) {
  const Gguf& file = *object.file;
  const std::string architecture(file.get_string("general.architecture").value_or(""));
  copy_text(architecture, info.architecture);
  copy_text(file.get_string("general.name").value_or(""), info.name);
  copy_text(weight_types(file), info.weight_types);
  // As the file says, so that models that cannot be run can still be looked at.
  const auto number = [&](const char* key) { return file.get_u32(architecture + "." + key).value_or(0); };
  info.layers = number("block_count");
  info.width = number("embedding_length");
  info.heads = number("attention.head_count");
  info.kv_heads = file.get_u32(architecture + ".attention.head_count_kv").value_or(info.heads);
  info.head_dim =
      file.get_u32(architecture + ".attention.key_length").value_or(info.heads ? info.width / info.heads : 0);
  info.ffn_width = number("feed_forward_length");
  info.context_length = number("context_length");
  info.vocabulary = object.model ? object.model->config().vocabulary
                                 : (object.tokenizer ? static_cast<uint32_t>(object.tokenizer->vocabulary_size()) : 0);
  info.parameters = file.parameter_count();
  info.file_bytes = 0;
  for (const GgufTensor& tensor : file.tensors()) info.file_bytes += tensor.data.size();
  info.device_bytes = object.model ? object.model->device_bytes() : 0;
  info.bos_token = object.tokenizer ? object.tokenizer->bos().value_or(-1) : -1;
  info.eos_token = object.tokenizer ? object.tokenizer->eos().value_or(-1) : -1;
  info.has_weights = file.tensors().empty() ? 0 : 1;
}

}  // namespace
}  // namespace pumice

using namespace pumice;

extern "C" {

PumiceResult pumice_model_load(PumiceInstance* instance, PumiceDevice* device, const PumiceModelOptions* options,
                               PumiceModel** model) {
  if (!instance) return PUMICE_INVALID_ARGUMENT;
  return guarded(&instance->object->last_error, [&]() -> Result<void> {
    if (!model || !usable(options)) return invalid("model or options");
    return load(instance->object, device, *options, model);
  });
}

void pumice_model_destroy(PumiceModel* model) { delete model; }

size_t pumice_model_error(const PumiceModel* model, char* buffer, size_t capacity) {
  return model ? model->object->last_error.copy(buffer, capacity) : copy_text("", buffer, capacity);
}

PumiceResult pumice_model_get_info(const PumiceModel* model, PumiceModelInfo* info) {
  if (!model || !usable(info)) return PUMICE_INVALID_ARGUMENT;
  return guarded(&model->object->last_error, [&]() -> Result<void> {
    write_info(*model->object, *info);
    return {};
  });
}

uint64_t pumice_model_metadata_count(const PumiceModel* model) {
  return model ? model->object->file->metadata().size() : 0;
}

PumiceResult pumice_model_get_metadata(const PumiceModel* model, uint64_t index, PumiceMetadata* metadata) {
  if (!model || !usable(metadata) || index >= pumice_model_metadata_count(model)) return PUMICE_INVALID_ARGUMENT;
  const std::string* texts = &model->object->texts[3 * index];
  metadata->key = texts[0].c_str();
  metadata->type = texts[1].c_str();
  metadata->value = texts[2].c_str();
  return PUMICE_OK;
}

uint64_t pumice_model_tensor_count(const PumiceModel* model) {
  return model ? model->object->file->tensors().size() : 0;
}

PumiceResult pumice_model_get_tensor(const PumiceModel* model, uint64_t index, PumiceTensorInfo* tensor) {
  if (!model || !usable(tensor) || index >= pumice_model_tensor_count(model)) return PUMICE_INVALID_ARGUMENT;
  const GgufTensor& found = model->object->file->tensors()[index];
  const std::string* texts = &model->object->texts[3 * pumice_model_metadata_count(model) + 2 * index];
  tensor->name = texts[0].c_str();
  tensor->type = texts[1].c_str();
  tensor->dimensions = found.dim_count;
  std::copy(found.dims.begin(), found.dims.end(), tensor->extents);
  tensor->bytes = found.data.size();
  return PUMICE_OK;
}

}  // extern "C"
