// CommitArgs: the device buffers through which a drawn token reaches the next step, and where it is committed to.
#pragma once

#include "kernels/kernels.h"
#include "shared/commit.h"
#include "shared/step_params.h"

namespace pumice {

struct CommitArgs {
  vk::BufferView step_rows;            // StepRow: those from `source_row` on are the tokens whose logits these are
  vk::BufferView next_rows;            // StepRow: those from `target_row` on become the drawn tokens
  vk::BufferView token_log;            // (slots, log_stride) token ids by position
  vk::BufferView attention_arguments;  // three words: group counts of decode attention; the third only grows
  vk::BufferView samplers;             // (slots) SamplerParams
  uint32_t source_row = 0, target_row = 0, log_stride = 0;
};

CommitPush commit_push(const CommitArgs& args);

}  // namespace pumice
