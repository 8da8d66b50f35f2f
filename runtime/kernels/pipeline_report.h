// What a device's compiler makes of the pipelines that the library would use there, and what is wrong with them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "kernels/kernels.h"
#include "vk/pipeline_statistics.h"

namespace pumice {

struct CataloguedPipeline {
  PipelineKey key;
  std::string use;         // the first step that takes it: "Llama 3 8B, q4_0, f16 KV cache, prompt of 16"
  bool decode = false;     // a matrix-vector product of the decode step: what its speed hangs on
  uint32_t candidate = 0;  // 0: the kernel's choice; others are what tuning may take instead
};

struct PipelineReport {
  CataloguedPipeline pipeline;
  std::string failure;  // why it could not be made; empty: it was
  // From the shader itself, with its constants.
  uint64_t shared_bytes = 0, workgroup = 0;
  uint32_t push_bytes = 0;
  std::vector<vk::PipelineExecutable> executables;  // empty: the driver does not tell
  std::vector<std::string> problems;                // for people
};

struct PipelineReportOptions {
  std::string kernel;                   // only this one; empty: all
  std::function<bool(float)> progress;  // the fraction done; true cancels
};

// Makes every pipeline anew. Problems: one that cannot be made; spilled registers and scratch memory;
// a product of the decode step that leaves room for fewer than half of the subgroups that the device keeps resident,
// where the driver tells.
Result<std::vector<PipelineReport>> report_pipelines(vk::Device& device, std::vector<CataloguedPipeline> catalogue,
                                                     const PipelineReportOptions& options);

// The same judgement of a finished list: pure. Adds to `problems`.
void find_problems(std::vector<PipelineReport>& reports);

}  // namespace pumice
