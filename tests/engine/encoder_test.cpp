// Encoder: vectors of texts against the reference, whatever else is in a call, and found again.
#include "engine/encoder.h"

#include <cmath>
#include <cstring>
#include <map>

#include "engine/translator.h"
#include "engine/warm_up.h"
#include "reference/encoder.h"
#include "support/engine_fixture.h"
#include "support/family_model.h"
#include "support/temporary_folder.h"
#include "support/translation_model.h"

namespace pumice::test::encoder_test {

using Texts = std::vector<std::vector<int32_t>>;
using Vectors = std::vector<std::vector<float>>;

constexpr uint32_t kVocabulary = 300;

void keys_of_encoder(GgufWriter& w, const std::string& p) { w.boolean(p + "attention.causal", false); }
void window(GgufWriter& w, const std::string& p) {
  keys_of_encoder(w, p);
  w.u32(p + "attention.sliding_window", 16).f32(p + "rope.freq_base_swa", 5000);
}
void experts(GgufWriter& w, const std::string& p) {
  keys_of_encoder(w, p);
  w.u32(p + "moe_every_n_layers", 2).u32(p + "expert_count", 8).u32(p + "expert_used_count", 2);
}
void ranks(GgufWriter& w, const std::string& p) {
  keys_of_encoder(w, p);
  w.u32(p + "pooling_type", 4);
}

const std::vector<std::string> kTypes = {"token_types.weight"};

FamilyModel bert() {
  return {.architecture = "bert",
          .keys = keys_of_encoder,
          .kv_heads = 4,
          .qkv_biases = true,
          .biases = true,
          .signs = kTypes};
}
void ranks_causally(GgufWriter& w, const std::string& p) { w.u32(p + "pooling_type", 4); }
void ranks_in_windows(GgufWriter& w, const std::string& p) {
  window(w, p);
  w.u32(p + "pooling_type", 4);
}
FamilyModel modern_bert() {
  return {
      .architecture = "modern-bert", .keys = window, .layers = 5, .kv_heads = 4, .fused_qkv = true, .fused_gate = true};
}

// By the first row, the mean of all, and the last one.
std::vector<FamilyModel> rerankers() {
  FamilyModel first = bert(), mean = modern_bert(), last{.architecture = "qwen3", .keys = ranks_causally};
  first.keys = ranks;
  first.signs.insert(first.signs.end(), {"cls.weight", "cls.output.weight"});
  mean.keys = ranks_in_windows;
  mean.signs = {"cls.weight", "cls.norm.weight", "cls.output.weight"};
  mean.sign_rows = mean.width;
  last.signs = {"cls.output.weight"};
  last.sign_rows = 2;
  return {first, mean, last};
}

std::vector<FamilyModel> encoders() {
  return {
      bert(),
      {.architecture = "nomic-bert", .keys = keys_of_encoder, .kv_heads = 4, .fused_qkv = true, .signs = kTypes},
      {.architecture = "nomic-bert-moe", .keys = experts, .layers = 4, .kv_heads = 4, .fused_qkv = true},
      modern_bert(),
      {.architecture = "neo-bert", .keys = keys_of_encoder, .kv_heads = 4, .fused_qkv = true, .fused_gate = true},
      {.architecture = "eurobert", .keys = keys_of_encoder},
      {.architecture = "gemma-embedding", .keys = window, .layers = 7},
      {.architecture = "qwen3"},
  };
}

Texts some_texts() {
  Texts texts;
  for (const uint32_t length : {5u, 1u, 70u, 33u, 9u}) texts.push_back(random_tokens(kVocabulary, length, 40 + length));
  return texts;
}

double largest_difference(std::span<const float> a, std::span<const float> b) {
  double largest = a.size() == b.size() ? 0 : INFINITY;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const double difference = std::fabs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    largest = difference <= largest ? largest : std::isnan(difference) ? INFINITY : difference;
  }
  return largest;
}

