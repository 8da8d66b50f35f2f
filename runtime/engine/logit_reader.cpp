#include "engine/logit_reader.h"

#include <algorithm>

namespace pumice {

Result<LogitReader> LogitReader::create(const Model& model, Workspace& work) {
  vk::Device& device = model.kernels().device();
  LogitReader reader;
  reader.model_ = &model;
  reader.work_ = &work;
  reader.stride_ = row_stride(model.spec().vocabulary);
  const uint64_t row_bytes = uint64_t{4} * reader.stride_;
  const uint64_t most = std::clamp<uint64_t>(device.caps().max_storage_range / row_bytes, 1, kMostRows);
  reader.rows_ = static_cast<uint32_t>(std::min<uint64_t>(most, work.shape.rows));
  PUMICE_ASSIGN(reader.logits_, device.create_buffer(reader.rows_ * row_bytes, vk::MemoryIntent::kDevice));
  for (Block& block : reader.blocks_) {
    PUMICE_ASSIGN(block.stream, vk::CommandStream::create(device));
    PUMICE_ASSIGN(block.readback, device.create_buffer(reader.rows_ * row_bytes, vk::MemoryIntent::kReadback));
  }
  return reader;
}

Result<size_t> LogitReader::submit(uint32_t first, uint32_t count, const Adapted& adapted) {
  PUMICE_CHECK(count > 0 && count <= rows_ && first + count <= work_->shape.rows);
  const size_t index = next_;
  Block& block = blocks_[index];
  PUMICE_TRY(wait(index));
  if (adapted.adapters && !block.step_rows) {
    PUMICE_ASSIGN(block.step_rows, model_->kernels().device().create_buffer(work_->shape.rows * sizeof(StepRow),
                                                                            vk::MemoryIntent::kShared));
  }
  if (adapted.adapters)
    std::fill_n(block.step_rows.mapped_as<StepRow>(), work_->shape.rows, StepRow{.slot = adapted.slot});
  block.stream.begin();
  record_head({model_->kernels(), block.stream}, {.spec = model_->spec(),
                                                  .weights = model_->weights(),
                                                  .work = *work_,
                                                  .step = {.step_rows = block.step_rows,
                                                           .first_logit = first,
                                                           .logit_count = count,
                                                           .logits = &logits_,
                                                           .adapters = adapted.adapters}});
  block.stream.copy({logits_, 0, uint64_t{4} * stride_ * count}, block.readback);
  PUMICE_TRY(block.stream.end());
  PUMICE_ASSIGN(block.value, block.stream.submit());
  next_ = (next_ + 1) % kBlocksInFlight;
  return index;
}

Result<const float*> LogitReader::wait(size_t block) {
  PUMICE_ASSIGN(const bool reached, model_->kernels().device().wait(blocks_[block].value));
  PUMICE_CHECK(reached);
  return static_cast<const float*>(blocks_[block].readback.mapped_as<float>());
}

}  // namespace pumice
