#include "bench/report/statistics.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <utility>

namespace pumice_bench {

namespace {

// The regularised incomplete beta function by its continued fraction (Abramowitz and Stegun 26.5.8), evaluated with
// Lentz's method; converges quickly for x < (a + 1) / (a + b + 2).
double beta_fraction(double x, double a, double b) {
  double c = 1, d = 1 / (1 - (a + b) * x / (a + 1)), value = d;
  const auto step = [&](double term) {
    d = 1 / (1 + term * d);
    c = 1 + term / c;
    value *= c * d;
  };
  for (int m = 1; m < 500; ++m) {
    step(m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)));
    step(-(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)));
    if (std::abs(c * d - 1) < 1e-14) break;
  }
  return value;
}

double incomplete_beta(double x, double a, double b) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x));
  if (x < (a + 1) / (a + b + 2)) return front / a * beta_fraction(x, a, b);
  return 1 - front / b * beta_fraction(1 - x, b, a);
}

std::vector<double> logarithms(std::vector<double> values) {
  for (double& value : values) value = std::log(value);
  return values;
}

}  // namespace

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double at = std::clamp(share, 0.0, 1.0) * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (at - static_cast<double>(below)) * (values[above] - values[below]);
}

double median(std::vector<double> values) { return percentile(std::move(values), 0.5); }

double mean(const std::vector<double>& values) {
  if (values.empty()) return 0;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double standard_deviation(const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  const double middle = mean(values);
  double squares = 0;
  for (const double value : values) squares += (value - middle) * (value - middle);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

double t_quantile(double confidence, double degrees_of_freedom) {
  // P(|t| > q) = I(df / (df + q^2); df / 2, 1 / 2), which falls as q grows: bisection.
  double low = 0, high = 1e6;
  for (int i = 0; i < 200; ++i) {
    const double q = (low + high) / 2;
    const double outside =
        incomplete_beta(degrees_of_freedom / (degrees_of_freedom + q * q), degrees_of_freedom / 2, 0.5);
    (outside > 1 - confidence ? low : high) = q;
  }
  return (low + high) / 2;
}

Ratio compare_samples(const std::vector<double>& a, const std::vector<double>& b) {
  const std::vector<double> log_a = logarithms(a), log_b = logarithms(b);
  const double difference = mean(log_b) - mean(log_a);
  Ratio ratio{.value = std::exp(difference), .low = {}, .high = {}};
  if (a.size() < 2 || b.size() < 2) return ratio;
  const auto share = [](const std::vector<double>& logs) {
    const double deviation = standard_deviation(logs);
    return deviation * deviation / static_cast<double>(logs.size());
  };
  const double va = share(log_a), vb = share(log_b);
  double reach = 0;
  if (va + vb > 0) {
    const double freedom = (va + vb) * (va + vb) /
                           (va * va / static_cast<double>(a.size() - 1) + vb * vb / static_cast<double>(b.size() - 1));
    reach = t_quantile(0.95, freedom) * std::sqrt(va + vb);
  }
  ratio.low = std::exp(difference - reach);
  ratio.high = std::exp(difference + reach);
  return ratio;
}

}  // namespace pumice_bench
