// StopFilter: text up to the first of some stop texts. Holds back what may become one. One thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pumice_serve {

class StopFilter {
 public:
  explicit StopFilter(std::vector<std::string> stops) : stops_(std::move(stops)) {}

  // What can be said now.
  std::string push(std::string_view text);
  // What was held back, if none came.
  std::string finish();
  // The one that came; empty: none has.
  const std::string& stopped_by() const { return stopped_by_; }

 private:
  std::vector<std::string> stops_;
  std::string held_, stopped_by_;
};

}  // namespace pumice_serve
