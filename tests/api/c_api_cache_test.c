/* The KV cache through the C interface: KV types, reuse, groups, forks, limits, sessions. Links the library alone.
 * Exit code 77: no usable Vulkan device. */
#define _POSIX_C_SOURCE 200809L /* what the support header uses of POSIX */

#include "c_api_requests.h"

static void test_kv_types(Fixture* fixture) {
  static const struct {
    PumiceKvType k, v;
    uint64_t bytes_per_value_64; /* of a key and a value, times 64 */
  } cases[] = {{PUMICE_KV_F16, PUMICE_KV_AS_KEYS, 256},
               {PUMICE_KV_F32, PUMICE_KV_F16, 384},
               {PUMICE_KV_Q8_0, PUMICE_KV_AS_KEYS, 136},
               {PUMICE_KV_Q8_0, PUMICE_KV_Q4_0, 104},
               {PUMICE_KV_Q4_0, PUMICE_KV_Q4_0, 72}};
  PumiceModelInfo info = pumice_model_info_init();
  CHECK_OK(pumice_model_get_info(fixture->model, &info));
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    PumiceContextOptions options = pumice_context_options_init();
    options.context_tokens = 128;
    options.kv_type = cases[i].k;
    options.kv_type_v = cases[i].v;
    PumiceEstimate estimate = pumice_estimate_init();
    CHECK_OK(pumice_model_estimate(fixture->model, &options, &estimate));
    PumiceContext* context = NULL;
    CHECK_OK(pumice_context_create(fixture->model, &options, &context));
    PumiceContextStats stats = pumice_context_stats_init();
    CHECK_OK(pumice_context_get_stats(context, &stats));
    CHECK(stats.kv_bytes_per_token ==
          (uint64_t)info.layers * info.kv_heads * info.head_dim * cases[i].bytes_per_value_64 / 64);
    CHECK(stats.kv_bytes == estimate.kv_bytes);
    PumiceSequence* sequence = make_sequence(context);
    PumiceRequest* request = submit(sequence, fixture->prompt, fixture->prompt_count, 4);
    CHECK(finish(request).count == 4);
    pumice_request_destroy(request);
    pumice_sequence_destroy(sequence);
    pumice_context_destroy(context);
  }
  PumiceContext* none = NULL;
  PumiceContextOptions bad = pumice_context_options_init();
  bad.kv_type = PUMICE_KV_AS_KEYS;
  CHECK_INVALID(pumice_context_create(fixture->model, &bad, &none));
  bad = pumice_context_options_init();
  bad.kv_type_v = (PumiceKvType)4;
  CHECK_INVALID(pumice_context_create(fixture->model, &bad, &none));
  PumiceWarmUpOptions warm = pumice_warm_up_options_init();
  warm.kv_type = (PumiceKvType)4;
  CHECK_INVALID(pumice_model_warm_up(fixture->model, &warm, NULL));
  CHECK(none == NULL);
}

static PumiceCacheStats cache_stats(const PumiceContext* context) {
  PumiceCacheStats stats = pumice_cache_stats_init();
  CHECK_OK(pumice_context_get_cache_stats(context, &stats));
  return stats;
}

/* A prompt of 100 tokens. */
static size_t long_prompt(int32_t* ids) {
  for (int32_t i = 0; i < 100; ++i) ids[i] = 20 + i * 7 % 200;
  return 100;
}

/* Cached tokens of a request for the prompt in a sequence of the group. */
static uint32_t cached_tokens(PumiceContext* context, const char* group, const int32_t* ids, size_t count) {
  PumiceSequence* sequence = NULL;
  CHECK_OK(pumice_sequence_create_in(context, group, &sequence));
  PumiceRequest* request = submit(sequence, ids, count, 2);
  CHECK(finish(request).count == 2);
  PumiceTimings timings = pumice_timings_init();
  CHECK_OK(pumice_request_timings(request, &timings));
  pumice_request_destroy(request);
  pumice_sequence_destroy(sequence);
  return timings.cached_tokens;
}

static void test_reuse(const Fixture* fixture) {
  int32_t ids[100];
  const size_t count = long_prompt(ids);
  PumiceContext* context = make_context(fixture->model, 256, 2);
  CHECK(cached_tokens(context, NULL, ids, count) == 0);
  CHECK(cached_tokens(context, "", ids, count) == 96);
  CHECK(cached_tokens(context, "other", ids, count) == 0);
  const PumiceCacheStats stats = cache_stats(context);
  CHECK(stats.lookups == 3 && stats.looked_up_pages == 9 && stats.hit_pages[PUMICE_SOURCE_DEVICE] == 3);
  CHECK(stats.pages_held == 0 && stats.pages_cached == 6 && stats.sealed_pages == 6);
  /* One of the three lookups was of what had been asked before. */
  CHECK(stats.curve_pages[2] == 8 && stats.curve_hit_rate[2] > 0.33 && stats.curve_hit_rate[2] < 0.34);
  CHECK(stats.policy == PUMICE_CACHE_ADAPTIVE && !stats.tiers[0].present);
  CHECK_OK(pumice_context_set_cache_limit(context, 96));
  CHECK(cache_stats(context).pages_cached == 3);
  CHECK_OK(pumice_context_set_cache_limit(context, 256));
  CHECK_OK(pumice_context_set_cache_policy(context, PUMICE_CACHE_LRU));
  CHECK(cache_stats(context).policy == PUMICE_CACHE_LRU);
  CHECK_INVALID(pumice_context_set_cache_policy(context, (PumiceCachePolicy)9));
  CHECK_OK(pumice_context_set_group_quota(context, "other", 32));
  CHECK_OK(pumice_context_clear_cache(context, 1));
  CHECK(cache_stats(context).pages_cached == 0);
  CHECK(cached_tokens(context, "other", ids, count) == 0);
  CHECK(cached_tokens(context, "other", ids, count) == 32); /* its quota */
  CHECK_OK(pumice_context_flush_cache(context, 1000));
  pumice_context_destroy(context);
}

