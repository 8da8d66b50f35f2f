#include "support/whisper_model.h"

#include <cmath>
#include <numbers>

#include "media/log_mel.h"
#include "support/generator.h"
#include "support/gguf_writer.h"
#include "support/synthetic_model.h"
#include "support/whisper_writer.h"

namespace pumice::test {
namespace {

// Bytes, then pairs of letters that merge.
std::string word_of(uint32_t id) {
  if (id < 256) return std::string(1, static_cast<char>(id));
  std::string word(id % 3 == 0 ? " " : "");
  for (uint32_t rest = id - 256; rest > 0; rest /= 26) word += static_cast<char>('a' + rest % 26);
  return word;
}

std::vector<std::byte> contents_of(const WrittenTensor& tensor, size_t values, Generator& random) {
  const bool norm = tensor.name.find("ln") != std::string::npos;
  if (tensor.name.ends_with(".bias")) return f32_bytes(random.normals(values, 0, 0.2));
  if (norm) return f32_bytes(random.normals(values, 1, 0.2));
  if (tensor.name.ends_with("positional_embedding")) return f32_bytes(random.normals(values, 0, 0.3));
  const bool convolution = tensor.sizes.size() == 3;
  const double inputs = convolution ? 3.0 * tensor.sizes[1] : tensor.sizes[0];
  const double gain = tensor.name.find("token_embedding") != std::string::npos ? 4 : 1.5;
  return random_weights(tensor.type, values, gain / std::sqrt(inputs), random.bits());
}

}  // namespace

std::vector<std::byte> make_whisper_model(const WhisperModel& model) {
  WhisperWriter writer(model.type, {.vocabulary = model.multilingual ? 51865u : 51864u,
                                    .audio_context = model.audio_context,
                                    .audio_state = model.width,
                                    .audio_heads = model.heads,
                                    .audio_layers = model.layers,
                                    .text_context = model.text_context,
                                    .text_state = model.width,
                                    .text_heads = model.heads,
                                    .text_layers = model.decoder_layers,
                                    .mels = model.bands});
  Generator random(model.seed);
  for (WrittenTensor& tensor : writer.tensors)
    if (model.type == TensorType::kF32 && tensor.sizes.size() == 3) tensor.type = TensorType::kF32;
  writer.contents = [&](const WrittenTensor& tensor, size_t values) { return contents_of(tensor, values, random); };
  writer.words = 50256;
  writer.word = word_of;
  writer.filters = slaney_filters(model.bands).weights;
  return writer.finish();
}

std::vector<float> made_up_sound(double seconds, uint64_t seed) {
  Generator random(seed);
  std::vector<float> sound = random.normals(static_cast<size_t>(seconds * kMelRate), 0, 0.01);
  for (size_t i = 0; i < sound.size(); ++i) {
    const double time = static_cast<double>(i) / kMelRate;
    const double pitch = 300 + 200 * std::sin(time * (1 + static_cast<double>(seed)));
    sound[i] += static_cast<float>(0.3 * std::sin(2 * std::numbers::pi * pitch * time) * std::sin(3 * time));
  }
  return sound;
}

}  // namespace pumice::test
