// A digest of all that a model file holds, so that what was computed with one model is never used with another.
#pragma once

#include <string>

#include "base/result.h"
#include "format/gguf.h"

namespace pumice {

// Hexadecimal BLAKE2b-256 over the metadata (tokenizer included) and every tensor. Reads the whole file, with as many
// threads as there are cores. Status::kIo where it cannot be read.
Result<std::string> model_digest(const Gguf& file);

}  // namespace pumice
