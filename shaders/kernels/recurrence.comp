#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/recurrence.h"
#include "shared/step_params.h"

// A workgroup takes some columns of one head's state, which stay in registers. PARTS lanes share a column: each has
// every PARTS-th of its keys. One lane a column waits for nobody, as software drivers like it.
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 128u;
layout(constant_id = 1) const uint RULE = kRecurrenceDelta;
layout(constant_id = 2) const uint KEYS = 128u;
const uint PARTS = WG / kRecurrenceColumns, MINE = KEYS / PARTS;

layout(push_constant) uniform Push { RecurrencePush p; };
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) readonly buffer Gates { float gates[]; };
layout(binding = 2) readonly buffer Heads { vec4 heads[]; };
layout(binding = 3) readonly buffer StepRows { StepRow step_rows[]; };
layout(binding = 4) buffer States { float states[]; };
layout(binding = 5) writeonly buffer Y { float y[]; };

// What the lanes of a column sum up: with the state's column S and the row's k and q.
struct Sums {
  float sk, sq, kk, qq, kq;
};

shared float staged[2 * (PARTS > 1u ? KEYS : 1u) * 2];  // k and q of a row, of two rows in turn
shared Sums parts[PARTS > 1u ? WG : 1u];

float softplus(float v) { return v > 20.0 ? v : log(1.0 + exp(v)); }

float state[MINE];  // of this lane's keys

uint state_at(uint place, uint i, uint head, uint part, uint col) {
  return place * p.state_stride + p.state_first + (head * KEYS + i * PARTS + part) * p.value_dim + col;
}

void load_state(StepRow sequence, uint head, uint part, uint col) {
  for (uint i = 0u; i < MINE; ++i)
    state[i] = sequence.position != 0u && col < p.value_dim ? states[state_at(sequence.slot, i, head, part, col)] : 0.0;
}

void keep_state(uint place, uint head, uint part, uint col) {
  if (col >= p.value_dim) return;
  for (uint i = 0u; i < MINE; ++i) states[state_at(place, i, head, part, col)] = state[i];
}

// Where a row's keys begin in x, and its queries; one lane a column reads them there, others in shared memory.
struct KeyRow {
  uint k, q, stage;
};
float key(KeyRow row, uint at) { return PARTS > 1u ? staged[row.stage + at] : x[row.k + at]; }
float query(KeyRow row, uint at) { return PARTS > 1u ? staged[row.stage + KEYS + at] : x[row.q + at]; }

void stage_row(KeyRow row, uint lane) {
  if (PARTS == 1u) return;
  for (uint i = lane; i < KEYS; i += WG) {
    staged[row.stage + i] = x[row.k + i];
    staged[row.stage + KEYS + i] = x[row.q + i];
  }
  barrier();
}

Sums sum_up(KeyRow row, uint part, uint lane) {
  Sums sums = Sums(0.0, 0.0, 0.0, 0.0, 0.0);
  for (uint i = 0u; i < MINE; ++i) {
    const float k = key(row, i * PARTS + part), q = query(row, i * PARTS + part);
    sums.sk = fma(state[i], k, sums.sk);
    sums.sq = fma(state[i], q, sums.sq);
    sums.kk = fma(k, k, sums.kk);
    sums.qq = fma(q, q, sums.qq);
    sums.kq = fma(k, q, sums.kq);
  }
  if (PARTS == 1u) return sums;
  parts[lane] = sums;
  barrier();
  sums = Sums(0.0, 0.0, 0.0, 0.0, 0.0);
  for (uint i = 0u; i < PARTS; ++i) {
    const Sums other = parts[i * kRecurrenceColumns + lane % kRecurrenceColumns];
    sums.sk += other.sk;
    sums.sq += other.sq;
    sums.kk += other.kk;
    sums.qq += other.qq;
    sums.kq += other.kq;
  }
  return sums;
}

// What S becomes: decay S + (by_k k) change^T; and what is read from it then.
struct Update {
  float decay, by_k, change, result;
};

Update update_of(Sums sums, uint row, uint head, float v) {
  const vec4 of_head = heads[head];
  const float t = softplus(gates[row * p.gates_stride + p.decay_first + head] + of_head.x);
  const float decay = exp(of_head.y * t);
  if (RULE == kRecurrenceMamba)
    return Update(decay, 1.0, t * v, decay * sums.sq + sums.kq * (t * v) + of_head.z * v);
  const float by_k = 1.0 / max(sqrt(sums.kk), p.eps);
  const float by_q = 1.0 / (max(sqrt(sums.qq), p.eps) * sqrt(float(KEYS)));
  const float beta = 1.0 / (1.0 + exp(-gates[row * p.gates_stride + p.strength_first + head]));
  const float change = beta * (v - decay * sums.sk * by_k);
  return Update(decay, by_k, change, by_q * (decay * sums.sq + by_k * sums.kq * change));
}

void main() {
  const uint lane = gl_LocalInvocationID.x, part = lane / kRecurrenceColumns;
  const uint col = gl_WorkGroupID.x * kRecurrenceColumns + lane % kRecurrenceColumns, head = gl_WorkGroupID.y;
  const uint first = gl_WorkGroupID.z, rows = p.one_sequence != 0u ? p.n : 1u;
  const uint keys_from = (p.tiled != 0u ? head % p.key_heads : head * p.key_heads / p.heads) * KEYS;
  const StepRow sequence = step_rows[first];
  load_state(sequence, head, part, col);
  for (uint row = first; row < first + rows; ++row) {
    const uint from = row * p.x_stride;
    const KeyRow keys = KeyRow(from + p.k_first + keys_from, from + p.q_first + keys_from, (row & 1u) * 2u * KEYS);
    stage_row(keys, lane);
    const Sums sums = sum_up(keys, part, lane);
    float v = 0.0;
    if (col < p.value_dim) v = x[from + p.v_first + head * p.value_dim + col];
    const Update update = update_of(sums, row, head, v);
    for (uint i = 0u; i < MINE; ++i)
      state[i] = fma(update.by_k * key(keys, i * PARTS + part), update.change, update.decay * state[i]);
    if (part == 0u && col < p.value_dim) y[row * p.y_stride + head * p.value_dim + col] = update.result;
    for (uint s = 0u; s < kMostSnapshots; ++s)
      if (row == p.snapshot_after[s]) keep_state(p.snapshot[s], head, part, col);
  }
  if (sequence.live != 0u) keep_state(sequence.slot, head, part, col);
}
