// Sampling: what the device knows of how a sequence's tokens are drawn, and what it has drawn.
//
// Thread rule: that of its context.
#pragma once

#include "engine/request.h"
#include "engine/step_recorder.h"

namespace pumice {

class Sampling {
 public:
  // The recorder outlives it. stop_tokens: ids that end a generation.
  Sampling(StepRecorder& recorder, std::vector<int32_t> stop_tokens)
      : recorder_(recorder), stop_tokens_(std::move(stop_tokens)) {}

  // Before the first step of a request; nothing of its sequence is in flight.
  void begin(Sequence& sequence, const GenerationParams& params);
  // The same on another device for a request that goes on.
  void go_on(const Sequence& sequence, const GenerationParams& params);
  // After sliding; likewise.
  void moved(Sequence& sequence);
  // Before a step that draws for the request; the step that drew its last token has been collected. Errors: where no
  // token may come next.
  Result<void> mask(Request& request);
  // The token that a finished step has drawn for that position.
  int32_t drawn(const Sequence& sequence, uint32_t position) const;
  bool stops(const GenerationParams& params, int32_t token) const;

 private:
  void write_log(const Sequence& sequence);

  StepRecorder& recorder_;
  std::vector<int32_t> stop_tokens_;
};

}  // namespace pumice
