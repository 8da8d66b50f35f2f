// Blocks of 256 values whose scales are codes themselves. For quantize.cpp.
#pragma once

#include <cstdint>

namespace pumice {

void pack_q4_k(const float* x, uint8_t* b);
void pack_q5_k(const float* x, uint8_t* b);
void pack_q6_k(const float* x, uint8_t* b);

}  // namespace pumice
