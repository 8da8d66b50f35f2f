// What heads of the decoder attend to of a source: their queries, and the keys of the source, multiplied on the host.
#include <cmath>
#include <cstring>

#include "engine/translation_step.h"
#include "format/half.h"

namespace pumice {
namespace {

// A head's keys of a page, (dimensions, tokens).
float key_value(const uint32_t* page, const KvFormat& format, uint32_t head, uint32_t head_dim, uint32_t dim,
                uint32_t token) {
  const uint32_t words = kv_words(format.k, head_dim);
  if (format.k == KvType::kF32) {
    float value = 0;
    std::memcpy(&value, page + (size_t{head} * words + dim) * kPageTokens + token, sizeof value);
    return value;
  }
  const uint32_t both = page[(size_t{head} * words + dim / 2) * kPageTokens + token];
  return half_to_float(static_cast<uint16_t>(dim % 2 == 0 ? both : both >> 16));
}

void softmax(std::span<float> values) {
  float highest = -INFINITY;
  double sum = 0;
  for (const float value : values) highest = std::max(highest, value);
  for (const float value : values) sum += std::exp(static_cast<double>(value - highest));
  for (float& value : values) value = static_cast<float>(std::exp(static_cast<double>(value - highest)) / sum);
}

}  // namespace

Result<std::vector<float>> TranslationStep::align(const Prompt& prompt, std::span<const HeadPlace> heads) {
  const auto n = static_cast<uint32_t>(prompt.tokens.size());
  PUMICE_CHECK(n > 0 && n <= shape_.prompt_tokens && shape_.kv.plain());
  const ModelSpec& spec = model_->spec();
  const uint64_t layer_bytes = uint64_t{4} * n * row_stride(spec.layers[0].cross.q_width());
  const uint64_t page_bytes = sources_.region(0, 0).size;
  vk::Device& device = model_->kernels().device();
  const auto readback = [&](uint64_t bytes) { return device.create_buffer(bytes, vk::MemoryIntent::kReadback); };
  PUMICE_ASSIGN(const vk::Buffer queries, readback(layer_bytes * spec.layers.size()));
  PUMICE_ASSIGN(const vk::Buffer keys, readback(page_bytes * prompt.source.size() * spec.layers.size()));
  fill(prompt);
  PUMICE_TRY(run({.n = n, .cross = {.queries = &queries}}, [&] {
    for (uint32_t layer = 0; layer < spec.layers.size(); ++layer)
      for (size_t i = 0; i < prompt.source.size(); ++i)
        stream_.copy(sources_.region(2 * layer, prompt.source[i]),
                     {keys, (layer * prompt.source.size() + i) * page_bytes, page_bytes});
  }));
  std::vector<float> all;
  all.reserve(heads.size() * n * prompt.source_tokens);
  for (const HeadPlace& place : heads) {
    const AttentionSpec& cross = spec.layers[place.layer].cross;
    const uint32_t dims = cross.head_dim;
    std::vector<float> by_key(size_t{prompt.source_tokens} * dims);
    for (uint32_t key = 0; key < prompt.source_tokens; ++key) {
      const uint32_t* page = keys.mapped_as<uint32_t>() +
                             (place.layer * prompt.source.size() + key / kPageTokens) * page_bytes / sizeof(uint32_t);
      for (uint32_t dim = 0; dim < dims; ++dim)
        by_key[size_t{key} * dims + dim] =
            key_value(page, shape_.kv, place.head, dims, dim, key % kPageTokens) * cross.scale;
    }
    const float* rows = queries.mapped_as<float>() + place.layer * layer_bytes / sizeof(float) + place.head * dims;
    for (uint32_t token = 0; token < n; ++token) {
      const float* query = rows + size_t{token} * row_stride(cross.q_width());
      const size_t first = all.size();
      for (uint32_t key = 0; key < prompt.source_tokens; ++key) {
        float score = 0;
        for (uint32_t dim = 0; dim < dims; ++dim) score += query[dim] * by_key[size_t{key} * dims + dim];
        all.push_back(score);
      }
      softmax(std::span(all).subspan(first));
    }
  }
  return all;
}

}  // namespace pumice
