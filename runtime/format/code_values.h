// What the codes of weight types stand for whose values lie on no line (shared/quant_blocks.h).
//
// Source: ggml's block definitions. Thread rule: constants.
#pragma once

#include <cstdint>

namespace pumice {

inline constexpr int8_t kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

// E2M1, doubled, in the order of the values instead of the file's sign and magnitude: 8 + x is the x-th above 0. No
// code is 0.
inline constexpr int8_t kFp4Values[16] = {-16, -12, -8, -6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 8, 12};

// The magnitudes of the codebooks with their signs. Codes that a codebook has no use for (6 and 7 of IQ2, 2 and 5 of
// IQ1) have the value that lib/weight_types.glsl gives them.
inline constexpr int8_t kIq3XxsValues[16] = {-31, -26, -22, -18, -14, -10, -6, -2, 2, 6, 10, 14, 18, 22, 26, 31};
inline constexpr int8_t kIq2Values[8] = {-43, -25, -8, 8, 25, 43, 64, 87};
inline constexpr int8_t kIq1Values[8] = {-9, -7, -4, -1, 1, 4, 7, 9};

}  // namespace pumice
