// Transcription as the C++ layer offers it: sounds in, segments out; goldens where the optional data folder and the
// models are present.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "pumice/pumice.hpp"
#include "support/temporary_folder.h"
#include "support/translation_model.h"
#include "support/whisper_model.h"
#include "test_paths.h"

namespace pumice::test::transcription_test {

using Json = nlohmann::json;

struct Heard {
  std::string text, language;
  std::vector<int32_t> ids;
  Json segments = Json::array();
  double seconds = 0;
};

class TranscriptionApiTest : public ::testing::Test {
 protected:
  // Skips the test where there is no device.
  bool open_device() {
    try {
      device_.emplace(instance_);
    } catch (const pumice::Error&) {
      return false;
    }
    return true;
  }
  pumice::Model open(const std::vector<std::byte>& bytes) {
    PumiceModelOptions options = pumice_model_options_init();
    options.data = bytes.data();
    options.data_size = bytes.size();
    return pumice::Model(instance_, *device_, options);
  }
  static Heard hear(pumice::Transcriber& by, const PumiceSound& sound, PumiceTranscribeOptions options) {
    Heard heard;
    options.sounds = &sound;
    options.count = 1;
    by.transcribe(options,
                  {.segment =
                       [&](const PumiceSegment& segment) {
                         const std::string text(segment.text, segment.length);
                         heard.text += text;
                         heard.ids.insert(heard.ids.end(), segment.ids, segment.ids + segment.id_count);
                         heard.segments.push_back({{"from", segment.from_ms}, {"to", segment.to_ms}, {"text", text}});
                         return true;
                       },
                   .progress = {},
                   .end =
                       [&](const PumiceTranscript& transcript) {
                         heard.language = transcript.language;
                         heard.seconds = transcript.seconds;
                         return true;
                       }});
    return heard;
  }
  static PumiceResult code_of(pumice::Transcriber& by, const PumiceSound& sound,
                              const PumiceTranscribeOptions& options) {
    try {
      hear(by, sound, options);
    } catch (const pumice::Error& error) {
      return error.code();
    }
    return PUMICE_OK;
  }

  pumice::Instance instance_;
  std::optional<pumice::Device> device_;
};

// 16-bit samples of one channel.
void write_wav(const std::string& path, const std::vector<float>& sound) {
  const auto bytes = static_cast<uint32_t>(2 * sound.size());
  std::ofstream file(path, std::ios::binary);
  const auto put = [&](const auto& value) { file.write(reinterpret_cast<const char*>(&value), sizeof value); };
  file << "RIFF";
  put(bytes + 36);
  file << "WAVEfmt ";
  put(uint32_t{16}), put(uint16_t{1}), put(uint16_t{1}), put(uint32_t{16000}), put(uint32_t{32000}), put(uint16_t{2});
  put(uint16_t{16});
  file << "data";
  put(bytes);
  for (const float sample : sound) put(static_cast<int16_t>(std::lround(sample * 32768)));
}

std::vector<float> rounded(std::vector<float> sound) {
  for (float& sample : sound) sample = static_cast<float>(static_cast<int16_t>(sample * 32767)) / 32768;
  return sound;
}

TEST_F(TranscriptionApiTest, FilesBytesAndSamplesSayTheSame) {
  if (!open_device()) GTEST_SKIP() << "no device";
  const auto bytes = make_whisper_model({.multilingual = true});
  const pumice::Model model = open(bytes);
  pumice::Transcriber transcriber(model);
  const std::vector<float> sound = rounded(made_up_sound(3.5, 4));
  PumiceTranscribeOptions options = pumice_transcribe_options_init();
  options.disable_timestamps = options.disable_fallback = 1;
  const Heard samples = hear(transcriber, {.samples = sound.data(), .sample_count = sound.size()}, options);
  EXPECT_FALSE(samples.ids.empty());
  EXPECT_DOUBLE_EQ(samples.seconds, 3.49);
  const PumiceTranscriberInfo first = transcriber.info();
  EXPECT_EQ(first.languages, 99u);
  EXPECT_EQ(first.encoded_windows, 1u);
  const TemporaryFolder folder;
  const std::string path = folder.file("sound.wav");
  write_wav(path, sound);
  PumiceSound file = {};
  file.path = path.c_str();
  if (code_of(transcriber, file, options) == PUMICE_UNSUPPORTED) GTEST_SKIP() << "built without libsndfile";
  EXPECT_EQ(hear(transcriber, file, options).ids, samples.ids);
  std::ifstream stream(path, std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(stream)), {});
  EXPECT_EQ(hear(transcriber, {.data = whole.data(), .data_size = whole.size()}, options).ids, samples.ids);
  EXPECT_EQ(transcriber.info().encoded_windows, 1u) << "it is the same sound";
}

struct Live {
  const std::vector<float>& sound;
  size_t at = 0;
  static size_t read(void* user, float* samples, size_t capacity) {
    Live& self = *static_cast<Live*>(user);
    const size_t count = std::min(capacity, self.sound.size() - self.at);
    std::copy_n(self.sound.begin() + static_cast<std::ptrdiff_t>(self.at), count, samples);
    self.at += count;
    return count;
  }
};

