// Files of whisper.cpp to be: the head, and which type each tensor has.
#pragma once

#include <span>
#include <string_view>

#include "convert/plan.h"
#include "format/whisper_file.h"

namespace pumice {

// All but the tensors. `words`: any bytes.
std::vector<std::byte> whisper_head(const WhisperSizes& sizes, ConvertType type, std::span<const std::byte> mel_filters,
                                    std::span<const std::string_view> words);

// Matrices as asked, kernels of convolutions F16 (F32 where that is asked), the rest F32. Status::kUnsupported: rows
// that are no whole blocks, which whisper.cpp could not read in another type than the file's.
Result<void> choose_whisper_types(ConvertType type, std::vector<PlannedTensor>& tensors);

}  // namespace pumice
