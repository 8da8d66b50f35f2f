#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "lib/reduce.glsl"
#include "lib/dequant.glsl"
#include "lib/quants.glsl"
#include "lib/addresses.glsl"
#include "lib/numerics.glsl"
#include "shared/matvec.h"

// As matvec_lanes.comp, by address: a lane has a row of each of ROWS groups of 8. A row's sum is made of the same
// operations in the same order whatever ROWS, COLS and p.n are.
layout(constant_id = 1) const uint ROWS = 2u;  // a lane
layout(constant_id = 2) const uint COLS = 1u;  // a workgroup, at most
layout(constant_id = 3) const uint FLAGS = 0u;

layout(push_constant) uniform Push { MatvecPush p; };
layout(binding = 0) readonly buffer Weights { uint weights[]; };
layout(binding = 1) readonly buffer UpWeights { uint up_weights[]; };
layout(binding = 2) readonly buffer X { float x[]; };
layout(binding = 3) readonly buffer NormWeight { float norm_weight[]; };
layout(binding = 4) readonly buffer Bias { float bias[]; };
layout(binding = 5) buffer Y { float y[]; };
layout(binding = 6) readonly buffer Choices { uvec2 choices[]; };
layout(binding = 6) readonly buffer Tiles { uint tiles[]; };

const bool NORM = (FLAGS & kMatvecNorm) != 0u, GATED = (FLAGS & kMatvecGated) != 0u;
const bool TAIL = (FLAGS & kMatvecTail) != 0u, UNEVEN = (FLAGS & kMatvecUneven) != 0u;
const bool CHOSEN = (FLAGS & kMatvecChosen) != 0u, HEADS = (FLAGS & kMatvecHeads) != 0u;
const bool TILED = CHOSEN && COLS > 1u;
// With a gate, rows ROWS to 2 ROWS - 1 of a lane are those of the second matrix.
const uint ALL_ROWS = GATED ? 2u * ROWS : ROWS;
// x is loaded a register at a time, for its norm or its sums, and handed to all lanes from there.
const bool X_IN_LANES = NORM || HAS_OFFSET;

uint expert_row = 0u;  // the first of the chosen expert
float sum[ALL_ROWS * COLS], squares[COLS];
uint64_t quants_at[ALL_ROWS], scales_at[ALL_ROWS], x_at[COLS];
float part[COLS * 4u], total[COLS * QUANT_SCALES];  // of the unit at hand: x, and its sums over what shares a scale

uint row_of(uint r) { return (gl_WorkGroupID.y * ROWS + r) * kRowInterleave + LANE; }

// The row of y of a column of this workgroup; beyond the last where it has none.
uint y_row(uint first_col, uint c) { return TILED ? tiles[gl_WorkGroupID.x * (1u + COLS) + 1u + c] : first_col + c; }

// Where the x of a column begins, and its y.
uint x_start(uint col) {
  if (HEADS) return col / p.share * p.x_stride + p.x_first + col % p.share * p.x_head;
  return (CHOSEN ? col / p.share : col) * p.x_stride;
}
uint y_start(uint col) {
  return (HEADS ? col / p.share * p.y_stride + col % p.share * p.y_head : col * p.y_stride) + p.y_offset;
}

void begin(uint first_col, uint cols) {
  FOR(i, ALL_ROWS) {
    const bool up = i >= ROWS;
    const uint last = (p.rows - 1u) / kRowInterleave;
    const uint group = expert_row / kRowInterleave + min(gl_WorkGroupID.y * ROWS + i % ROWS, last);
    const uint64_t base = packUint2x32(up ? p.up_address : p.w_address);
    const uint quants = group * p.units * QUANT_WORDS, scales = group * RECORDS(p.units) * SCALE_WORDS;
    quants_at[i] = base + 4ul * ((up ? p.up_quant_offset : p.quant_offset) + quants * kRowInterleave);
    scales_at[i] = base + 4ul * ((up ? p.up_scale_offset : p.scale_offset) + scales * kRowInterleave);
  }
  FOR(i, ALL_ROWS * COLS) sum[i] = 0.0;
  FOR(c, cols) {
    const uint row = TILED ? min(y_row(first_col, c), p.n - 1u) : first_col + c;
    x_at[c] = packUint2x32(p.x_address) + 4ul * x_start(row);
    squares[c] = 0.0;
  }
}

float over_lanes(float value) {
  float all = 0.0;
  FOR(lane, 8u) all += subgroupBroadcast(value, lane);
  return all;
}

// Of the 8 values from k on that of a lane; no load goes beyond the row.
float lane_value(uint64_t at, uint k) {
  LANES_OF(value, constant_at(at, TAIL ? min(k + lane, p.cols - 1u) : k + lane))
  return !TAIL || k + LANE < p.cols ? value : 0.0;
}

