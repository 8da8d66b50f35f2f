#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "lib/reduce.glsl"
#include "lib/dequant.glsl"
#include "lib/quants.glsl"
#include "lib/addresses.glsl"
#include "lib/numerics.glsl"
#include "shared/matvec.h"
#include "lib/matvec_columns.glsl"

// As matvec_lanes.comp, by address: a lane has a row of each of ROWS groups of 8. A row's sum is made of the same
// operations in the same order whatever ROWS, COLS and p.n are.
layout(binding = 0) readonly buffer Weights { uint weights[]; };
layout(binding = 1) readonly buffer UpWeights { uint up_weights[]; };
layout(binding = 2) readonly buffer X { float x[]; };
layout(binding = 3) readonly buffer NormWeight { float norm_weight[]; };
// x is loaded a register at a time, for its norm or its sums, and handed to all lanes from there.
const bool X_IN_LANES = NORM || HAS_OFFSET;

uint64_t quants_at[ALL_ROWS], scales_at[ALL_ROWS], x_at[COLS];
float part[COLS * 4u], total[COLS * QUANT_SCALES];  // of the unit at hand: x, and its sums over what shares a scale

uint row_of(uint r) { return (gl_WorkGroupID.y * ROWS + r) * kRowInterleave + LANE; }

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

void compute(uint first_col, uint cols) {
  begin(first_col, cols);
  for (uint unit = 0u; unit < p.units; ++unit) add_unit(unit, cols);
  FOR(c, cols) store_column(c, y_row(first_col, c));
}
