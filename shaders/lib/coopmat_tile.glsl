// Tiles of f16 in shared memory for cooperative matrices. A row of a tile is one unit of 32 values along K, 8 in a
// uvec4, and one uvec4 of padding, so that the 8 rows of 16 bytes that a matrix is loaded by come from all 32 banks.
// Weights are loaded as they are stored, which a kernel does while it multiplies the unit before, and decoded when they
// are staged. After lib/matmul_output.glsl, lib/dequant.glsl and lib/half_unit.glsl; the including shader has
// TILE_LINES: rows of shared memory, TILE_ROWS for the weights first; and KEEP_ROWS.
const uint TILE_STRIDE = 5u;  // of rows, in uvec4

shared uvec4 tile[TILE_LINES * TILE_STRIDE];

// A task is half a unit of a row; WG is a multiple of 16.
const uint W_TASKS = TILE_ROWS * 2u, W_EACH = (W_TASKS + WG - 1u) / WG;
uint w_task(uint i) { return gl_LocalInvocationIndex + i * WG; }
uint w_row(uint i) { return gl_LocalInvocationIndex / 16u * 8u + gl_LocalInvocationIndex % 8u + i * WG / 2u; }
uint w_half() { return gl_LocalInvocationIndex / 8u % 2u; }
bool w_mine(uint i) { return W_TASKS % WG == 0u || w_task(i) < W_TASKS; }

HalfUnit w_loaded[W_EACH];
uint w_kept[W_EACH];  // KEEP_ROWS: weight_row(w_row(i))

void load_weights(uint unit) {
  [[unroll]] for (uint i = 0u; i < W_EACH; ++i)
    if (w_mine(i)) {
      const uint row = KEEP_ROWS ? w_kept[i] : weight_row(w_row(i));
      const uvec2 base = unit_base(p.quant_offset, row, p.units, unit);
      w_loaded[i] = HalfUnit(HALF_QUANTS(weights, weight_quads, base, w_half()),
                             SCALE_RECORD_WIDE(weights, weight_quads, p.scale_offset, row, p.units, unit));
    }
}

// Weights beyond the range of f16 (there are none in trained models) become its largest; only bf16 can hold them
// without being scaled blocks.
uvec2 to_f16(vec4 v) {
#if WEIGHT_TYPE == 2
  v = clamp(v, vec4(-65504.0), vec4(65504.0));
#endif
  return uvec2(packFloat2x16(f16vec2(v.xy)), packFloat2x16(f16vec2(v.zw)));
}

void stage_weights(uint unit) {
  [[unroll]] for (uint i = 0u; i < W_EACH; ++i)
    if (w_mine(i)) {
      const uint to = w_row(i) * TILE_STRIDE + w_half();
#if WEIGHT_TYPE == 1
      tile[to] = w_loaded[i].quants[0];
      tile[to + 2u] = w_loaded[i].quants[1];
#else
      const UnitScale scale = unit_scale(w_loaded[i].scale, unit);
      uvec2 lo[2], hi[2];  // packed before the next pair is decoded: 96 registers instead of 112 on Ada
      [[unroll]] for (uint j = 0u; j < 2u; ++j) {
        const UnitPair pair = half_unit_pair(w_loaded[i], w_half(), j, scale);
        lo[j] = to_f16(pair.lo);
        hi[j] = to_f16(pair.hi);
      }
      tile[to] = uvec4(lo[0], lo[1]);
      tile[to + 2u] = uvec4(hi[0], hi[1]);
#endif
    }
}
