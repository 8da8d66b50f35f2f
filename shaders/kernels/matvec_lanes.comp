#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_KHR_shader_subgroup_ballot : require
#include "lib/reduce.glsl"
#include "lib/dequant.glsl"
#include "lib/quants.glsl"
#include "lib/numerics.glsl"
#include "shared/matvec.h"
#include "lib/matvec_columns.glsl"

// For software drivers, where a workgroup is one SIMD register: a lane has its own rows, and only the squares of x are
// reduced. Measured on llvmpipe of Mesa 26 with AVX-512: a load with an address for each lane takes 12 cycles for 8
// words and no longer for 8 pairs of words, a load with one address for all lanes 3 to 4 because of its bounds check,
// arithmetic half a cycle. So x is loaded a register at a time and handed to all lanes from there, words are loaded by
// two, of a row or, where a row has only one, of the two neighbours that a lane's rows come in, and small quants become
// floats without a conversion (lib/quants.glsl). A lane's rows are short streams that begin anew with each workgroup,
// which no hardware prefetcher follows: three quarters of the time went into waiting for memory. So a word of each
// cache line is loaded AHEAD units early with PREFETCH: not on Mesa 25.0 and 22.3, where such a load is slow and takes
// long to compile. A row's sum is made of the same operations in the same order whatever ROWS, which is even, COLS and
// p.n are.

layout(binding = 0) readonly buffer Weights { uint64_t weights[]; };
layout(binding = 1) readonly buffer UpWeights { uint64_t up_weights[]; };
layout(binding = 2) readonly buffer X { uint64_t x[]; };
layout(binding = 3) readonly buffer NormWeight { uint64_t norm_weight[]; };
const bool PREFETCH = (FLAGS & kMatvecPrefetch) != 0u;
// Registers of a unit of x: 2 i and 2 i + 1 hold the even and the odd ones of the i-th 2 WG values. WG is 4 or 8.
const uint PARTS = 32u / WG;
// Units an iteration. One compiles in half the time; of Q8_0 two run a tenth faster (llvmpipe of Mesa 26). The one past
// the end of an odd number of units meets zeros in x and finite weights.
const uint UNROLL = WEIGHT_TYPE == 3 ? SCALE_UNITS : 1u;

const uint AHEAD = 4u;  // units

uint64_t fetched = 0ul;
uint quant_base[ALL_ROWS / 2u], scale_base[ALL_ROWS / 2u], scale_words[ALL_ROWS * max(SCALE_WORDS, 1)];
uint x_base[COLS];
// Of the unit at hand: words after the quads, x, and its sums over the values that share a scale.
const uint REST = max(QUANT_WORDS % 4u, 1u);
uint rest[ALL_ROWS * REST];
float part[COLS * PARTS], total[COLS * QUANT_SCALES];

#define LANE gl_LocalInvocationID.x
#define X_AT(c, k) \
  subgroupBroadcast(part[(c) * PARTS + (k) / (2u * WG) * 2u + (k) % 2u], (k) % (2u * WG) / 2u)

// The first of the two rows of pair `pair`.
uint row_of_pair(uint pair) {
  return ((gl_WorkGroupID.y * (ROWS / 2u) + pair) * (WG / 4u) + LANE / 4u) * 8u + LANE % 4u * 2u;
}

uint row_of(uint r) { return row_of_pair(r / 2u) + r % 2u; }
float over_lanes(float value) { return subgroupAdd(value); }

uvec2 two_words(uint pair, uint at) {
  return unpackUint2x32(pair < ROWS / 2u ? weights[at / 2u] : up_weights[at / 2u]);
}

// In what follows `base` is where a record of the even row of a pair begins; row: 0 or 1.
// Words w and w + 1 of its quads.
uvec2 quad_words(uint pair, uint row, uint base, uint w) {
  return two_words(pair, base + 4u * row + w / 4u * QUAD_STRIDE + w % 4u);
}
// After `quads` quads: of both rows their one word.
uvec2 last_words(uint pair, uint base, uint quads) {
  const uint lane = LANE % 4u * 2u;
  return two_words(pair, base - 4u * lane + quads * QUAD_STRIDE + lane);
}
// And where there are two, those of one row; where there are three, words 2 i and 2 i + 1 of the six of both rows.
uvec2 last_two_words(uint pair, uint row, uint base, uint quads) {
  const uint lane = LANE % 4u * 2u;
  return two_words(pair, base - 4u * lane + quads * QUAD_STRIDE + 2u * (lane + row));
}
uvec2 of_six_words(uint pair, uint base, uint i) { return two_words(pair, base - LANE % 4u * 2u + 2u * i); }

