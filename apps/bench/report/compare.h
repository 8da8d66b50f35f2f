// Comparing benchmark results: of `pumice bench --json` and of llama.cpp's llama-bench (-o json or -o jsonl).
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "bench/report/statistics.h"

namespace pumice_bench {

// A result that is no result: one line that names the file, the place and what is wrong.
class MalformedResults : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Measurement {
  std::string model;  // the file's name without folders
  std::string task;   // "prefill", "decode", "embed", …
  std::uint32_t tokens = 0, depth = 0, batch = 1;
  bool kv_cache = true;         // of tasks other than generation: found
  std::vector<double> samples;  // tokens a second, or inputs; at least one, all > 0

  bool same_test(const Measurement& other) const {
    return model == other.model && task == other.task && tokens == other.tokens && depth == other.depth &&
           batch == other.batch && kv_cache == other.kv_cache;
  }
};

struct Results {
  std::string label;     // the file
  std::string standing;  // "verified", "unverified, interrupted", …; "llama.cpp build 1234"
  std::string device;
  std::vector<Measurement> tests;
  std::size_t skipped = 0;  // tests that mix prompt and generation, which have no counterpart
};

// Throws MalformedResults.
Results read_results(const std::string& text, const std::string& label);

enum class Verdict { kFaster, kSlower, kWithinNoise, kNoInterval };
const char* verdict_name(Verdict verdict);

struct Comparison {
  std::size_t other = 0;  // index of the file that is compared with the first
  Measurement base, test;
  Ratio ratio;  // test / base
  Verdict verdict = Verdict::kNoInterval;
};

// How intervals are made, for readers of the output.
inline constexpr const char* kComparisonMethod = "Welch's t interval of the difference of mean logarithms, 95 %";

// Every test of the first file that another one has too.
std::vector<Comparison> compare(const std::vector<Results>& files);

std::string render_comparison(const std::vector<Results>& files, const std::vector<Comparison>& rows);
std::string render_comparison_json(const std::vector<Results>& files, const std::vector<Comparison>& rows);

}  // namespace pumice_bench
