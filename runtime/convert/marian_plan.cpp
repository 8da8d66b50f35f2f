#include "convert/marian_plan.h"

#include <cmath>

namespace pumice {

void write_marian_settings(const MarianSettings& settings, GgufMetadata& to) {
  to.string("general.architecture", "marian");
  to.string("general.name", settings.name);
  to.u32("marian.context_length", settings.positions);
  to.u32("marian.embedding_length", settings.width);
  to.u32("marian.block_count", settings.layers);
  to.u32("marian.decoder_block_count", settings.decoder_layers);
  to.u32("marian.feed_forward_length", settings.inner);
  to.u32("marian.decoder.feed_forward_length", settings.decoder_inner);
  to.u32("marian.attention.head_count", settings.heads);
  to.u32("marian.decoder.attention.head_count", settings.decoder_heads);
  to.f32("marian.attention.layer_norm_epsilon", settings.epsilon);
  to.f32("marian.embedding_scale", settings.embedding_scale);
  to.boolean("marian.norm_first", settings.norm_first);
  to.string("marian.hidden_activation", settings.activation);
  to.string("marian.decoder_mixer", "attention");
  to.u32("marian.decoder_start_token_id", settings.start_token);
  to.u32("marian.generation.beam_size", settings.beam);
  to.f32("marian.generation.length_penalty", settings.length_penalty);
}

std::vector<float> sine_positions(uint64_t rows, uint64_t width, uint64_t first, double divisor) {
  std::vector<float> table(static_cast<size_t>(rows * width));
  const uint64_t half = width / 2;
  for (uint64_t i = 0; i < half; ++i) {
    const double frequency = std::exp(-std::log(10000.0) / divisor * static_cast<double>(i));
    for (uint64_t row = 0; row < rows; ++row) {
      const double angle = static_cast<double>(first + row) * frequency;
      table[static_cast<size_t>(row * width + i)] = static_cast<float>(std::sin(angle));
      table[static_cast<size_t>(row * width + half + i)] = static_cast<float>(std::cos(angle));
    }
  }
  return table;
}

PlannedTensor float_tensor(std::string name, std::vector<uint64_t> sizes, std::vector<float> values) {
  return {.name = std::move(name), .sizes = std::move(sizes), .source = values_source(std::move(values))};
}

}  // namespace pumice
