// What people have, read into plans: one function for each kind of file or folder.
#pragma once

#include <memory>
#include <string>

#include "convert/plan.h"
#include "format/gguf.h"

namespace pumice {

// Of a GGUF file. Status::kUnsupported: an adapter, a projector or the like.
Result<ConvertPlan> plan_gguf(std::shared_ptr<const Gguf> file, ConvertType type);

// Of whisper.cpp's file. Its tensors' types: matrices as asked, kernels of convolutions F16 (F32: F32), the rest F32.
Result<ConvertPlan> plan_whisper_file(const std::string& path, ConvertType type);

// Of folders of Hugging Face (config.json, model.safetensors) whose model_type is the function's.
Result<ConvertPlan> plan_hf_bert(const std::string& folder, ConvertType type);
Result<ConvertPlan> plan_hf_marian(const std::string& folder, ConvertType type);
Result<ConvertPlan> plan_hf_whisper(const std::string& folder, ConvertType type);

// Of a folder of CTranslate2 (model.bin and vocabularies) with a translation model.
Result<ConvertPlan> plan_ct2_marian(const std::string& folder, ConvertType type);

}  // namespace pumice
