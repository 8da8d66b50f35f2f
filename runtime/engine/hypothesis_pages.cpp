#include "engine/hypothesis_pages.h"

#include <utility>

namespace pumice {

PageId HypothesisPages::take() {
  const std::optional<PageId> page = step_->targets().allocate();
  PUMICE_CHECK(page.has_value());
  step_->targets().scrubbed();  // what is read has been written
  uses_[*page] = 1;
  return *page;
}

Result<void> HypothesisPages::make_places(Pages& pages, uint32_t position, uint32_t count) {
  if (!step_->has_target_pages()) return {};
  if (position % kPageTokens != 0 && uses_[pages.back()] > 1) {
    const PageId shared = pages.back(), own = take();
    pages.back() = own;
    --uses_[shared];
    PUMICE_TRY(step_->copy_target(shared, own));
  }
  while (pages.size() < pages_for(position + count)) pages.push_back(take());
  return {};
}

void HypothesisPages::share(const Pages& pages) {
  for (const PageId page : pages) ++uses_[page];
}

void HypothesisPages::drop(const Pages& pages) {
  for (const PageId page : pages)
    if (--uses_[page] == 0) step_->targets().release(page);
}

void HypothesisPages::clear() {
  for (PageId page = 0; page < uses_.size(); ++page)
    if (std::exchange(uses_[page], 0) > 0) step_->targets().release(page);
}

}  // namespace pumice