typedef struct Pages {
  PumiceKvPage pages[16];
  size_t count, stop_at;
} Pages;

static int32_t take_page(void* user, const PumiceKvPage* page) {
  Pages* pages = user;
  pages->pages[pages->count++] = *page;
  return pages->count == pages->stop_at;
}

/* Pages as they lie in the pool: three that were found again, and a sequence's last one. */
static void test_pages(const Fixture* fixture) {
  int32_t ids[100];
  const size_t count = long_prompt(ids);
  PumiceContext* context = make_context(fixture->model, 256, 2);
  CHECK(cached_tokens(context, "a", ids, count) == 0);
  PumiceSequence* sequence = NULL;
  CHECK_OK(pumice_sequence_create_in(context, "a", &sequence));
  PumiceRequest* request = submit(sequence, ids, count, 2);
  CHECK(finish(request).count == 2);
  pumice_request_destroy(request);
  Pages pages = {.count = 0};
  CHECK_OK(pumice_kv_pages(context, "a", take_page, &pages));
  CHECK(pages.count == 4);
  for (uint32_t i = 0; i < 4; ++i) {
    const PumiceKvPage* page = &pages.pages[i];
    CHECK(page->position == 32 * i && page->sequences == 1 && page->origin == 0 && !page->pinned);
    CHECK(page->shared == (i < 3) && page->uses == (i < 3) && page->idle_seconds >= 0);
    for (uint32_t j = 0; j < i; ++j) CHECK(page->page != pages.pages[j].page);
  }
  uint32_t places[4] = {99, 99, 99, 99};
  size_t held = 0;
  CHECK_OK(pumice_sequence_get_pages(sequence, places, 2, &held));
  CHECK(held == 4 && places[2] == 99);
  CHECK_OK(pumice_sequence_get_pages(sequence, places, 4, &held));
  for (uint32_t i = 0; i < 4; ++i) CHECK(places[i] == pages.pages[i].page);
  int32_t tokens[102];
  size_t known = 0;
  CHECK_OK(pumice_sequence_get_tokens(sequence, NULL, 0, &known));
  CHECK(known == count + 2);
  CHECK_OK(pumice_sequence_get_tokens(sequence, tokens, 102, &known));
  CHECK(memcmp(tokens, ids, count * sizeof *ids) == 0);
  CHECK_INVALID(pumice_sequence_get_tokens(sequence, NULL, 1, &known));
  CHECK_INVALID(pumice_sequence_get_pages(sequence, places, 4, NULL));
  CHECK_OK(pumice_sequence_pin(sequence));
  pumice_sequence_destroy(sequence);
  pages = (Pages){.stop_at = 2};
  CHECK_RESULT(PUMICE_CANCELLED, pumice_kv_pages(context, "a", take_page, &pages));
  CHECK(pages.count == 2 && pages.pages[0].sequences == 0);
  pages = (Pages){.count = 0};
  CHECK_OK(pumice_kv_pages(context, "b", take_page, &pages));
  CHECK_OK(pumice_kv_pages(context, NULL, take_page, &pages));
  CHECK(pages.count == 0);
  CHECK_INVALID(pumice_kv_pages(context, "a", NULL, NULL));
  pumice_context_destroy(context);
}

static void test_options(const Fixture* fixture) {
  int32_t ids[100];
  const size_t count = long_prompt(ids);
  PumiceCacheOptions cache = pumice_cache_options_init();
  PumiceContextOptions options = pumice_context_options_init();
  options.context_tokens = 128;
  options.cache = &cache;
  PumiceContext* context = NULL;
  cache.disable_reuse = 1;
  CHECK_OK(pumice_context_create(fixture->model, &options, &context));
  CHECK(cached_tokens(context, NULL, ids, count) == 0);
  CHECK(cached_tokens(context, NULL, ids, count) == 0);
  pumice_context_destroy(context);
  cache.disable_reuse = 0;
  cache.ram_bytes = 1 << 20;
  CHECK_OK(pumice_context_create(fixture->model, &options, &context));
  CHECK(cached_tokens(context, NULL, ids, count) == 0);
  CHECK_OK(pumice_context_flush_cache(context, 10000));
  CHECK(cache_stats(context).tiers[0].values == 3);
  CHECK(pumice_context_tier_problem(context, PUMICE_SOURCE_RAM, NULL, 0) == 0);
  pumice_context_destroy(context);
  context = NULL;
  cache.disk_folder = "/tmp/never made, as there is no secret";
  CHECK_INVALID(pumice_context_create(fixture->model, &options, &context));
  cache = pumice_cache_options_init();
  cache.policy = (PumiceCachePolicy)7;
  CHECK_INVALID(pumice_context_create(fixture->model, &options, &context));
  cache = pumice_cache_options_init();
  cache.size = 8;
  CHECK_INVALID(pumice_context_create(fixture->model, &options, &context));
  CHECK(context == NULL);
}

