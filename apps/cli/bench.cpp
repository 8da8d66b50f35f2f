// `pumice bench`: speed of prefill and decode. Only times are looked at, so it also serves on drivers that compute
// nothing.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>

#include "commands.h"
#include "interrupt.h"
#include "output.h"

namespace pumice_cli {

namespace {

using Json = nlohmann::ordered_json;

struct BenchFlags {
  std::string model;
  DeviceFlags device;
  ContextFlags context;
  std::string prefill = "128", decode = "32", depth = "0";
  std::uint32_t repetitions = 5;
  bool json = false;
};

struct Test {
  bool prefill;
  std::uint32_t tokens, depth;
};

// Of one repetition.
struct Sample {
  double tokens_per_second, host_us_per_token, ttft_ms;
};

std::vector<std::uint32_t> parse_list(const std::string& text, const char* option) {
  std::vector<std::uint32_t> numbers;
  for (const char *at = text.data(), *end = at + text.size();;) {
    std::uint32_t number = 0;
    const auto [next, problem] = std::from_chars(at, end, number);
    if (problem != std::errc() || number > (1u << 20) || (next != end && *next != ',')) {
      throw Failure(kExitUsage, fmt::format("{} takes numbers of tokens such as 128 or 128,512; not '{}'", option,
                                            printable(text)));
    }
    numbers.push_back(number);
    if (next == end) return numbers;
    at = next + 1;
  }
}

std::vector<Test> tests_of(const BenchFlags& flags) {
  std::vector<Test> tests;
  for (const std::uint32_t depth : parse_list(flags.depth, "-d")) {
    for (const std::uint32_t tokens : parse_list(flags.prefill, "-p")) {
      if (tokens > 0) tests.push_back({true, tokens, depth});
    }
    for (const std::uint32_t tokens : parse_list(flags.decode, "-n")) {
      if (tokens > 0) tests.push_back({false, tokens, depth});
    }
  }
  return tests;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

// Other tokens each time, so that no prefix is found in a cache; the same in each run of the program.
std::vector<std::int32_t> random_tokens(std::uint32_t count, std::uint32_t vocabulary, std::mt19937* random) {
  std::vector<std::int32_t> ids(count);
  for (std::int32_t& id : ids) id = static_cast<std::int32_t>((*random)() % std::max(1u, vocabulary));
  return ids;
}

// Runs one greedy request to its end.
PumiceTimings complete(pumice::Context& context, pumice::Sequence& sequence, const std::vector<std::int32_t>& ids,
                       std::uint32_t tokens) {
  PumiceRequestOptions options = pumice_request_options_init();
  options.max_tokens = tokens;
  options.ignore_eos = 1;
  pumice::Request request = sequence.submit(ids, options);
  while (true) {
    throw_if_interrupted();
    request.wait(100);
    const PumicePoll news = request.poll();
    if (news.status == PUMICE_REQUEST_FAILED) {
      context.check(news.result != PUMICE_OK ? news.result : PUMICE_INTERNAL);
    }
    if (news.status != PUMICE_REQUEST_RUNNING) return request.timings();
  }
}

double rate(double tokens, double milliseconds) { return 1000.0 * tokens / std::max(milliseconds, 1e-6); }

Sample measure(pumice::Context& context, const Test& test, std::uint32_t vocabulary, std::mt19937* random) {
  pumice::Sequence sequence(context);
  if (test.prefill) {
    if (test.depth > 0) evaluate(sequence, random_tokens(test.depth, vocabulary, random), vocabulary, true);
    const PumiceTimings timings = complete(context, sequence, random_tokens(test.tokens, vocabulary, random), 1);
    return {rate(test.tokens, timings.prefill_ms), timings.host_us_per_token, timings.prefill_ms};
  }
  // The first token belongs to the prefill; the others are the decode steps.
  const auto ids = random_tokens(std::max(1u, test.depth), vocabulary, random);
  const PumiceTimings timings = complete(context, sequence, ids, test.tokens + 1);
  const double steps = timings.generated_tokens > 0 ? timings.generated_tokens - 1.0 : 0;
  return {rate(steps, timings.decode_ms), timings.host_us_per_token, timings.prefill_ms};
}

std::vector<double> column(const std::vector<Sample>& samples, double Sample::*member) {
  std::vector<double> values;
  for (const Sample& sample : samples) values.push_back(sample.*member);
  return values;
}

Json result_json(const Test& test, const std::vector<Sample>& samples, const Session& session,
                 const ContextFlags& context) {
  const std::vector<double> rates = column(samples, &Sample::tokens_per_second);
  return {{"test", test.prefill ? "prefill" : "decode"},
          {"tokens", test.tokens},
          {"depth", test.depth},
          {"tokens_per_second", median(rates)},
          {"samples", rates},
          {"host_us_per_token", median(column(samples, &Sample::host_us_per_token))},
          {"ttft_ms", median(column(samples, &Sample::ttft_ms))},
          {"model", session.model_name()},
          {"weights", session.model().info().weight_types},
          {"device", session.device_name()},
          {"driver", session.driver_name()},
          {"kv_type", context.kv_type},
          {"kv_cache", !context.no_kv_cache},
          {"record", context.record},
          {"version", pumice_version()}};
}

std::string table_row(const Json& result) {
  const auto samples = result["samples"].get<std::vector<double>>();
  const auto [low, high] = std::minmax_element(samples.begin(), samples.end());
  return fmt::format("{:<10}{:>8}{:>8}{:>13.1f}{:>11.1f}{:>11.1f}{:>13.1f}{:>11.2f}\n",
                     result["test"].get<std::string>(), result["tokens"].get<std::uint32_t>(),
                     result["depth"].get<std::uint32_t>(), result["tokens_per_second"].get<double>(), *low, *high,
                     result["host_us_per_token"].get<double>(), result["ttft_ms"].get<double>());
}

std::uint32_t context_size(const std::vector<Test>& tests) {
  std::uint32_t most = 0;
  for (const Test& test : tests) most = std::max(most, test.depth + test.tokens + 4);
  return (most + 31) / 32 * 32;
}

void print_bench(const BenchFlags& flags, Messages* messages) {
  const std::vector<Test> tests = tests_of(flags);
  if (tests.empty()) throw Failure(kExitUsage, "nothing to measure: give -p or -n a number above 0");
  const Session session(flags.device, messages, flags.model);
  PumiceContextOptions options = flags.context.options();
  options.context_tokens = context_size(tests);
  pumice::Context context(session.model(), options);
  const std::uint32_t vocabulary = session.model().info().vocabulary;
  Json results = Json::array();
  if (!flags.json) {
    write_stdout(fmt::format("{} on {} ({})\n{:<10}{:>8}{:>8}{:>13}{:>11}{:>11}{:>13}{:>11}\n",
                             printable(session.model_name()), printable(session.device_name()),
                             printable(session.driver_name()), "test", "tokens", "depth", "tokens/s", "least", "most",
                             "host us/tok", "TTFT ms"));
  }
  for (const Test& test : tests) {
    std::mt19937 random(test.tokens * 31 + test.depth);
    std::vector<Sample> samples;
    for (std::uint32_t i = 0; i <= flags.repetitions; ++i) {
      if (!flags.device.quiet) {
        show_progress(fmt::format("{} {} at depth {}: run {}/{}", test.prefill ? "prefill" : "decode", test.tokens,
                                  test.depth, i, flags.repetitions));
      }
      const Sample sample = measure(context, test, vocabulary, &random);
      if (i > 0) samples.push_back(sample);  // the first one warms up
    }
    results.push_back(result_json(test, samples, session, flags.context));
    if (!flags.json) write_stdout(table_row(results.back()));
  }
  if (flags.json) write_stdout(results.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

int bench(const BenchFlags& flags) {
  catch_interrupts();
  Messages messages(flags.device);
  print_bench(flags, &messages);
  return messages.exit_code();  // after the session has ended: that may have its messages, too
}

}  // namespace

void add_bench_command(CLI::App* app, Action* action) {
  auto flags = std::make_shared<BenchFlags>();
  CLI::App* command = app->add_subcommand("bench", "measure tokens per second");
  command->footer(
      "\nEach test runs once to warm up and then -r times; the median counts. Depth: tokens that are in the context\n"
      "already (not timed). -p, -n and -d take lists such as 128,512; every depth is measured with every length.\n");
  add_model_flag(command, &flags->model);
  command->add_option("-p,--prefill", flags->prefill, "prompt tokens; 0: no prefill test")
      ->type_name("N,...")
      ->capture_default_str();
  command->add_option("-n,--decode", flags->decode, "generated tokens; 0: no decode test")
      ->type_name("N,...")
      ->capture_default_str();
  command->add_option("-d,--depth", flags->depth, "tokens before them")->type_name("N,...")->capture_default_str();
  command->add_option("-r,--repetitions", flags->repetitions, "measured runs of each test")
      ->check(CLI::Range(1u, 10000u).description(""))
      ->type_name("N")
      ->capture_default_str();
  command->add_flag("--json", flags->json, "an array with one object a test");
  add_context_flags(command, &flags->context, false);
  add_device_flags(command, &flags->device);
  command->callback([=] { *action = [flags] { return bench(*flags); }; });
}

}  // namespace pumice_cli
