#include "kernels/recurrence.h"

#include "kernels/device_policy.h"
#include "shared/recurrence.h"
#include "shared/short_conv.h"

namespace pumice {
namespace {

// Lanes that share a column of the state, so that its keys fit their registers.
uint32_t lanes_of_column(const vk::DeviceCaps& caps, uint32_t key_dim) {
  constexpr uint32_t kKeysOfLane = 32;  // and no spills with any compiler of the matrix
  uint32_t lanes = 1;
  while (!device_policy(caps).matvec_only && key_dim % (2 * lanes) == 0 && key_dim / lanes > kKeysOfLane) lanes *= 2;
  return lanes;
}

}  // namespace

uint32_t recurrence_chunk(const vk::DeviceCaps& caps, const RecurrenceArgs& args) {
  const uint32_t lanes = lanes_of_column(caps, args.key_dim);
  if (args.exact || !args.one_sequence || device_policy(caps).matvec_only) return 1;
  uint32_t rows = kRecurrenceMostChunk;
  const uint32_t of_row = 2 * (args.key_dim + 1) + kRecurrenceColumns * (lanes + 1) + 5;  // floats
  const auto bytes = [&] { return 4 * rows * (of_row + 2 * rows); };
  while (rows > 1 && bytes() > caps.max_shared_bytes) rows /= 2;
  return args.n < rows ? 1 : rows;
}

bool takes_key_dim(uint32_t key_dim) { return key_dim > 0 && key_dim <= kRecurrenceMostKeys; }

void recurrence(Recorder recorder, const RecurrenceArgs& args) {
  const RecurrencePush push{.n = args.n,
                            .heads = args.heads,
                            .key_heads = args.key_heads,
                            .value_dim = args.value_dim,
                            .tiled = args.tiled ? 1u : 0u,
                            .x_stride = args.x.stride,
                            .gates_stride = args.gates.stride,
                            .y_stride = args.y.stride,
                            .q_first = args.columns.q,
                            .k_first = args.columns.k,
                            .v_first = args.columns.v,
                            .decay_first = args.columns.decay,
                            .strength_first = args.columns.strength,
                            .state_first = args.state_first,
                            .state_stride = args.states.stride,
                            .one_sequence = args.one_sequence ? 1u : 0u,
                            .snapshot_after = {args.states.snapshots.after[0], args.states.snapshots.after[1]},
                            .snapshot = {args.states.snapshots.place[0], args.states.snapshots.place[1]},
                            .eps = args.eps};
  const vk::BufferView bindings[kRecurrenceBindings] = {
      args.x.view,    args.gates.view,  args.of_heads,
      args.step_rows, args.states.view, args.y.columns(0, args.heads * args.value_dim)};
  const uint32_t lanes = lanes_of_column(recorder.kernels.caps(), args.key_dim);
  const uint32_t chunk = recurrence_chunk(recorder.kernels.caps(), args);
  const uint32_t constants[kRecurrenceChunkConstants] = {kRecurrenceColumns * lanes, static_cast<uint32_t>(args.rule),
                                                         args.key_dim, chunk};
  const uint32_t sequences = args.one_sequence ? 1 : args.n;
  const double state = static_cast<double>(args.heads) * args.key_dim * args.value_dim;
  record(recorder,
         {.shader = chunk > 1 ? ShaderKernel::kRecurrenceChunks : ShaderKernel::kRecurrence,
          .constants = std::span(constants).first(chunk > 1 ? kRecurrenceChunkConstants : kRecurrenceConstants),
          .push = push_bytes(push),
          .bindings = bindings,
          .groups = {divide_up(args.value_dim, kRecurrenceColumns), args.heads, sequences},
          .cost = {.bytes = 8.0 * state * sequences + 4.0 * args.n * args.x.stride, .flops = 8.0 * state * args.n}});
}

}  // namespace pumice