TEST_F(TranscriptionApiTest, LiveSoundsAndPrompts) {
  if (!open_device()) GTEST_SKIP() << "no device";
  const auto bytes = make_whisper_model({});
  const pumice::Model model = open(bytes);
  pumice::Transcriber transcriber(model);
  const std::vector<float> sound = made_up_sound(4, 4);
  PumiceTranscribeOptions options = pumice_transcribe_options_init();
  options.disable_timestamps = options.disable_fallback = 1;
  Live live{sound};
  const Heard heard = hear(transcriber, {.read = Live::read, .read_user = &live}, options);
  const PumiceSound whole = {.samples = sound.data(), .sample_count = sound.size()};
  EXPECT_EQ(heard.ids, hear(transcriber, whole, options).ids) << "a sound shorter than a live window is the same";
  const uint64_t prompts = transcriber.info().prompt_tokens;
  options.prompt = "a b";
  hear(transcriber, whole, options);
  EXPECT_GT(transcriber.info().prompt_tokens, prompts + 2 + 3);
  EXPECT_EQ(code_of(transcriber, {.read = [](void*, float*, size_t) { return PUMICE_SOUND_STOP; }}, options),
            PUMICE_CANCELLED);
}

TEST_F(TranscriptionApiTest, Errors) {
  if (!open_device()) GTEST_SKIP() << "no device";
  const auto bytes = make_whisper_model({});
  const pumice::Model model = open(bytes);
  pumice::Transcriber transcriber(model);
  const std::vector<float> sound(16000);
  const PumiceSound whole = {.samples = sound.data(), .sample_count = sound.size()};
  PumiceTranscribeOptions options = pumice_transcribe_options_init();
  options.language = "de";
  EXPECT_EQ(code_of(transcriber, whole, options), PUMICE_INVALID_ARGUMENT);
  options.language = "xx";
  EXPECT_EQ(code_of(transcriber, whole, options), PUMICE_INVALID_ARGUMENT);
  options = pumice_transcribe_options_init();
  options.translate = 1;
  EXPECT_EQ(code_of(transcriber, whole, options), PUMICE_INVALID_ARGUMENT);
  options.translate = 0;
  EXPECT_EQ(code_of(transcriber, {.path = "/nowhere/sound.wav"}, options), PUMICE_NOT_FOUND);
  EXPECT_EQ(code_of(transcriber, {.path = "a", .samples = sound.data()}, options), PUMICE_INVALID_ARGUMENT);
  EXPECT_EQ(code_of(transcriber, {.data = "this is no sound", .data_size = 16}, options), PUMICE_MALFORMED);
  EXPECT_EQ(code_of(transcriber, {}, options), PUMICE_OK) << "a sound of no length";
  options.on_progress = [](void* user, const PumiceTranscript*) -> int32_t {
    PumiceTranscriberInfo info = pumice_transcriber_info_init();
    EXPECT_EQ(pumice_transcriber_get_info(static_cast<PumiceTranscriber*>(user), &info), PUMICE_INVALID_ARGUMENT);
    return 1;
  };
  options.on_progress_user = transcriber.get();
  options.sounds = &whole;
  options.count = 1;
  EXPECT_EQ(pumice_transcribe(transcriber.get(), &options), PUMICE_CANCELLED);
  EXPECT_THROW(pumice::Context{model}, pumice::Error);
  EXPECT_THROW(pumice::Translator{model}, pumice::Error);
  EXPECT_THROW(pumice::Encoder{model}, pumice::Error);
  const auto translating = make_translation_model({.letters = true});
  const pumice::Model other = open(translating);
  EXPECT_THROW(pumice::Transcriber{other}, pumice::Error);
}

// Ids up to the first place where the reference's own lead is too small to tell.
void expect_ids(const Json& windows, const std::vector<int32_t>& found, const std::string& name) {
  size_t at = 0;
  for (const Json& window : windows)
    for (size_t i = 0; i < window["tokens"].size(); ++i) {
      const int32_t id = window["tokens"][i];
      if (id < 50256 && (at >= found.size() || found[at++] != id)) {
        EXPECT_LT(window["leads"][i].get<double>(), 0.01) << name << ": token " << at;
        return;
      }
    }
  EXPECT_EQ(at, found.size()) << name;
}

TEST_F(TranscriptionApiTest, GoldensWhereTheyAre) {
  if (!open_device()) GTEST_SKIP() << "no device";
  const std::string shared = PUMICE_SHARED_DIR;
  size_t runs = 0;
  const char* folder = std::getenv("PUMICE_TEST_WHISPER");  // of tiny.en-f32.bin and base-f32.bin
  for (const std::string name : {"tiny.en", "base"}) {
    const std::string path = std::string(folder ? folder : "") + "/" + name + "-f32.bin";
    if (!folder || !std::filesystem::exists(path)) continue;
    const pumice::Model model(instance_, *device_, path);
    pumice::Transcriber transcriber(model);
    for (const std::string sound : {"jfk", "english", "german", "spanish", "long", "silence"}) {
      const std::string wav = shared + "/models/golden/whisper/" + sound + ".wav";
      std::ifstream file(shared + "/models/golden/whisper/" + sound + ".json");
      if (!file) continue;
      const Json golden = Json::parse(file);
      for (const Json& run : golden["runs"]) {
        if (run["model"] != name) continue;
        const std::string language = run["language"];
        PumiceTranscribeOptions options = pumice_transcribe_options_init();
        options.language = language == "auto" ? nullptr : language.c_str();
        options.translate = run["task"] == "translate" ? 1 : 0;
        options.disable_timestamps = run["timestamps"] ? 0 : 1;
        options.disable_fallback = 1;
        PumiceSound one = {};
        one.path = wav.c_str();
        const Heard heard = hear(transcriber, one, options);
        const Json& reference = run["reference"];
        expect_ids(reference["windows"], heard.ids, name + " " + sound);
        EXPECT_EQ(heard.language, reference["language"]);
        if (heard.text == reference["text"]) {
          EXPECT_EQ(heard.segments, reference["segments"]) << name << " " << sound;
        }
        ++runs;
      }
    }
    EXPECT_LT(transcriber.info().encoded_windows, transcriber.info().windows);
  }
  if (runs == 0) GTEST_SKIP() << "the data folder with golden transcriptions or the models are not there";
}

}  // namespace pumice::test::transcription_test
