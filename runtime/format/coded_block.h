// Blocks of the types that do not store their values one by one, with a code for each value instead: the codes of the
// device layout (shared/quant_blocks.h). IQ types index a codebook, a list of the patterns that 4 or 8 neighbouring
// values may have.
//
// Source: ggml's block definitions; the codebooks were read off what another implementation decodes. Thread rule: pure
// functions.
#pragma once

#include <cstdint>

namespace pumice {

// A value is d * factor * what its code stands for.
struct CodedBlock {
  uint16_t d = 0;           // f16
  int8_t factors[16] = {};  // of 16 values each
  uint8_t codes[256] = {};
};

// `block` is one block in a file, of any alignment.
CodedBlock read_iq3_s(const uint8_t* block);
CodedBlock read_iq3_xxs(const uint8_t* block);
CodedBlock read_iq2_s(const uint8_t* block);
CodedBlock read_iq2_xs(const uint8_t* block);
CodedBlock read_iq2_xxs(const uint8_t* block);
CodedBlock read_iq1_m(const uint8_t* block);
CodedBlock read_iq1_s(const uint8_t* block);
CodedBlock read_tq1_0(const uint8_t* block);  // all factors are 1

}  // namespace pumice
