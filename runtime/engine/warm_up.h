// Warm-up: makes everything that a model's first tokens would otherwise wait for: tuned choices, pipelines, and what a
// driver leaves until a pipeline first runs.
#pragma once

#include "model/autotune.h"
#include "model/model.h"

namespace pumice {

struct WarmUpOptions {
  KvFormat kv;
  bool autotune = true;
  double autotune_seconds = 0;          // 0: autotune_budget()
  uint32_t threads = 0;                 // that make pipelines; 0: one for each core, at most 8
  std::function<void()> tuned;          // called when tuning is over, also when it failed
  std::function<bool(float)> progress;  // the fraction done; true cancels; on the calling thread
};

struct WarmUpSummary {
  uint32_t pipelines = 0;
  AutotuneSummary tuning;
};

// Waits until it is done. Any thread; the model may be used meanwhile.
Result<WarmUpSummary> warm_up(const Model& model, const WarmUpOptions& options);

// What the steps of a model take: decoding, and prompts of `prompts` rows each. Decoding comes first.
RecordList list_steps(const Model& model, const KvFormat& kv, std::span<const uint32_t> prompts);

}  // namespace pumice
