#include <fmt/format.h>

#include <algorithm>

#include "bench/bench.h"
#include "bench/report/agreement.h"
#include "bench/workload.h"
#include "cli/output.h"

namespace pumice_bench {

namespace {

using Ids = std::vector<std::int32_t>;

constexpr std::uint32_t kCachedTokens = 24, kUncachedTokens = 8;

// The bundled model's begin token and "Once upon a time", and the text that llama.cpp's CPU backend continues it with
// from the same weights dequantised to F32 (with the quantised file it rounds activations to 8 bits and parts from this
// after three tokens).
const Ids& golden_prompt() {
  static const Ids prompt = {4095, 1840, 701, 258, 502};
  return prompt;
}

Ids golden_text() {
  Ids text = {425, 305, 258, 531, 385, 328, 258, 693, 385};
  while (text.size() < 48) text.insert(text.end(), {305, 356, 756, 314, 324});
  text.resize(48);
  return text;
}

pumice::Context make_context(const Bench& bench, const pumice::Model& model, std::size_t tokens, bool uncached) {
  PumiceContextOptions options = bench.flags.context.options();
  options.context_tokens = static_cast<std::uint32_t>(tokens + 1);
  options.disable_kv_cache = uncached ? 1 : 0;
  return pumice::Context(model, options);
}

Ids greedy(pumice::Context& context, const Ids& prompt, std::size_t tokens) {
  pumice::Sequence sequence(context);
  return complete(context, sequence, prompt, static_cast<std::uint32_t>(tokens), nullptr).ids;
}

// Whether `context` writes the expected text after the prompt.
Check follow(const char* name, pumice::Context& context, std::size_t vocabulary, const Ids& prompt,
             const Ids& expected) {
  const auto extended = [&](std::size_t count) {
    Ids ids = prompt;
    ids.insert(ids.end(), expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(count));
    return ids;
  };
  const Agreement agreement = follow_greedy(
      expected, [&](std::size_t n) { return greedy(context, extended(n), expected.size() - n); },
      [&](std::size_t n) {
        pumice::Sequence sequence(context);
        return sequence.evaluate(extended(n), vocabulary);
      });
  return {.name = name, .passed = agreement.agrees, .detail = agreement.detail};
}

Check golden_check(const Bench& bench) {
  const std::string path = pumice_cli::model_path("");
  std::optional<pumice::Model> bundled;
  if (path != bench.session.path()) bundled.emplace(bench.session.instance(), bench.session.device(), path);
  const pumice::Model& model = bundled ? *bundled : bench.session.model();
  const Ids expected = golden_text();
  pumice::Context context = make_context(bench, model, golden_prompt().size() + expected.size(), false);
  return follow("golden text of the bundled model", context, model.info().vocabulary, golden_prompt(), expected);
}

}  // namespace

Verification verify(const Bench& bench) {
  Verification verification;
  bench.progress("checking results: the bundled model's golden text");
  try {
    verification.checks.push_back(golden_check(bench));
  } catch (const pumice_cli::Failure& failure) {
    if (failure.code() != pumice_cli::kExitNotFound) throw;
    verification.checks.push_back(
        {.name = "golden text of the bundled model", .passed = false, .detail = "the bundled model was not found"});
  }
  const pumice::Model& model = bench.session.model();
  const PumiceModelInfo info = model.info();
  Ids prompt = model.tokenize("Once upon a time there was a king who had three sons");
  if (prompt.empty()) prompt = {0};
  pumice::Context context = make_context(bench, model, prompt.size() + kCachedTokens, false);
  bench.progress("checking results: two runs");
  const Ids first = greedy(context, prompt, kCachedTokens), second = greedy(context, prompt, kCachedTokens);
  const bool same = first == second && first.size() == kCachedTokens;
  verification.checks.push_back(
      {.name = "two runs give the same text",
       .passed = same,
       .detail = same ? fmt::format("{} tokens", first.size()) : "the texts differ: the device is not deterministic"});
  bench.progress("checking results: with and without the KV cache");
  pumice::Context uncached = make_context(bench, model, prompt.size() + kCachedTokens, true);
  const Ids cached(first.begin(), first.begin() + std::min<std::ptrdiff_t>(kUncachedTokens, std::ssize(first)));
  verification.checks.push_back(follow("the KV cache changes nothing", uncached, info.vocabulary, prompt, cached));
  const bool passed = std::all_of(verification.checks.begin(), verification.checks.end(),
                                  [](const Check& check) { return check.passed; });
  verification.state = passed ? Verified::kVerified : Verified::kFailed;
  return verification;
}

}  // namespace pumice_bench
