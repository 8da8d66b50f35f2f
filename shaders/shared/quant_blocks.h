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
//   nibbles (Q4_0 Q4_1 Q5_0 Q5_1 Q4_K Q5_K Q6_K), words 0..3: byte b of word j holds value 4j+b (low nibble) and
//          value 16+4j+b (high nibble).
//   Q5_*  word 4: bit j of byte b is the fifth bit of value 4j+b, for j of 0..7, so that one shift and one mask put
//          those of a nibble word in place.
//   Q6_K  words 4..5: bits 2j, 2j+1 of byte b of word 4 + h are the upper two bits of value 16h+4j+b.
// Scale plane:
//   Q8_0 Q4_0 Q5_0   1 word per 2 units: d of the even unit (f16, low half), d of the odd unit (high half).
//   Q4_1 Q5_1        1 word per unit: d (low half), m (high half).
//   Q4_K Q5_K        4 words per 8 units: word 0 d (low half), dmin (high half); sc and m of unit u have their lower 4
//                    bits in nibble u of words 1 and 2, their upper 2 at bits 2u and 16 + 2u of word 3.
//   Q6_K             5 words per 8 units: words 0..3 the 16 signed scale bytes; word 4 d (f16, low half).
//   F32 F16 BF16     none.
// Values are  Q8_0 d*q   Q4_0 d*(q-8)   Q5_0 d*(q-16)   Q4_1, Q5_1 d*q+m   Q4_K, Q5_K d*sc*q - dmin*m
//             Q6_K d*sc*(q-32).   Source: the GGUF specification and ggml's block definitions.
#ifndef PUMICE_SHARED_QUANT_BLOCKS_H
#define PUMICE_SHARED_QUANT_BLOCKS_H
#include "types.h"

SHARED_BEGIN
SHARED_CONST kUnitValues = 32u;
SHARED_CONST kRowInterleave = 8u;

// Weight types with kernels. A tensor of another type is converted to F16 at load.
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
SHARED_CONST kWeightTypes = 11u;
SHARED_END

#endif
