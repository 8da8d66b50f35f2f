#include "kernels/commit.h"

#include "shared/attention.h"

namespace pumice {

CommitPush commit_push(const CommitArgs& args) {
  return {.source_row = args.source_row,
          .target_row = args.target_row,
          .log_stride = args.log_stride,
          .tokens_per_split = kAttentionDecodePages * kPageTokens};
}

}  // namespace pumice
