// EncodingStep: whole texts through the layers of a model, several of them in one submission.
//
// Keys and values of a step lie in pages that all layers share, one after the other; nothing of them outlives the step.
// A text's rows are the same bits whatever other texts are in the step. Thread rule: one thread at a time.
#pragma once

#include <span>
#include <vector>

#include "kernels/attention.h"
#include "model/model.h"

namespace pumice {

struct EncodingShape {
  uint32_t rows = 0;         // most tokens of a step
  uint32_t texts = 0;        // most texts of a step
  uint32_t text_tokens = 0;  // most tokens of a text
  KvFormat kv;
};

class EncodingStep {
 public:
  static constexpr size_t kInFlight = 2;

  EncodingStep() = default;  // without any room
  // The model outlives the step. kUnsupported: it has states, which whole texts are not computed with.
  static Result<EncodingStep> create(const Model& model, const EncodingShape& shape);

  const EncodingShape& shape() const { return shape_; }
  uint32_t stride() const { return row_stride(model_->spec().width); }  // floats from one row to the next

  // Texts that fit the shape, none of them empty. The lane that it returns is used again after kInFlight more.
  Result<size_t> submit(std::span<const std::span<const int32_t>> texts);
  // Waits. The last hidden rows of all texts (rows, width) at stride(), until the lane is used again.
  Result<const float*> wait(size_t lane);
  // The layers behind pooled vectors (count, width), count <= texts: (count, rows of the last layer). Waits.
  Result<std::vector<float>> finish(std::span<const float> vectors, uint32_t count);

 private:
  struct Lane {
    vk::CommandStream stream;
    vk::Buffer rows;        // (rows) StepRow
    vk::Buffer spans;       // (texts, 2)
    vk::Buffer page_table;  // (texts, pages of the longest text)
    vk::Buffer hidden;      // (rows, width) on the host
    uint64_t value = 0;     // of its last submission
  };
  AttentionTexts fill(Lane& lane, std::span<const std::span<const int32_t>> texts);
  Result<void> submit(Lane& lane);

  const Model* model_ = nullptr;
  EncodingShape shape_;
  Workspace work_;
  vk::Buffer keys_, values_;  // pages of the widest layer
  vk::Buffer pooled_;         // (texts, widest pooled layer) on the host: in, then out
  std::vector<Lane> lanes_;
  size_t next_ = 0;
};

}  // namespace pumice