void begin(uint first_col, uint cols) {
  FOR(i, ALL_ROWS / 2u) {
    const bool up = i >= ROWS / 2u;
    const uint last = (p.rows - 1u) / 8u * 8u + LANE % 4u * 2u;
    const uint row = expert_row + min(row_of_pair(up ? i - ROWS / 2u : i), last);
    quant_base[i] = unit_base(up ? p.up_quant_offset : p.quant_offset, row, p.units, 0u).x;
    const uint records = (p.units + SCALE_UNITS - 1u) / SCALE_UNITS;
    scale_base[i] = record_base(up ? p.up_scale_offset : p.scale_offset, row, records, 0u, SCALE_WORDS).x;
  }
  FOR(i, ALL_ROWS * COLS) sum[i] = 0.0;
  FOR(c, cols) {
    const uint row = TILED ? min(y_row(first_col, c), p.n - 1u) : first_col + c;
    x_base[c] = x_start(row) + 2u * LANE;
    squares[c] = 0.0;
  }
}

// Brings unit `unit` of the workgroup's rows into the cache: loads with one address for all lanes, for which nothing
// waits.
void prefetch(uint unit) {
  if (!PREFETCH) return;
  const uint words = QUANT_WORDS * kRowInterleave;  // of a unit of 8 rows; a cache line is 8 pairs
  const uint groups = ROWS * WG / kRowInterleave, last = (p.rows - 1u) / kRowInterleave;
  const uint inside = min(unit, p.units - 1u);
  FOR(g, groups) {
    const uint group = expert_row / kRowInterleave + min(gl_WorkGroupID.y * groups + g, last);
    const uint at = (group * p.units + inside) * words;
    [[unroll]] for (uint i = 0u; i < words / 2u; i += 8u) {
      fetched |= weights[(p.quant_offset + at) / 2u + i];
      if (GATED) fetched |= up_weights[(p.up_quant_offset + at) / 2u + i];
    }
  }
}

#if SCALE_WORDS
void load_scales(uint pair, uint record) {
  const uint base = scale_base[pair] + record * SCALE_WORDS * kRowInterleave, even = 2u * pair * SCALE_WORDS;
#if SCALE_WORDS == 2
  FOR(row, 2u) {
    const uvec2 both = last_two_words(pair, row, base, 0u);
    scale_words[even + 2u * row] = both.x;
    scale_words[even + 2u * row + 1u] = both.y;
  }
#elif SCALE_WORDS > 1  // Mesa 22.3 unrolls nothing around a loop that never runs
  FOR(w, SCALE_WORDS / 2u) FOR(row, 2u) {
    const uvec2 both = quad_words(pair, row, base, 2u * w);
    scale_words[even + row * SCALE_WORDS + 2u * w] = both.x;
    scale_words[even + row * SCALE_WORDS + 2u * w + 1u] = both.y;
  }
#endif
#if SCALE_WORDS % 2
  const uvec2 both = last_words(pair, base, SCALE_WORDS / 4u);
  scale_words[even + SCALE_WORDS - 1u] = both.x;
  scale_words[even + 2u * SCALE_WORDS - 1u] = both.y;
#endif
}
#endif

void load_x(uint unit, uint cols) {
  FOR(i, PARTS / 2u) {
    const uint k = unit * 32u + i * 2u * WG;
    const bool inside = !TAIL || k + 2u * LANE < p.cols;
    vec2 weight;
    if (NORM) weight = uintBitsToFloat(unpackUint2x32(inside ? norm_weight[k / 2u + LANE] : 0ul));
    FOR(c, cols) {
      vec2 value = uintBitsToFloat(unpackUint2x32(x[(x_base[c] + k) / 2u]));
      if (!inside) value = vec2(0.0);
      if (NORM) {
        squares[c] = fma(value.x, value.x, fma(value.y, value.y, squares[c]));
        value *= weight;
      }
      part[c * PARTS + 2u * i] = value.x;
      part[c * PARTS + 2u * i + 1u] = value.y;
    }
  }
  if (!HAS_OFFSET) return;
  FOR(c, cols) FOR(s, QUANT_SCALES) {
    const uint count = PARTS / QUANT_SCALES, first = c * PARTS + s * count;
    float lanes = part[first];
    [[unroll]] for (uint i = 1u; i < count; ++i) lanes += part[first + i];
    float all = 0.0;
    FOR(lane, WG) all += subgroupBroadcast(lanes, lane);
    total[c * QUANT_SCALES + s] = all;
  }
}

