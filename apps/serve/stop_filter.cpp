#include "serve/stop_filter.h"

#include <algorithm>
#include <utility>

namespace pumice_serve {

std::string StopFilter::push(std::string_view text) {
  if (!stopped_by_.empty()) return {};
  held_ += text;
  std::size_t first = std::string::npos;
  for (const std::string& stop : stops_) {
    const std::size_t at = stop.empty() ? std::string::npos : held_.find(stop);
    if (at >= first) continue;
    first = at;
    stopped_by_ = stop;
  }
  std::size_t certain = std::min(first, held_.size());
  if (first == std::string::npos)
    for (const std::string& stop : stops_)
      for (std::size_t length = std::min(stop.size(), held_.size()); length > 0; --length)
        if (held_.ends_with(std::string_view(stop).substr(0, length))) {
          certain = std::min(certain, held_.size() - length);
          break;
        }
  std::string said = held_.substr(0, certain);
  held_.erase(0, certain);
  return said;
}

std::string StopFilter::finish() { return stopped_by_.empty() ? std::exchange(held_, {}) : std::string(); }

}  // namespace pumice_serve
