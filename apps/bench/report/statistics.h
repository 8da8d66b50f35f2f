// The few statistics that the benchmark needs. Pure functions; values need no order.
#pragma once

#include <optional>
#include <vector>

namespace pumice_bench {

double median(std::vector<double> values);  // 0 when empty
double mean(const std::vector<double>& values);
// Of the sample (n - 1); 0 for fewer than two.
double standard_deviation(const std::vector<double>& values);
// Linear between order statistics (type 7 of Hyndman and Fan 1996); share in [0, 1].
double percentile(std::vector<double> values, double share);

// Of Student's t distribution: the value that |t| stays below with probability `confidence`.
double t_quantile(double confidence, double degrees_of_freedom);

struct Ratio {
  double value = 0;                 // b / a, of geometric means
  std::optional<double> low, high;  // 95 % confidence; empty when a side has fewer than two samples
  bool within_noise() const { return !low || (*low <= 1 && *high >= 1); }
};
// Welch's t interval (1947) of the difference of mean logarithms, so that b/a and a/b say the same. All values > 0.
Ratio compare_samples(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace pumice_bench
