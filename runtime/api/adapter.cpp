// Adapters.
#include "api/handles.h"
#include "engine/adapters.h"

namespace pumice {
namespace {

Result<Gguf> open_adapter(const PumiceAdapterOptions& options) {
  const int given = (options.path != nullptr) + (options.data != nullptr) + (options.source != nullptr);
  if (given != 1) return invalid("give one of a path, data and a source");
  if (options.path) return Gguf::open(options.path);
  if (options.source) return open_source(*options.source);
  return Gguf::from_memory({static_cast<const std::byte*>(options.data), options.data_size});
}

Result<Adapter> read_adapter(const ModelObject& model, const Gguf& file) {
  if (model.model) {
    PUMICE_ASSIGN(Adapter adapter, Adapter::read(file, *model.file, model.model->adaptable()));
    PUMICE_TRY(check_adapter(*model.model, adapter));
    return adapter;
  }
  PUMICE_ASSIGN(const std::vector<AdaptableMatrix> matrices, adaptable_matrices(*model.file));
  return Adapter::read(file, *model.file, matrices);
}

}  // namespace
}  // namespace pumice

using namespace pumice;

extern "C" {

PumiceResult pumice_adapter_load(PumiceModel* model, const PumiceAdapterOptions* options, PumiceAdapter** adapter) {
  if (!model) return PUMICE_INVALID_ARGUMENT;
  return guarded(&model->object->last_error, [&]() -> Result<void> {
    if (!adapter) return invalid("adapter");
    PUMICE_ASSIGN(const PumiceAdapterOptions given, taken(options, pumice_adapter_options_init(), "adapter options"));
    PUMICE_ASSIGN(const Gguf file, open_adapter(given));
    auto object = std::make_shared<AdapterObject>();
    object->model = model->object;
    PUMICE_ASSIGN(Adapter read, read_adapter(*model->object, file));
    object->adapter = std::make_shared<const Adapter>(std::move(read));
    *adapter = new PumiceAdapter{std::move(object)};
    return {};
  });
}

void pumice_adapter_destroy(PumiceAdapter* adapter) { delete adapter; }

PumiceResult pumice_adapter_get_info(const PumiceAdapter* adapter, PumiceAdapterInfo* info) {
  if (!adapter) return PUMICE_INVALID_ARGUMENT;
  return guarded(&adapter->object->model->last_error, [&]() -> Result<void> {
    PUMICE_TRY(check_struct(info, "adapter info"));
    const Adapter& from = *adapter->object->adapter;
    PumiceAdapterInfo made = pumice_adapter_info_init();
    copy_text(from.name(), made.name);
    made.tensors = static_cast<uint32_t>(from.tensors().size());
    made.rank = from.most_rank();
    hand_out(made, info);
    return {};
  });
}

PumiceResult pumice_sequence_set_adapters(PumiceSequence* sequence, const float* scales, size_t count) {
  if (!sequence) return PUMICE_INVALID_ARGUMENT;
  return guarded(sequence->object, [&](SequenceObject& object) -> Result<void> {
    if (count > 0 && !scales) return invalid("scales");
    return object.context->context->set_adapters(*object.sequence, {scales, count});
  });
}

}  // extern "C"
