// PictureStaging: what a prefill slice needs on the device where some of its rows are those of pictures.
//
// Thread rule: one thread at a time; the step that reads it has finished when it is filled again.
#pragma once

#include <span>
#include <vector>

#include "engine/picture_encoder.h"
#include "engine/step_plan.h"
#include "model/step.h"

namespace pumice {

// Rows [first, first + count) of a slice are those of a picture from `from` on.
struct SlicePicture {
  uint32_t first = 0, count = 0, from = 0;
  PictureEncoder::Rows rows;
};

// The parts of pictures in a slice, with their rows.
Result<std::vector<SlicePicture>> pictures_of(const SlicePlan& plan, SequencePictures pictures,
                                              PictureEncoder* encoder);

class PictureStaging {
 public:
  // capacity: rows of the longest slice. step_rows: those of the slice.
  Result<const PictureStep*> fill(vk::Device& device, const ModelSpec& spec, uint32_t capacity,
                                  std::span<const StepRow> step_rows, std::span<const SlicePicture> pictures);

 private:
  Result<void> make_room(vk::Device& device, const ModelSpec& spec, uint32_t capacity);
  void copy_rows(const ModelSpec& spec, uint32_t count, std::span<const SlicePicture> pictures);
  static AttentionTexts write_spans(std::span<const PictureStep::Run> runs, vk::Buffer& spans);

  uint32_t capacity_ = 0;
  vk::Buffer rows_, ones_, text_rows_, text_spans_, picture_spans_;
  std::vector<PictureStep::Run> runs_;
  PictureStep step_;
};

}  // namespace pumice
