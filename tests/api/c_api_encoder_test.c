/* Encoders as a C11 program sees them: vectors of texts, found again, wrong arguments, callbacks. Links the library
 * alone. */
#define _POSIX_C_SOURCE 200809L /* what the support header uses of POSIX */

#include "c_api_requests.h"

enum { kTexts = 3 };

typedef struct Seen {
  PumiceEncoder* encoder;
  uint32_t texts;
  size_t rows;
  int32_t stop;
} Seen;

static int32_t on_vectors(void* user, size_t text, const float* vectors, size_t rows, size_t width) {
  Seen* seen = user;
  CHECK(text < kTexts && vectors && width > 0);
  seen->texts |= 1u << text;
  seen->rows += rows;
  PumiceEncoderInfo info = pumice_encoder_info_init();
  CHECK_INVALID(pumice_encoder_get_info(seen->encoder, &info));
  const PumiceEmbedOptions nothing = pumice_embed_options_init();
  CHECK_INVALID(pumice_embed(seen->encoder, &nothing));
  char text_of_error[200];
  CHECK(pumice_encoder_error(seen->encoder, text_of_error, sizeof text_of_error) > 0);
  return seen->stop;
}

static void test_vectors(PumiceModel* model, const PumiceTokens* texts) {
  PumiceEncoder* encoder = NULL;
  CHECK_OK(pumice_encoder_create(model, NULL, &encoder));
  PumiceEncoderInfo info = pumice_encoder_info_init();
  CHECK_OK(pumice_encoder_get_info(encoder, &info));
  CHECK(info.pooling == PUMICE_POOLING_LAST && info.width > 0 && info.text_tokens > 0 && info.tiers[0].present);
  float* vectors = calloc(2 * kTexts, info.width * sizeof(float));
  PumiceEmbedOptions options = pumice_embed_options_init();
  options.texts = texts;
  options.count = kTexts;
  Seen seen = {encoder, 0, 0, 0};
  options.on_vectors = on_vectors;
  options.on_vectors_user = &seen;
  for (int i = 0; i < 2; ++i) {
    options.vectors = vectors + (size_t)i * kTexts * info.width;
    CHECK_OK(pumice_embed(encoder, &options));
  }
  CHECK(seen.texts == 7 && seen.rows == 2 * kTexts);
  CHECK(memcmp(vectors, vectors + kTexts * info.width, kTexts * info.width * sizeof(float)) == 0);
  double squares = 0;
  for (uint32_t i = 0; i < info.width; ++i) squares += (double)vectors[i] * (double)vectors[i];
  CHECK(squares > 0.999 && squares < 1.001);
  CHECK_OK(pumice_encoder_get_info(encoder, &info));
  CHECK(info.texts == 2 * kTexts && info.computed_texts == kTexts && info.tiers[0].hits == kTexts);
  seen.stop = 1;
  CHECK_RESULT(PUMICE_CANCELLED, pumice_embed(encoder, &options));
  free(vectors);
  pumice_encoder_destroy(encoder);
}

static void test_rows(PumiceModel* model, const PumiceTokens* texts) {
  PumiceEncoderOptions encoder_options = pumice_encoder_options_init();
  encoder_options.pooling = PUMICE_POOLING_NONE;
  PumiceCacheOptions cache = pumice_cache_options_init();
  cache.disable_reuse = 1;
  encoder_options.cache = &cache;
  PumiceEncoder* encoder = NULL;
  CHECK_OK(pumice_encoder_create(model, &encoder_options, &encoder));
  PumiceEmbedOptions options = pumice_embed_options_init();
  options.texts = texts;
  options.count = kTexts;
  Seen seen = {encoder, 0, 0, 0};
  options.on_vectors = on_vectors;
  options.on_vectors_user = &seen;
  CHECK_OK(pumice_embed(encoder, &options));
  CHECK(seen.rows == texts[0].count + texts[1].count + texts[2].count);
  float one = 0;
  options.vectors = &one;
  CHECK_INVALID(pumice_embed(encoder, &options));
  pumice_encoder_destroy(encoder);
}

static void test_wrong_arguments(PumiceModel* model, PumiceInstance* instance) {
  PumiceEncoder* encoder = NULL;
  CHECK_INVALID(pumice_encoder_create(NULL, NULL, &encoder));
  CHECK_INVALID(pumice_encoder_create(model, NULL, NULL));
  PumiceEncoderOptions options = pumice_encoder_options_init();
  options.pooling = (PumicePooling)17;
  CHECK_INVALID(pumice_encoder_create(model, &options, &encoder));
  options.pooling = PUMICE_POOLING_RANK;
  CHECK_RESULT(PUMICE_UNSUPPORTED, pumice_encoder_create(model, &options, &encoder));
  options = pumice_encoder_options_init();
  PumiceCacheOptions cache = pumice_cache_options_init();
  cache.disk_folder = "vectors"; /* without a secret */
  options.cache = &cache;
  CHECK_INVALID(pumice_encoder_create(model, &options, &encoder));
  const PumiceModelOptions vocabulary = model_options(MODEL);
  PumiceModel* without_device = NULL;
  CHECK_OK(pumice_model_load(instance, NULL, &vocabulary, &without_device));
  CHECK_INVALID(pumice_encoder_create(without_device, NULL, &encoder));
  pumice_model_destroy(without_device);
  CHECK(encoder == NULL);
  CHECK_OK(pumice_encoder_create(model, NULL, &encoder));
  PumiceEmbedOptions embed = pumice_embed_options_init();
  CHECK_INVALID(pumice_embed(NULL, &embed));
  CHECK_INVALID(pumice_embed(encoder, NULL));
  embed.count = 1;
  CHECK_INVALID(pumice_embed(encoder, &embed));
  const PumiceTokens empty = {NULL, 0};
  embed.texts = &empty;
  CHECK_INVALID(pumice_embed(encoder, &embed));
  embed.count = 0;
  CHECK_OK(pumice_embed(encoder, &embed));
  CHECK_INVALID(pumice_encoder_get_info(encoder, NULL));
  CHECK_INVALID(pumice_encoder_get_info(NULL, NULL));
  CHECK(pumice_encoder_error(NULL, NULL, 0) == 0);
  pumice_encoder_destroy(encoder);
  pumice_encoder_destroy(NULL);
  size_t count = 0;
  CHECK_INVALID(pumice_tokenize_pair(NULL, "a", 1, "b", 1, NULL, 0, &count));
  CHECK_INVALID(pumice_tokenize_pair(model, NULL, 1, "b", 1, NULL, 0, &count));
  CHECK_OK(pumice_tokenize_pair(model, "a", 1, "b", 1, NULL, 0, &count));
  CHECK(count >= 2);
}

static void test_with_device(Fixture* fixture) {
  const PumiceModelOptions options = model_options(MODEL);
  CHECK_OK(pumice_model_load(fixture->instance, fixture->device, &options, &fixture->model));
  static const char* const kWords[kTexts] = {"Once upon a time", "there was a fox", "who lived in a wood by the sea"};
  static int32_t ids[kTexts][kMaxIds];
  PumiceTokens texts[kTexts];
  for (int i = 0; i < kTexts; ++i) {
    texts[i].ids = ids[i];
    CHECK_OK(pumice_tokenize(fixture->model, kWords[i], strlen(kWords[i]), PUMICE_TOKENIZE_ADD_SPECIAL, ids[i],
                             kMaxIds, &texts[i].count));
  }
  test_vectors(fixture->model, texts);
  test_rows(fixture->model, texts);
  test_wrong_arguments(fixture->model, fixture->instance);
}

int main(void) { return run_with_device(test_with_device); }
