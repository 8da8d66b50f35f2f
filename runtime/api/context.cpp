// Contexts and sequences.
#include <algorithm>
#include <cstdio>
#include <utility>

#include "api/handles.h"

namespace pumice {
namespace {

struct GivenOptions {
  PumiceContextOptions context;
  PumiceCacheOptions cache;
};

// options may be null.
Result<GivenOptions> take(const PumiceContextOptions* options) {
  PUMICE_ASSIGN(const PumiceContextOptions context,
                taken_if_given(options, pumice_context_options_init(), "context options"));
  PUMICE_ASSIGN(const PumiceCacheOptions cache,
                taken_if_given(context.cache, pumice_cache_options_init(), "cache options"));
  return GivenOptions{context, cache};
}

Result<std::vector<std::shared_ptr<const Adapter>>> translate_adapters(const ModelObject& model,
                                                                       const PumiceContextOptions& options) {
  std::vector<std::shared_ptr<const Adapter>> adapters;
  if (options.adapter_count > 0 && !options.adapters) return invalid("adapters");
  for (size_t i = 0; i < options.adapter_count; ++i) {
    const PumiceAdapter* const adapter = options.adapters[i];
    if (!adapter) return invalid("an adapter is NULL");
    PUMICE_TRY(check_same_file(model, *adapter->object->model));
    adapters.push_back(adapter->object->adapter);
  }
  return adapters;
}

// A guess is one token of both.
Result<void> check_draft(const ModelObject& model, const ModelObject& draft) {
  if (!draft.model || draft.device != model.device) return invalid("the draft is not on the device of its model");
  const Tokenizer &of = *model.tokenizer, &drafts = *draft.tokenizer;
  bool same = of.vocabulary_size() == drafts.vocabulary_size() &&
              model.model->spec().vocabulary == draft.model->spec().vocabulary;
  for (int32_t id = 0; same && id < of.vocabulary_size(); ++id) same = of.token_name(id) == drafts.token_name(id);
  return same ? Result<void>() : invalid("the draft has another vocabulary");
}

Result<ContextOptions> translate(const ModelObject& model, const GivenOptions& given) {
  const PumiceContextOptions& options = given.context;
  // Of models without a device memory alone is asked for.
  const bool drafts = model.model && options.draft && options.draft_tokens > 0;
  const ModelObject* draft = drafts ? options.draft->object.get() : nullptr;
  if (draft) PUMICE_TRY(check_draft(model, *draft));
  PUMICE_ASSIGN(std::vector<std::shared_ptr<const Adapter>> adapters, translate_adapters(model, options));
  PUMICE_ASSIGN(const KvFormat kv, translate_kv(options.kv_type, options.kv_type_v, options.disable_kv_rotation));
  if (options.record_mode != PUMICE_RECORD_REPLAY && options.record_mode != PUMICE_RECORD_EACH_STEP)
    return invalid("unknown record_mode");
  if (options.when_full != PUMICE_FULL_STOP && options.when_full != PUMICE_FULL_SLIDE)
    return invalid("unknown when_full");
  return ContextOptions{.context_tokens = options.context_tokens,
                        .max_sequences = options.max_sequences,
                        .kv_type = kv.k,
                        .record_each_step = options.record_mode == PUMICE_RECORD_EACH_STEP,
                        .disable_kv_cache = options.disable_kv_cache != 0,
                        .prefill_slice = options.prefill_slice,
                        .steps_ahead = options.steps_ahead,
                        .profile = options.profile != 0,
                        .kv_type_v = kv.v,
                        .kv_rotation = kv.rotate,
                        .cache_tokens = given.cache.cache_tokens,
                        .exact = given.cache.exact != 0,
                        .slide = options.when_full == PUMICE_FULL_SLIDE,
                        .sink_tokens = options.sink_tokens,
                        .guesses = options.lookup_tokens,
                        .draft = draft ? &*draft->model : nullptr,
                        .draft_guesses = draft ? options.draft_tokens : 0,
                        .adapters = std::move(adapters)};
}

std::vector<int32_t> stop_tokens(const Tokenizer& tokenizer) {
  std::vector<int32_t> ids;
  for (int32_t id = 0; id < tokenizer.vocabulary_size(); ++id)
    if (tokenizer.is_end_of_generation(id)) ids.push_back(id);
  return ids;
}

ContextTower tower_of(const ModelObject& model) {
  return {.tower = model.tower ? &*model.tower : nullptr, .fingerprint = model.tower_digest};
}

std::string profile_json(StepRecorder& recorder) {
  recorder.collect_profile();
  std::string text = "[";
  for (const auto& [name, total] : recorder.profile()) {
    char row[512];
    std::snprintf(
        row, sizeof row, "%s{\"kernel\":\"%s\",\"calls\":%llu,\"microseconds\":%.3f,\"bytes\":%.0f,\"flops\":%.0f}",
        text.size() > 1 ? "," : "", name.c_str(), static_cast<unsigned long long>(recorder.profile_calls().at(name)),
        total.microseconds, total.bytes, total.flops);
    text += row;
  }
  return text + "]";
}

PumiceContextStats stats_of(Context& from) {
  PumiceContextStats stats = pumice_context_stats_init();
  const PagePool& pool = from.pool();
  stats.context_tokens = from.options().context_tokens;
  stats.page_tokens = kPageTokens;
  stats.pages_total = pool.pages();
  stats.pages_used = pool.used();
  stats.kv_bytes = from.kv_bytes();
  stats.kv_bytes_per_token = from.kv_bytes() / pool.pages() / kPageTokens;
  stats.workspace_bytes = from.recorder().workspace_bytes();
  stats.prefill_tokens = from.stats().prefill_tokens;
  stats.decode_tokens = from.stats().decode_tokens;
  stats.cached_tokens = from.stats().cached_tokens;
  stats.submissions = from.stats().submissions;
  stats.guessed_tokens = from.stats().guessed_tokens;
  stats.accepted_tokens = from.stats().accepted_tokens;
  stats.recordings = from.recorder().recordings();
  stats.dispatches_per_decode_step = from.recorder().dispatches_per_decode_step();
  // Outside the layers a step has the embedding, the head (a dispatch a slab) and the draw.
  stats.dispatches_per_layer =
      stats.dispatches_per_decode_step / static_cast<uint32_t>(from.model().spec().layers.size());
  if (const AdapterStack* adapters = from.recorder().adapters()) stats.adapter_bytes = adapters->device_bytes();
  if (const PictureEncoder* pictures = from.pictures()) {
    stats.images_computed = pictures->stats().computed;
    stats.images_found = pictures->stats().found;
  }
  stats.host_us_per_decode_token =
      stats.decode_tokens ? 1e6 * from.stats().host_seconds_decode / static_cast<double>(stats.decode_tokens) : 0;
  return stats;
}

}  // namespace

Result<void> check_same_file(const ModelObject& a, const ModelObject& b) {
  const auto same = [](const GgufTensor& x, const GgufTensor& y) {
    return x.name == y.name && x.type == y.type && x.dims == y.dims;
  };
  const bool alike = &a == &b || (std::ranges::equal(a.file->tensors(), b.file->tensors(), same) &&
                                  a.file->metadata().size() == b.file->metadata().size());
  return alike ? Result<void>() : invalid("another model than that of the context");
}

// Pages of a cache that is no more are not pinned any more.
void SequenceObject::unpin() {
  const std::vector<NodeId> nodes = std::exchange(pinned, {});
  if (pinned_in == context->context->generation()) context->context->cache().unpin(nodes);
}

// A poisoned context is not touched: what the sequence holds goes with it.
void SequenceObject::release() noexcept {
  if (!sequence) return;
  (void)guarded(&context->last_error, [&]() -> Result<void> {
    unpin();
    context->context->close_sequence(sequence);
    return {};
  });
}

PumiceSequence* sequence_handle(const std::shared_ptr<ContextObject>& context, Sequence* sequence) {
  try {
    auto handle = std::make_unique<PumiceSequence>();
    handle->object = retiring<SequenceObject>(context);
    handle->object->context = context;
    handle->object->sequence = sequence;
    return handle.release();
  } catch (...) {
    context->context->close_sequence(sequence);
    throw;
  }
}

Result<KvFormat> translate_kv(PumiceKvType k, PumiceKvType v, int32_t disable_rotation) {
  if (k < PUMICE_KV_F16 || k > PUMICE_KV_Q4_0) return invalid("unknown kv_type");
  if (v < PUMICE_KV_AS_KEYS || v > PUMICE_KV_Q4_0) return invalid("unknown kv_type_v");
  return KvFormat{.k = static_cast<KvType>(k),
                  .v = static_cast<KvType>(v == PUMICE_KV_AS_KEYS ? k : v),
                  .rotate = disable_rotation == 0};
}

}  // namespace pumice

