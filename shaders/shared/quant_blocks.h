// The device layout of a weight matrix: what runtime/format/device_layout repacks a GGUF tensor into at load, and
// what shaders/lib/dequant.glsl reads.
//
// A matrix of `rows` rows of `cols` values is cut into *units* of 32 consecutive values of one row (cols is padded with
// zeros to a whole unit; K-quants have 256-value superblocks of 8 units). Its words (uint32, little endian) lie in two
// planes of records: the quant plane has one of QUANT_WORDS words for each unit, the scale plane one of SCALE_WORDS for
// SCALE_UNITS units. Rows are interleaved by 8 (padded with zero rows) by 4 words of a record: one load of a lane.
//
//   record i, of W words, of row r begins at  ((r / 8) * records of a row + i) * 8 * W;  from there its word w lies at
//   (w / 4 * 8 + r % 8) * 4 + w % 4  or, the last W % 4 words, at  W / 4 * 32 + (r % 8) * (W % 4) + w % 4
//
// Within a unit the 32 values stand as 4 pairs of vec4: pair j has values 4j..4j+3 (lo) and 16+4j..16+4j+3 (hi).
//   F32   32 words: value i is word i.
//   F16   16 words: values 2i (low half) and 2i+1 (high half) are word i.   BF16 likewise.
//   Q8_0   8 words: signed bytes, value i is byte i % 4 of word i / 4.
//   nibbles (Q4_* Q5_* Q6_K MXFP4 NVFP4 IQ4_* IQ3_*), words 0..3: byte b of word j holds value 4j+b (low nibble) and
//          value 16+4j+b (high nibble).
//   Q5_*  word 4: bit j of byte b is the fifth bit of value 4j+b, for j of 0..7, so that one shift and one mask put
//          those of a nibble word in place.
//   Q6_K  words 4..5: bits 2j, 2j+1 of byte b of word 4 + h are the upper two bits of value 16h+4j+b.
//   Q3_K Q2_K IQ2 IQ1 Q2_0  words 0..1: bits 2j, 2j+1 of byte b of word h are the lower two bits of value 16h+4j+b.
//   Q3_K IQ2 IQ1            word 2: their third bits, as the fifth bits of Q5_*.
//   Q1_0                    word 0: the only bits, as the fifth bits of Q5_*.
// Scale plane:
//   Q8_0 Q4_0 Q5_0 IQ4_NL  1 word per 2 units: d of the even unit (f16, low half), d of the odd unit (high half).
//   Q2_0 Q1_0        likewise, each d for 2 units (Q2_0) or 4 (Q1_0).
//   MXFP4            1 word per 4 units: byte u is the exponent e of unit u.
//   Q4_1 Q5_1        1 word per unit: d (low half), m (high half).
//   Q4_K Q5_K        4 words per 8 units: word 0 d (low half), dmin (high half); sc and m of unit u have their lower 4
//                    bits in nibble u of words 1 and 2, their upper 2 at bits 2u and 16 + 2u of word 3.
//   Q6_K Q3_K IQ2 IQ1  5 words per 8 units: words 0..3 the 16 signed scale bytes; word 4 d (f16, low half).
//   Q2_K             5 words per 8 units: words 0..3 the 16 bytes of sc (low nibble) and m; word 4 d (low half), dmin.
//   NVFP4            5 words per 8 units: words 0..3 the 16 scale bytes sc (E4M3); word 4 the tensor's scale d (f32).
//   IQ4_XS IQ3_S IQ3_XXS  2 words per 8 units: word 0 d (f16, low half), and 32 + sc of unit u has its upper two bits
//                    at 16 + 2u of word 0, its lower four in nibble u of word 1.
//   F32 F16 BF16     none.
// Values are  Q8_0 d*q   Q4_0 d*(q-8)   Q5_0 d*(q-16)   Q4_1, Q5_1 d*q+m   Q4_K, Q5_K, Q2_K d*sc*q - dmin*m
//             Q6_K d*sc*(q-32)   Q3_K d*sc*(q-4)   Q2_0 d*(q-1)   Q1_0 d*(2q-1)   IQ3_S d*sc*(2q-15)
// and, with q an index of the values of format/code_values.h,
//             IQ4_NL d*v(q)   IQ4_XS d*sc*v(q)   MXFP4 2^(e-128)*v(q)   NVFP4 d*sc/2*v(q)
//             IQ3_XXS d*sc/2*v(q)   IQ2, IQ1 d*sc/8*v(q).
// IQ2 is IQ2_XXS, IQ2_XS and IQ2_S, IQ1 is IQ1_S and IQ1_M, IQ3 both of that name: their codebooks give way to the
// signed values that are chosen from, which take no more than 4 bits. TQ1_0 and TQ2_0 become Q2_0.
// Source: the GGUF specification and ggml's block definitions.
#ifndef PUMICE_SHARED_QUANT_BLOCKS_H
#define PUMICE_SHARED_QUANT_BLOCKS_H
#include "types.h"

SHARED_BEGIN
SHARED_CONST kUnitValues = 32u;
SHARED_CONST kRowInterleave = 8u;

// Weight types with kernels.
SHARED_CONST kWeightF32 = 0u;
SHARED_CONST kWeightF16 = 1u;
SHARED_CONST kWeightBF16 = 2u;
SHARED_CONST kWeightQ8_0 = 3u;
SHARED_CONST kWeightQ4_0 = 4u;
SHARED_CONST kWeightQ4_1 = 5u;
SHARED_CONST kWeightQ5_0 = 6u;
SHARED_CONST kWeightQ5_1 = 7u;
SHARED_CONST kWeightQ4_K = 8u;
SHARED_CONST kWeightQ5_K = 9u;
SHARED_CONST kWeightQ6_K = 10u;
SHARED_CONST kWeightMXFP4 = 11u;
SHARED_CONST kWeightIQ4_NL = 12u;
SHARED_CONST kWeightIQ4_XS = 13u;
SHARED_CONST kWeightQ3_K = 14u;
SHARED_CONST kWeightQ2_K = 15u;
SHARED_CONST kWeightIQ3_S = 16u;
SHARED_CONST kWeightIQ3_XXS = 17u;
SHARED_CONST kWeightIQ2 = 18u;
SHARED_CONST kWeightIQ1 = 19u;
SHARED_CONST kWeightNVFP4 = 20u;
SHARED_CONST kWeightQ2_0 = 21u;
SHARED_CONST kWeightQ1_0 = 22u;
SHARED_CONST kWeightTypes = 23u;
SHARED_END

#endif
