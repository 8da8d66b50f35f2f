// Running requests and watching them: what each measurement is made of. Throws Failure(kExitInterrupted) on Ctrl-C and
// pumice::Error.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "bench/system/power.h"
#include "pumice/pumice.hpp"

namespace pumice_bench {

// Other tokens each time, so that no prefix is found in a cache; the same in each run of the program.
std::vector<std::int32_t> random_tokens(std::uint32_t count, std::uint32_t vocabulary, std::mt19937* random);

struct Completion {
  PumiceTimings timings = pumice_timings_init();
  std::vector<std::int32_t> ids;
  std::vector<double> gaps_ms;  // between tokens after the first; tokens that arrive together share their gap
  double prefill_joules = 0, decode_joules = 0;
};

// Runs one greedy request to its end. meter may be nullptr.
Completion complete(pumice::Context& context, pumice::Sequence& sequence, const std::vector<std::int32_t>& ids,
                    std::uint32_t tokens, PowerMeter* meter);

struct BatchCompletion {
  double tokens_per_second = 0;  // of all sequences, from the moment when the last of them had its first token
  double seconds = 0;            // that time
  double ttft_ms = 0;            // until that moment
  double host_us_per_token = 0, joules = 0, tokens = 0;
  std::vector<double> gaps_ms;
};

// `batch` sequences at once, each with a prompt of one token.
BatchCompletion complete_batch(pumice::Context& context, std::uint32_t batch, std::uint32_t tokens,
                               std::uint32_t vocabulary, std::mt19937* random, PowerMeter* meter);

}  // namespace pumice_bench
