#include "bench/report/report.h"

#include "bench/report/statistics.h"

namespace pumice_bench {

const char* status_name(Status status) {
  switch (status) {
    case Status::kComplete:
      return "complete";
    case Status::kInterrupted:
      return "interrupted";
    case Status::kWrong:
      return "wrong results";
  }
  return "";
}

const char* verified_name(Verified verified) {
  switch (verified) {
    case Verified::kVerified:
      return "verified";
    case Verified::kFailed:
      return "failed";
    case Verified::kUnverified:
      return "unverified";
  }
  return "";
}

double Test::rate() const { return median(samples); }

double TaskTest::computed_seconds() const { return median(computed); }

double TaskTest::found_seconds() const { return median(found); }

double compute_roof(const std::string& kernel, const Roofs& roofs) {
  const auto has = [&kernel](const char* part) { return kernel.find(part) != std::string::npos; };
  if (has("coopmat") && roofs.matrix_flops > 0) return roofs.matrix_flops;
  if (has("_dot") && roofs.int8_ops > 0) return roofs.int8_ops;
  return roofs.f32_flops;
}

KernelRating rate_kernel(const Kernel& kernel, const std::optional<Roofs>& roofs) {
  KernelRating rating;
  if (kernel.microseconds <= 0) return rating;
  const double seconds = 1e-6 * kernel.microseconds;
  rating.bytes_per_second = kernel.bytes / seconds;
  rating.flops_per_second = kernel.flops / seconds;
  if (!roofs || roofs->read_bytes <= 0) return rating;
  const double compute = compute_roof(kernel.name, *roofs);
  const double bandwidth_share = rating.bytes_per_second / roofs->read_bytes;
  const double compute_share = compute > 0 ? rating.flops_per_second / compute : 0;
  if (bandwidth_share <= 0 && compute_share <= 0) return rating;
  // The larger share is the roof that would be hit first: intensity below or above the ridge point says the same.
  rating.bound = bandwidth_share >= compute_share ? "bandwidth" : "compute";
  rating.percent = 100 * (bandwidth_share >= compute_share ? bandwidth_share : compute_share);
  return rating;
}

}  // namespace pumice_bench
