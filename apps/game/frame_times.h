// Times of frames: what the overlay shows of the last ones, and all of them as CSV.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace pumice_game {

struct FrameTime {
  double frame_ms = 0;      // from its start to the next one's
  double work_ms = 0;       // of it, without waiting for the frame rate's limit
  double gpu_ms = 0;        // drawing, by timestamps; 0: not known
  double model_gpu_ms = 0;  // submitted for the model, as far as its times are known
  double model_done_ms = 0;  // of the model, what has finished took, as measured
  double model_cpu_ms = 0;  // in the library, on the thread that draws
  std::uint32_t chunks = 0, held = 0, tokens = 0;
};

struct Percentiles {
  double p50 = 0, p99 = 0, worst = 0;
};

class FrameTimes {
 public:
  void add(const FrameTime& frame);
  const std::vector<float>& last_ms() const { return last_; }  // oldest first, at most kKept
  Percentiles percentiles() const;
  double mean_model_ms() const;  // of the last ones

  static constexpr std::size_t kKept = 600;

 private:
  std::vector<float> last_, model_;
};

class FrameRecorder {
 public:
  // Throws Failure(kExitIo). Empty: records nothing.
  explicit FrameRecorder(const std::string& path);
  void add(const FrameTime& frame, const char* way, double budget_ms);
  void finish();

 private:
  std::string path_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
  std::uint64_t count_ = 0;
};

}  // namespace pumice_game
