// What the recurrence kernels share: buffers, and the column of a head's state that PARTS lanes have in registers, each
// every PARTS-th of its keys. After the including shader's constants: WG, RULE, KEYS.
#include "shared/recurrence.h"
#include "shared/step_params.h"
const uint PARTS = WG / kRecurrenceColumns, MINE = KEYS / PARTS;

layout(push_constant) uniform Push { RecurrencePush p; };
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) readonly buffer Gates { float gates[]; };
layout(binding = 2) readonly buffer Heads { vec4 heads[]; };
layout(binding = 3) readonly buffer StepRows { StepRow step_rows[]; };
layout(binding = 4) buffer States { float states[]; };
layout(binding = 5) writeonly buffer Y { float y[]; };

float state[MINE];  // of this lane's keys

uint column() { return gl_WorkGroupID.x * kRecurrenceColumns + gl_LocalInvocationID.x % kRecurrenceColumns; }
uint part() { return gl_LocalInvocationID.x / kRecurrenceColumns; }
uint head() { return gl_WorkGroupID.y; }
bool has_column() { return column() < p.value_dim; }

// Where the keys and the queries of a row begin in x.
uint key_head() { return p.tiled != 0u ? head() % p.key_heads : head() * p.key_heads / p.heads; }
uint keys_at(uint row) { return row * p.x_stride + p.k_first + key_head() * KEYS; }
uint queries_at(uint row) { return row * p.x_stride + p.q_first + key_head() * KEYS; }
float value_of(uint row) {
  return has_column() ? x[row * p.x_stride + p.v_first + head() * p.value_dim + column()] : 0.0;
}
void give(uint row, float result) {
  if (has_column()) y[row * p.y_stride + head() * p.value_dim + column()] = result;
}

uint state_at(uint place, uint i) {
  return place * p.state_stride + p.state_first + (head() * KEYS + i * PARTS + part()) * p.value_dim + column();
}
void load_state(StepRow sequence) {
  for (uint i = 0u; i < MINE; ++i)
    state[i] = sequence.position != 0u && has_column() ? states[state_at(sequence.slot, i)] : 0.0;
}
void keep_state(uint place) {
  if (has_column()) for (uint i = 0u; i < MINE; ++i) states[state_at(place, i)] = state[i];
}
void keep_snapshots(uint row) {
  for (uint s = 0u; s < kMostSnapshots; ++s)
    if (row == p.snapshot_after[s]) keep_state(p.snapshot[s]);
}

float softplus(float v) { return v > 20.0 ? v : log(1.0 + exp(v)); }
// How long a row's step is (Mamba 2), and the logarithm of what it leaves of the state.
float step_of(uint row) { return softplus(gates[row * p.gates_stride + p.decay_first + head()] + heads[head()].x); }
float log_decay(float step) { return heads[head()].y * step; }
float strength_of(uint row) { return 1.0 / (1.0 + exp(-gates[row * p.gates_stride + p.strength_first + head()])); }
float by_length(float squares) { return 1.0 / max(sqrt(squares), p.eps); }
