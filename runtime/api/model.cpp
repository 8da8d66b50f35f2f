// Models: loading, and what their files say.
#include <algorithm>
#include <map>

#include "api/handles.h"
#include "engine/vocabulary.h"
#include "model/digest.h"

namespace pumice {
namespace {

Result<Tokenizer> make_tokenizer(const Gguf& file) {
  PUMICE_ASSIGN(TokenizerData data, read_tokenizer(file));
  return Tokenizer::create(std::move(data));
}

// A file without a usable vocabulary can still be looked at, but not run.
void read_tokenizer_of(ModelObject& object) {
  Result<Tokenizer> tokenizer = make_tokenizer(*object.file);
  if (!tokenizer) {
    object.tokenizer_error = tokenizer.error();
    return;
  }
  object.tokenizer = std::make_shared<const Tokenizer>(std::move(tokenizer).value());
  for (const std::string& warning : object.tokenizer->warnings())
    object.instance->instance->log().write(LogLevel::kWarning, "%s", warning.c_str());
}

// "llama.vocab_size is 512", or that it is absent.
std::string stated_vocabulary(const ModelObject& object, const ModelSpec& spec) {
  const std::string key = spec.architecture + ".vocab_size";
  const GgufValue* value = object.file->find(key);
  return key + (value ? " is " + render(*value) : " is absent");
}

// All that can be known of the file before its weights are read.
Result<void> check_tokenizer(const ModelObject& object) {
  PUMICE_ASSIGN(const ModelSpec spec, describe(*object.file));
  if (!object.tokenizer) {
    const Error& reason = *object.tokenizer_error;
    return error(reason.status == Status::kNotFound ? Status::kUnsupported : reason.status, "%s",
                 reason.message.c_str());
  }
  if (static_cast<uint32_t>(object.tokenizer->vocabulary_size()) > spec.vocabulary)
    return error(Status::kMalformed,
                 "tokenizer.ggml.tokens has %d tokens, but token_embd.weight only %u rows (%s); "
                 "convert the model again",
                 object.tokenizer->vocabulary_size(), spec.vocabulary, stated_vocabulary(object, spec).c_str());
  return {};
}

Result<void> load_tower(ModelObject& object, const Gguf& file, const LoadProgress& progress) {
  PUMICE_ASSIGN(Tower tower, Tower::load(*object.device->kernels, file, object.model->spec().width, progress));
  object.tower = std::move(tower);
  PUMICE_ASSIGN(object.tower_digest, model_digest(file));
  return {};
}

FileSource source_of(const PumiceFileSource& from) {
  return {.size = from.read_size,
          .read = [read = from.read, user = from.read_user, size = from.read_size](
                      uint64_t offset, std::span<std::byte> to) -> Result<void> {
            if (offset > size || to.size() > size - offset)
              return error(Status::kIo, "the file ends before byte %llu", static_cast<unsigned long long>(offset));
            const int32_t failed = to.empty() ? 0 : read(user, offset, to.data(), to.size());
            if (failed) return error(Status::kIo, "the read function failed (%d)", failed);
            return {};
          }};
}

Result<Gguf> open_sources(std::span<const PumiceFileSource* const> given) {
  std::vector<FileSource> sources;
  for (const PumiceFileSource* const source : given) {
    PUMICE_ASSIGN(const PumiceFileSource from, taken(source, pumice_file_source_init(), "file source"));
    if (!from.read) return invalid("a file source without a read function");
    sources.push_back(source_of(from));
  }
  return Gguf::open(std::move(sources));
}

Result<Gguf> open_file(const PumiceModelOptions& options) {
  const int given = (options.path != nullptr) + (options.data != nullptr) + (options.read != nullptr) +
                    (options.parts != nullptr);
  if (given != 1) return invalid("give one of a path, data, a read function, or parts");
  if (options.path) return Gguf::open(options.path);
  if (options.data) return Gguf::from_memory({static_cast<const std::byte*>(options.data), options.data_size});
  if (options.parts) return open_sources({options.parts, options.part_count});
  PumiceFileSource whole = pumice_file_source_init();
  whole.read = options.read, whole.read_user = options.read_user, whole.read_size = options.read_size;
  return open_source(whole);
}

}  // namespace

Result<Gguf> open_source(const PumiceFileSource& source) {
  const PumiceFileSource* const one = &source;
  return open_sources({&one, 1});
}

namespace {

Result<Gguf> open_projector(const PumiceModelOptions& options) {
  if (options.projector_source) return open_source(*options.projector_source);
  return Gguf::open(options.projector);
}

Result<void> load(const std::shared_ptr<InstanceObject>& instance, PumiceDevice* device,
                  const PumiceModelOptions& options, PumiceModel** model) {
  auto object = std::make_shared<ModelObject>();
  object->instance = instance;
  if (device) object->device = device->object;
  if (device) PUMICE_TRY(device->object->device->check());
  PUMICE_ASSIGN(object->file, open_file(options));
  if (options.projector && options.projector_source) return invalid("give one projector");
  const bool sees = options.projector || options.projector_source;
  if (sees && !device) return invalid("a projector needs a device");
  read_tokenizer_of(*object);
  if (device) {
    LoadProgress progress;
    if (options.progress)
      progress = [&](float fraction) { return options.progress(options.progress_user, fraction) != 0; };
    PUMICE_TRY(check_tokenizer(*object));
    PUMICE_ASSIGN(Model loaded,
                  Model::load(*object->device->kernels, *object->file, progress,
                              {.count = options.host_layers, .more_if_short = options.refuse_short_memory == 0}));
    object->model = std::move(loaded);
    if (sees) {
      PUMICE_ASSIGN(const Gguf projector, open_projector(options));
      PUMICE_TRY(load_tower(*object, projector, progress));
    }
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

// Of an array with a value for each layer the first; 0 where there is none.
uint32_t first_count(const Gguf& file, const std::string& key) {
  const GgufValue* value = file.find(key);
  if (!value || !value->is_array()) return file.get_u32(key).value_or(0);
  const std::optional<std::vector<int32_t>> numbers = value->as_i32_array();
  return numbers && !numbers->empty() ? static_cast<uint32_t>(std::max(numbers->front(), 0)) : 0;
}

PumiceModelKind kind_of(const ModelSpec& spec) {
  if (!spec.causal) return PUMICE_MODEL_ENCODER;
  if (spec.encoder.empty()) return PUMICE_MODEL_DECODER;
  return spec.encoder[0].sound_bands ? PUMICE_MODEL_SPEECH : PUMICE_MODEL_TRANSLATION;
}

PumiceModelKind kind_of(const ModelObject& object) {
  if (object.model) return kind_of(object.model->spec());
  if (object.file->get_string("general.architecture").value_or("") == "clip") return PUMICE_MODEL_PROJECTOR;
  const Result<ModelSpec> spec = describe(*object.file);
  return spec ? kind_of(*spec) : PUMICE_MODEL_DECODER;
}

PumiceModelInfo info_of(const ModelObject& object) {
  PumiceModelInfo info = pumice_model_info_init();
  const Gguf& file = *object.file;
  const std::string architecture(file.get_string("general.architecture").value_or(""));
  copy_text(architecture, info.architecture);
  copy_text(file.get_string("general.name").value_or(""), info.name);
  copy_text(weight_types(file), info.weight_types);
  // As the file says, so that models that cannot be run can still be looked at.
  const auto number = [&](const char* key) { return first_count(file, architecture + "." + key); };
  info.layers = number("block_count");
  info.width = number("embedding_length");
  info.heads = number("attention.head_count");
  info.kv_heads = number("attention.head_count_kv");
  if (info.kv_heads == 0) info.kv_heads = info.heads;
  info.head_dim =
      file.get_u32(architecture + ".attention.key_length").value_or(info.heads ? info.width / info.heads : 0);
  info.ffn_width = number("feed_forward_length");
  info.context_length = number("context_length");
  info.vocabulary = object.model ? object.model->spec().vocabulary
                                 : (object.tokenizer ? static_cast<uint32_t>(object.tokenizer->vocabulary_size()) : 0);
  info.parameters = file.parameter_count();
  for (const GgufTensor& tensor : file.tensors()) info.file_bytes += tensor.data.size();
  info.device_bytes = object.model ? object.model->device_bytes() : 0;
  info.host_layers = object.model ? object.model->host_layers() : 0;
  info.host_bytes = object.model ? object.model->host_bytes() : 0;
  info.bos_token = object.tokenizer ? object.tokenizer->bos().value_or(-1) : -1;
  info.eos_token = object.tokenizer ? object.tokenizer->eos().value_or(-1) : -1;
  info.kind = kind_of(object);
  info.has_weights = file.tensors().empty() ? 0 : 1;
  return info;
}

}  // namespace
}  // namespace pumice

using namespace pumice;

extern "C" {

PumiceResult pumice_model_load(PumiceInstance* instance, PumiceDevice* device, const PumiceModelOptions* options,
                               PumiceModel** model) {
  if (!instance) return PUMICE_INVALID_ARGUMENT;
  return guarded(&instance->object->last_error, [&]() -> Result<void> {
    if (!model) return invalid("model");
    PUMICE_ASSIGN(const PumiceModelOptions given, taken(options, pumice_model_options_init(), "options"));
    return load(instance->object, device, given, model);
  });
}

void pumice_model_destroy(PumiceModel* model) { delete model; }

size_t pumice_model_error(const PumiceModel* model, char* buffer, size_t capacity) {
  return model ? model->object->last_error.copy(buffer, capacity) : copy_text("", buffer, capacity);
}

PumiceResult pumice_model_get_info(const PumiceModel* model, PumiceModelInfo* info) {
  if (!model) return PUMICE_INVALID_ARGUMENT;
  return guarded(&model->object->last_error, [&]() -> Result<void> {
    PUMICE_TRY(check_struct(info, "info"));
    hand_out(info_of(*model->object), info);
    return {};
  });
}

uint64_t pumice_model_metadata_count(const PumiceModel* model) {
  return model ? model->object->file->metadata().size() : 0;
}

PumiceResult pumice_model_get_metadata(const PumiceModel* model, uint64_t index, PumiceMetadata* metadata) {
  if (!model) return PUMICE_INVALID_ARGUMENT;
  return guarded(&model->object->last_error, [&]() -> Result<void> {
    PUMICE_TRY(check_struct(metadata, "metadata"));
    if (index >= pumice_model_metadata_count(model)) return invalid("index");
    const GgufEntry& entry = model->object->file->metadata()[index];
    const ListingTexts& texts = model->object->listing.at(index, [&]() -> ListingTexts {
      return {std::string(entry.key), value_type_name(entry.value), render(entry.value)};
    });
    PumiceMetadata made = pumice_metadata_init();
    made.key = texts[0].c_str();
    made.type = texts[1].c_str();
    made.value = texts[2].c_str();
    hand_out(made, metadata);
    return {};
  });
}

uint64_t pumice_model_tensor_count(const PumiceModel* model) {
  return model ? model->object->file->tensors().size() : 0;
}

PumiceResult pumice_model_get_tensor(const PumiceModel* model, uint64_t index, PumiceTensorInfo* tensor) {
  if (!model) return PUMICE_INVALID_ARGUMENT;
  return guarded(&model->object->last_error, [&]() -> Result<void> {
    PUMICE_TRY(check_struct(tensor, "tensor"));
    if (index >= pumice_model_tensor_count(model)) return invalid("index");
    const GgufTensor& found = model->object->file->tensors()[index];
    const ListingTexts& texts = model->object->listing.at(
        pumice_model_metadata_count(model) + index,
        [&]() -> ListingTexts { return {std::string(found.name), tensor_type_name(found.type)}; });
    PumiceTensorInfo made = pumice_tensor_info_init();
    made.name = texts[0].c_str();
    made.type = texts[1].c_str();
    made.dimensions = found.dim_count;
    std::copy(found.dims.begin(), found.dims.end(), made.extents);
    made.bytes = found.data.size();
    hand_out(made, tensor);
    return {};
  });
}

}  // extern "C"
