#include "convert/whisper_plan.h"

#include <string>

#include "convert/types.h"

namespace pumice {
namespace {

constexpr uint32_t kGgmlMagic = 0x67676d6c, kMelBins = 201;
constexpr uint32_t kQuantisedFile = 2000;  // the version of the blocks, times a thousand

uint32_t whisper_file_type(ConvertType type) {
  switch (type) {
    case ConvertType::kF32:
      return 0;
    case ConvertType::kQ8_0:
      return kQuantisedFile + 7;
    case ConvertType::kQ4_0:
      return kQuantisedFile + 2;
    case ConvertType::kQ4_K:
      return kQuantisedFile + 12;
    default:
      return 1;
  }
}

}  // namespace

std::vector<std::byte> whisper_head(const WhisperSizes& sizes, ConvertType type, std::span<const std::byte> mel_filters,
                                    std::span<const std::string_view> words) {
  ByteString head;
  for (const uint32_t number : {kGgmlMagic, sizes.vocabulary, sizes.audio_context, sizes.audio_state, sizes.audio_heads,
                                sizes.audio_layers, sizes.text_context, sizes.text_state, sizes.text_heads,
                                sizes.text_layers, sizes.mels, whisper_file_type(type), sizes.mels, kMelBins})
    head.put(number);
  head.append(mel_filters);
  head.put(static_cast<uint32_t>(words.size()));
  for (const std::string_view word : words) {
    head.put(static_cast<uint32_t>(word.size()));
    head.append(word);
  }
  return std::move(head.bytes);
}

Result<void> choose_whisper_types(ConvertType type, std::vector<PlannedTensor>& tensors) {
  const TensorType matrices = matrix_type(type);
  for (PlannedTensor& tensor : tensors) {
    const bool weight = tensor.name.ends_with(".weight") && tensor.sizes.size() > 1;
    if (!weight)
      tensor.type = TensorType::kF32;
    else if (tensor.sizes.size() == 3)
      tensor.type = type == ConvertType::kF32 ? TensorType::kF32 : TensorType::kF16;
    else
      tensor.type = matrices;
    const TensorTypeInfo& info = listed_type(tensor.type);
    if (tensor.sizes[0] % info.block_values != 0)
      return error(Status::kUnsupported,
                   "the rows of %s have %llu values, which are no whole blocks of %s; take another type, such as q8_0",
                   tensor.name.c_str(), static_cast<unsigned long long>(tensor.sizes[0]), info.name);
  }
  return {};
}

}  // namespace pumice
