#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench/bench.h"
#include "bench/report/statistics.h"
#include "bench/system/host.h"
#include "bench/workload.h"
#include "cli/interrupt.h"
#include "cli/output.h"

namespace pumice_bench {

namespace {

// The comparison without the KV cache computes the whole text for each token, so it is kept short.
constexpr std::uint32_t kCacheDepth = 64, kCacheTokens = 4, kCacheRepetitions = 2;

std::uint32_t whole_pages(std::uint32_t tokens) { return (tokens + 31) / 32 * 32; }

// Collects repetitions of one test. The test is in the report from its first repetition on.
struct Series {
  std::vector<double> rates, host_us, ttft_ms, gaps_ms;
  double joules = 0, seconds = 0, tokens = 0;

  void finish(const PowerMeter* meter, Test* test) const {
    test->samples = rates;
    test->host_us_per_token = median(host_us);
    test->ttft_ms = median(ttft_ms);
    if (!gaps_ms.empty()) {
      test->gap_ms_p50 = percentile(gaps_ms, 0.50);
      test->gap_ms_p95 = percentile(gaps_ms, 0.95);
    }
    if (!meter || joules <= 0 || seconds <= 0) return;
    test->watts = joules / seconds;
    test->tokens_per_joule = tokens / joules;
  }
};

void add_repetition(const Completion& run, const Test& test, Series* series) {
  const double ms = std::max(1e-6, test.prefill ? run.timings.prefill_ms : run.timings.decode_ms);
  // The first token belongs to the prefill; the others are the decode steps.
  const double steps = run.timings.generated_tokens > 0 ? run.timings.generated_tokens - 1.0 : 0;
  const double tokens = test.prefill ? test.tokens : steps;
  series->rates.push_back(1000 * tokens / ms);
  series->host_us.push_back(run.timings.host_us_per_token);
  series->ttft_ms.push_back(run.timings.prefill_ms);
  if (!test.prefill) series->gaps_ms.insert(series->gaps_ms.end(), run.gaps_ms.begin(), run.gaps_ms.end());
  series->joules += test.prefill ? run.prefill_joules : run.decode_joules;
  series->seconds += 1e-3 * ms;
  series->tokens += tokens;
}

std::string label_of(const Test& test) {
  return fmt::format("{} {} at depth {}{}{}", test.name(), test.tokens, test.depth,
                     test.batch > 1 ? fmt::format(", {} sequences", test.batch) : "",
                     test.kv_cache ? "" : ", without KV cache");
}

// The depth is computed once; each repetition takes back what it added.
void measure_single(const Bench& bench, pumice::Context& context, std::uint32_t repetitions, const Test& test,
                    std::vector<Test>* tests) {
  const std::uint32_t vocabulary = bench.session.model().info().vocabulary;
  std::mt19937 random(test.tokens * 31 + test.depth);
  // A decode test's own request brings one token of the depth, and at least that.
  const std::uint32_t base = test.prefill ? test.depth : std::max(1u, test.depth) - 1;
  const std::uint32_t added = test.prefill ? test.tokens : 1, drawn = test.prefill ? 1 : test.tokens + 1;
  pumice::Sequence sequence(context);
  bench.progress(label_of(test));
  if (base > 0) pumice_cli::evaluate(sequence, random_tokens(base, vocabulary, &random), vocabulary, true);
  Series series;
  for (std::uint32_t i = 0; i <= repetitions; ++i) {
    bench.progress(fmt::format("{}: run {}/{}", label_of(test), i, repetitions));
    const Completion run = complete(context, sequence, random_tokens(added, vocabulary, &random), drawn, bench.meter);
    sequence.truncate(base);
    if (i == 0) continue;  // warms up
    add_repetition(run, test, &series);
    if (i == 1) tests->push_back(test);
    series.finish(bench.meter, &tests->back());
  }
}

void measure_tests(const Bench& bench, Report* report) {
  std::uint32_t deepest = 0;
  for (const std::uint32_t depth : bench.plan.depths) deepest = std::max(deepest, depth);
  PumiceContextOptions options = bench.flags.context.options();
  options.context_tokens = whole_pages(deepest + bench.plan.longest() + 4);
  pumice::Context context(bench.session.model(), options);
  const bool kv_cache = !bench.flags.context.no_kv_cache;
  for (const std::uint32_t depth : bench.plan.depths) {
    for (const std::uint32_t tokens : bench.plan.prefill) {
      measure_single(bench, context, bench.plan.repetitions,
                     {.prefill = true, .tokens = tokens, .depth = depth, .kv_cache = kv_cache}, &report->tests);
    }
    for (const std::uint32_t tokens : bench.plan.decode) {
      measure_single(bench, context, bench.plan.repetitions,
                     {.prefill = false, .tokens = tokens, .depth = depth, .kv_cache = kv_cache}, &report->tests);
    }
  }
  const PumiceContextStats stats = context.stats();
  const HostMemory host = read_host_memory();
  report->memory = Memory{.weights_bytes = bench.session.model().info().device_bytes,
                          .kv_bytes = stats.kv_bytes,
                          .workspace_bytes = stats.workspace_bytes,
                          .host_bytes = host.resident_bytes,
                          .host_peak_bytes = host.peak_bytes};
}

// The same short test with and without the KV cache.
void measure_cache(const Bench& bench, Report* report) {
  for (const bool kv_cache : {true, false}) {
    PumiceContextOptions options = bench.flags.context.options();
    options.context_tokens = whole_pages(kCacheDepth + kCacheTokens + 4);
    options.disable_kv_cache = kv_cache ? 0 : 1;
    pumice::Context context(bench.session.model(), options);
    measure_single(bench, context, std::min(kCacheRepetitions, bench.plan.repetitions),
                   {.prefill = false, .tokens = kCacheTokens, .depth = kCacheDepth, .kv_cache = kv_cache},
                   &report->tests);
  }
}

void measure_batch(const Bench& bench, std::uint32_t batch, Report* report) {
  const std::uint32_t tokens = bench.plan.decode.empty() ? 32 : bench.plan.decode.front();
  const Test test{.prefill = false, .tokens = tokens, .batch = batch, .kv_cache = !bench.flags.context.no_kv_cache};
  const bool known = std::any_of(report->tests.begin(), report->tests.end(), [&](const Test& other) {
    return !other.prefill && other.tokens == tokens && other.depth == 0 && other.batch == batch;
  });
  if (known) return;  // a batch of one is the plain test
  PumiceContextOptions options = bench.flags.context.options();
  options.context_tokens = batch * whole_pages(tokens + 4);
  options.max_sequences = batch;
  pumice::Context context(bench.session.model(), options);
  std::mt19937 random(batch);
  Series series;
  for (std::uint32_t i = 0; i <= bench.plan.repetitions; ++i) {
    bench.progress(fmt::format("{}: run {}/{}", label_of(test), i, bench.plan.repetitions));
    const BatchCompletion run = complete_batch(context, batch, (i == 0 ? std::min(4u, tokens) : tokens) + 1,
                                               bench.session.model().info().vocabulary, &random, bench.meter);
    if (i == 0) continue;  // warms up
    series.rates.push_back(run.tokens_per_second);
    series.host_us.push_back(run.host_us_per_token);
    series.ttft_ms.push_back(run.ttft_ms);
    series.gaps_ms.insert(series.gaps_ms.end(), run.gaps_ms.begin(), run.gaps_ms.end());
    series.joules += run.joules;
    series.seconds += run.seconds;
    series.tokens += run.tokens;
    if (i == 1) report->tests.push_back(test);
    series.finish(bench.meter, &report->tests.back());
  }
}

void measure_roofs(const Bench& bench, Report* report) {
  bench.progress("measuring the device's roofs");
  try {
    const PumiceRoofs roofs = bench.session.device().measure_roofs();
    report->roofs = Roofs{.read_bytes = roofs.read_bytes_per_second,
                          .copy_bytes = roofs.copy_bytes_per_second,
                          .f32_flops = roofs.f32_flops,
                          .f16_flops = roofs.f16_flops,
                          .int8_ops = roofs.int8_ops,
                          .matrix_flops = roofs.matrix_flops};
  } catch (const pumice::Error& error) {
    if (error.code() == PUMICE_DEVICE_LOST) throw;
    pumice_cli::note(fmt::format("the device's roofs are not known: {}", pumice_cli::printable(error.what())));
  }
  pumice_cli::throw_if_interrupted();
}

// One profiled run of a phase; most time first.
void profile_phase(const Bench& bench, bool prefill, Report* report) {
  const std::vector<std::uint32_t>& lengths = prefill ? bench.plan.prefill : bench.plan.decode;
  if (lengths.empty()) return;
  const std::uint32_t tokens = lengths.front(), vocabulary = bench.session.model().info().vocabulary;
  bench.progress(fmt::format("timing the kernels of {}", prefill ? "prefill" : "decode"));
  PumiceContextOptions options = bench.flags.context.options();
  options.context_tokens = whole_pages(tokens + 4);
  options.profile = 1;
  pumice::Context context(bench.session.model(), options);
  pumice::Sequence sequence(context);
  std::mt19937 random(1);
  complete(context, sequence, random_tokens(prefill ? tokens : 1, vocabulary, &random), prefill ? 1 : tokens + 1,
           nullptr);
  const auto rows = nlohmann::json::parse(context.profile(), nullptr, false);
  std::vector<Kernel> kernels;
  for (const auto& row : rows.is_array() ? rows : nlohmann::json::array()) {
    kernels.push_back({.prefill = prefill,
                       .name = row.value("kernel", ""),
                       .calls = row.value("calls", std::uint64_t{0}),
                       .microseconds = row.value("microseconds", 0.0),
                       .bytes = row.value("bytes", 0.0),
                       .flops = row.value("flops", 0.0)});
  }
  std::stable_sort(kernels.begin(), kernels.end(),
                   [](const Kernel& a, const Kernel& b) { return a.microseconds > b.microseconds; });
  report->kernels.insert(report->kernels.end(), kernels.begin(), kernels.end());
}

}  // namespace

void Bench::progress(const std::string& text) const {
  if (!flags.device.quiet) pumice_cli::show_progress(text);
}

void measure(const Bench& bench, Report* report) {
  if (!bench.plan.prefill.empty() || !bench.plan.decode.empty()) measure_tests(bench, report);
  if (bench.plan.cache) measure_cache(bench, report);
  for (const std::uint32_t batch : bench.plan.batches) measure_batch(bench, batch, report);
  if (bench.plan.kernels) {
    measure_roofs(bench, report);
    profile_phase(bench, true, report);
    profile_phase(bench, false, report);
  }
  if (bench.plan.start) report->start = measure_start(bench);
}

}  // namespace pumice_bench
