// The experts that a token takes, from a router's logits. Sources: N. Shazeer et al., Outrageously Large Neural
// Networks (2017); DeepSeek-AI, DeepSeek-V3 (2024), for the bias of the selection. Thread rule: a pure function.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

namespace pumice::reference {

struct RouteArgs {
  enum class Gating { kSoftmax, kSigmoid, kSelected };
  std::span<const float> logits;  // (experts)
  std::span<const float> bias;    // (experts), of the selection alone; or empty
  size_t used = 1;
  Gating gating = Gating::kSoftmax;
  bool normalised = false;
  double scale = 1;
  size_t groups = 1, groups_used = 1;  // a token chooses from the groups whose best two have the highest sums
};

struct Choice {
  size_t expert = 0;
  double weight = 0;
};

// The experts of the groups whose best two have the highest sums.
template <typename ByRank, typename Rank>
std::vector<size_t> of_best_groups(const RouteArgs& args, std::vector<size_t> experts, ByRank by_rank, Rank rank) {
  const size_t size = experts.size() / args.groups;
  std::vector<std::pair<double, size_t>> groups;
  for (size_t g = 0; g < args.groups; ++g) {
    const auto first = experts.begin() + static_cast<std::ptrdiff_t>(g * size);
    std::vector<size_t> members(first, first + static_cast<std::ptrdiff_t>(size));
    std::stable_sort(members.begin(), members.end(), by_rank);
    groups.push_back({rank(members[0]) + rank(members[1]), g});
  }
  std::stable_sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  groups.resize(args.groups_used);
  std::erase_if(experts, [&](size_t e) {
    return std::none_of(groups.begin(), groups.end(), [&](const auto& group) { return group.second == e / size; });
  });
  return experts;
}

// The highest first, of equal ones the first.
inline std::vector<Choice> route(const RouteArgs& args) {
  const size_t experts = args.logits.size();
  std::vector<double> probability(args.logits.begin(), args.logits.end());
  const double top = *std::max_element(probability.begin(), probability.end());
  double total = 0;
  for (const float logit : args.logits) total += std::exp(static_cast<double>(logit) - top);
  for (double& value : probability) {
    if (args.gating == RouteArgs::Gating::kSoftmax) value = std::exp(value - top) / total;
    if (args.gating == RouteArgs::Gating::kSigmoid) value = 1 / (1 + std::exp(-value));
  }
  std::vector<size_t> order(experts);
  std::iota(order.begin(), order.end(), size_t{0});
  const auto rank = [&](size_t e) {
    return probability[e] + (args.bias.empty() ? 0 : static_cast<double>(args.bias[e]));
  };
  const auto by_rank = [&](size_t a, size_t b) { return rank(a) > rank(b); };
  if (args.groups > 1) order = of_best_groups(args, order, by_rank, rank);
  std::stable_sort(order.begin(), order.end(), by_rank);
  std::vector<Choice> choices;
  double sum = 0;
  for (size_t i = 0; i < args.used; ++i) {
    const bool selected = args.gating == RouteArgs::Gating::kSelected;
    const double weight = selected ? std::exp(probability[order[i]] - top) : probability[order[i]];
    choices.push_back({order[i], weight});
    sum += weight;
  }
  const bool divided = args.normalised || args.gating == RouteArgs::Gating::kSelected;
  for (Choice& choice : choices) choice.weight *= args.scale / (divided ? std::max(sum, 6.1035e-5) : 1);
  return choices;
}

}  // namespace pumice::reference
