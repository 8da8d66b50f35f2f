// or_undo: what was begun is undone where the rest of it fails.
#pragma once

namespace pumice {

// What `work` returns; where that is a failure, or an exception passes, `undo` first.
template <typename Work, typename Undo>
auto or_undo(Work work, Undo undo) {
  try {
    auto result = work();
    if (!result) undo();
    return result;
  } catch (...) {
    undo();
    throw;
  }
}

}  // namespace pumice
