#include "bench/report/agreement.h"

#include <fmt/format.h>

#include <algorithm>

namespace pumice_bench {

namespace {

bool is_tie(const std::vector<float>& logits, std::int32_t a, std::int32_t b) {
  const auto known = [&logits](std::int32_t id) { return id >= 0 && static_cast<std::size_t>(id) < logits.size(); };
  if (!known(a) || !known(b)) return false;
  const float best = *std::max_element(logits.begin(), logits.end());
  const auto close = [best](float logit) { return best - logit <= kTieMargin; };  // false for NaN
  const auto tied = static_cast<std::size_t>(std::count_if(logits.begin(), logits.end(), close));
  return tied <= kMostTied && close(logits[static_cast<std::size_t>(a)]) && close(logits[static_cast<std::size_t>(b)]);
}

}  // namespace

Agreement follow_greedy(const std::vector<std::int32_t>& expected, const Continue& go_on,
                        const LogitsAfter& logits_after) {
  Agreement agreement;
  std::string wrong;
  for (std::size_t at = 0; at < expected.size() && wrong.empty();) {
    const std::vector<std::int32_t> actual = go_on(at);
    std::size_t same = 0;
    while (same < actual.size() && at + same < expected.size() && actual[same] == expected[at + same]) ++same;
    agreement.equal += same;
    at += same;
    if (at == expected.size()) break;
    if (same == actual.size()) {
      wrong = ", then the text ends";
    } else if (!is_tie(logits_after(at), expected[at], actual[same])) {
      wrong = fmt::format(", then comes {} instead of {}", actual[same], expected[at]);
    } else if (4 * ++agreement.ties > expected.size()) {
      wrong = ", too many";
    }
    ++at;
  }
  agreement.agrees = wrong.empty();
  agreement.detail = fmt::format("{} of {} tokens as expected", agreement.equal, expected.size());
  if (agreement.ties > 0) agreement.detail += fmt::format(", {} tied", agreement.ties);
  agreement.detail += wrong;
  return agreement;
}

}  // namespace pumice_bench
