// whisper.cpp's model files as GGUF files would say the same: keys "whisper.…", tensors by the names that encoders and
// decoders have here. So the rest of the engine knows one kind of file.
// Thread rule: plain functions.
#pragma once

#include <cstddef>
#include <span>

#include "format/gguf_reader.h"

namespace pumice {

// By its first bytes: GGML files from before GGUF begin alike, but have other vocabularies.
bool is_whisper_file(std::span<const std::byte> file);
// Tensor data points into `file`, all else into the part's own bytes.
Result<GgufPart> read_whisper_part(std::span<const std::byte> file);

}  // namespace pumice
