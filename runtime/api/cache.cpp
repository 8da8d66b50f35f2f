// The KV cache: options, statistics and what can be changed while it runs.
#include <algorithm>
#include <cstring>

#include "api/handles.h"
#include "engine/identity.h"
#include "engine/page_view.h"
#include "model/digest.h"

namespace pumice {
namespace {

constexpr uint64_t kDefaultDiskBytes = uint64_t{4} << 30;

// The public numbers begin with the default.
constexpr PolicyKind kPolicies[] = {PolicyKind::kAdaptive, PolicyKind::kLru,  PolicyKind::kLfu,    PolicyKind::kRandom,
                                    PolicyKind::kS3Fifo,   PolicyKind::kCost, PolicyKind::kLearned};

Result<PolicyKind> translate(PumiceCachePolicy policy) {
  const auto number = static_cast<size_t>(policy);
  if (number >= std::size(kPolicies)) return invalid("unknown cache policy");
  return kPolicies[number];
}

PumiceCachePolicy translate(PolicyKind policy) {
  return static_cast<PumiceCachePolicy>(std::find(std::begin(kPolicies), std::end(kPolicies), policy) -
                                        std::begin(kPolicies));
}

TieredStoreOptions store_options(const ModelObject& model, const PumiceCacheOptions& from) {
  TieredStoreOptions to;
  const auto text = [](const char* value) { return std::string(value ? value : ""); };
  to.ram_bytes = from.ram_bytes;
  to.disk_folder = text(from.disk_folder);
  to.disk_bytes = from.disk_bytes ? from.disk_bytes : kDefaultDiskBytes;
  to.redis_url = text(from.redis_url);
  to.redis_ca_file = text(from.redis_ca_file);
  if (from.name_space) to.name_space = from.name_space;
  to.epoch = from.epoch;
  if (from.redis_ttl_seconds) to.ttl_seconds = from.redis_ttl_seconds;
  if (from.redis_timeout_ms) to.redis_timeout_ms = from.redis_timeout_ms;
  if (from.admit_at_use) to.admit_at_use = from.admit_at_use;
  to.compress = from.compress != 0;
  to.encrypt = from.encrypt != 0;
  to.log = model.device->device->log();
  return to;
}

void fill_tiers(const StoreStats& from, PumiceCacheStats& to) {
  fill_tiers(from, to.tiers);
  to.verification_failures = from.verification_failures;
  to.dropped_writes += from.dropped_writes;
  to.queued_bytes = from.queued_bytes;
  to.redis_connected = from.redis_connected ? 1 : 0;
}

void fill_index(const PrefixIndex& index, PumiceCacheStats& to) {
  const auto& evictions = index.evictions();
  to.pages_cached = index.evictable();
  to.evictions_capacity = evictions[static_cast<size_t>(EvictionCause::kCapacity)];
  to.evictions_expired = evictions[static_cast<size_t>(EvictionCause::kExpired)];
  to.evictions_quota = evictions[static_cast<size_t>(EvictionCause::kQuota)];
  to.evictions_shrunk = evictions[static_cast<size_t>(EvictionCause::kShrunk)];
  to.evictions_cleared = evictions[static_cast<size_t>(EvictionCause::kCleared)];
  to.policy = translate(index.policy());
  to.leader = translate(index.leader());
}

PumiceCacheStats stats_of(const Context& context) {
  PumiceCacheStats to = stats_of(context.cache());
  for (const std::unique_ptr<Sequence>& sequence : context.sequences()) {
    if (!sequence) continue;
    to.tokens_held += sequence->computed;
    to.slots_unused += sequence->kv.pages.size() * kPageTokens - sequence->computed;
  }
  return to;
}

// But for the identity and the cost of a token.
Result<KvCacheOptions> common_options(const PumiceCacheOptions& from, GivenStore store) {
  KvCacheOptions to;
  to.reuse = from.disable_reuse == 0;
  PUMICE_ASSIGN(to.policy, translate(from.policy));
  if (!(from.ttl_seconds >= 0)) return invalid("ttl_seconds must not be negative");
  to.ttl_seconds = from.ttl_seconds;
  to.seed = from.seed;
  to.store = std::move(store.options);
  to.secret = store.secret;
  return to;
}

}  // namespace

PumiceCacheStats stats_of(const KvCache& cache) {
  PumiceCacheStats to = pumice_cache_stats_init();
  const KvCacheStats& from = cache.stats();
  to.page_tokens = kPageTokens;
  to.page_bytes = cache.page_bytes();
  to.pages_total = cache.pool().pages();
  to.pages_limit = cache.limit();
  to.pages_held = cache.held();
  to.lookups = from.lookups;
  to.looked_up_pages = from.looked_up_pages;
  std::copy(std::begin(from.hit_pages), std::end(from.hit_pages), to.hit_pages);
  to.fetches = from.fetches;
  to.fetches_given_up = from.fetches_given_up;
  to.fetches_not_worth = from.fetches_not_worth;
  to.seconds_fetching = from.seconds_fetching;
  to.recompute_seconds_saved = from.recompute_seconds_saved;
  to.prefill_seconds_per_token = cache.seconds_per_token();
  to.sealed_pages = from.sealed_pages;
  to.copied_pages = from.copied_pages;
  to.scrubbed_pages = from.scrubbed_pages;
  to.dropped_writes = from.dropped_spills;
  fill_index(cache.index(), to);
  const auto points = cache.curve().points();
  static_assert(std::size(points) == std::size(PumiceCacheStats{}.curve_pages));
  for (size_t i = 0; i < points.size(); ++i) {
    to.curve_pages[i] = points[i].blocks;
    to.curve_hit_rate[i] = points[i].hit_rate;
  }
  if (const std::optional<StoreStats> store = cache.store_stats()) fill_tiers(*store, to);
  return to;
}

uint32_t pages_of(uint32_t tokens) { return tokens / kPageTokens + (tokens % kPageTokens != 0); }

void fill_tiers(const StoreStats& from, PumiceTierStats (&to)[kTierKinds]) {
  for (size_t i = 0; i < kTierKinds; ++i) {
    const TierStats& tier = from.tiers[i];
    to[i] = {.present = from.present[i] ? 1 : 0,
             .values = tier.values,
             .bytes = tier.bytes,
             .limit_bytes = tier.limit_bytes,
             .reads = tier.reads,
             .hits = tier.hits,
             .writes = tier.writes,
             .evictions = tier.evictions,
             .failures = tier.failures,
             .read_bytes = tier.read_bytes,
             .written_bytes = tier.written_bytes,
             .seconds_reading = tier.seconds_reading,
             .seconds_writing = tier.seconds_writing,
             .seconds_per_page = from.seconds_per_page[i]};
  }
}

Result<std::string> digest_of(ModelObject& model) {
  const std::lock_guard lock(model.digest_mutex);
  if (model.digest.empty()) {
    PUMICE_ASSIGN(model.digest, model_digest(*model.file));
  }
  return model.digest;
}

Result<GivenStore> translate_store(ModelObject& model, const PumiceCacheOptions& from) {
  GivenStore to{.options = store_options(model, from)};
  if (from.secret) {
    to.secret.emplace();
    std::memcpy(to.secret->data(), from.secret, kSecretBytes);
  }
  const bool outlives = !to.options.disk_folder.empty() || !to.options.redis_url.empty();
  if (!outlives || from.disable_reuse) return to;
  if (!from.secret) return invalid("a cache on disk or in Redis needs a secret of 32 bytes, the same in every run");
  PUMICE_ASSIGN(to.digest, digest_of(model));
  return to;
}

Result<KvCacheOptions> translate_cache(ModelObject& model, const PumiceCacheOptions& from,
                                       const ContextOptions& context) {
  PUMICE_ASSIGN(const GivenStore store, translate_store(model, from));
  PUMICE_ASSIGN(KvCacheOptions to, common_options(from, store));
  const ModelSpec& spec = model.model->spec();
  const uint32_t tokens = context_tokens_for(spec, context.context_tokens);
  to.identity = cache_identity(spec, context.kv_format(), tokens, store.digest);
  to.seconds_per_token = estimated_prefill_seconds(spec, model.device->device->caps());
  return to;
}

Result<KvCacheOptions> translate_source_cache(ModelObject& model, const PumiceCacheOptions* given,
                                              const KvFormat& format) {
  PUMICE_ASSIGN(const PumiceCacheOptions from, taken_if_given(given, pumice_cache_options_init(), "cache options"));
  PUMICE_ASSIGN(GivenStore store, translate_store(model, from));
  if (from.admit_at_use == 0) store.options.admit_at_use = 1;  // one hit saves all of the encoder's work on the source
  PUMICE_ASSIGN(KvCacheOptions to, common_options(from, store));
  const ModelSpec& spec = model.model->spec();
  to.identity = source_identity(spec, format, store.digest);
  if (!spec.encoder.empty())
    to.seconds_per_token = estimated_prefill_seconds(spec.encoder[0], model.device->device->caps());
  return to;
}

}  // namespace pumice

