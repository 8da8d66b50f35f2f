// What the weight types of shared/quant_blocks.h have in common, as macros of WEIGHT_TYPE.

// Bits of a value's code; 0 where the value is its code (F32, F16, BF16, Q8_0).
#if WEIGHT_TYPE <= 3
#define CODE_BITS 0
#elif WEIGHT_TYPE == 22
#define CODE_BITS 1
#elif WEIGHT_TYPE == 15 || WEIGHT_TYPE == 21
#define CODE_BITS 2
#elif WEIGHT_TYPE == 14 || WEIGHT_TYPE == 18 || WEIGHT_TYPE == 19
#define CODE_BITS 3
#elif WEIGHT_TYPE == 6 || WEIGHT_TYPE == 7 || WEIGHT_TYPE == 9
#define CODE_BITS 5
#elif WEIGHT_TYPE == 10
#define CODE_BITS 6
#else
#define CODE_BITS 4
#endif

#if WEIGHT_TYPE == 0
#define QUANT_WORDS 32u
#elif WEIGHT_TYPE <= 2
#define QUANT_WORDS 16u
#elif WEIGHT_TYPE == 3
#define QUANT_WORDS 8u
#else
#define QUANT_WORDS uint(CODE_BITS)
#endif

// Where scales come from, the units that share SCALE_WORDS words of the scale plane, and those of one f16 in them.
#define SCALES_NONE 0
#define SCALES_HALF 1    // an f16
#define SCALES_AFFINE 2  // Q4_1, Q5_1
#define SCALES_PACKED 3  // Q4_K, Q5_K
#define SCALES_SIGNED 4  // signed bytes
#define SCALES_Q2_K 5
#define SCALES_SIX 6     // IQ4_XS
#define SCALES_E8M0 7
#define SCALES_E4M3 8
#if WEIGHT_TYPE <= 2
#define SCALES SCALES_NONE
#define SCALE_UNITS 1
#define SCALE_WORDS 0
#elif WEIGHT_TYPE == 5 || WEIGHT_TYPE == 7
#define SCALES SCALES_AFFINE
#define SCALE_UNITS 1
#define SCALE_WORDS 1
#elif WEIGHT_TYPE == 8 || WEIGHT_TYPE == 9
#define SCALES SCALES_PACKED
#define SCALE_UNITS 8
#define SCALE_WORDS 4
#elif WEIGHT_TYPE == 11
#define SCALES SCALES_E8M0
#define SCALE_UNITS 4
#define SCALE_WORDS 1
#elif WEIGHT_TYPE == 13 || WEIGHT_TYPE == 16 || WEIGHT_TYPE == 17
#define SCALES SCALES_SIX
#define SCALE_UNITS 8
#define SCALE_WORDS 2
#elif WEIGHT_TYPE == 10 || WEIGHT_TYPE == 14 || WEIGHT_TYPE == 18 || WEIGHT_TYPE == 19
#define SCALES SCALES_SIGNED
#define SCALE_UNITS 8
#define SCALE_WORDS 5
#elif WEIGHT_TYPE == 15
#define SCALES SCALES_Q2_K
#define SCALE_UNITS 8
#define SCALE_WORDS 5
#elif WEIGHT_TYPE == 20
#define SCALES SCALES_E4M3
#define SCALE_UNITS 8
#define SCALE_WORDS 5
#else
#define SCALES SCALES_HALF
#define SCALE_UNITS (2 * HALF_UNITS)
#define SCALE_WORDS 1
#endif
#define HALF_UNITS (WEIGHT_TYPE == 21 ? 2 : WEIGHT_TYPE == 22 ? 4 : 1)
// The two halves of a unit have scales of their own.
#define QUANT_SCALES (SCALE_WORDS == 5 ? 2u : 1u)

// Where not CURVED and without a minimum, a value is scale * STEP * (code - ZERO). Where CURVED, it is scale * STEP
// times an integer, of format/code_values.h, that a polynomial of f = 1 + code / 2^CODE_BITS rounds to: CURVE_0 + f *
// CURVE(f). So no table is looked up, which on most devices means slow memory. The polynomials are minimax fits, at
// most 0.47 off.
#if WEIGHT_TYPE == 12 || WEIGHT_TYPE == 13
#define CURVE_0 -977.0
#define CURVE(f) fma(fma(fma(vec4(88.7476), f, vec4(-191.9714)), f, vec4(-336.4416)), f, vec4(1289.371))
#elif WEIGHT_TYPE == 11 || WEIGHT_TYPE == 20
#define CURVE_0 -283.0
#define CURVE(f) fma(fma(vec4(78.79319), f, vec4(-354.5693)), f, vec4(543.236))
#elif WEIGHT_TYPE == 17
#define CURVE_0 -96.0
#define CURVE(f) fma(vec4(-0.1542375), f, vec4(65.60557))
#elif WEIGHT_TYPE == 18
#define CURVE_0 -354.0
#define CURVE(f) fma(fma(vec4(81.23239), f, vec4(-319.8525)), f, vec4(549.5853))
#elif WEIGHT_TYPE == 19
#define CURVE_0 -31.0
#define CURVE(f) vec4(21.56522)
#endif
#ifdef CURVE
#define CURVED 1
#else
#define CURVED 0
#endif

#if WEIGHT_TYPE == 16 || WEIGHT_TYPE == 22
#define STEP 2.0
#elif WEIGHT_TYPE == 17 || WEIGHT_TYPE == 20
#define STEP 0.5
#elif WEIGHT_TYPE == 18 || WEIGHT_TYPE == 19
#define STEP 0.125
#else
#define STEP 1.0
#endif

#if WEIGHT_TYPE == 4
#define ZERO 8.0
#elif WEIGHT_TYPE == 6
#define ZERO 16.0
#elif WEIGHT_TYPE == 10
#define ZERO 32.0
#elif WEIGHT_TYPE == 14
#define ZERO 4.0
#elif WEIGHT_TYPE == 16
#define ZERO 7.5
#elif WEIGHT_TYPE == 21
#define ZERO 1.0
#elif WEIGHT_TYPE == 22
#define ZERO 0.5
#else
#define ZERO 0.0
#endif
