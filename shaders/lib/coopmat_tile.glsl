// Tiles of f16 in shared memory for cooperative matrices. A row of a tile is one unit of 32 values along K as 8
// f16vec4, and two more of padding, so that the 8 rows of 16 bytes that a matrix is loaded by come from all 32 banks.
// After lib/matmul_output.glsl and lib/dequant.glsl; the including shader has BUFFERS, the number of tiles of weights.
const uint TILE_STRIDE = 10u;  // of rows, in f16vec4

// Weights beyond the range of f16 (there are none in trained models) become its largest; only f32 and bf16 can hold
// them without being scaled blocks.
f16vec4 to_f16(vec4 v) {
#if WEIGHT_TYPE == 0 || WEIGHT_TYPE == 2
  v = clamp(v, vec4(-65504.0), vec4(65504.0));
#endif
  return f16vec4(v);
}

const uint W_TILE = TILE_ROWS * TILE_STRIDE;
shared f16vec4 w_tile[BUFFERS * W_TILE];

void stage_weights(uint unit, uint part) {
  for (uint task = gl_LocalInvocationID.x; task < TILE_ROWS * 2u; task += WG) {
    const uint r = task / 16u * 8u + task % 8u, j = task / 8u % 2u * 2u;
    const uint row = weight_row(r);
    const UnitScale scale = UNIT_SCALE(weights, p.scale_offset, row, p.units, unit);
    const uvec2 base = unit_base(p.quant_offset, row, p.units, unit);
    for (uint i = 0u; i < 2u; ++i) {
      const UnitPair w = UNIT_PAIR(weights, base, (j + i), scale);
      w_tile[part * W_TILE + r * TILE_STRIDE + j + i] = to_f16(w.lo);
      w_tile[part * W_TILE + r * TILE_STRIDE + 4u + j + i] = to_f16(w.hi);
    }
  }
}
