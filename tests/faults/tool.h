// Tool: what a life uses in the place of a context where its model is no decoder of text alone.
// Thread rule: one thread.
#pragma once

#include <pumice/pumice.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace pumice::faults {

class Tool {
 public:
  virtual ~Tool() = default;
  virtual const char* name() const = 0;  // "embed"
  // cache: null for the defaults.
  virtual PumiceResult create(PumiceModel* model, const PumiceCacheOptions* cache) = 0;
  // One of some inputs, and the numbers that stand for its answer.
  virtual PumiceResult run(uint32_t input, std::vector<int32_t>* answer) = 0;
  virtual std::string error() const = 0;  // of the last call but create()
};

// Null: such a model has contexts.
std::unique_ptr<Tool> tool_for(const std::string& architecture);

}  // namespace pumice::faults
