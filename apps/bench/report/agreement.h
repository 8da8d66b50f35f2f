// Whether a model writes an expected greedy text. Different kernels and GPUs round differently, so texts may part where
// tokens are as good as tied; anything else is a wrong result.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace pumice_bench {

// Logits closer than this are a tie. Kernels that round activations to 8 bits move a log-probability of a trained model
// by up to 0.1 (measured with llama.cpp against the same weights in F32), f16 caches by hundredths; a wrong kernel
// moves it by whole units.
inline constexpr float kTieMargin = 0.25f;
// More tokens than this within the margin of the best are no tie but garbage, such as logits that are all zero.
inline constexpr std::size_t kMostTied = 8;

struct Agreement {
  bool agrees = false;
  std::size_t equal = 0;  // tokens that came as expected
  std::size_t ties = 0;   // tokens that came otherwise, but tied with what was expected
  std::string detail;     // "47 of 48 tokens as expected, 1 tied"
};

// The model's next tokens after the prompt and the first n expected ones: expected.size() - n of them.
using Continue = std::function<std::vector<std::int32_t>(std::size_t n)>;
// The logits after the same tokens.
using LogitsAfter = std::function<std::vector<float>(std::size_t n)>;

// After a tie the expected token is put in its place and the model goes on from there. At most a quarter of the tokens
// may be ties.
Agreement follow_greedy(const std::vector<std::int32_t>& expected, const Continue& go_on,
                        const LogitsAfter& logits_after);

}  // namespace pumice_bench
