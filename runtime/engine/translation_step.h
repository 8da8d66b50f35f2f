// TranslationStep: the device's part of a translation or a transcription: sources into the keys and values that the
// decoder attends to, and the logits of the next token of several hypotheses.
//
// Pages of both kinds belong to the caller, by id: those of sources are written once by encode(); those of hypotheses,
// one token a step. Thread rule: one thread at a time.
#pragma once

#include <span>
#include <vector>

#include "engine/encoding_step.h"
#include "engine/word_times.h"
#include "kv/pages/page_pool.h"
#include "kv/pages/transfer.h"

namespace pumice {

struct TranslationShape {
  uint32_t rows = 0;           // most hypotheses of a step
  uint32_t source_tokens = 0;  // most of a source
  uint32_t target_tokens = 0;  // most of a hypothesis
  uint32_t encoded_rows = 0;   // most tokens of sources that are encoded together
  uint32_t prompt_tokens = 0;  // most of prefill(); 0: it is not called
  uint32_t source_pages = 0, target_pages = 0;
  KvFormat kv;
};

class TranslationStep {
 public:
  struct Source {
    std::span<const int32_t> ids;
    std::span<const PageId> pages;
    std::span<const float> sound = {};  // instead of ids, of a model that hears: (frames, bands) of a window
  };
  // Several tokens of one hypothesis, from a position on; pages up to those that they come into.
  struct Prompt {
    std::span<const int32_t> tokens;
    uint32_t position = 0;
    std::span<const PageId> pages, source;
    uint32_t source_tokens = 0;
  };
  struct Row {
    int32_t token = 0;
    uint32_t position = 0;
    std::span<const PageId> pages;   // of the hypothesis, up to the one that the token comes into
    std::span<const PageId> source;  // of its source
    uint32_t source_tokens = 0;
    uint32_t parent = 0;  // the row of the step before that its states come from
  };

  // The model outlives the step.
  static Result<std::unique_ptr<TranslationStep>> create(const Model& model, const TranslationShape& shape);
  ~TranslationStep() { (void)encoding_.settle(); }  // what was cancelled may still run

  const TranslationShape& shape() const { return shape_; }
  PagePool& sources() { return sources_; }
  PageMemory& source_memory() { return source_transfer_; }
  PagePool& targets() { return targets_; }
  bool has_target_pages() const { return attends_; }  // else hypotheses have states alone
  Result<void> copy_target(PageId from, PageId to) { return target_transfer_.copy(from, to); }
  uint64_t bytes() const { return sources_.bytes() + targets_.bytes(); }

  // Waits; go_on as of EncodingStep::wait(). What it cancels still writes to the pages, before all that comes later.
  Result<void> encode(std::span<const Source> sources, const EncodingStep::GoOn& go_on = {});
  // Waits. Logits (rows, vocabulary) at logit_stride(), until the next call.
  Result<const float*> step(std::span<const Row> rows);
  // Waits. Logits of the last token's, of a model without states.
  Result<const float*> prefill(const Prompt& prompt);
  // Waits. How much of the source each token attends to, (heads, tokens, source tokens); keys are F32 or F16.
  Result<std::vector<float>> align(const Prompt& prompt, std::span<const HeadPlace> heads);
  uint32_t logit_stride() const { return row_stride(model_->spec().vocabulary); }

 private:
  TranslationStep() = default;
  Result<void> create_buffers();
  void bind_pages();
  void fill(std::span<const Row> rows);
  void fill(const Prompt& prompt);
  Result<void> run(const StepShape& shape, const std::function<void()>& behind);
  Result<const float*> run(const StepShape& shape);

  const Model* model_ = nullptr;
  TranslationShape shape_;
  bool attends_ = false;
  EncodingStep encoding_;
  PagePool sources_, targets_;
  PageTransfer source_transfer_, target_transfer_;
  Workspace work_;
  std::vector<KvPages> pages_, cross_pages_, encoded_pages_;  // by layer
  std::vector<States> states_;
  std::vector<vk::Buffer> state_buffers_;  // (2 rows, width) of each recurrent layer
  // On the host: (rows) StepRow twice, page tables, group counts, parents, logits.
  vk::Buffer rows_, cross_rows_, table_, cross_table_, encoded_table_, arguments_, cross_arguments_, parents_, logits_;
  vk::CommandStream stream_;
  uint32_t steps_ = 0;
};

}  // namespace pumice
