#include "game/frame_times.h"

#include <algorithm>
#include <numeric>

#include "game/exit_codes.h"

namespace pumice_game {

namespace {

void keep(std::vector<float>* list, double value) {
  if (list->size() == FrameTimes::kKept) list->erase(list->begin());
  list->push_back(static_cast<float>(value));
}

}  // namespace

void FrameTimes::add(const FrameTime& frame) {
  keep(&last_, frame.frame_ms);
  keep(&model_, frame.model_gpu_ms);
}

Percentiles FrameTimes::percentiles() const {
  if (last_.empty()) return {};
  std::vector<float> sorted = last_;
  std::sort(sorted.begin(), sorted.end());
  return {static_cast<double>(sorted[sorted.size() / 2]), static_cast<double>(sorted[sorted.size() * 99 / 100]),
          static_cast<double>(sorted.back())};
}

double FrameTimes::mean_model_ms() const {
  const double sum = std::accumulate(model_.begin(), model_.end(), 0.0);
  return model_.empty() ? 0 : sum / static_cast<double>(model_.size());
}

FrameRecorder::FrameRecorder(const std::string& path)
    : path_(path), file_(path.empty() ? nullptr : std::fopen(path.c_str(), "w"), &std::fclose) {
  if (path.empty()) return;
  if (!file_) throw Failure(kExitIo, "cannot write " + path);
  std::fputs(
      "frame,way,budget_ms,frame_ms,work_ms,gpu_ms,model_gpu_ms,model_done_ms,model_cpu_ms,chunks,held,tokens\n",
      file_.get());
}

void FrameRecorder::add(const FrameTime& f, const char* way, double budget_ms) {
  if (!file_) return;
  std::fprintf(file_.get(), "%llu,%s,%g,%.4f,%.4f,%.4f,%.4f,%.4f,%.4f,%u,%u,%u\n",
               static_cast<unsigned long long>(count_++), way, budget_ms, f.frame_ms, f.work_ms, f.gpu_ms,
               f.model_gpu_ms, f.model_done_ms, f.model_cpu_ms, f.chunks, f.held, f.tokens);
}

void FrameRecorder::finish() {
  if (!file_) return;
  const bool failed = std::ferror(file_.get()) != 0 || std::fclose(file_.release()) != 0;
  if (failed) throw Failure(kExitIo, "cannot write " + path_);
}

}  // namespace pumice_game
