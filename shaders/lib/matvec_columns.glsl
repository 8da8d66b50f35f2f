// What matvec_lanes.comp and matvec_addressed.comp share: constants, the buffers that are bound in both, where columns
// lie, and the way of a sum to y. After lib/quants.glsl and lib/numerics.glsl.
layout(constant_id = 1) const uint ROWS = 2u;  // a lane
layout(constant_id = 2) const uint COLS = 1u;  // a workgroup, at most
layout(constant_id = 3) const uint FLAGS = 0u;

layout(push_constant) uniform Push { MatvecPush p; };
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

uint expert_row = 0u;  // the first of the chosen expert
float sum[ALL_ROWS * COLS], squares[COLS];

// Of each shader: row r of a lane, the sum of what the lanes have, and the rows of this workgroup for columns first_col
// to first_col + cols - 1; `cols` is a constant wherever compute is called.
uint row_of(uint r);
float over_lanes(float value);
void compute(uint first_col, uint cols);

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
