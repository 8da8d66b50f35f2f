// LogitReader: logits of many rows of a prefill slice on the host, a block of rows at a time.
//
// A row of logits is as long as the vocabulary, so the logits of a whole slice would often not fit. Blocks are computed
// one after the other from the hidden rows that the last submitted slice left in the workspace; while the host reads
// one block, the head of the next one runs. Made on first use, for its memory. Thread rule: that of its context.
#pragma once

#include "model/model.h"

namespace pumice {

class LogitReader {
 public:
  static constexpr uint32_t kMostRows = 16;  // matvec reads the weights once for so many
  static constexpr size_t kBlocksInFlight = 2;

  // Both outlive the reader.
  static Result<LogitReader> create(const Model& model, Workspace& work);

  // What adds to the head of a sequence's rows; adapters: null: nothing.
  struct Adapted {
    const AdapterStack* adapters = nullptr;
    uint32_t slot = 0;
  };

  uint32_t rows() const { return rows_; }      // most rows of a block
  uint32_t stride() const { return stride_; }  // floats from one row to the next
  // Submits the head of rows [first, first + count) of the slice that was submitted last. The block that it returns
  // stays readable until kBlocksInFlight more have been submitted.
  Result<size_t> submit(uint32_t first, uint32_t count, const Adapted& adapted);
  // Waits for the block. (count, vocabulary) at `stride`.
  Result<const float*> wait(size_t block);

 private:
  struct Block {
    vk::CommandStream stream;
    vk::Buffer readback;
    vk::Buffer step_rows;  // (workspace rows) StepRow, where adapters are added
    uint64_t value = 0;
  };
  const Model* model_ = nullptr;
  Workspace* work_ = nullptr;
  uint32_t rows_ = 0, stride_ = 0;
  vk::Buffer logits_;  // (rows, vocabulary)
  Block blocks_[kBlocksInFlight];
  size_t next_ = 0;
};

}  // namespace pumice
