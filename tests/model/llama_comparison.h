// LlamaComparison: log-probabilities of a whole model on the device beside those of tests/reference/decoder.h.
//
// Tolerance. Device and reference compute the same formula on the same decoded weights; what differs is that the
// device sums, exponentiates and stores in 32-bit floats where the reference sums in doubles. Each dot product of k
// terms is then off by about sqrt(k) 2^-24 of its norm product (reference/numerics.h, likely_dot_tolerance): for the k
// <= 512 here 1.4e-6 of values near 1. A layer chains four products, and so do attention's scores, which exp turns from
// absolute into relative error; three layers with the head are about 15 such errors in a row, each amplified a few
// times by norms and by the deviation 3 of the logits: 1e-4 is expected and 1e-3 leaves a factor of 10, while any wrong
// weight, position, page or scale moves log-probabilities by tenths. For an F16 cache every key and value is
// rounded once more, by 2^-11 at most and 3e-4 in the mean square: about 200 times the error above per product, which
// averages out over keys and dimensions; with the deviation 3 of the logits and the largest of 300 of them in a few
// hundred steps 3e-3 to 1e-2 is expected, and 3e-2 is allowed.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <vector>

#include "reference/decoder.h"
#include "support/engine_fixture.h"

namespace pumice::test {

inline constexpr double kLogTolerance = 1e-3, kLogToleranceF16 = 3e-2;

inline std::vector<double> log_probabilities(std::span<const float> logits) {
  double highest = -std::numeric_limits<double>::infinity(), sum = 0;
  for (const float logit : logits) highest = std::max(highest, static_cast<double>(logit));
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - highest);
  std::vector<double> result;
  for (const float logit : logits) result.push_back(static_cast<double>(logit) - highest - std::log(sum));
  return result;
}

// Infinite where anything is not a number.
inline double log_difference(std::span<const float> a, std::span<const float> b) {
  const std::vector<double> x = log_probabilities(a), y = log_probabilities(b);
  double largest = x.size() == y.size() ? 0 : std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
    const double difference = std::fabs(x[i] - y[i]);
    largest = difference <= largest ? largest : std::isnan(difference) ? INFINITY : difference;
  }
  return largest;
}

// The reference's logits after each prefix of one text, computed once.
class ReferenceLogits {
 public:
  ReferenceLogits(const Gguf& file, std::vector<int32_t> text, const reference::CacheFormat& format = {},
                  uint32_t context_tokens = 0)
      : text_(std::move(text)) {
    auto loaded = reference::DecoderReference::from_gguf(file, format, context_tokens);
    EXPECT_TRUE(loaded.ok()) << (loaded.ok() ? "" : loaded.error().message);
    if (loaded) model_ = std::move(loaded).value();
  }

  const std::vector<int32_t>& text() const { return text_; }
  // After the first `count` tokens of the text, 1 at least.
  const std::vector<float>& after(size_t count) {
    std::vector<float>& logits = logits_[count];
    if (!logits.empty() || !model_) return logits;
    const size_t from = std::min(model_->length(), count - 1);
    for (size_t i = from; i < count; ++i)
      logits = model_->forward(static_cast<uint32_t>(text_[i]), static_cast<uint32_t>(i), i + 1 == count);
    return logits;
  }
  // Continues the text; what it held from `at` on is replaced.
  void replace_from(size_t at, std::span<const int32_t> ids) {
    text_.resize(at);
    text_.insert(text_.end(), ids.begin(), ids.end());
    logits_.erase(logits_.upper_bound(at), logits_.end());
    if (!model_ || model_->length() <= at) return;
    const size_t length = at;  // forward() at a position forgets what follows
    if (length > 0)
      model_->forward(static_cast<uint32_t>(text_[length - 1]), static_cast<uint32_t>(length - 1), false);
    else
      model_->reset();
  }

 private:
  std::vector<int32_t> text_;
  std::optional<reference::DecoderReference> model_;
  std::map<size_t, std::vector<float>> logits_;
};

class LlamaTest : public EngineTest {
 protected:
  // The largest difference over prompts of these lengths, each followed by `then` tokens one by one.
  double largest_difference(Context& in, ReferenceLogits& expected, const std::vector<size_t>& lengths, size_t then) {
    Sequence* sequence = open(in);
    if (!sequence) return INFINITY;
    double largest = 0;
    const std::span<const int32_t> text = expected.text();
    for (const size_t length : lengths) {
      EXPECT_TRUE(in.truncate(*sequence, 0).ok());
      largest = std::max(largest, log_difference(evaluate(in, *sequence, text.first(length)), expected.after(length)));
      for (size_t i = length; i < length + then; ++i)
        largest = std::max(largest, log_difference(evaluate(in, *sequence, text.subspan(i, 1)), expected.after(i + 1)));
    }
    in.close_sequence(sequence);
    return largest;
  }

  // Generates greedily from the first `prompt` tokens and looks at the logits of one more decode step: its keys and
  // values were written by decode steps too. How often the device chose another token than the reference's best is
  // counted where the reference was not within the tolerance of a tie.
  double decode_difference(Context& in, ReferenceLogits& expected, size_t prompt, uint32_t steps, double tie,
                           uint32_t* other_choices) {
    Sequence* sequence = open(in);
    if (!sequence) return INFINITY;
    const std::vector<int32_t> ids =
        generate(in, *sequence, std::span(expected.text()).first(prompt), greedy_params(steps));
    EXPECT_EQ(ids.size(), steps);
    EXPECT_NE((prompt + ids.size() - 1) % kPageTokens, 0u) << "the last token has no page yet";
    expected.replace_from(prompt, ids);
    for (size_t i = 0; i < ids.size(); ++i) {
      const std::vector<float>& logits = expected.after(prompt + i);
      const float best = *std::max_element(logits.begin(), logits.end());
      if (static_cast<double>(best - logits[static_cast<size_t>(ids[i])]) > tie) ++*other_choices;
    }
    const BatchMember member{.slot = sequence->slot, .tokens = static_cast<uint32_t>(prompt + ids.size())};
    const Result<uint64_t> value = in.recorder().submit_decode({&member, 1}, StepEnd::kLogits);
    EXPECT_TRUE(value.ok() && device().wait(*value).ok());
    const double difference =
        log_difference({in.recorder().logits(), vocabulary_}, expected.after(prompt + ids.size()));
    in.close_sequence(sequence);
    return difference;
  }
};

}  // namespace pumice::test
