// The sampling that a model's file recommends.
#include <algorithm>
#include <cmath>

#include "api/handles.h"

namespace pumice {
namespace {

Error no_number(const char* key) {
  return error(Status::kMalformed, "the file's %s is no number that sampling can take", key);
}

// Leaves `to` as it is where there is no such key.
Result<void> read(const Gguf& file, const char* key, double least, double most, float& to) {
  const GgufValue* const found = file.find(key);
  if (!found) return {};
  const std::optional<float> value = found->as_f32();
  if (!value || !(*value >= least && *value <= most)) return no_number(key);
  to = *value;
  return {};
}

// Below zero: `negative`.
Result<void> read(const Gguf& file, const char* key, uint32_t negative, uint32_t& to) {
  const GgufValue* const found = file.find(key);
  if (!found) return {};
  const std::optional<int64_t> value = found->as_i64();
  if (!value || *value > INT32_MAX) return no_number(key);
  to = *value < 0 ? negative : static_cast<uint32_t>(*value);
  return {};
}

Result<void> read_sampling(const Gguf& file, PumiceRequestOptions& to) {
  constexpr double kMost = 1e4;  // far beyond what changes anything
  PUMICE_TRY(read(file, "general.sampling.temp", -kMost, kMost, to.temperature));
  PUMICE_TRY(read(file, "general.sampling.top_k", 0, to.top_k));
  PUMICE_TRY(read(file, "general.sampling.top_p", 0, kMost, to.top_p));
  PUMICE_TRY(read(file, "general.sampling.min_p", 0, 1, to.min_p));
  PUMICE_TRY(read(file, "general.sampling.penalty_repeat", 1e-4, kMost, to.repeat_penalty));
  return read(file, "general.sampling.penalty_last_n", UINT32_MAX, to.penalty_window);  // -1: the whole context
}

void warn_of_others(const ModelObject& model) {
  for (const char* key : {"general.sampling.mirostat", "general.sampling.xtc_probability"})
    if (model.file->get_f32(key).value_or(0) != 0)
      model.instance->instance->log().write(LogLevel::kWarning, "the file recommends %s, which is left out", key);
}

}  // namespace
}  // namespace pumice

using namespace pumice;

extern "C" {

PumiceResult pumice_model_get_sampling(const PumiceModel* model, PumiceRequestOptions* options) {
  if (!model) return PUMICE_INVALID_ARGUMENT;
  return guarded(&model->object->last_error, [&]() -> Result<void> {
    PUMICE_ASSIGN(PumiceRequestOptions made, taken(options, pumice_request_options_init(), "options"));
    PUMICE_TRY(read_sampling(*model->object->file, made));
    warn_of_others(*model->object);
    hand_out(made, options);
    return {};
  });
}

}  // extern "C"
