#include <cstring>
#include <type_traits>

#include "api/handles.h"

#ifdef PUMICE_HAS_CONVERT
#include "convert/convert.h"
#endif

namespace pumice {
namespace {

#ifdef PUMICE_HAS_CONVERT
Result<void> run_convert(const PumiceConvertOptions& given, PumiceConvertInfo* info) {
  ConvertRequest request{.source = given.source, .target = given.target};
  // Copied, as a caller's value may be none that the type has.
  std::underlying_type_t<PumiceConvertType> type;
  std::memcpy(&type, &given.type, sizeof type);
  switch (type) {
    case PUMICE_CONVERT_F16:
      request.type = ConvertType::kF16;
      break;
    case PUMICE_CONVERT_F32:
      request.type = ConvertType::kF32;
      break;
    case PUMICE_CONVERT_Q8_0:
      request.type = ConvertType::kQ8_0;
      break;
    case PUMICE_CONVERT_Q4_0:
      request.type = ConvertType::kQ4_0;
      break;
    case PUMICE_CONVERT_Q4_K:
      request.type = ConvertType::kQ4_K;
      break;
    default:
      return invalid("type is none of PumiceConvertType");
  }
  if (given.progress)
    request.progress = [&](float fraction) { return given.progress(given.progress_user, fraction) == 0; };
  PUMICE_ASSIGN(const ConvertOutcome outcome, convert_model(request));
  if (!info) return {};
  PumiceConvertInfo made = pumice_convert_info_init();
  copy_text(outcome.kind, made.kind);
  made.tensors = outcome.tensors;
  made.converted_tensors = outcome.converted_tensors;
  made.bytes = outcome.bytes;
  hand_out(made, info);
  return {};
}
#else
Result<void> run_convert(const PumiceConvertOptions&, PumiceConvertInfo*) {
  return error(Status::kUnsupported, "this library was built without the conversion of models (PUMICE_CONVERT)");
}
#endif

}  // namespace
}  // namespace pumice

using namespace pumice;

extern "C" PumiceResult pumice_convert(PumiceInstance* instance, const PumiceConvertOptions* options,
                                       PumiceConvertInfo* info) {
  if (!instance) return PUMICE_INVALID_ARGUMENT;
  return guarded(&instance->object->last_error, [&]() -> Result<void> {
    PUMICE_ASSIGN(const PumiceConvertOptions given, taken(options, pumice_convert_options_init(), "options"));
    if (!given.source || !*given.source) return invalid("source is missing");
    if (!given.target || !*given.target) return invalid("target is missing");
    if (info) PUMICE_TRY(check_struct(info, "info"));
    return run_convert(given, info);
  });
}