class EncoderTest : public EngineTest {
 protected:
  std::unique_ptr<Encoder> encoder(const LoadedModel& loaded, const EncoderOptions& options = {}) {
    Result<std::unique_ptr<Encoder>> made = Encoder::create(*loaded.model, options);
    if (made) return std::move(made).value();
    ADD_FAILURE() << made.error().message;
    return nullptr;
  }
  static EncoderOptions rows_of_tokens() {
    EncoderOptions options;
    options.pooling = Pooling::kNone;
    return options;
  }
  static EncoderOptions in_ram() {
    EncoderOptions options;
    options.store.ram_bytes = 1 << 20;
    return options;
  }
  static std::vector<TokenSpan> spans(const Texts& texts) { return {texts.begin(), texts.end()}; }
  static Vectors encode(Encoder& encoder, const Texts& texts) {
    Vectors vectors(texts.size());
    const Result<void> done = encoder.encode(spans(texts), [&](size_t index, std::span<const float> values) {
      EXPECT_TRUE(vectors[index].empty()) << "handed out twice";
      vectors[index].assign(values.begin(), values.end());
      return true;
    });
    EXPECT_TRUE(done.ok()) << (done.ok() ? "" : done.error().message);
    return vectors;
  }
  // Of rows near 1; see model/llama_comparison.h for what adds up.
  void check(const FamilyModel& family, double tolerance) {
    SCOPED_TRACE(family.architecture);
    const std::vector<std::byte> bytes = make_family_model(family);
    ASSERT_FALSE(bytes.empty());
    const auto loaded = load(bytes);
    ASSERT_TRUE(loaded);
    const auto reference = reference::EncoderReference::from_gguf(*loaded->file);
    ASSERT_TRUE(reference.ok());
    const auto made = encoder(*loaded, rows_of_tokens());
    ASSERT_TRUE(made);
    const Texts texts = some_texts();
    const Vectors actual = encode(*made, texts);
    double largest = 0, other = INFINITY;
    for (size_t i = 0; i < texts.size(); ++i) {
      std::vector<float> expected;
      for (const std::vector<float>& row : reference->rows(texts[i]))
        expected.insert(expected.end(), row.begin(), row.end());
      largest = std::max(largest, largest_difference(actual[i], expected));
      if (texts[i].size() < 2) continue;
      // What comes behind a row changes it, unless the model looks back alone.
      std::vector<int32_t> changed = texts[i];
      changed.back() = (changed.back() + 1) % static_cast<int32_t>(kVocabulary);
      const std::vector<float> first = reference->rows(changed)[0];
      other = std::min(other, largest_difference(std::span(actual[i]).first(first.size()), first));
    }
    std::printf("  %-15s %.1e\n", family.architecture.c_str(), largest);
    EXPECT_LE(largest, tolerance);
    if (!loaded->model->spec().causal && family.architecture != "modern-bert" &&
        family.architecture != "gemma-embedding") {
      EXPECT_GT(other, 10 * tolerance);
    }
  }
};

TEST_F(EncoderTest, AgreesWithTheReference) {
  for (const FamilyModel& family : encoders()) check(family, 2e-5);
}

TEST_F(EncoderTest, AgreesWithTheReferenceLikeAGpu) {
  use(Mask::kShared);
  for (const FamilyModel& family : encoders()) check(family, 2e-5);
}

