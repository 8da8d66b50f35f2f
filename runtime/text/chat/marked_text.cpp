#include "text/chat/marked_text.h"

#include <algorithm>

namespace pumice::chat {

MarkedText::MarkedText(std::string bytes, bool trusted) : bytes_(std::move(bytes)) {
  if (!bytes_.empty()) runs_.push_back({bytes_.size(), trusted});
}

size_t MarkedText::run_at(size_t at) const {
  const auto found = std::upper_bound(runs_.begin(), runs_.end(), at, [](size_t a, const Run& r) { return a < r.end; });
  return static_cast<size_t>(found - runs_.begin());
}

bool MarkedText::trusted_at(size_t at) const {
  const size_t run = run_at(at);
  return run < runs_.size() && runs_[run].trusted;
}

void MarkedText::append(std::string_view bytes, bool trusted) {
  if (bytes.empty()) return;
  bytes_ += bytes;
  if (!runs_.empty() && runs_.back().trusted == trusted)
    runs_.back().end = bytes_.size();
  else
    runs_.push_back({bytes_.size(), trusted});
}

void MarkedText::append(const MarkedText& other, size_t at, size_t count) {
  at = std::min(at, other.size());
  const size_t end = at + std::min(count, other.size() - at);
  for (size_t run = other.run_at(at); at < end; ++run) {
    const size_t stop = std::min(end, other.runs_[run].end);
    append(other.view().substr(at, stop - at), other.runs_[run].trusted);
    at = stop;
  }
}

MarkedText MarkedText::substr(size_t at, size_t count) const {
  MarkedText part;
  part.append(*this, at, count);
  part.safe = safe;
  return part;
}

std::vector<ByteRange> MarkedText::trusted_ranges() const {
  std::vector<ByteRange> ranges;
  size_t begin = 0;
  for (const Run& run : runs_) {
    if (run.trusted) ranges.push_back({begin, run.end});
    begin = run.end;
  }
  return ranges;
}

MarkedText MarkedText::marked(bool trusted) const {
  MarkedText copy(bytes_, trusted);
  copy.safe = safe;
  return copy;
}

}  // namespace pumice::chat
