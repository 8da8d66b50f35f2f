#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
// Prompts, CHUNK rows at a time, so that the lanes of a column wait for each other a few times a chunk and
// not twice a row. With the state S before a chunk, L the sum of the log decays since then, and d what a row adds along
// its key k (its length taken into d by `by_k`):
//   d_t = beta_t (v_t - by_k_t (e^L_t S^T k_t + sum_{s<t} e^(L_t - L_s) (k_s . k_t) by_k_s d_s))
//   y_t = by_q_t (e^L_t S^T q_t + sum_{s<=t} e^(L_t - L_s) (k_s . q_t) by_k_s d_s)
//   S  <- e^L_end S + sum_t e^(L_end - L_t) by_k_t k_t d_t^T
// and of Mamba 2 d_t = t v_t without lengths, y with its skip. Chunks end where positions are multiples of their length
// and where a snapshot is taken.
// Source: Yang, Wang, Zhang, Shen and Kim 2024 (delta rule over sequence length); Dao and Gu 2024 (Mamba 2).
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 128u;
layout(constant_id = 1) const uint RULE = 0u;
layout(constant_id = 2) const uint KEYS = 128u;
layout(constant_id = 3) const uint CHUNK = 16u;
#include "lib/recurrence.glsl"

const uint STRIDE = KEYS + 1u;  // rows next to each other begin in other banks

shared float keys[CHUNK * STRIDE], queries[CHUNK * STRIDE];
shared float parts[CHUNK * WG];                            // of S^T k, then of S^T q: (row, lane)
shared float key_products[CHUNK * CHUNK];                  // e^(L_t - L_s) k_s . k_t: (t, s)
shared float query_products[CHUNK * CHUNK];                // e^(L_t - L_s) k_s . q_t
shared float changes[CHUNK * kRecurrenceColumns];          // by_k d: (row, column)
shared float steps[CHUNK], decays[CHUNK], key_scales[CHUNK], query_scales[CHUNK], strengths[CHUNK];  // decays: L

// The rows from `row` on that are one chunk's.
uint rows_of_chunk(uint row, uint position) {
  uint rows = min(CHUNK - position % CHUNK, p.n - row);
  for (uint s = 0u; s < kMostSnapshots; ++s) {
    const uint after = p.snapshot_after[s];
    if (after >= row && after < row + rows) rows = after - row + 1u;
  }
  return rows;
}

void stage(uint first, uint rows, uint lane) {
  for (uint i = lane; i < rows * KEYS; i += WG) {
    const uint row = i / KEYS, at = i % KEYS;
    keys[row * STRIDE + at] = x[keys_at(first + row) + at];
    queries[row * STRIDE + at] = x[queries_at(first + row) + at];
  }
  if (lane < rows) {
    const float step = step_of(first + lane);
    steps[lane] = step;
    strengths[lane] = RULE == kRecurrenceDelta ? strength_of(first + lane) : 0.0;
  }
}

// L and the lengths, by a lane for each row.
void scale_rows(uint rows, uint lane) {
  if (lane >= rows) return;
  float sum = 0.0, squares = 0.0, query_squares = 0.0;
  for (uint s = 0u; s <= lane; ++s) sum += log_decay(steps[s]);
  decays[lane] = sum;
  if (RULE == kRecurrenceMamba) {
    key_scales[lane] = query_scales[lane] = 1.0;
    return;
  }
  for (uint i = 0u; i < KEYS; ++i) {
    const float k = keys[lane * STRIDE + i], q = queries[lane * STRIDE + i];
    squares = fma(k, k, squares);
    query_squares = fma(q, q, query_squares);
  }
  key_scales[lane] = by_length(squares);
  query_scales[lane] = by_length(query_squares) / sqrt(float(KEYS));
}

void multiply_rows(uint rows, uint lane) {
  for (uint i = lane; i < rows * rows; i += WG) {
    const uint t = i / rows, s = i % rows;
    if (s > t) continue;
    float decay = 0.0, kk = 0.0, kq = 0.0;
    for (uint r = s + 1u; r <= t; ++r) decay += log_decay(steps[r]);
    for (uint at = 0u; at < KEYS; ++at) {
      const float k = keys[s * STRIDE + at];
      kk = fma(k, keys[t * STRIDE + at], kk);
      kq = fma(k, queries[t * STRIDE + at], kq);
    }
    key_products[t * CHUNK + s] = exp(decay) * kk;
    query_products[t * CHUNK + s] = exp(decay) * kq;
  }
}

// S^T k, or S^T q, of each row; whole() adds what the lanes of a column have.
#define SUM_PARTS(staged) \
  [[dont_unroll]] for (uint t = 0u; t < rows; ++t) { \
    float sum = 0.0; \
    for (uint i = 0u; i < MINE; ++i) \
      sum = fma(state[i], staged[t * STRIDE + i * PARTS + part()], sum); \
    parts[t * WG + lane] = sum; \
  }
float whole(uint t, uint lane) {
  float sum = 0.0;
  for (uint i = 0u; i < PARTS; ++i) sum += parts[t * WG + i * kRecurrenceColumns + lane % kRecurrenceColumns];
  return sum;
}

// d of each row of a column, by one of its lanes.
void solve(uint first, uint rows, uint lane) {
  for (uint t = 0u; t < rows; ++t) {
    const float v = value_of(first + t);
    float change = steps[t] * v;
    if (RULE == kRecurrenceDelta) {
      float read = exp(decays[t]) * whole(t, lane);
      for (uint s = 0u; s < t; ++s)
        read = fma(key_products[t * CHUNK + s], changes[s * kRecurrenceColumns + lane], read);
      change = key_scales[t] * strengths[t] * (v - key_scales[t] * read);
    }
    changes[t * kRecurrenceColumns + lane] = change;
  }
}

void read_rows(uint first, uint rows, uint lane) {
  for (uint t = part(); t < rows; t += PARTS) {
    float read = exp(decays[t]) * whole(t, lane);
    for (uint s = 0u; s <= t; ++s)
      read = fma(query_products[t * CHUNK + s], changes[s * kRecurrenceColumns + lane % kRecurrenceColumns], read);
    if (RULE == kRecurrenceMamba) read = fma(heads[head()].z, value_of(first + t), read);
    give(first + t, query_scales[t] * read);
  }
}

void change_state(uint rows, uint lane) {
  const float end = decays[rows - 1u];
  for (uint i = 0u; i < MINE; ++i) state[i] *= exp(end);
  [[dont_unroll]] for (uint t = 0u; t < rows; ++t) {
    const float change = exp(end - decays[t]) * changes[t * kRecurrenceColumns + lane % kRecurrenceColumns];
    for (uint i = 0u; i < MINE; ++i) state[i] = fma(keys[t * STRIDE + i * PARTS + part()], change, state[i]);
  }
}

void main() {
  const uint lane = gl_LocalInvocationID.x;
  const StepRow sequence = step_rows[0];
  load_state(sequence);
  uint rows;
  for (uint first = 0u; first < p.n; first += rows) {
    rows = rows_of_chunk(first, sequence.position + first);
    stage(first, rows, lane);
    barrier();
    scale_rows(rows, lane);
    multiply_rows(rows, lane);
    if (RULE == kRecurrenceDelta) SUM_PARTS(keys)
    barrier();
    if (part() == 0u) solve(first, rows, lane);
    barrier();
    SUM_PARTS(queries)
    barrier();
    read_rows(first, rows, lane);
    change_state(rows, lane);
    keep_snapshots(first + rows - 1u);
    barrier();
  }
  if (sequence.live != 0u) keep_state(sequence.slot);
}