TEST_F(EncoderTest, PoolsAsAskedAndAsTheFileSays) {
  const auto loaded = load(make_family_model(bert()));
  ASSERT_TRUE(loaded);
  const auto reference = reference::EncoderReference::from_gguf(*loaded->file);
  ASSERT_TRUE(reference.ok());
  const Texts texts = {random_tokens(kVocabulary, 12, 1)};
  const Vectors rows = reference->rows(texts[0]);
  std::vector<float> mean(rows[0].size());
  for (size_t i = 0; i < mean.size(); ++i)
    for (const std::vector<float>& row : rows) mean[i] += row[i] / static_cast<float>(rows.size());
  const std::pair<Pooling, std::vector<float>> cases[] = {
      {Pooling::kMean, mean}, {Pooling::kFirst, rows.front()}, {Pooling::kLast, rows.back()}};
  for (const auto& [pooling, expected] : cases) {
    EncoderOptions options;
    options.pooling = pooling;
    options.normalise = false;
    EXPECT_LE(largest_difference(encode(*encoder(*loaded, options), texts)[0], expected), 2e-5);
    options.normalise = true;
    double squares = 0;
    const Vectors normalised = encode(*encoder(*loaded, options), texts);
    for (const float value : normalised[0]) squares += static_cast<double>(value) * value;
    EXPECT_NEAR(squares, 1, 1e-6);
  }
  EXPECT_EQ(encoder(*loaded)->pooling(), Pooling::kMean) << "of encoders that say nothing";
  const auto decoder = load(make_family_model({.architecture = "qwen3"}));
  ASSERT_TRUE(decoder);
  EXPECT_EQ(encoder(*decoder)->pooling(), Pooling::kLast);
}

// What a reranker of that kind says of a text.
std::vector<float> ranked(const reference::EncoderReference& model, const std::string& architecture,
                          const std::vector<int32_t>& text) {
  const std::vector<std::vector<float>> rows = model.rows(text);
  if (architecture == "bert") return model.pooled(rows[0]);
  if (architecture == "qwen3") {
    const std::vector<float> said = model.pooled(rows.back());
    const double yes = 1 / (1 + std::exp(static_cast<double>(said[1]) - static_cast<double>(said[0])));
    return {static_cast<float>(yes), static_cast<float>(1 - yes)};
  }
  std::vector<float> mean(rows[0].size());
  for (const std::vector<float>& row : rows)
    for (size_t i = 0; i < mean.size(); ++i) mean[i] += row[i] / static_cast<float>(rows.size());
  return model.pooled(mean);
}

TEST_F(EncoderTest, RanksByTheClassifier) {
  for (const FamilyModel& model : rerankers()) {
    SCOPED_TRACE(model.architecture);
    const auto loaded = load(make_family_model(model));
    ASSERT_TRUE(loaded);
    const auto reference = reference::EncoderReference::from_gguf(*loaded->file);
    ASSERT_TRUE(reference.ok());
    const auto made = encoder(*loaded);
    ASSERT_TRUE(made);
    EXPECT_EQ(made->pooling(), Pooling::kRank);
    EXPECT_EQ(made->width(), model.sign_rows);
    const Texts texts = some_texts();
    const Vectors scores = encode(*made, texts);
    for (size_t i = 0; i < texts.size(); ++i)
      EXPECT_LE(largest_difference(scores[i], ranked(*reference, model.architecture, texts[i])), 2e-5);
  }
  EncoderOptions options;
  options.pooling = Pooling::kRank;
  const auto plain = load(make_family_model(bert()));
  ASSERT_TRUE(plain);
  EXPECT_EQ(Encoder::create(*plain->model, options).error().status, Status::kUnsupported);
}

// Alone, among others, and in steps that hold one text or all of them.
TEST_F(EncoderTest, ATextIsTheSameBitsWhateverIsWithIt) {
  for (const Mask mask : {Mask::kNone, Mask::kShared}) {
    use(mask);
    const auto loaded = load(make_family_model(bert()));
    ASSERT_TRUE(loaded);
    const Texts texts = some_texts();
    EncoderOptions options;
    options.cache = false;
    const Vectors together = encode(*encoder(*loaded, options), texts);
    options.batch_tokens = 1;
    EXPECT_EQ(encode(*encoder(*loaded, options), texts), together);
    for (size_t i = 0; i < texts.size(); ++i)
      EXPECT_EQ(encode(*encoder(*loaded, options), {texts[i]})[0], together[i]) << i;
  }
}

