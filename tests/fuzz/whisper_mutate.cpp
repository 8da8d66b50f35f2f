// whisper_mutate: damages Whisper's model files at random, the same way for the same seed, and checks that each is
// refused with a reason of one line or holds what the parser promises, in memory bounded by a multiple of its size.
//
//   whisper_mutate [--count N] [--seed S]
#include "fuzz/fuzz_run.h"
#include "fuzz/mutator.h"
#include "support/whisper_writer.h"

namespace pumice::test {
namespace {

constexpr size_t kMostBytesPerByte = 24, kFreeBytes = 16384;

bool lies_within(std::span<const std::byte> part, std::span<const std::byte> whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

bool try_file(std::span<const std::byte> file) {
  allocated = 0;
  const Result<WhisperFile> parsed = read_whisper_file(file);
  FUZZ_CHECK(allocated <= kMostBytesPerByte * file.size() + kFreeBytes);
  if (!parsed) {
    FUZZ_CHECK(!parsed.error().message.empty() && parsed.error().message.find('\n') == std::string::npos);
    return false;
  }
  FUZZ_CHECK(lies_within(parsed->mel_filters, file) && parsed->words.size() <= parsed->sizes.vocabulary);
  size_t words = 0;
  for (const std::string_view word : parsed->words) words += word.size();
  FUZZ_CHECK(words < file.size());
  for (const WhisperTensor& tensor : parsed->tensors) {
    const TensorTypeInfo* info = tensor_type_info(tensor.type);
    FUZZ_CHECK(lies_within(tensor.data, file) && info && parsed->find(tensor.name) == &tensor);
    FUZZ_CHECK(tensor.data.size() ==
               tensor.sizes[0] / info->block_values * info->block_bytes * tensor.sizes[1] * tensor.sizes[2]);
  }
  return true;
}

int run(int argc, char** argv) {
  const FuzzOptions options = fuzz_options(argc, argv, 5000);
  std::vector<Bytes> seeds;
  for (const TensorType type : {TensorType::kF16, TensorType::kQ8_0, TensorType::kQ4_0})
    seeds.push_back(WhisperWriter(type).finish());
  for (const Bytes& seed : seeds) FUZZ_CHECK(try_file(seed));
  Mutator mutator(options.seed);
  FuzzTotals totals;
  for (uint64_t i = 0; i < options.count; ++i) {
    Bytes file = seeds[mutator.below(seeds.size())];
    for (uint64_t edits = 1 + mutator.below(3); edits > 0; --edits) {
      if (mutator.below(2) == 0) {
        // The header, where the numbers stand.
        const uint32_t number = static_cast<uint32_t>(mutator.extreme(file.size()));
        std::memcpy(file.data() + 4 * mutator.below(14), &number, sizeof number);
      } else {
        mutator.edit(file, seeds[mutator.below(seeds.size())]);
      }
      if (file.size() < 64) file.resize(64);
    }
    totals.add([&] { return try_file(file); });
  }
  totals.print();
  return 0;
}

}  // namespace
}  // namespace pumice::test

int main(int argc, char** argv) { return pumice::test::run(argc, argv); }