// The words of a unit of every row that do not belong to a quad.
void load_rest(uint unit) {
#if CODE_BITS == 6 || CODE_BITS == 2
  FOR(r, ALL_ROWS) {
    const uint base = quant_base[r / 2u] + unit * QUANT_WORDS * kRowInterleave;
    const uvec2 two = last_two_words(r / 2u, r % 2u, base, QUANT_WORDS / 4u);
    rest[2u * r] = two.x;
    rest[2u * r + 1u] = two.y;
  }
#elif CODE_BITS == 5 || CODE_BITS == 1
  FOR(pair, ALL_ROWS / 2u) {
    const uint base = quant_base[pair] + unit * QUANT_WORDS * kRowInterleave;
    const uvec2 both = last_words(pair, base, QUANT_WORDS / 4u);
    rest[2u * pair] = both.x;
    rest[2u * pair + 1u] = both.y;
  }
#elif CODE_BITS == 3
  FOR(pair, ALL_ROWS / 2u) FOR(i, 3u) {
    const uvec2 two = of_six_words(pair, quant_base[pair] + unit * QUANT_WORDS * kRowInterleave, i);
    rest[6u * pair + 2u * i] = two.x;
    rest[6u * pair + 2u * i + 1u] = two.y;
  }
#endif
}

void add_unit(uint unit, uint cols) {
  prefetch(unit + AHEAD);
  load_x(unit, cols);
  float dots[ALL_ROWS * COLS * QUANT_SCALES];
  FOR(i, ALL_ROWS * COLS * QUANT_SCALES) dots[i] = 0.0;
  load_rest(unit);
  FOR(step, 4u / STEP_PAIRS) {
#if HAS_QUADS
    uint words[ALL_ROWS * STEP_WORDS];
    FOR(r, ALL_ROWS) FOR(i, STEP_WORDS / 2u) {
      const uint base = quant_base[r / 2u] + unit * QUANT_WORDS * kRowInterleave;
      const uvec2 two = quad_words(r / 2u, r % 2u, base, step_word(step, i));
      words[r * STEP_WORDS + 2u * i] = two.x;
      words[r * STEP_WORDS + 2u * i + 1u] = two.y;
    }
#endif
    FOR(pair, STEP_PAIRS) {
      const uint j = step * STEP_PAIRS + pair;
      UnitPair w[ALL_ROWS];
      FOR(r, ALL_ROWS) {
        uint used[PAIR_WORDS];
#if HAS_QUADS
        FOR(i, QUAD_WORDS) used[i] = words[r * STEP_WORDS + pair_word(pair, i)];
#endif
        FOR(i, QUANT_WORDS % 4u) used[QUAD_WORDS + i] = rest[r * REST + i];
        w[r] = unit_quants(used, j);
      }
      FOR(c, cols) FOR(i, 4u) {
        const float lo = X_AT(c, 4u * j + i), hi = X_AT(c, 16u + 4u * j + i);
        FOR(r, ALL_ROWS) {
          const uint at = (r * COLS + c) * QUANT_SCALES, at_hi = at + QUANT_SCALES - 1u;
          dots[at] = fma(w[r].lo[i], lo, dots[at]);
          dots[at_hi] = fma(w[r].hi[i], hi, dots[at_hi]);
        }
      }
    }
  }
  FOR(r, ALL_ROWS) {
#if SCALE_WORDS
    uint used[SCALE_WORDS];
    FOR(i, SCALE_WORDS) used[i] = scale_words[r * SCALE_WORDS + i];
    const UnitScale scale = quant_scale(used, unit % SCALE_UNITS);
#else
    const UnitScale scale = UnitScale(1.0, 1.0, 0.0, 0.0);
#endif
    FOR(c, cols) {
      const uint at = (r * COLS + c) * QUANT_SCALES;
      float value = sum[r * COLS + c];
      if (HAS_OFFSET) value = fma(scale.m_lo, total[c * QUANT_SCALES], value);
      if (HAS_OFFSET && QUANT_SCALES == 2u) value = fma(scale.m_hi, total[c * QUANT_SCALES + 1u], value);
      value = fma(scale.d_lo, dots[at], value);
      if (QUANT_SCALES == 2u) value = fma(scale.d_hi, dots[at + 1u], value);
      sum[r * COLS + c] = value;
    }
  }
}

void compute(uint first_col, uint cols) {
  begin(first_col, cols);
  for (uint unit = 0u; unit < min(AHEAD, p.units); ++unit) prefetch(unit);
  for (uint first = 0u; first < p.units; first += UNROLL) {
#if SCALE_WORDS
    if (UNROLL == SCALE_UNITS || first % SCALE_UNITS == 0u)
      FOR(pair, ALL_ROWS / 2u) load_scales(pair, first / SCALE_UNITS);
#endif
    FOR(i, UNROLL) add_unit(first + i, cols);
  }
  if (p.units == 0u) sum[0] = float(uint(fetched));  // never; keeps the compiler from removing the loads
  FOR(c, cols) store_column(c, y_row(first_col, c));
}
