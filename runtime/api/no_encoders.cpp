// In the place of encoder.cpp, translator.cpp and transcriber.cpp in a build without them (PUMICE_ENCODERS). There are
// no handles then.
#include "api/handles.h"

using namespace pumice;

namespace pumice {

Result<void> encode_once(const Model&, const KvFormat&) { return {}; }

namespace {

PumiceResult refuse(PumiceModel* model) {
  if (!model) return PUMICE_INVALID_ARGUMENT;
  return guarded(&model->object->last_error, []() -> Result<void> {
    return error(Status::kUnsupported, "this build runs decoders alone: build again with PUMICE_ENCODERS");
  });
}

}  // namespace
}  // namespace pumice

extern "C" {

PumiceResult pumice_encoder_create(PumiceModel* model, const PumiceEncoderOptions*, PumiceEncoder**) {
  return refuse(model);
}
void pumice_encoder_destroy(PumiceEncoder*) {}
size_t pumice_encoder_error(const PumiceEncoder*, char* buffer, size_t capacity) {
  return copy_text("", buffer, capacity);
}
PumiceResult pumice_embed(PumiceEncoder*, const PumiceEmbedOptions*) { return PUMICE_INVALID_ARGUMENT; }
PumiceResult pumice_encoder_get_info(const PumiceEncoder*, PumiceEncoderInfo*) { return PUMICE_INVALID_ARGUMENT; }

PumiceResult pumice_translator_create(PumiceModel* model, const PumiceTranslatorOptions*, PumiceTranslator**) {
  return refuse(model);
}
void pumice_translator_destroy(PumiceTranslator*) {}
size_t pumice_translator_error(const PumiceTranslator*, char* buffer, size_t capacity) {
  return copy_text("", buffer, capacity);
}
PumiceResult pumice_translate(PumiceTranslator*, const PumiceTranslateOptions*) { return PUMICE_INVALID_ARGUMENT; }
PumiceResult pumice_translator_get_info(const PumiceTranslator*, PumiceTranslatorInfo*) {
  return PUMICE_INVALID_ARGUMENT;
}
PumiceResult pumice_translator_get_cache_stats(const PumiceTranslator*, PumiceCacheStats*) {
  return PUMICE_INVALID_ARGUMENT;
}
PumiceResult pumice_translator_set_group_quota(PumiceTranslator*, const char*, uint32_t) {
  return PUMICE_INVALID_ARGUMENT;
}

PumiceResult pumice_transcriber_create(PumiceModel* model, const PumiceTranscriberOptions*, PumiceTranscriber**) {
  return refuse(model);
}
void pumice_transcriber_destroy(PumiceTranscriber*) {}
size_t pumice_transcriber_error(const PumiceTranscriber*, char* buffer, size_t capacity) {
  return copy_text("", buffer, capacity);
}
PumiceResult pumice_transcribe(PumiceTranscriber*, const PumiceTranscribeOptions*) { return PUMICE_INVALID_ARGUMENT; }
PumiceResult pumice_transcriber_get_info(const PumiceTranscriber*, PumiceTranscriberInfo*) {
  return PUMICE_INVALID_ARGUMENT;
}
PumiceResult pumice_transcriber_get_cache_stats(const PumiceTranscriber*, PumiceCacheStats*) {
  return PUMICE_INVALID_ARGUMENT;
}
PumiceResult pumice_transcriber_set_group_quota(PumiceTranscriber*, const char*, uint32_t) {
  return PUMICE_INVALID_ARGUMENT;
}

}  // extern "C"
