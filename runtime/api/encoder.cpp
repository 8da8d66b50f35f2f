// Encoders: vectors of texts.
#include "engine/encoder.h"

#include <algorithm>

#include "api/call_turn.h"
#include "api/handles.h"

namespace pumice {
namespace {

constexpr uint64_t kDefaultRamBytes = uint64_t{64} << 20;

Result<std::optional<Pooling>> translate(PumicePooling pooling) {
  if (pooling < PUMICE_POOLING_OF_MODEL || pooling > PUMICE_POOLING_RANK) return invalid("unknown pooling");
  if (pooling == PUMICE_POOLING_OF_MODEL) return std::optional<Pooling>();
  return std::optional(static_cast<Pooling>(pooling - 1));
}

Result<EncoderOptions> translate(ModelObject& model, const PumiceEncoderOptions& given) {
  PumiceCacheOptions defaults = pumice_cache_options_init();
  if (!given.cache) defaults.ram_bytes = kDefaultRamBytes;
  PUMICE_ASSIGN(const PumiceCacheOptions cache, taken_if_given(given.cache, defaults, "cache options"));
  PUMICE_ASSIGN(const GivenStore store, translate_store(model, cache));
  EncoderOptions to;
  PUMICE_ASSIGN(to.pooling, translate(given.pooling));
  if (given.half_precision) to.kv = {KvType::kF16, KvType::kF16};
  to.text_tokens = given.text_tokens;
  to.batch_tokens = given.batch_tokens;
  to.normalise = given.disable_normalise == 0;
  to.cache = cache.disable_reuse == 0;
  to.identity = store.digest;
  to.group = given.group ? given.group : "";
  to.secret = store.secret;
  to.store = store.options;
  if (cache.admit_at_use == 0) to.store.admit_at_use = 1;  // a vector is small beside what computing it costs
  return to;
}

Result<void> embed(EncoderObject& object, const PumiceEmbedOptions& given) {
  if (given.count > 0 && !given.texts) return invalid("texts");
  Encoder& encoder = *object.encoder;
  if (given.vectors && encoder.pooling() == Pooling::kNone)
    return invalid("vectors are not pooled: take them by on_vectors");
  std::vector<TokenSpan> texts;
  for (size_t i = 0; i < given.count; ++i) {
    if (!given.texts[i].ids && given.texts[i].count > 0) return invalid("ids of a text");
    texts.emplace_back(given.texts[i].ids, given.texts[i].count);
  }
  const size_t width = encoder.width();
  return encoder.encode(texts, [&](size_t index, std::span<const float> vectors) {
    if (given.vectors) std::copy(vectors.begin(), vectors.end(), given.vectors + index * width);
    if (!given.on_vectors) return true;
    return given.on_vectors(given.on_vectors_user, index, vectors.data(), vectors.size() / width, width) == 0;
  });
}

}  // namespace
}  // namespace pumice

using namespace pumice;

extern "C" {

PumiceResult pumice_encoder_create(PumiceModel* model, const PumiceEncoderOptions* options, PumiceEncoder** encoder) {
  if (!model) return PUMICE_INVALID_ARGUMENT;
  return guarded(&model->object->last_error, [&]() -> Result<void> {
    if (!encoder) return invalid("encoder");
    if (!model->object->model) return invalid("the model was opened without a device");
    PUMICE_ASSIGN(const PumiceEncoderOptions given,
                  taken_if_given(options, pumice_encoder_options_init(), "encoder options"));
    if (model->object->file->find("tokenizer.ggml.source.tokens"))
      return error(Status::kUnsupported,
                   "the model translates, from a vocabulary that texts are not cut by here; take "
                   "pumice_translate, or another model");
    PUMICE_ASSIGN(const EncoderOptions translated, translate(*model->object, given));
    auto object = std::make_shared<EncoderObject>();
    object->model = model->object;
    PUMICE_ASSIGN(object->encoder, Encoder::create(*model->object->model, translated));
    *encoder = new PumiceEncoder{std::move(object)};
    return {};
  });
}

void pumice_encoder_destroy(PumiceEncoder* encoder) { delete encoder; }

size_t pumice_encoder_error(const PumiceEncoder* encoder, char* buffer, size_t capacity) {
  return encoder ? encoder->object->last_error.copy(buffer, capacity) : copy_text("", buffer, capacity);
}

PumiceResult pumice_embed(PumiceEncoder* encoder, const PumiceEmbedOptions* options) {
  if (!encoder) return PUMICE_INVALID_ARGUMENT;
  const std::shared_ptr<EncoderObject> object = encoder->object;
  return guarded(&object->last_error, [&]() -> Result<void> {
    PUMICE_TRY(CallTurn::check_none(object.get()));
    PUMICE_ASSIGN(const PumiceEmbedOptions given, taken(options, pumice_embed_options_init(), "options"));
    const CallTurn turn(object.get(), object->turn);
    return embed(*object, given);
  });
}

PumiceResult pumice_encoder_get_info(const PumiceEncoder* encoder, PumiceEncoderInfo* info) {
  if (!encoder) return PUMICE_INVALID_ARGUMENT;
  const std::shared_ptr<EncoderObject> object = encoder->object;
  return guarded(&object->last_error, [&]() -> Result<void> {
    PUMICE_TRY(check_struct(info, "info"));
    PUMICE_TRY(CallTurn::check_none(object.get()));
    const CallTurn turn(object.get(), object->turn);
    const Encoder& from = *object->encoder;
    const EncoderStats& stats = from.stats();
    PumiceEncoderInfo to = pumice_encoder_info_init();
    to.pooling = static_cast<PumicePooling>(static_cast<int>(from.pooling()) + 1);
    to.width = from.width();
    to.text_tokens = from.text_tokens();
    to.texts = stats.texts;
    to.tokens = stats.tokens;
    to.computed_texts = stats.computed_texts;
    to.computed_tokens = stats.computed_tokens;
    to.submissions = stats.steps;
    to.seconds = stats.seconds;
    if (const auto store = from.store_stats()) fill_tiers(*store, to.tiers);
    hand_out(to, info);
    return {};
  });
}

}  // extern "C"
