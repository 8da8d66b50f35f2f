#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#define FIRST_TILE p.first_tile
#include "lib/matmul_output.glsl"
#include "lib/dequant.glsl"
#include "lib/quants.glsl"
#include "lib/addresses.glsl"

// A workgroup is a vector register of a processor: a lane has a row of each group of 8. First the workgroup's rows of W
// become a panel of floats (k, row), which stays in the core's cache; then for PART_COLS columns after the other, each
// step along K takes a register of every group and a value of every column: as many products as registers hold sums.
layout(binding = 1) readonly buffer X { float x[]; };

const uint GROUPS = TILE_ROWS / kRowInterleave;

uint64_t panel() {
  const uint panel_values = p.units * kUnitValues * TILE_ROWS;
  return packUint2x32(p.partials_address) + 4ul * panel_values * gl_WorkGroupID.y;
}

void put(uint k, uint group, float value) {
  Value(address(panel(), (k * GROUPS + group) * kRowInterleave + LANE)).value = value;
}

float weight(float quant, float d, float m) { return HAS_OFFSET ? fma(quant, d, m) : quant * d; }

void unpack_unit(uint64_t record, UnitScale s, uint k, uint group) {
  uint words[QUANT_WORDS];
  FOR(w, QUANT_WORDS) words[w] = record_word(record, QUANT_WORDS, w);
  FOR(j, 4u) {
    const UnitPair q = unit_quants(pair_words(words, j), j);
    FOR(i, 4u) put(k + 4u * j + i, group, weight(q.lo[i], s.d_lo, s.m_lo));
    FOR(i, 4u) put(k + 16u + 4u * j + i, group, weight(q.hi[i], s.d_hi, s.m_hi));
  }
}

void unpack() {
  const uint64_t base = packUint2x32(p.w_address);
  const uint records = RECORDS(p.units);
  for (uint i = 0u; i < GROUPS; ++i) {
    const uint group = weight_row(i * kRowInterleave) / kRowInterleave;
    const uint64_t quants = base + 4ul * (p.quant_offset + group * p.units * QUANT_WORDS * kRowInterleave);
    const uint64_t scales = base + 4ul * (p.scale_offset + group * records * SCALE_WORDS * kRowInterleave);
    for (uint unit = 0u; unit < p.units; ++unit)
      unpack_unit(quants + 4ul * (unit * QUANT_WORDS * kRowInterleave), scale_of(scales, unit), unit * kUnitValues, i);
  }
}

float sum[PART_COLS * GROUPS];
uint64_t x_at[PART_COLS];

// The next `count` values along K, from `k` on.
void add(uint k, uint count) {
  const uint64_t from = panel() + 4ul * (k * TILE_ROWS);
  FOR(i, count) {
    float w[GROUPS];
    FOR(g, GROUPS) {
      LANES_OF(row, Value(address(from, (i * GROUPS + g) * kRowInterleave + lane)).value)
      w[g] = row;
    }
    FOR(c, PART_COLS) {
      const float value = constant_at(x_at[c], k + i);
      FOR(g, GROUPS) sum[c * GROUPS + g] = fma(w[g], value, sum[c * GROUPS + g]);
    }
  }
}

// Columns from first on, of which those from p.n on are computed in vain.
void multiply(uint first) {
  FOR(c, PART_COLS) x_at[c] = packUint2x32(p.x_address) + 4ul * (min(first + c, p.n - 1u) * p.x_stride);
  FOR(i, PART_COLS * GROUPS) sum[i] = 0.0;
  const uint whole = p.cols / kUnitValues * kUnitValues;
  for (uint k = 0u; k < whole; k += kUnitValues) add(k, kUnitValues);
  if ((FLAGS & kMatmulTail) != 0u)
    for (uint k = whole; k < p.cols; ++k) add(k, 1u);
  FOR(c, PART_COLS) FOR(g, GROUPS) finish(g * kRowInterleave + LANE, first + c, sum[c * GROUPS + g]);
}

void main() {
  unpack();
  memoryBarrierBuffer();  // the lanes of a register wait for nothing else
  for (uint first = 0u; first < p.n; first += PART_COLS) multiply(first);
}
