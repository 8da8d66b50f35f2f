// Any GGUF file in another type.
#include <optional>

#include "convert/sources.h"
#include "convert/types.h"
#include "format/dequantize.h"
#include "format/file_kind.h"

namespace pumice {
namespace {

bool is_replaced(std::string_view key) {
  return key == "general.file_type" || key == "general.quantization_version" || key.starts_with("split.");
}

// NVFP4's blocks have a factor beside them, which no other type's have.
Result<void> check_factors(const Gguf& file) {
  for (const GgufTensor& tensor : file.tensors())
    if (tensor.type == TensorType::kNVFP4)
      return error(Status::kUnsupported, "tensor %s is of type NVFP4, which is not converted to another type",
                   quote(tensor.name).c_str());
  return {};
}

constexpr uint64_t kUsualAlignment = 32, kMostAlignment = 1 << 16;

ModelFacts facts_of(const Gguf& file) {
  ModelFacts facts{.architecture = file.get_string("general.architecture").value_or("")};
  const std::string prefix = std::string(facts.architecture) + ".";
  facts.layers = file.get_u32(prefix + "block_count").value_or(0);
  facts.experts = file.get_u32(prefix + "expert_count").value_or(0);
  return facts;
}

}  // namespace

Result<ConvertPlan> plan_gguf(std::shared_ptr<const Gguf> file, ConvertType type) {
  ConvertPlan plan;
  const ModelFacts facts = facts_of(*file);
  if (facts.architecture != kTowerArchitecture) PUMICE_TRY(check_is_model(*file));
  PUMICE_TRY(check_factors(*file));
  plan.kind = std::string(facts.architecture);
  for (const GgufEntry& entry : file->metadata())
    if (!is_replaced(entry.key)) plan.metadata.copy(entry);
  plan.alignment = file->get_u64("general.alignment").value_or(kUsualAlignment);
  if (plan.alignment > kMostAlignment)
    return error(Status::kUnsupported, "general.alignment is %llu, more than any model needs",
                 static_cast<unsigned long long>(plan.alignment));
  for (const GgufTensor& tensor : file->tensors()) {
    PlannedTensor& planned = plan.tensors.emplace_back();
    planned.name = tensor.name;
    planned.sizes.assign(tensor.dims.begin(), tensor.dims.begin() + tensor.dim_count);
    planned.source.type = tensor.type;
    planned.source.read = [file, data = tensor.data](uint64_t offset, std::span<std::byte> to) -> Result<void> {
      PUMICE_ASSIGN(const auto bytes, file->fetch(data.subspan(static_cast<size_t>(offset), to.size()), to));
      if (bytes.data() != to.data()) std::copy(bytes.begin(), bytes.end(), to.begin());
      return {};
    };
  }
  finish_gguf(plan, facts, type);
  return plan;
}

}  // namespace pumice
