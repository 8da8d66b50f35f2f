#include "engine/word_times.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace pumice {
namespace {

constexpr int kSmoothed = 7;  // rows of a median

struct KnownHeads {
  uint32_t layers, vocabulary;
  std::vector<HeadPlace> heads;
};
const KnownHeads kKnownHeads[] = {
    {4, 51864, {{1, 0}, {2, 0}, {2, 5}, {3, 0}, {3, 1}, {3, 2}, {3, 3}, {3, 4}}},  // tiny.en
    {6, 51865, {{3, 1}, {4, 2}, {4, 3}, {4, 7}, {5, 1}, {5, 2}, {5, 4}, {5, 6}}},  // base
};

// (tokens, rows) of one head, over the tokens of each row.
void normalise(std::vector<double>& head, uint32_t tokens, uint32_t rows) {
  for (uint32_t row = 0; row < rows; ++row) {
    double mean = 0, square = 0;
    for (uint32_t i = 0; i < tokens; ++i) mean += head[i * rows + row] / tokens;
    for (uint32_t i = 0; i < tokens; ++i) square += std::pow(head[i * rows + row] - mean, 2) / tokens;
    const double deviation = std::sqrt(square + 1e-9);
    for (uint32_t i = 0; i < tokens; ++i) head[i * rows + row] = (head[i * rows + row] - mean) / deviation;
  }
}

// The median of each value and its neighbours; beyond the ends they are mirrored.
double median(const double* values, int at, int count) {
  std::array<double, kSmoothed> window;
  for (int i = 0; i < kSmoothed; ++i) {
    int place = std::abs(at + i - kSmoothed / 2);
    if (place >= count) place = std::max(2 * (count - 1) - place, 0);
    window[static_cast<size_t>(i)] = values[std::min(place, count - 1)];
  }
  std::nth_element(window.begin(), window.begin() + kSmoothed / 2, window.end());
  return window[kSmoothed / 2];
}

// The mean of all heads, (tokens, rows).
std::vector<double> mean_of_heads(const TokenAttention& weights, uint32_t heard) {
  std::vector<double> mean(size_t{weights.tokens} * heard), head(mean.size());
  for (uint32_t h = 0; h < weights.heads; ++h) {
    for (size_t i = 0; i < head.size(); ++i)
      head[i] =
          static_cast<double>(weights.values[(size_t{h} * weights.tokens + i / heard) * weights.rows + i % heard]);
    normalise(head, weights.tokens, heard);
    for (uint32_t token = 0; token < weights.tokens; ++token)
      for (uint32_t row = 0; row < heard; ++row)
        mean[size_t{token} * heard + row] +=
            median(&head[size_t{token} * heard], static_cast<int>(row), static_cast<int>(heard)) / weights.heads;
  }
  return mean;
}

}  // namespace

std::vector<HeadPlace> alignment_heads(const ModelSpec& spec) {
  const auto layers = static_cast<uint32_t>(spec.layers.size());
  for (const KnownHeads& known : kKnownHeads)
    if (known.layers == layers && known.vocabulary == spec.vocabulary) return known.heads;
  std::vector<HeadPlace> heads;
  for (uint32_t layer = layers / 2; layer < layers; ++layer)
    for (uint32_t head = 0; head < spec.layers[layer].cross.heads; ++head) heads.push_back({layer, head});
  return heads;
}

std::vector<uint32_t> token_rows(const TokenAttention& weights, uint32_t first, uint32_t heard) {
  const std::vector<double> mean = mean_of_heads(weights, heard);
  const size_t tokens = weights.tokens - first - 1, width = size_t{heard} + 1;
  enum Step : uint8_t { kBoth, kToken, kRow };
  // costs (tokens + 1, heard + 1), of paths that end there.
  std::vector<double> costs((tokens + 1) * width, INFINITY);
  std::vector<Step> steps(costs.size(), kRow);
  costs[0] = 0;
  for (size_t token = 1; token <= tokens; ++token)
    for (size_t row = 1; row < width; ++row) {
      const size_t at = token * width + row;
      const double both = costs[at - width - 1], next_token = costs[at - width], next_row = costs[at - 1];
      const bool takes_both = both < next_token && both < next_row;
      steps[at] = takes_both ? kBoth : next_token < next_row && next_token < both ? kToken : kRow;
      costs[at] = (takes_both            ? both
                   : steps[at] == kToken ? next_token
                                         : next_row) -
                  mean[(first + token - 1) * heard + row - 1];
    }
  std::vector<uint32_t> found(tokens);
  for (size_t token = tokens, row = heard; token > 0 && row > 0;) {
    found[token - 1] = static_cast<uint32_t>(row - 1);  // the earliest is left standing
    const Step step = steps[token * width + row];
    if (step != kRow) --token;
    if (step != kToken) --row;
  }
  return found;
}

}  // namespace pumice
