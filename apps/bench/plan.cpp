// The command line's lists as a plan of what to measure.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "bench/bench.h"
#include "cli/output.h"

namespace pumice_bench {

namespace {

using pumice_cli::Failure;

constexpr std::uint32_t kMaxTokens = 1u << 20, kMaxSequences = 32;

std::vector<std::uint32_t> parse_list(const std::string& text, const char* option, std::uint32_t least,
                                      std::uint32_t most) {
  std::vector<std::uint32_t> numbers;
  for (const char *at = text.data(), *end = at + text.size();;) {
    std::uint32_t number = 0;
    const auto [next, problem] = std::from_chars(at, end, number);
    if (problem != std::errc() || number < least || number > most || (next != end && *next != ',')) {
      throw Failure(pumice_cli::kExitUsage, fmt::format("{} takes numbers from {} to {} such as 8 or 8,16; not '{}'",
                                                        option, least, most, pumice_cli::printable(text)));
    }
    if (std::find(numbers.begin(), numbers.end(), number) == numbers.end()) numbers.push_back(number);
    if (next == end) return numbers;
    at = next + 1;
  }
}

void parse_parts(const std::string& text, Plan* plan) {
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const std::string part = text.substr(at, comma - at);
    if (part == "start") {
      plan->start = true;
    } else if (part == "cache") {
      plan->cache = true;
    } else if (part == "kernels") {
      plan->kernels = true;
    } else if (part != "none") {
      throw Failure(pumice_cli::kExitUsage,
                    fmt::format("--parts takes start, cache, kernels or none, not '{}'", pumice_cli::printable(part)));
    }
    at = comma + 1;
  }
}

}  // namespace

std::uint32_t Plan::longest() const {
  std::uint32_t most = 0;
  for (const auto& list : {prefill, decode}) {
    for (const std::uint32_t tokens : list) most = std::max(most, tokens);
  }
  return most;
}

Plan plan_of(const BenchFlags& flags, std::uint32_t context_length) {
  Plan plan;
  plan.prefill = parse_list(flags.prefill, "-p", 0, kMaxTokens);
  plan.decode = parse_list(flags.decode, "-n", 0, kMaxTokens);
  std::erase(plan.prefill, 0u);
  std::erase(plan.decode, 0u);
  plan.depths = parse_list(flags.depth, "-d", 0, kMaxTokens);
  if (!flags.batch.empty()) plan.batches = parse_list(flags.batch, "--batch", 1, kMaxSequences);
  parse_parts(flags.parts, &plan);
  plan.repetitions = flags.repetitions;
  if (plan.prefill.empty() && plan.decode.empty() && plan.batches.empty())
    throw Failure(pumice_cli::kExitUsage, "nothing to measure: give -p or -n a number above 0");
  if (!flags.full) return plan;
  if (plan.batches.empty()) plan.batches = {1, 2, 4, 8, 16, 32};
  plan.start = plan.cache = plan.kernels = true;
  plan.depths.clear();
  constexpr std::uint32_t kPage = 32;
  const std::uint32_t taken = plan.longest() + kPage;
  const std::uint32_t deepest = context_length > taken ? (context_length - taken) / kPage * kPage : 0;
  for (const std::uint32_t depth : {0u, 4096u, 16384u}) {
    const std::uint32_t possible = std::min(depth, deepest);
    if (std::find(plan.depths.begin(), plan.depths.end(), possible) == plan.depths.end())
      plan.depths.push_back(possible);
  }
  return plan;
}

}  // namespace pumice_bench