static void test_forks(const Fixture* fixture) {
  int32_t ids[100];
  const size_t count = long_prompt(ids);
  PumiceContext* context = make_context(fixture->model, 256, 3);
  PumiceSequence* trunk = make_sequence(context);
  PumiceRequest* first = submit(trunk, ids, count, 2);
  (void)finish(first);
  pumice_request_destroy(first);
  PumiceSequence* fork = NULL;
  CHECK_OK(pumice_sequence_fork(trunk, 90, &fork));
  CHECK_INVALID(pumice_sequence_fork(trunk, 1000, &fork));
  PumiceSequenceInfo info = pumice_sequence_info_init();
  CHECK_OK(pumice_sequence_get_info(fork, &info));
  CHECK(info.tokens == 90 && info.computed == 90);
  CHECK_OK(pumice_sequence_pin(trunk));
  CHECK_OK(pumice_sequence_unpin(trunk));
  CHECK_OK(pumice_sequence_pin(trunk));
  pumice_context_destroy(context); /* sequences keep it alive */
  pumice_sequence_destroy(trunk);
  pumice_sequence_destroy(fork);
}

typedef struct Bytes {
  unsigned char data[1 << 20];
  size_t size;
} Bytes;

static int32_t append(void* user, const void* data, size_t size) {
  Bytes* bytes = user;
  if (bytes->size + size > sizeof bytes->data) return 1;
  memcpy(bytes->data + bytes->size, data, size);
  bytes->size += size;
  return 0;
}

/* In a context that has computed nothing, the loaded text is there and yet not found by another sequence. */
static void test_loaded_is_not_found(const Fixture* fixture, const PumiceSessionSource* source) {
  PumiceContext* context = make_context(fixture->model, 256, 2);
  PumiceSequence* loaded = NULL;
  CHECK_OK(pumice_sequence_load(context, source, &loaded));
  PumiceSequenceInfo info = pumice_sequence_info_init();
  CHECK_OK(pumice_sequence_get_info(loaded, &info));
  CHECK(info.computed >= 32);
  pumice_sequence_destroy(loaded);
  CHECK(cache_stats(context).pages_cached == 0); /* nothing of it stays */
  pumice_context_destroy(context);
}

static void test_sessions(const Fixture* fixture) {
  static Bytes bytes;
  PumiceContext* context = make_context(fixture->model, 256, 3);
  PumiceSequence* sequence = make_sequence(context);
  (void)generate(sequence, fixture->prompt, fixture->prompt_count, 30);
  PumiceSessionOptions options = pumice_session_options_init();
  CHECK_INVALID(pumice_sequence_save(sequence, &options));
  options.write = append;
  options.write_user = &bytes;
  CHECK_OK(pumice_sequence_save(sequence, &options));
  const Tokens expected = generate(sequence, fixture->prompt, fixture->prompt_count, 20);
  PumiceSessionSource source = pumice_session_source_init();
  PumiceSequence* loaded = NULL;
  CHECK_INVALID(pumice_sequence_load(context, &source, &loaded));
  source.data = bytes.data;
  source.data_size = bytes.size;
  CHECK_OK(pumice_sequence_load(context, &source, &loaded));
  const Tokens found = generate(loaded, fixture->prompt, fixture->prompt_count, 20);
  CHECK(same(&found, &expected));
  test_loaded_is_not_found(fixture, &source);
  bytes.data[bytes.size / 2] ^= 1;
  PumiceSequence* none = NULL;
  CHECK_RESULT(PUMICE_MALFORMED, pumice_sequence_load(context, &source, &none));
  source.path = "/nowhere/session";
  CHECK_RESULT(PUMICE_NOT_FOUND, pumice_sequence_load(context, &source, &none));
  options.path = "/nowhere/session";
  CHECK_RESULT(PUMICE_IO, pumice_sequence_save(sequence, &options));
  CHECK(none == NULL);
  pumice_sequence_destroy(loaded);
  pumice_sequence_destroy(sequence);
  pumice_context_destroy(context);
}

static void test_with_device(Fixture* fixture) {
  if (!open_model(fixture)) return;
  test_kv_types(fixture);
  test_reuse(fixture);
  test_pages(fixture);
  test_options(fixture);
  test_forks(fixture);
  test_sessions(fixture);
}

int main(void) { return run_with_device(test_with_device); }