// A cancelled call leaves a batch that runs; its memory stays until it has ended.
TEST_F(EncoderTest, GoesWhileABatchRuns) {
  const auto loaded = load(make_family_model(bert()));
  ASSERT_TRUE(loaded);
  Texts texts(24, std::vector<int32_t>(40, 7));
  for (size_t i = 0; i < texts.size(); ++i) texts[i][0] = static_cast<int32_t>(i);
  EncoderOptions options;
  options.batch_tokens = 12 * 40;
  for (const bool again : {false, true}) {
    const auto made = encoder(*loaded, options);
    ASSERT_TRUE(made);
    const Result<void> done = made->encode(spans(texts), [](size_t, std::span<const float>) { return false; });
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.error().status, Status::kCancelled);
    if (!again) continue;
    const Texts longer = {std::vector<int32_t>(60, 3)};
    const Vectors alone = encode(*made, longer);
    EXPECT_EQ(alone, encode(*encoder(*loaded, options), longer));
  }
}

TEST_F(EncoderTest, WhatWasComputedIsFound) {
  const auto loaded = load(make_family_model(bert()));
  ASSERT_TRUE(loaded);
  Texts texts = some_texts();
  texts.push_back(texts[0]);
  const auto made = encoder(*loaded, in_ram());
  ASSERT_TRUE(made);
  const Vectors first = encode(*made, texts);
  EXPECT_EQ(made->stats().computed_texts, texts.size() - 1) << "the same text twice in a call";
  EXPECT_EQ(first[0], first.back());
  EXPECT_EQ(encode(*made, texts), first);
  EXPECT_EQ(made->stats().computed_texts, texts.size() - 1);
  EXPECT_EQ(made->stats().texts, 2 * texts.size());
  texts[1][0] ^= 1;
  EXPECT_NE(encode(*made, texts)[1], first[1]);
  EXPECT_EQ(made->stats().computed_texts, texts.size());
}

TEST_F(EncoderTest, FoldersKeepVectorsForOneModelGroupAndPooling) {
  const auto loaded = load(make_family_model(bert()));
  ASSERT_TRUE(loaded);
  const TemporaryFolder folder;
  const Texts texts = some_texts();
  EncoderOptions options;
  options.identity = "a model";
  options.secret = Secret{};
  options.store.disk_folder = folder.file("vectors");
  options.store.disk_bytes = 1 << 20;
  options.store.admit_at_use = 1;
  const auto computed_with = [&](const EncoderOptions& with) {
    const auto made = encoder(*loaded, with);
    encode(*made, texts);
    return made->stats().computed_texts;
  };
  EXPECT_EQ(computed_with(options), texts.size());
  EXPECT_EQ(computed_with(options), 0u);
  const auto changed = [&](auto change) {
    EncoderOptions other = options;
    change(other);
    return computed_with(other);
  };
  EXPECT_EQ(changed([](EncoderOptions& o) { o.identity = "another"; }), texts.size());
  EXPECT_EQ(changed([](EncoderOptions& o) { o.group = "another"; }), texts.size());
  EXPECT_EQ(changed([](EncoderOptions& o) { o.pooling = Pooling::kFirst; }), texts.size());
  EXPECT_EQ(changed([](EncoderOptions& o) { o.normalise = false; }), texts.size());
  EXPECT_EQ(changed([](EncoderOptions& o) { (*o.secret)[0] = std::byte{1}; }), texts.size());
}

