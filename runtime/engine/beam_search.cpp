#include "engine/beam_search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace pumice {

// Adds the row's best continuations, 2 beam at most, with their sums.
void BeamSearch::gather(const float* logits, uint32_t row, size_t vocabulary, std::vector<Candidate>& best) const {
  const bool may_end = step_ >= options_.least;
  const auto counts = [&](size_t token) { return may_end || static_cast<int32_t>(token) != options_.end_token; };
  double highest = -std::numeric_limits<double>::infinity(), total = 0;
  for (size_t token = 0; token < vocabulary; ++token)
    if (counts(token)) highest = std::max(highest, static_cast<double>(logits[token]));
  for (size_t token = 0; token < vocabulary; ++token)
    if (counts(token)) total += std::exp(static_cast<double>(logits[token]) - highest);
  const double base = live_[row].sum - highest - std::log(total);
  const auto better = [](const Candidate& a, const Candidate& b) { return a.sum > b.sum; };
  if (step_ < options_.prefix.size()) {
    const int32_t token = options_.prefix[step_];
    best.push_back({base + static_cast<double>(logits[token]), row, token});
    return;
  }
  const size_t most = 2 * size_t{options_.beam};
  std::vector<Candidate> heap;  // the worst of the best on top
  for (size_t token = 0; token < vocabulary; ++token) {
    if (!counts(token)) continue;
    const Candidate candidate{base + static_cast<double>(logits[token]), row, static_cast<int32_t>(token)};
    if (heap.size() == most && !better(candidate, heap.front())) continue;
    if (heap.size() == most) {
      std::pop_heap(heap.begin(), heap.end(), better);
      heap.pop_back();
    }
    heap.push_back(candidate);
    std::push_heap(heap.begin(), heap.end(), better);
  }
  best.insert(best.end(), heap.begin(), heap.end());
}

Hypothesis BeamSearch::grown(const Candidate& candidate) const {
  Hypothesis next{.ids = live_[candidate.row].ids, .sum = candidate.sum, .row = candidate.row};
  next.ids.push_back(candidate.token);
  next.complete = candidate.token == options_.end_token;
  next.score = next.sum / std::pow(static_cast<double>(next.ids.size()), options_.alpha);
  return next;
}

void BeamSearch::advance(const float* logits, size_t stride, size_t vocabulary) {
  std::vector<Candidate> best;
  for (uint32_t row = 0; row < live_.size(); ++row) gather(logits + row * stride, row, vocabulary, best);
  std::sort(best.begin(), best.end(), [](const Candidate& a, const Candidate& b) {
    return a.sum != b.sum ? a.sum > b.sum : std::pair(a.row, a.token) < std::pair(b.row, b.token);
  });
  ++step_;
  const bool last = step_ >= options_.limit;
  const size_t beam = options_.beam;
  best.resize(std::min(best.size(), 2 * beam));
  std::vector<Hypothesis> next;
  for (size_t i = 0; i < best.size(); ++i) {
    if (!std::isfinite(best[i].sum)) continue;
    const bool ends = best[i].token == options_.end_token;
    if (i < beam && (ends || last)) finished_.push_back(grown(best[i]));
    if (!ends && next.size() < beam) next.push_back(grown(best[i]));
  }
  live_ = std::move(next);
  over_ = last || finished_.size() >= beam || live_.empty();
}

std::vector<Hypothesis> BeamSearch::take_finished() {
  std::stable_sort(finished_.begin(), finished_.end(),
                   [](const Hypothesis& a, const Hypothesis& b) { return a.score > b.score; });
  return std::move(finished_);
}

}  // namespace pumice
