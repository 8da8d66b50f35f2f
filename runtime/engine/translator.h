// Translator: sources to targets, many at a time, by beam search.
//
// A source is encoded once; all its hypotheses, and later translations of it, share its keys and values (CrossStore).
// Hypotheses share the pages of what they have in common and copy the last one when they part. Thread rule: one thread
// at a time.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/beam_search.h"
#include "engine/cross_store.h"
#include "engine/hypothesis_pages.h"

namespace pumice {

struct TranslatorOptions {
  KvFormat kv{KvType::kF32, KvType::kF32};
  uint32_t rows = 32;            // most hypotheses of a step
  uint32_t source_tokens = 0;    // most of a source; 0: as many as the model has positions, at most 512
  uint32_t target_tokens = 0;    // likewise
  uint32_t store_tokens = 8192;  // of sources that are kept in device memory
  KvCacheOptions cache{.reuse = true};
};

struct TranslationRequest {
  std::span<const int32_t> source;
  BeamOptions search;      // limit 0: by the source's length
  std::string_view group;  // sources of different groups are not found by each other
};

struct TranslatorStats {
  uint64_t sources = 0, source_tokens = 0, encoded_sources = 0, target_tokens = 0, steps = 0;
  double seconds = 0;
};

class Translator {
 public:
  // The best first. false: stop.
  using Sink = std::function<bool(size_t index, std::vector<Hypothesis> found)>;

  // The model outlives the translator. kUnsupported: it has no encoder.
  static Result<std::unique_ptr<Translator>> create(const Model& model, const TranslatorOptions& options);

  uint32_t source_tokens() const { return step_->shape().source_tokens; }
  // Hands out what becomes of each request, as it is finished. kInvalidArgument names the first that cannot be
  // computed, before anything is.
  Result<void> translate(std::span<const TranslationRequest> requests, const Sink& sink);
  const TranslatorStats& stats() const { return stats_; }
  KvCache& cache() { return store_->cache(); }  // of sources

 private:
  struct Living {  // a hypothesis
    std::vector<PageId> pages;
    uint32_t row = 0;  // of the step before
  };
  struct Text {
    size_t index = 0;
    std::span<const int32_t> source;
    BeamSearch search;
    CrossSource kept;            // its keys and values
    std::vector<Living> living;  // as search.live()
  };

  explicit Translator(const Model& model) : model_(model) {}
  Result<void> check(std::span<const TranslationRequest> requests) const;
  BeamOptions options_of(const TranslationRequest& request) const;
  Result<void> admit(std::span<const TranslationRequest> requests, size_t& next);
  Result<void> encode(std::span<const size_t> added);
  Result<void> run_step();
  void grow(Text& text);
  void drop(Text& text);
  Result<void> run(std::span<const TranslationRequest> requests, const Sink& sink);

  const Model& model_;
  std::unique_ptr<TranslationStep> step_;
  std::unique_ptr<CrossStore> store_;
  std::optional<HypothesisPages> pages_;
  std::vector<Text> texts_;  // under way
  bool crowded_ = false;     // the next source has no room before one of them is over
  TranslatorStats stats_;
};

}  // namespace pumice
