// Conversion of model files: what people have into what this library and others read.
//
// In: GGUF files of any type, whisper.cpp's files, folders of Hugging Face with bert, marian or whisper models, and
// folders of CTranslate2 with translation models. Out: GGUF, or whisper.cpp's format for Whisper models.
// Contract: the input may be hostile; what is not known is refused by name. The output appears under its name when it
// is whole and on the disk, or never. Memory is bounded by tables and some pieces of tensors.
#pragma once

#include <functional>
#include <string>

#include "convert/plan.h"

namespace pumice {

struct ConvertRequest {
  std::string source;  // a file or a folder
  std::string target;
  ConvertType type = ConvertType::kF16;
  std::function<bool(float fraction)> progress;  // false: stop with Status::kCancelled; may be empty
};

struct ConvertOutcome {
  std::string kind;  // "llama", "bert", "marian", "Whisper"
  bool whisper = false;
  uint64_t tensors = 0, converted_tensors = 0;  // of another type than in the source
  uint64_t bytes = 0;                           // of the file
};

// Status::kUnsupported from a library that was built without it.
Result<ConvertOutcome> convert_model(const ConvertRequest& request);

}  // namespace pumice