using namespace pumice;

extern "C" {

PumiceResult pumice_context_get_cache_stats(const PumiceContext* context, PumiceCacheStats* stats) {
  if (!context) return PUMICE_INVALID_ARGUMENT;
  return guarded(*context->object, [&]() -> Result<void> {
    PUMICE_TRY(check_struct(stats, "stats"));
    hand_out(stats_of(*context->object->context), stats);
    return {};
  });
}

size_t pumice_context_tier_problem(const PumiceContext* context, PumiceCacheSource tier, char* buffer,
                                   size_t capacity) {
  std::string problem;
  const auto index = static_cast<size_t>(tier) - 1;
  (void)guarded(nullptr, [&]() -> Result<void> {
    if (!context || index >= kTierKinds) return {};
    PUMICE_TRY(check_no_turn(*context->object));
    const Turn turn(*context->object);
    if (const auto stats = context->object->context->cache().store_stats()) problem = stats->problems[index];
    return {};
  });
  return copy_text(problem, buffer, capacity);
}

PumiceResult pumice_kv_pages(PumiceContext* context, const char* group, PumiceKvPageCallback callback, void* user) {
  if (!context) return PUMICE_INVALID_ARGUMENT;
  std::vector<PageView> pages;
  const PumiceResult looked = guarded(*context->object, [&]() -> Result<void> {
    if (!callback) return invalid("callback");
    pages = view_pages(*context->object->context, group ? group : "");
    return {};
  });
  if (looked != PUMICE_OK) return looked;
  return guarded(&context->object->last_error, [&]() -> Result<void> {
    for (const PageView& page : pages) {
      const PumiceKvPage made = {.size = sizeof(PumiceKvPage),
                                 .next = nullptr,
                                 .page = page.page,
                                 .position = page.position,
                                 .sequences = page.sequences,
                                 .shared = page.shared,
                                 .pinned = page.pinned,
                                 .uses = page.uses,
                                 .origin = static_cast<int32_t>(page.origin),
                                 .idle_seconds = page.idle_seconds};
      if (callback(user, &made) != 0) return error(Status::kCancelled, "cancelled");
    }
    return {};
  });
}

PumiceResult pumice_context_set_cache_policy(PumiceContext* context, PumiceCachePolicy policy) {
  if (!context) return PUMICE_INVALID_ARGUMENT;
  return guarded(*context->object, [&]() -> Result<void> {
    PUMICE_ASSIGN(const PolicyKind kind, translate(policy));
    context->object->context->cache().set_policy(kind);
    return {};
  });
}

PumiceResult pumice_context_set_cache_limit(PumiceContext* context, uint32_t tokens) {
  if (!context) return PUMICE_INVALID_ARGUMENT;
  return guarded(*context->object, [&]() -> Result<void> {
    context->object->context->cache().set_limit(pages_of(tokens));
    return {};
  });
}

PumiceResult pumice_context_set_group_quota(PumiceContext* context, const char* group, uint32_t tokens) {
  if (!context) return PUMICE_INVALID_ARGUMENT;
  return guarded(*context->object, [&]() -> Result<void> {
    KvCache& cache = context->object->context->cache();
    cache.set_quota(cache.tenant(group ? group : ""), pages_of(tokens));
    return {};
  });
}

PumiceResult pumice_context_clear_cache(PumiceContext* context, int32_t tiers) {
  if (!context) return PUMICE_INVALID_ARGUMENT;
  return guarded(*context->object, [&] { return context->object->context->cache().clear(tiers != 0); });
}

PumiceResult pumice_context_flush_cache(PumiceContext* context, uint32_t timeout_ms) {
  if (!context) return PUMICE_INVALID_ARGUMENT;
  return guarded(*context->object, [&]() -> Result<void> {
    PUMICE_TRY(context->object->model->device->device->release_all());
    PUMICE_ASSIGN(const bool flushed, context->object->context->cache().flush(timeout_ms / 1e3));
    if (!flushed) return error(Status::kTimeout, "the cache was not written within %u ms", timeout_ms);
    return {};
  });
}

PumiceResult pumice_sequence_pin(PumiceSequence* sequence) {
  if (!sequence) return PUMICE_INVALID_ARGUMENT;
  return guarded(sequence->object, [&](SequenceObject& object) -> Result<void> {
    KvCache& cache = object.context->context->cache();
    std::vector<NodeId> pinned = cache.pin(object.sequence->kv);
    object.unpin();
    object.pinned = std::move(pinned);
    object.pinned_in = object.context->context->generation();
    return {};
  });
}

PumiceResult pumice_sequence_unpin(PumiceSequence* sequence) {
  if (!sequence) return PUMICE_INVALID_ARGUMENT;
  return guarded(sequence->object, [&](SequenceObject& object) -> Result<void> {
    object.unpin();
    return {};
  });
}

}  // extern "C"
