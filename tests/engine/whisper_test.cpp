// Whisper's encoder and decoder on the device against the reference, for files of several types.
#include "reference/whisper.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/translation_step.h"
#include "media/log_mel.h"
#include "support/engine_fixture.h"
#include "support/slice.h"
#include "support/whisper_model.h"

namespace pumice::test::whisper_test {

class WhisperTest : public EngineTest {
 protected:
  static std::vector<float> window() {
    MelStream mel(slaney_filters(80));
    mel.append(made_up_sound(7, 3));
    mel.end();
    return mel.window(0, 3000);
  }
};

double farthest(std::span<const float> one, std::span<const float> other) {
  double most = 0;
  for (size_t i = 0; i < other.size(); ++i)
    most = std::max(most, std::abs(static_cast<double>(one[i]) - static_cast<double>(other[i])));
  return most;
}

// Products of at most 256 terms of size about 1, through two or three layers and norms: some 100 roundings of 2^-24.
constexpr double kTolerance = 1e-4;

TEST_F(WhisperTest, RowsAndLogitsAreTheReferences) {
  for (const TensorType type : slice_of({TensorType::kF32, TensorType::kF16, TensorType::kQ8_0, TensorType::kQ5_1})) {
    const uint32_t layers = type == TensorType::kF32 ? 2 : 1;
    const auto loaded = load(make_whisper_model({.type = type, .layers = layers, .decoder_layers = layers + 1}));
    if (!loaded) return;
    const auto reference = reference::WhisperReference::from_file(loaded->bytes);
    ASSERT_TRUE(reference.ok());
    const std::vector<float> mel = window();
    const reference::Rows rows = reference->encode(mel);
    auto encoding =
        EncodingStep::create(EncodingModel::encoder_of(*loaded->model),
                             {.rows = 1500, .texts = 1, .text_tokens = 1500, .kv = {KvType::kF32, KvType::kF32}});
    ASSERT_TRUE(encoding.ok()) << encoding.error().message;
    const std::span<const float> sounds[] = {mel};
    ASSERT_TRUE(encoding->submit_sounds(sounds).ok());  // what is left in memory changes nothing
    const auto lane = encoding->submit_sounds(sounds);
    ASSERT_TRUE(lane.ok()) << lane.error().message;
    const auto found = encoding->wait(*lane);
    ASSERT_TRUE(found.ok());
    double most = 0;
    for (size_t i = 0; i < rows.size(); ++i)
      most = std::max(most, farthest({*found + i * encoding->stride(), 64}, rows[i]));
    EXPECT_LT(most, kTolerance) << tensor_type_name(type);

    auto step = TranslationStep::create(*loaded->model, {.rows = 2,
                                                         .source_tokens = 1500,
                                                         .target_tokens = 64,
                                                         .encoded_rows = 1500,
                                                         .prompt_tokens = 40,
                                                         .source_pages = pages_for(1500),
                                                         .target_pages = 4,
                                                         .kv = {KvType::kF32, KvType::kF32}});
    ASSERT_TRUE(step.ok()) << step.error().message;
    std::vector<PageId> source, target;
    for (uint32_t i = 0; i < pages_for(1500); ++i) source.push_back(*(*step)->sources().allocate());
    for (uint32_t i = 0; i < 2; ++i) target.push_back(*(*step)->targets().allocate());
    const TranslationStep::Source one{.ids = {}, .pages = source, .sound = mel};
    ASSERT_TRUE((*step)->encode({&one, 1}).ok());
    std::vector<int32_t> tokens = {50360};
    for (int32_t i = 1; i < 37; ++i) tokens.push_back(i * 1409 % 51864);
    const reference::Rows logits = reference->decode(rows, tokens);
    const size_t prompt = 34;
    const auto first = (*step)->prefill(
        {.tokens = std::span(tokens).first(prompt), .pages = target, .source = source, .source_tokens = 1500});
    ASSERT_TRUE(first.ok()) << first.error().message;
    EXPECT_LT(farthest({*first, 51864}, logits[prompt - 1]), kTolerance) << tensor_type_name(type);
    for (size_t at = prompt; at < tokens.size(); ++at) {
      const TranslationStep::Row row{.token = tokens[at],
                                     .position = static_cast<uint32_t>(at),
                                     .pages = target,
                                     .source = source,
                                     .source_tokens = 1500};
      const auto next = (*step)->step({&row, 1});
      ASSERT_TRUE(next.ok());
      EXPECT_LT(farthest({*next, 51864}, logits[at]), kTolerance) << tensor_type_name(type) << " " << at;
    }
  }
}

}  // namespace pumice::test::whisper_test
