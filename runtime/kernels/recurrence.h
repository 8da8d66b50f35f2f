// recurrence: what each token does to the states of heads, and what it reads from them (shaders/shared/recurrence.h).
#pragma once

#include "kernels/kernels.h"
#include "kernels/states.h"

namespace pumice {

enum class RecurrenceRule : uint32_t { kDelta = 0, kMamba = 1 };  // kRecurrence…

// The first of the columns that hold something.
struct RecurrenceColumns {
  uint32_t q = 0, k = 0, v = 0;      // of x: (key_heads, key_dim) twice, (heads, value_dim)
  uint32_t decay = 0, strength = 0;  // of gates: (heads); strength: delta rule
};

struct RecurrenceArgs {
  RecurrenceRule rule = RecurrenceRule::kDelta;
  FloatRows x, gates;  // (n, …): see columns
  RecurrenceColumns columns;
  vk::BufferView of_heads;  // (heads, 4): dt, a, skip (Mamba 2), nothing
  vk::BufferView step_rows;
  States states;
  uint32_t state_first = 0;  // floats of a sequence's state before those of the heads
  FloatRows y;               // (n, heads * value_dim)
  uint32_t n = 1, heads = 0, key_heads = 0, key_dim = 0, value_dim = 0;
  bool tiled = false;  // key heads are taken in turn; otherwise heads next to each other have the same
  bool one_sequence = true;
  bool exact = true;  // the same bits however the rows are cut into steps
  float eps = 0;
};
void recurrence(Recorder recorder, const RecurrenceArgs& args);

// Rows that a device takes at once (recurrence_chunks), 1 where it goes row by row. Pure.
uint32_t recurrence_chunk(const vk::DeviceCaps& caps, const RecurrenceArgs& args);

bool takes_key_dim(uint32_t key_dim);

}  // namespace pumice