using namespace pumice;

extern "C" {

PumiceResult pumice_context_create(PumiceModel* model, const PumiceContextOptions* options, PumiceContext** context) {
  if (!model) return PUMICE_INVALID_ARGUMENT;
  return guarded(&model->object->last_error, [&]() -> Result<void> {
    if (!context) return invalid("context");
    PUMICE_ASSIGN(const GivenOptions given, take(options));
    if (!model->object->model) return invalid("the model was opened without a device; load it with one");
    PUMICE_ASSIGN(ContextOptions translated, translate(*model->object, given));
    PUMICE_ASSIGN(translated.cache, translate_cache(*model->object, given.cache, translated));
    auto object = std::make_shared<ContextObject>();
    object->model = model->object;
    if (translated.draft) object->draft = given.context.draft->object;
    PUMICE_ASSIGN(object->context, Context::create(*model->object->model, stop_tokens(*model->object->tokenizer),
                                                   translated, tower_of(*model->object)));
    *context = new PumiceContext{std::move(object)};
    return {};
  });
}

PumiceResult pumice_context_rebind(PumiceContext* context, PumiceModel* model) {
  if (!context) return PUMICE_INVALID_ARGUMENT;
  ContextObject& owner = *context->object;
  std::shared_ptr<ModelObject> before, draft;  // go after the turn, perhaps with their device
  return guarded(owner, [&]() -> Result<void> {
    if (!model || !model->object->model) return invalid("a model on a device");
    PUMICE_TRY(check_same_file(*owner.model, *model->object));
    if (owner.model->tower_digest != model->object->tower_digest) return invalid("another projector");
    PUMICE_TRY(owner.context->rebind(*model->object->model, tower_of(*model->object)));
    before = std::exchange(owner.model, model->object);
    draft = std::exchange(owner.draft, nullptr);
    return {};
  });
}

void pumice_context_destroy(PumiceContext* context) { delete context; }

size_t pumice_context_error(const PumiceContext* context, char* buffer, size_t capacity) {
  return context ? context->object->last_error.copy(buffer, capacity) : copy_text("", buffer, capacity);
}

PumiceResult pumice_model_estimate(const PumiceModel* model, const PumiceContextOptions* options,
                                   PumiceEstimate* estimate) {
  if (!model) return PUMICE_INVALID_ARGUMENT;
  return guarded(&model->object->last_error, [&]() -> Result<void> {
    PUMICE_TRY(check_struct(estimate, "estimate"));
    PUMICE_ASSIGN(const GivenOptions given, take(options));
    PUMICE_ASSIGN(const ContextOptions translated, translate(*model->object, given));
    PUMICE_ASSIGN(const ModelSpec spec, describe(*model->object->file));
    PumiceEstimate made = pumice_estimate_init();
    if (model->object->model) {
      made.weights_bytes = model->object->model->device_bytes();
    } else {
      PUMICE_ASSIGN(made.weights_bytes, estimate_weight_bytes(*model->object->file));
    }
    const uint64_t room = model->object->model ? Context::room_on(model->object->model->kernels().device()) : 0;
    std::vector<AdaptableMatrix> matrices;
    if (!translated.adapters.empty()) {
      PUMICE_ASSIGN(matrices, adaptable_matrices(*model->object->file));
    }
    PUMICE_ASSIGN(const ContextEstimate context, Context::estimate(spec, translated, room, matrices));
    made.adapter_bytes = context.adapter_bytes;
    made.kv_bytes = context.kv_bytes;
    made.workspace_bytes = context.workspace_bytes;
    hand_out(made, estimate);
    return {};
  });
}

PumiceResult pumice_context_get_stats(const PumiceContext* context, PumiceContextStats* stats) {
  if (!context) return PUMICE_INVALID_ARGUMENT;
  return guarded(*context->object, [&]() -> Result<void> {
    PUMICE_TRY(check_struct(stats, "stats"));
    hand_out(stats_of(*context->object->context), stats);
    return {};
  });
}

PumiceResult pumice_context_profile(const PumiceContext* context, char* buffer, size_t capacity, size_t* length) {
  if (!context) return PUMICE_INVALID_ARGUMENT;
  return guarded(*context->object, [&]() -> Result<void> {
    if (!length || (!buffer && capacity > 0)) return invalid("buffer or length");
    *length = copy_text(profile_json(context->object->context->recorder()), buffer, capacity);
    return {};
  });
}

PumiceResult pumice_sequence_create(PumiceContext* context, PumiceSequence** sequence) {
  return pumice_sequence_create_in(context, nullptr, sequence);
}

PumiceResult pumice_sequence_create_in(PumiceContext* context, const char* group, PumiceSequence** sequence) {
  if (!context) return PUMICE_INVALID_ARGUMENT;
  return guarded(*context->object, [&]() -> Result<void> {
    if (!sequence) return invalid("sequence");
    PUMICE_ASSIGN(Sequence* const opened, context->object->context->open_sequence(group ? group : ""));
    *sequence = sequence_handle(context->object, opened);
    return {};
  });
}

PumiceResult pumice_sequence_fork(PumiceSequence* sequence, uint32_t tokens, PumiceSequence** copy) {
  if (!sequence) return PUMICE_INVALID_ARGUMENT;
  return guarded(sequence->object, [&](SequenceObject& object) -> Result<void> {
    if (!copy) return invalid("copy");
    PUMICE_ASSIGN(Sequence* const forked, object.context->context->fork(*object.sequence, tokens));
    *copy = sequence_handle(object.context, forked);
    return {};
  });
}

void pumice_sequence_destroy(PumiceSequence* sequence) { delete sequence; }

PumiceResult pumice_sequence_get_info(const PumiceSequence* sequence, PumiceSequenceInfo* info) {
  if (!sequence) return PUMICE_INVALID_ARGUMENT;
  return guarded(sequence->object, [&](SequenceObject& object) -> Result<void> {
    PUMICE_TRY(check_struct(info, "info"));
    const Sequence& from = *object.sequence;
    PumiceSequenceInfo made = pumice_sequence_info_init();
    made.tokens = static_cast<uint32_t>(from.tokens.size());
    made.computed = from.computed;
    made.dropped = from.dropped;
    made.capacity = object.context->context->options().context_tokens;
    hand_out(made, info);
    return {};
  });
}

PumiceResult pumice_sequence_get_tokens(const PumiceSequence* sequence, int32_t* ids, size_t capacity, size_t* count) {
  if (!sequence) return PUMICE_INVALID_ARGUMENT;
  return guarded(sequence->object, [&](SequenceObject& object) -> Result<void> {
    if (!count || (!ids && capacity > 0)) return invalid("ids or count");
    const std::vector<int32_t>& tokens = object.sequence->tokens;
    std::copy_n(tokens.begin(), std::min(tokens.size(), capacity), ids);
    *count = tokens.size();
    return {};
  });
}

PumiceResult pumice_sequence_get_pages(const PumiceSequence* sequence, uint32_t* pages, size_t capacity,
                                       size_t* count) {
  if (!sequence) return PUMICE_INVALID_ARGUMENT;
  return guarded(sequence->object, [&](SequenceObject& object) -> Result<void> {
    if (!count || (!pages && capacity > 0)) return invalid("pages or count");
    const std::span<const PageId> filled = filled_pages(*object.sequence);
    std::copy_n(filled.begin(), std::min(filled.size(), capacity), pages);
    *count = filled.size();
    return {};
  });
}

PumiceResult pumice_sequence_truncate(PumiceSequence* sequence, uint32_t tokens) {
  if (!sequence) return PUMICE_INVALID_ARGUMENT;
  return guarded(sequence->object,
                 [&](SequenceObject& object) { return object.context->context->truncate(*object.sequence, tokens); });
}

PumiceResult pumice_sequence_evaluate(PumiceSequence* sequence, const int32_t* ids, size_t count, float* logits,
                                      size_t capacity) {
  if (!sequence) return PUMICE_INVALID_ARGUMENT;
  return guarded(sequence->object, [&](SequenceObject& object) -> Result<void> {
    ContextObject& context = *object.context;
    if (!ids || !logits) return invalid("ids or logits");
    if (capacity < context.model->model->spec().vocabulary)
      return error(Status::kInvalidArgument, "room for %zu logits, the vocabulary has %u", capacity,
                   context.model->model->spec().vocabulary);
    return context.context->evaluate(*object.sequence, {ids, count}, {logits, capacity});
  });
}

}  // extern "C"
