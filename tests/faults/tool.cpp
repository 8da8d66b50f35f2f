#include "faults/tool.h"

#include <cmath>

namespace pumice::faults {
namespace {

// Destroys its object, and says what its last error was.
template <typename Object, void (*kDestroy)(Object*), size_t (*kError)(const Object*, char*, size_t)>
class ToolOf : public Tool {
 public:
  std::string error() const override {
    char text[512] = "";
    kError(object_.get(), text, sizeof text);
    return text;
  }

 protected:
  struct Destroyer {
    void operator()(Object* object) const { kDestroy(object); }
  };
  PumiceResult keep(PumiceResult result, Object* object) {
    if (result == PUMICE_OK) object_.reset(object);
    return result;
  }
  std::unique_ptr<Object, Destroyer> object_;
};

std::vector<int32_t> ids_of(uint32_t input, size_t count, int32_t vocabulary) {
  std::vector<int32_t> ids;
  for (size_t i = 0; i < count; ++i)
    ids.push_back(5 + static_cast<int32_t>((input * 31 + i * 37 + i * i % 11) % static_cast<size_t>(vocabulary - 6)));
  return ids;
}

class Embedding final : public ToolOf<PumiceEncoder, pumice_encoder_destroy, pumice_encoder_error> {
 public:
  const char* name() const override { return "embed"; }
  PumiceResult create(PumiceModel* model, const PumiceCacheOptions* cache) override {
    PumiceEncoderOptions options = pumice_encoder_options_init();
    options.cache = cache;
    PumiceEncoder* made = nullptr;
    const PumiceResult result = pumice_encoder_create(model, &options, &made);
    return keep(result, made);
  }
  PumiceResult run(uint32_t input, std::vector<int32_t>* answer) override {
    const std::vector<int32_t> text = ids_of(input, 40, 300), other = ids_of(input + 100, 7, 300);
    const PumiceTokens texts[] = {{text.data(), text.size()}, {other.data(), other.size()}};
    std::vector<float> vectors(2 * 64);
    PumiceEmbedOptions options = pumice_embed_options_init();
    options.texts = texts;
    options.count = 2;
    options.vectors = vectors.data();
    const PumiceResult result = pumice_embed(object_.get(), &options);
    for (const float value : vectors) answer->push_back(static_cast<int32_t>(std::lround(value * 64)));
    return result;
  }
};

class Translation final : public ToolOf<PumiceTranslator, pumice_translator_destroy, pumice_translator_error> {
 public:
  const char* name() const override { return "translate"; }
  PumiceResult create(PumiceModel* model, const PumiceCacheOptions* cache) override {
    PumiceTranslatorOptions options = pumice_translator_options_init();
    options.cache = cache;
    options.beam = 2;
    options.batch = 4;
    options.store_tokens = 128;
    PumiceTranslator* made = nullptr;
    const PumiceResult result = pumice_translator_create(model, &options, &made);
    return keep(result, made);
  }
  PumiceResult run(uint32_t input, std::vector<int32_t>* answer) override {
    const std::vector<int32_t> source = ids_of(input, 40, 90), other = ids_of(input + 100, 7, 90);
    const PumiceTokens sources[] = {{source.data(), source.size()}, {other.data(), other.size()}};
    PumiceTranslateOptions options = pumice_translate_options_init();
    options.sources = sources;
    options.count = 2;
    options.max_tokens = 4;
    options.on_translation_user = answer;
    options.on_translation = [](void* user, const PumiceTranslation* made) -> int32_t {
      auto& to = *static_cast<std::vector<int32_t>*>(user);
      for (size_t i = 0; i < made->id_count && to.size() < to.capacity(); ++i) to.push_back(made->ids[i]);
      return 0;
    };
    answer->reserve(64);  // a callback must not throw
    return pumice_translate(object_.get(), &options);
  }
};

class Transcription final : public ToolOf<PumiceTranscriber, pumice_transcriber_destroy, pumice_transcriber_error> {
 public:
  const char* name() const override { return "transcribe"; }
  PumiceResult create(PumiceModel* model, const PumiceCacheOptions* cache) override {
    PumiceTranscriberOptions options = pumice_transcriber_options_init();
    options.cache = cache;
    options.sounds = 1;
    options.windows = 2;
    PumiceTranscriber* made = nullptr;
    const PumiceResult result = pumice_transcriber_create(model, &options, &made);
    return keep(result, made);
  }
  PumiceResult run(uint32_t input, std::vector<int32_t>* answer) override {
    std::vector<float> samples(PUMICE_SOUND_RATE);
    for (size_t i = 0; i < samples.size(); ++i)
      samples[i] = 0.3f * std::sin(0.05f * static_cast<float>((input + 1) * i % 16000));
    PumiceSound sound = {};
    sound.samples = samples.data();
    sound.sample_count = samples.size();
    PumiceTranscribeOptions options = pumice_transcribe_options_init();
    options.sounds = &sound;
    options.count = 1;
    options.disable_fallback = options.disable_timestamps = 1;
    options.language = "en";
    options.on_segment_user = answer;
    options.on_segment = [](void* user, const PumiceSegment* made) -> int32_t {
      auto& to = *static_cast<std::vector<int32_t>*>(user);
      for (size_t i = 0; i < made->id_count && to.size() < to.capacity(); ++i) to.push_back(made->ids[i]);
      return 0;
    };
    answer->reserve(512);  // a callback must not throw
    return pumice_transcribe(object_.get(), &options);
  }
};

}  // namespace

std::unique_ptr<Tool> tool_for(const std::string& architecture) {
  if (architecture == "bert") return std::make_unique<Embedding>();
  if (architecture == "marian") return std::make_unique<Translation>();
  if (architecture == "whisper") return std::make_unique<Transcription>();
  return nullptr;
}

}  // namespace pumice::faults