// As a first text after it makes no pipeline.
// T5's encoder, with its decoder behind it and alone, as either kind of file has it.
TEST_F(EncoderTest, TheEncoderOfATranslatorMakesVectors) {
  const auto loaded = load(make_translation_model({.t5 = true}));
  ASSERT_TRUE(loaded);
  const auto reference = reference::EncoderReference::encoder_of(*loaded->file);
  ASSERT_TRUE(reference.ok());
  const auto made = encoder(*loaded, rows_of_tokens());
  ASSERT_TRUE(made);
  EXPECT_EQ(made->width(), 32u);
  const Texts texts = {random_tokens(90, 40, 1), random_tokens(90, 3, 2)};
  const Vectors actual = encode(*made, texts);
  for (size_t i = 0; i < texts.size(); ++i) {
    std::vector<float> expected;
    for (const std::vector<float>& row : reference->rows(texts[i]))
      expected.insert(expected.end(), row.begin(), row.end());
    EXPECT_LE(largest_difference(actual[i], expected), 2e-5);
  }
  const auto alone = load(make_translation_model({.t5 = true, .alone = true}));
  ASSERT_TRUE(alone);
  const auto same = encoder(*alone, rows_of_tokens());
  ASSERT_TRUE(same);
  EXPECT_EQ(encode(*same, texts), actual);
  EncoderOptions mean;
  mean.normalise = false;
  const auto pooled = encoder(*loaded, mean);
  ASSERT_TRUE(pooled);
  EXPECT_EQ(pooled->pooling(), Pooling::kMean);
  EXPECT_EQ(Translator::create(*alone->model, {}).error().status, Status::kUnsupported);
}

TEST_F(EncoderTest, WarmingUpMakesWhatTextsTake) {
  const auto loaded = load(make_family_model(bert()));
  ASSERT_TRUE(loaded);
  const Result<WarmUpSummary> warm = warm_up(*loaded->model, {.kv = {KvType::kF32, KvType::kF32}, .autotune = false});
  ASSERT_TRUE(warm.ok());
  const size_t made = kernels().pipeline_count();
  EncoderOptions options;
  options.kv = {KvType::kF32, KvType::kF32};
  encode(*encoder(*loaded, options), {random_tokens(kVocabulary, 32, 1)});
  EXPECT_GT(made, 0u);
  EXPECT_EQ(kernels().pipeline_count(), made);
}

TEST_F(EncoderTest, RefusesWhatItCannotCompute) {
  const auto loaded = load(make_family_model(bert()));
  ASSERT_TRUE(loaded);
  EncoderOptions options;
  options.text_tokens = 40;
  const auto made = encoder(*loaded, options);
  ASSERT_TRUE(made);
  const auto error_of = [&](const Texts& texts) {
    const Result<void> done = made->encode(spans(texts), [](size_t, std::span<const float>) { return true; });
    return done.ok() ? std::string() : done.error().message;
  };
  const std::vector<int32_t> good = random_tokens(kVocabulary, 5, 1);
  EXPECT_NE(error_of({good, {}}).find("text 2 has no tokens"), std::string::npos);
  EXPECT_NE(error_of({random_tokens(kVocabulary, 41, 1)}).find("40 is the most"), std::string::npos);
  EXPECT_NE(error_of({{3, 300}}).find("300 is not a token"), std::string::npos);
  EXPECT_NE(error_of({{-1}}).find("-1 is not a token"), std::string::npos);
  EXPECT_EQ(made->stats().computed_texts, 0u);
  EXPECT_EQ(error_of({}), "");
  const Result<void> stopped = made->encode(spans({good}), [](size_t, std::span<const float>) { return false; });
  EXPECT_EQ(stopped.error().status, Status::kCancelled);
  EXPECT_EQ(encode(*made, {good}).size(), 1u) << "usable afterwards";
  const Result<std::unique_ptr<Context>> context = Context::create(*loaded->model, {}, {.context_tokens = 64});
  EXPECT_EQ(context.error().status, Status::kUnsupported);
  options.text_tokens = 1 << 20;
  EXPECT_EQ(Encoder::create(*loaded->model, options).error().status, Status::kInvalidArgument);
}

}  // namespace pumice::test::encoder_test
