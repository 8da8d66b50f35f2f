// whisper.cpp's file in another type.
#include <algorithm>

#include "base/mapped_file.h"
#include "convert/sources.h"
#include "convert/whisper_plan.h"

namespace pumice {

Result<ConvertPlan> plan_whisper_file(const std::string& path, ConvertType type) {
  PUMICE_ASSIGN(MappedFile mapped, MappedFile::open(path));
  PUMICE_TRY(mapped.hold(mapped.bytes().size()));  // while it is looked at: the file may become shorter meanwhile
  const auto map = std::make_shared<MappedFile>(std::move(mapped));
  PUMICE_ASSIGN(WhisperFile file, read_whisper_file(map->bytes()));
  ConvertPlan plan{.kind = "Whisper"};
  plan.whisper_head = whisper_head(file.sizes, type, file.mel_filters, file.words);
  std::ranges::sort(file.tensors, {},
                    [](const WhisperTensor& tensor) { return tensor.data.data(); });  // as in the file
  for (const WhisperTensor& tensor : file.tensors) {
    PlannedTensor& planned = plan.tensors.emplace_back();
    planned.name = tensor.name;
    // Biases of convolutions have two, of which the inner one is 1.
    const bool kernel = planned.name.find(".conv") != std::string::npos;
    const bool vector = !kernel && tensor.sizes[1] == 1 && tensor.sizes[2] == 1;
    const size_t rank = kernel && planned.name.ends_with(".weight") ? 3 : vector ? 1 : 2;
    planned.sizes.assign(tensor.sizes.begin(), tensor.sizes.begin() + static_cast<ptrdiff_t>(rank));
    planned.source.type = tensor.type;
    const auto offset = static_cast<size_t>(tensor.data.data() - map->bytes().data());
    planned.source.read = [map, offset](uint64_t at, std::span<std::byte> to) {
      return map->read(offset + static_cast<size_t>(at), to);
    };
  }
  PUMICE_TRY(map->hold(0));
  PUMICE_TRY(choose_whisper_types(type, plan.tensors));
  return plan;
}

}  // namespace pumice
