#version 450
#extension GL_GOOGLE_include_directive : require
// Row by row, for decode and wherever the same text has to give the same bits however it is cut into steps. A workgroup
// takes some columns of one head's state. One lane a column waits for nobody, as software drivers like it.
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 128u;
layout(constant_id = 1) const uint RULE = 0u;
layout(constant_id = 2) const uint KEYS = 128u;
#include "lib/recurrence.glsl"

// What the lanes of a column sum up: with the state's column S and the row's k and q.
struct Sums {
  float sk, sq, kk, qq, kq;
};

shared float staged[2 * (PARTS > 1u ? KEYS : 1u) * 2];  // k and q of a row, of two rows in turn
shared Sums parts[PARTS > 1u ? WG : 1u];

// One lane a column reads keys and queries from x, others from shared memory.
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

Sums sum_up(KeyRow row, uint lane) {
  Sums sums = Sums(0.0, 0.0, 0.0, 0.0, 0.0);
  for (uint i = 0u; i < MINE; ++i) {
    const float k = key(row, i * PARTS + part()), q = query(row, i * PARTS + part());
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

Update update_of(Sums sums, uint row) {
  const float v = value_of(row), step = step_of(row), decay = exp(log_decay(step));
  if (RULE == kRecurrenceMamba)
    return Update(decay, 1.0, step * v, decay * sums.sq + sums.kq * (step * v) + heads[head()].z * v);
  const float by_k = by_length(sums.kk), by_q = by_length(sums.qq) / sqrt(float(KEYS));
  const float change = strength_of(row) * (v - decay * sums.sk * by_k);
  return Update(decay, by_k, change, by_q * (decay * sums.sq + by_k * sums.kq * change));
}

void main() {
  const uint lane = gl_LocalInvocationID.x, first = gl_WorkGroupID.z, rows = p.one_sequence != 0u ? p.n : 1u;
  const StepRow sequence = step_rows[first];
  load_state(sequence);
  for (uint row = first; row < first + rows; ++row) {
    const KeyRow keys = KeyRow(keys_at(row), queries_at(row), (row & 1u) * 2u * KEYS);
    stage_row(keys, lane);
    const Update update = update_of(sum_up(keys, lane), row);
    for (uint i = 0u; i < MINE; ++i)
      state[i] = fma(update.by_k * key(keys, i * PARTS + part()), update.change, update.decay * state[i]);
    if (part() == 0u) give(row, update.result);
    keep_snapshots(row);
  }
  if (sequence.live != 0u) keep_state(sequence.slot);
}
