// What a file is that is not a model: said in words, with what to do, because such files are given often.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"
#include "format/gguf.h"

namespace pumice {

// The error for a file of at least four bytes that are not GGUF's: a web page, a pointer, another format.
Error not_gguf(std::span<const std::byte> file);

// kUnsupported for a GGUF file of another kind: an adapter, a projector, an importance matrix, a vocabulary.
Result<void> check_is_model(const Gguf& file);

}  // namespace pumice
