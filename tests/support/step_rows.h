// StepRow tables for kernel tests, and what a committed token must change in them. Thread rule: pure functions.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/commit.h"
#include "shared/attention.h"
#include "support/device_fixture.h"

namespace pumice::test {

// One row for each position; `slots` gives them slots of their own, else all are in slot 0.
inline std::vector<StepRow> step_rows_at(const std::vector<uint32_t>& positions, bool slots = false) {
  std::vector<StepRow> rows;
  for (uint32_t i = 0; i < positions.size(); ++i)
    rows.push_back({.token = 0, .position = positions[i], .slot = slots ? i : 0, .live = 1});
  return rows;
}

// The host's copy of everything that a commit reads and writes. Row kSource of kRows is the one whose logits are drawn
// from.
struct CommitState {
  static constexpr uint32_t kRows = 3, kSource = 1, kTarget = 2, kSlots = 4, kSlot = 2, kLogStride = 700;
  std::vector<StepRow> step_rows, next_rows;
  std::vector<uint32_t> token_log, arguments{kRows, 1, 1};
  std::vector<SamplerParams> samplers;

  explicit CommitState(uint32_t position, const SamplerParams& sampler = {}, uint32_t live = 1)
      : step_rows(kRows, {7, 9, 1, 1}),
        next_rows(kRows, {111, 222, 333, 444}),
        token_log(kSlots * kLogStride, 0xabcdef),
        samplers(kSlots) {
    step_rows[kSource] = {5, position, kSlot, live};
    samplers[kSlot] = sampler;
  }

  // What the device must hold after `token` was drawn.
  void commit(uint32_t token) {
    const StepRow& row = step_rows[kSource];
    if (row.live == 0 || row.position + 1 >= kLogStride) return;
    const SamplerParams& sampler = samplers[kSlot];
    bool stop = token == kTokenNotFinite;
    for (uint32_t i = 0; i < sampler.stop_count; ++i) stop = stop || sampler.stop_tokens[i] == token;
    token_log[kSlot * kLogStride + row.position + 1] = token;
    next_rows[kTarget] = {token, row.position + 1, kSlot, stop ? 0u : 1u};
    const uint32_t splits = (row.position + 1) / (kAttentionDecodePages * kPageTokens) + 1;
    arguments[2] = std::max(arguments[2], splits);
  }
};

// A state's buffers on the device. Made by the fixture's buffer(), and gone with its drop_buffers().
struct CommitBuffers {
  vk::BufferView step_rows, next_rows, token_log, arguments, samplers;

  CommitArgs args() const {
    return {.step_rows = step_rows,
            .next_rows = next_rows,
            .token_log = token_log,
            .attention_arguments = arguments,
            .samplers = samplers,
            .source_row = CommitState::kSource,
            .target_row = CommitState::kTarget,
            .log_stride = CommitState::kLogStride};
  }
};

template <typename Upload>
CommitBuffers upload_state(const CommitState& state, Upload&& upload) {
  return {upload(state.step_rows), upload(state.next_rows), upload(state.token_log), upload(state.arguments),
          upload(state.samplers)};
}

inline bool same_rows(const std::vector<StepRow>& a, const std::vector<StepRow>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(StepRow)) == 0;
}

}  // namespace pumice::test