void load_x(uint first, uint cols) {
  if (!X_IN_LANES) return;
  FOR(i, 4u) {
    const float weight = NORM ? lane_value(packUint2x32(p.norm_address), first + 8u * i) : 1.0;
    FOR(c, cols) {
      const float value = lane_value(x_at[c], first + 8u * i);
      if (NORM) squares[c] = fma(value, value, squares[c]);
      part[c * 4u + i] = NORM ? value * weight : value;
    }
  }
  if (HAS_OFFSET) FOR(c, cols) FOR(s, QUANT_SCALES) {
    const uint from = c * 4u + 2u * s;
    total[c * QUANT_SCALES + s] =
        over_lanes(QUANT_SCALES == 2u ? part[from] + part[from + 1u]
                                      : part[c * 4u] + part[c * 4u + 1u] + part[c * 4u + 2u] + part[c * 4u + 3u]);
  }
}

float x_of(uint c, uint first, uint k) {
  if (X_IN_LANES) return subgroupBroadcast(part[c * 4u + k / 8u], k % 8u);
  const float value = constant_at(x_at[c], TAIL ? min(first + k, p.cols - 1u) : first + k);
  return !TAIL || first + k < p.cols ? value : 0.0;
}

void add_unit(uint unit, uint cols) {
  const uint first = unit * kUnitValues;
  load_x(first, cols);
  float dots[ALL_ROWS * COLS * QUANT_SCALES];
  FOR(i, ALL_ROWS * COLS * QUANT_SCALES) dots[i] = 0.0;
  uint words[ALL_ROWS * QUANT_WORDS];
  FOR(r, ALL_ROWS) FOR(w, QUANT_WORDS)
    words[r * QUANT_WORDS + w] =
        record_word(quants_at[r] + 4ul * (unit * QUANT_WORDS * kRowInterleave), QUANT_WORDS, w);
  FOR(j, 4u) {
    UnitPair w[ALL_ROWS];
    FOR(r, ALL_ROWS) {
      uint own[QUANT_WORDS];
      FOR(i, QUANT_WORDS) own[i] = words[r * QUANT_WORDS + i];
      w[r] = unit_quants(pair_words(own, j), j);
    }
    FOR(i, 4u) FOR(c, cols) {
      const float lo = x_of(c, first, 4u * j + i), hi = x_of(c, first, 16u + 4u * j + i);
      FOR(r, ALL_ROWS) {
        const uint at = (r * COLS + c) * QUANT_SCALES, at_hi = at + QUANT_SCALES - 1u;
        dots[at] = fma(w[r].lo[i], lo, dots[at]);
        dots[at_hi] = fma(w[r].hi[i], hi, dots[at_hi]);
      }
    }
  }
  FOR(r, ALL_ROWS) {
    const UnitScale s = scale_of(scales_at[r], unit);
    FOR(c, cols) {
      const uint at = (r * COLS + c) * QUANT_SCALES;
      float value = sum[r * COLS + c];
      if (HAS_OFFSET) value = fma(s.m_lo, total[c * QUANT_SCALES], value);
      if (HAS_OFFSET && QUANT_SCALES == 2u) value = fma(s.m_hi, total[c * QUANT_SCALES + 1u], value);
      value = fma(s.d_lo, dots[at], value);
      if (QUANT_SCALES == 2u) value = fma(s.d_hi, dots[at + 1u], value);
      sum[r * COLS + c] = value;
    }
  }
}

void store_column(uint c, uint col) {
  const float factor = NORM ? p.factor * inversesqrt(over_lanes(squares[c]) / float(p.cols) + p.eps) : p.factor;
  FOR(r, ROWS) {
    const uint row = row_of(r);
    float value = sum[r * COLS + c] * factor;
    if ((FLAGS & kMatvecBias) != 0u) value += bias[p.bias_offset + expert_row + min(row, p.rows - 1u)];
    if (GATED) {
      const float up_value = sum[(ALL_ROWS - ROWS + r) * COLS + c] * factor;
      value = ((FLAGS & kMatvecGelu) != 0u ? gelu(value) : silu(value)) * up_value;
    }
    if (row < p.rows && (!TILED || col < p.n)) {
      const uint to = y_start(col) + row;
      y[to] = (FLAGS & kMatvecAccumulate) != 0u ? y[to] + value : value;
    }
  }
}

// The rows of this workgroup for columns first_col to first_col + cols - 1; `cols` is a constant wherever this is
// called.
void compute(uint first_col, uint cols) {
  begin(first_col, cols);
  for (uint unit = 0u; unit < p.units; ++unit) add_unit(unit, cols);
  FOR(c, cols) store_column(c, y_row(first_col, c));
}

void main() {
  // Groups of columns whose sizes differ by one at most.
  const uint first_col = gl_WorkGroupID.x * p.n / gl_NumWorkGroups.x;
  const uint end_col = (gl_WorkGroupID.x + 1u) * p.n / gl_NumWorkGroups.x;
  if (CHOSEN) {
    const uint chosen = TILED   ? tiles[gl_WorkGroupID.x * (1u + COLS)]
                        : HEADS ? first_col % p.share
                                : choices[first_col].x;
    const uint expert = chosen - p.first_expert;  // wraps below the slab, and then is beyond it
    if (expert >= p.experts) return;
    expert_row = expert * p.rows;
  }
  if (!UNEVEN || TILED || end_col - first_col == COLS)
    compute(first_col, COLS);
  else
    compute(first_col, COLS - 1u);
}
