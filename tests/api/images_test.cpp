// Pictures in sequences as the C++ layer offers them: what is computed again and what is not, and what is refused;
// known answers where the optional data folder is present.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "pumice/pumice.hpp"
#include "support/picture_samples.h"
#include "support/temporary_folder.h"
#include "support/tower_model.h"
#include "support/vision_goldens.h"

namespace pumice::test::images_test {

using Json = nlohmann::json;

struct Pixels {
  uint32_t width = 0, height = 0;
  std::vector<uint8_t> rgb;

  PumiceImage image() const {
    PumiceImage image = pumice_image_init();
    image.pixels = rgb.data();
    image.width = width;
    image.height = height;
    return image;
  }
};

Pixels noise(uint32_t width, uint32_t height, uint64_t seed) {
  return {width, height, noise_pixels(size_t{3} * width * height, seed)};
}

std::vector<int32_t> ids(size_t count, uint64_t seed) { return reader_ids(count, seed); }

class ImagesTest : public ::testing::Test {
 protected:
  static constexpr uint32_t kVocabulary = kReaderVocabulary, kRows = 16;

  // false: there is no device.
  bool open() {
    try {
      device_.emplace(instance_);
    } catch (const pumice::Error&) {
      return false;
    }
    const std::vector<std::byte> tower = make_tower_model({.projector = "mlp"});
    text_ = make_picture_reader();
    const auto* bytes = reinterpret_cast<const char*>(tower.data());
    write_file(folder_.file("tower.gguf"), {bytes, bytes + tower.size()});
    model_.emplace(load(folder_.file("tower.gguf")));
    return true;
  }
  pumice::Model load(const std::string& tower) {
    PumiceModelOptions options = pumice_model_options_init();
    options.data = text_.data();
    options.data_size = text_.size();
    options.projector = tower.empty() ? nullptr : tower.c_str();
    return pumice::Model(instance_, *device_, options);
  }
  static PumiceContextOptions options(uint32_t slice = 0) {
    PumiceContextOptions options = pumice_context_options_init();
    options.context_tokens = 512;
    options.max_sequences = 4;
    options.kv_type = PUMICE_KV_F32;
    options.prefill_slice = slice;
    return options;
  }
  // Logits behind text, picture and question.
  static std::vector<float> ask(pumice::Sequence& sequence, const std::vector<int32_t>& before, const Pixels& picture,
                                const std::vector<int32_t>& question) {
    sequence.append(before);
    EXPECT_EQ(sequence.append(picture.image()).tokens, kRows);
    return sequence.evaluate(question, kVocabulary);
  }
  static double difference(const std::vector<float>& a, const std::vector<float>& b) {
    double worst = 0;
    for (size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::fabs(static_cast<double>(a[i] - b[i])));
    return worst;
  }
  template <typename Call>
  static PumiceResult code_of(Call&& call) {
    try {
      call();
    } catch (const pumice::Error& error) {
      return error.code();
    }
    return PUMICE_OK;
  }

