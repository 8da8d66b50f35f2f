// EncodingStep: whole texts through the layers of a model, several of them in one submission.
//
// Keys and values of a step lie in pages that all layers share, one after the other; nothing of them outlives the step.
// A text's rows are the same bits whatever other texts are in the step. Thread rule: one thread at a time.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "kernels/attention.h"
#include "model/model.h"
#include "shared/step_params.h"

namespace pumice {

// The stack of layers that encodes. What it refers to outlives the step.
struct EncodingModel {
  Kernels* kernels = nullptr;
  const ModelSpec* spec = nullptr;
  const DecoderWeights* weights = nullptr;
  const DecoderWeights* shared = nullptr;  // see StepContext

  static EncodingModel of(const Model& model) { return {&model.kernels(), &model.spec(), &model.weights()}; }
  // Of a model with an encoder.
  static EncodingModel encoder_of(const Model& model) {
    return {&model.kernels(), &model.spec().encoder[0], &model.weights().encoder[0], &model.weights()};
  }
};

inline uint32_t pages_for(uint32_t tokens) { return divide_up(tokens, kPageTokens); }

struct EncodingShape {
  uint32_t rows = 0;         // most tokens of a step
  uint32_t texts = 0;        // most texts of a step
  uint32_t text_tokens = 0;  // most tokens of a text
  KvFormat kv;
  bool rows_wanted = true;  // on the host
};

class EncodingStep {
 public:
  static constexpr size_t kInFlight = 2;

  EncodingStep() = default;  // without any room
  // kUnsupported: the layers have states, which whole texts are not computed with.
  static Result<EncodingStep> create(const EncodingModel& model, const EncodingShape& shape);

  const EncodingShape& shape() const { return shape_; }
  uint32_t stride() const { return row_stride(model_.spec->width); }  // floats from one row to the next

  // Texts that fit the shape, none of them empty. The lane that it returns is used again after kInFlight more. What
  // `behind` records comes in the same submission; the rows are in context.hidden() then.
  using Behind = std::function<void(Recorder, const StepContext&)>;
  Result<size_t> submit(std::span<const std::span<const int32_t>> texts, const Behind& behind = {});
  // The same of windows of sound, (frames, bands) each, which have as many rows as the model has positions.
  Result<size_t> submit_sounds(std::span<const std::span<const float>> windows, const Behind& behind = {});
  // Waits. The last hidden rows of all texts (rows, width) at stride(), until the lane is used again. go_on is asked
  // now and then meanwhile; false from it: kCancelled, and what was submitted goes on by itself.
  using GoOn = std::function<bool()>;
  Result<const float*> wait(size_t lane, const GoOn& go_on = {});
  Result<void> settle();  // waits for all lanes
  // The layers behind pooled vectors (count, width), count <= texts: (count, rows of the last layer). Waits.
  Result<std::vector<float>> finish(std::span<const float> vectors, uint32_t count);

 private:
  struct Lane {
    vk::CommandStream stream;
    vk::Buffer rows;        // (rows) StepRow
    vk::Buffer spans;       // (texts, 2)
    vk::Buffer page_table;  // (texts, pages of the longest text)
    vk::Buffer hidden;      // (rows, width) on the host
    vk::Buffer sounds;      // (texts) windows, as SoundStep::frames; or empty
    uint64_t value = 0;     // of its last submission
  };
  AttentionTexts fill(Lane& lane, std::span<const std::span<const int32_t>> texts);
  Result<void> submit(Lane& lane);
  void fill_sounds(Lane& lane, std::span<const std::span<const float>> windows);
  Result<size_t> submit(std::span<const std::span<const int32_t>> texts, std::span<const std::span<const float>> sounds,
                        const Behind& behind);

  EncodingModel model_;
  EncodingShape shape_;
  Workspace work_;
  vk::Buffer keys_, values_;  // pages of the widest layer
  vk::Buffer pooled_;         // (texts, widest pooled layer) on the host: in, then out
  std::vector<Lane> lanes_;
  size_t next_ = 0;
};

}  // namespace pumice
