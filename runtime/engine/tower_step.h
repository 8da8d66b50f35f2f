// TowerStep: a picture through an image tower and its projector.
//
// Thread rule: one thread at a time.
#pragma once

#include <vector>

#include "engine/patches.h"
#include "kernels/attention.h"
#include "model/step.h"

namespace pumice {

class TowerStep {
 public:
  // The tower outlives it. Room for pictures is made when they come, and kept for those that are no larger.
  explicit TowerStep(const Tower& tower) : tower_(&tower) {}

  // Of a picture of the size that the tower wants: (rows, TowerSpec::row_width()) in reading order, without breaks.
  // Waits.
  Result<std::vector<float>> run(const Picture& picture);

 private:
  // Rows of a step as attention takes them: all patches together, or those of each window by themselves.
  struct Texts {
    vk::Buffer rows, spans, page_table;  // (rows) StepRow, (texts, 2), (texts, pages)
    AttentionTexts texts;
    uint32_t pages_per_slot = 0;
  };
  Result<void> make_room(uint32_t rows);
  Result<Texts> make_texts(const PatchOrder& order, std::span<const uint32_t> sizes) const;
  Result<void> upload(const Picture& picture, PatchGrid grid, const PatchOrder& order);
  void record(Recorder recorder, uint32_t rows, uint32_t merged);
  void record_layers_of(Recorder recorder, uint32_t rows, uint32_t merged);
  void record_deep(Recorder recorder, size_t index, uint32_t merged);
  void record_projector(Recorder recorder, uint32_t merged);
  FloatRows record_mean(Recorder recorder, uint32_t merged);
  StepContext context(const Texts& texts, uint32_t rows, std::span<const KvPages> pages);
  KvPages pages_of(const Texts& texts) const;
  FloatRows joined() const;
  FloatRows output() const;

  const Tower* tower_;
  uint32_t room_ = 0;  // rows
  Workspace work_;
  vk::CommandStream stream_;
  vk::Buffer keys_, values_;
  vk::Buffer patches_, additions_;  // (rows, patch_columns), (rows, width) on the host
  vk::Buffer choices_;              // equal weights of merged patches, as combine() takes them
  vk::Buffer first_, second_;       // (merged rows, widest layer of the projector)
  vk::Buffer output_, readback_;    // (merged rows, row_width)
  Texts all_, windows_;
};

}  // namespace pumice