  TemporaryFolder folder_;
  pumice::Instance instance_;
  std::optional<pumice::Device> device_;
  std::vector<std::byte> text_;
  std::optional<pumice::Model> model_;
};

// 16 tokens and 16 rows are a page.
TEST_F(ImagesTest, ASecondQuestionComputesNeitherTheTowerNorAnEarlierToken) {
  if (!open()) GTEST_SKIP() << "no device";
  const Pixels picture = noise(40, 30, 1);
  const std::vector<int32_t> before = ids(16, 1), first = ids(5, 2), second = ids(7, 3);
  pumice::Context fresh(*model_, options());
  pumice::Sequence alone(fresh);
  const std::vector<float> expected = ask(alone, before, picture, second);

  pumice::Context context(*model_, options());
  pumice::Sequence one(context);
  ask(one, before, picture, first);
  EXPECT_EQ(context.stats().images_computed, 1u);
  const uint64_t computed = context.stats().prefill_tokens;
  EXPECT_EQ(computed, 16u + kRows + 5u);
  pumice::Sequence two(context);
  EXPECT_LT(difference(ask(two, before, picture, second), expected), 1e-4);
  EXPECT_EQ(context.stats().images_computed, 1u);
  EXPECT_EQ(context.stats().images_found, 0u);  // not even its rows were looked for
  EXPECT_EQ(context.stats().prefill_tokens, computed + 7);
  // The conversation goes on behind the first answer.
  one.evaluate(second, kVocabulary);
  EXPECT_EQ(context.stats().images_computed, 1u);
  EXPECT_EQ(context.stats().prefill_tokens, computed + 14);
  // Elsewhere in a text its keys are others, and its rows the same.
  pumice::Sequence three(context);
  ask(three, ids(9, 4), picture, first);
  EXPECT_EQ(context.stats().images_computed, 1u);
  EXPECT_EQ(context.stats().images_found, 1u);
}

TEST_F(ImagesTest, PicturesAreNeverMixed) {
  if (!open()) GTEST_SKIP() << "no device";
  const Pixels picture = noise(16, 16, 1);
  Pixels other = picture;
  other.rgb[100] ^= 64;  // one value of one pixel
  const std::vector<int32_t> before = ids(40, 1), question = ids(5, 2);
  pumice::Context context(*model_, options());
  pumice::Sequence one(context), two(context);
  const std::vector<float> of_one = ask(one, before, picture, question);
  const std::vector<float> of_two = ask(two, before, other, question);
  EXPECT_EQ(context.stats().images_computed, 2u);
  EXPECT_GT(difference(of_one, of_two), 1e-4);
  pumice::Context fresh(*model_, options());
  pumice::Sequence alone(fresh);
  EXPECT_LT(difference(ask(alone, before, other, question), of_two), 1e-4);
}

TEST_F(ImagesTest, SlicesChangeNothing) {
  if (!open()) GTEST_SKIP() << "no device";
  const Pixels picture = noise(16, 16, 1);
  const std::vector<int32_t> before = ids(27, 1), question = ids(5, 2);
  pumice::Context whole(*model_, options(128)), cut(*model_, options(32));
  pumice::Sequence one(whole), two(cut);
  EXPECT_LT(difference(ask(one, before, picture, question), ask(two, before, picture, question)), 1e-4);
}

TEST_F(ImagesTest, ForksAndCutsRespectPictures) {
  if (!open()) GTEST_SKIP() << "no device";
  const Pixels picture = noise(16, 16, 1);
  const std::vector<int32_t> before = ids(10, 1), question = ids(5, 2);
  pumice::Context context(*model_, options());
  pumice::Sequence one(context);
  const std::vector<float> expected = ask(one, before, picture, question);
  EXPECT_EQ(code_of([&] { one.truncate(12); }), PUMICE_INVALID_ARGUMENT);
  EXPECT_EQ(code_of([&] { one.fork(25); }), PUMICE_INVALID_ARGUMENT);
  pumice::Sequence copy = one.fork(26);
  EXPECT_LT(difference(copy.evaluate(question, kVocabulary), expected), 1e-4);
  one.truncate(10);
  EXPECT_EQ(one.info().tokens, 10u);
  EXPECT_EQ(one.append(picture.image()).tokens, kRows);
  EXPECT_LT(difference(one.evaluate(question, kVocabulary), expected), 1e-4);
}

// With keys and values, with their half, and as tokens and pixels alone.
TEST_F(ImagesTest, SessionsKeepPictures) {
  if (!open()) GTEST_SKIP() << "no device";
  const Pixels picture = noise(40, 30, 1), other = noise(16, 16, 2);
  const std::vector<int32_t> before = ids(10, 1), question = ids(5, 2), next = ids(6, 3);
  pumice::Context context(*model_, options());
  pumice::Sequence one(context);
  ask(one, before, picture, question);
  ask(one, before, other, question);
  const uint32_t tokens = one.info().tokens;
  for (const PumiceSessionKv kv : {PUMICE_SESSION_EXACT, PUMICE_SESSION_Q8, PUMICE_SESSION_TOKENS})
    one.save(folder_.file("session" + std::to_string(kv)), kv);
  const std::vector<float> expected = one.evaluate(next, kVocabulary);
  for (const PumiceSessionKv kv : {PUMICE_SESSION_EXACT, PUMICE_SESSION_Q8, PUMICE_SESSION_TOKENS}) {
    SCOPED_TRACE(kv);
    pumice::Context later(*model_, options());
    pumice::Sequence loaded = pumice::Sequence::load(later, folder_.file("session" + std::to_string(kv)));
    EXPECT_EQ(loaded.info().tokens, tokens);
    EXPECT_LT(difference(loaded.evaluate(next, kVocabulary), expected), kv == PUMICE_SESSION_Q8 ? 0.2 : 1e-4);
    EXPECT_EQ(later.stats().images_computed, kv == PUMICE_SESSION_TOKENS ? 2u : 0u);
    EXPECT_EQ(code_of([&] { loaded.truncate(12); }), PUMICE_INVALID_ARGUMENT) << "inside of a picture";
    loaded.truncate(10);
    loaded.save(folder_.file("again"));
  }
  model_.emplace(load(""));
  pumice::Context blind(*model_, options());
  EXPECT_EQ(code_of([&] { pumice::Sequence::load(blind, folder_.file("session0")); }), PUMICE_UNSUPPORTED);
  pumice::Sequence::load(blind, folder_.file("again"));
}

TEST_F(ImagesTest, WhatCannotBeAPictureIsRefusedAndChangesNothing) {
  if (!open()) GTEST_SKIP() << "no device";
  pumice::Context context(*model_, options());
  pumice::Sequence sequence(context);
  const auto refused = [&](PumiceImage image) { return code_of([&] { sequence.append(image); }); };
  PumiceImage image = pumice_image_init();
  EXPECT_EQ(refused(image), PUMICE_INVALID_ARGUMENT);
  const char text[] = "no picture at all";
  image.file = text;
  image.file_size = sizeof text;
  EXPECT_EQ(refused(image), PUMICE_MALFORMED);
  image.file = kPngColour;
  image.file_size = sizeof kPngColour / 2;
  EXPECT_NE(refused(image), PUMICE_OK);
  Pixels pixels = noise(16, 16, 1);
  image = pixels.image();
  image.height = 0;
  EXPECT_EQ(refused(image), PUMICE_MALFORMED);
  image = pixels.image();
  image.row_bytes = 47;
  EXPECT_EQ(refused(image), PUMICE_INVALID_ARGUMENT);
  image = pixels.image();
  image.width = 1u << 20;
  EXPECT_EQ(refused(image), PUMICE_UNSUPPORTED);
  EXPECT_EQ(sequence.info().tokens, 0u);
  sequence.append(ids(500, 1));
  EXPECT_EQ(refused(pixels.image()), PUMICE_CONTEXT_FULL);
  EXPECT_EQ(sequence.info().tokens, 500u);

  EXPECT_EQ(model_->image_placeholder(), "<image>");
  const pumice::Model blind = load("");
  EXPECT_EQ(blind.image_placeholder(), "");
  pumice::Context dark(blind, options());
  pumice::Sequence unseen(dark);
  EXPECT_EQ(code_of([&] { unseen.append(pixels.image()); }), PUMICE_UNSUPPORTED);
  EXPECT_EQ(code_of([&] { load(folder_.file("missing")); }), PUMICE_NOT_FOUND);
}

TEST_F(ImagesTest, AProjectorThatTheHostReadsIsTheSame) {
  if (!open()) GTEST_SKIP() << "no device";
  const std::vector<char> tower = read_file_bytes(folder_.file("tower.gguf"));
  PumiceFileSource source = pumice_file_source_init();
  source.read_user = const_cast<std::vector<char>*>(&tower);
  source.read_size = tower.size();
  source.read = [](void* from, uint64_t offset, void* buffer, size_t size) -> int32_t {
    std::memcpy(buffer, static_cast<std::vector<char>*>(from)->data() + offset, size);
    return 0;
  };
  PumiceModelOptions with = pumice_model_options_init();
  with.data = text_.data();
  with.data_size = text_.size();
  with.projector_source = &source;
  const Pixels picture = noise(24, 24, 5);
  const std::vector<int32_t> before = ids(3, 1), question = ids(2, 2);
  std::vector<std::vector<float>> logits;
  const pumice::Model read(instance_, *device_, with);
  const pumice::Model* const models[] = {&*model_, &read};
  for (const pumice::Model* const model : models) {
    pumice::Context context(*model, options());
    pumice::Sequence sequence(context);
    logits.push_back(ask(sequence, before, picture, question));
  }
  EXPECT_EQ(logits[0], logits[1]);
  with.projector = "both";
  EXPECT_THROW(pumice::Model(instance_, *device_, with), pumice::Error);
}

// As --image does it: text, picture with what stands around it, text. The peer puts LLaVA's class in the wrong place.
TEST_F(ImagesTest, AnswersAreThoseOfThePeer) {
  if (!open()) GTEST_SKIP() << "no device";
  for (const std::string name : kVisionModels) {
    SCOPED_TRACE(name);
    const auto goldens = VisionGoldens::open(name);
    if (!goldens) GTEST_SKIP() << "no optional test data in " << PUMICE_SHARED_DIR;
    PumiceModelOptions with = pumice_model_options_init();
    const std::string text = goldens->text_path(), tower = goldens->tower_path();
    with.path = text.c_str();
    with.projector = tower.c_str();
    const pumice::Model model(instance_, *device_, with);
    const uint32_t vocabulary = model.info().vocabulary;
    pumice::Context context(model, options());
    for (const auto& [image, expected] : goldens->json()["images"].items()) {
      pumice::Sequence sequence(context);
      sequence.append(model.tokenize("Look: ", PUMICE_TOKENIZE_ADD_SPECIAL));
      const std::vector<char> bytes = read_file_bytes(VisionGoldens::picture_path(image));
      PumiceImage file = pumice_image_init();
      file.file = bytes.data();
      file.file_size = bytes.size();
      sequence.append(file);
      const std::vector<float> logits = sequence.evaluate(model.tokenize(" what?", 0), vocabulary);
      const double peak = *std::max_element(logits.begin(), logits.end());
      const double sum = std::accumulate(logits.begin(), logits.end(), 0.0, [&](double total, float logit) {
        return total + std::exp(static_cast<double>(logit) - peak);
      });
      const bool right = expected.contains("class_first_top5");
      for (const Json& row : expected[right ? "class_first_top5" : "top5"])
        EXPECT_NEAR(static_cast<double>(logits[row[0].get<size_t>()]) - peak - std::log(sum), row[1].get<double>(),
                    name == "gemma4v" ? 0.15 : 0.005)
            << image;
    }
  }
}

}  // namespace pumice::test::images_test
