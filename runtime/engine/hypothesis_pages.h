// HypothesisPages: the pages of hypotheses of a decoder with an encoder, which share what they have in common and copy
// the last one when they part. Thread rule: one thread at a time.
#pragma once

#include <vector>

#include "engine/translation_step.h"

namespace pumice {

class HypothesisPages {
 public:
  using Pages = std::vector<PageId>;

  // The step outlives it.
  explicit HypothesisPages(TranslationStep& step) : step_(&step), uses_(step.targets().pages()) {}

  // Pages of its own for `count` tokens from `position` on; those before it stay.
  Result<void> make_places(Pages& pages, uint32_t position, uint32_t count = 1);
  // One user more, or less.
  void share(const Pages& pages);
  void drop(const Pages& pages);
  void clear();  // of all hypotheses

 private:
  PageId take();

  TranslationStep* step_;
  std::vector<uint16_t> uses_;  // of each page
};

}  // namespace pumice
