// safetensors_mutate: damages what is converted (safetensors, CTranslate2's and GGUF files, SentencePiece models) at
// random, the same way for the same seed, and checks that each is refused with a reason of one line or holds what its
// reader promises, in memory bounded by a multiple of its size; a GGUF file that is accepted becomes one that can be
// opened, of the same tensors.
//
//   safetensors_mutate [--count N] [--seed S]
#include "convert/ct2_file.h"
#include "convert/folders.h"
#include "convert/safetensors.h"
#include "convert/sentencepiece.h"
#include "convert/sources.h"
#include "convert/write.h"
#include "fuzz/fuzz_run.h"
#include "fuzz/mutator.h"
#include "support/gguf_writer.h"
#include "support/temporary_folder.h"

namespace pumice::test {
namespace {

constexpr size_t kMostBytesPerByte = 400, kFreeBytes = 1 << 17, kConversionBytes = 64 << 20;

template <typename T>
bool is_refused(const Result<T>& read) {
  if (read) return false;
  FUZZ_CHECK(!read.error().message.empty() && read.error().message.find('\n') == std::string::npos);
  return true;
}

bool try_safetensors(std::span<const std::byte> file) {
  const Result<Safetensors> read = Safetensors::read(Input::of_memory(file));
  if (is_refused(read)) return false;
  uint64_t bytes = 0;
  for (const SafeTensor& tensor : read->tensors()) {
    uint64_t values = 1;
    for (const uint64_t size : tensor.shape) values *= size;
    FUZZ_CHECK(tensor.offset <= file.size() && tensor.bytes <= file.size() - tensor.offset);
    FUZZ_CHECK(!tensor.type || values * listed_type(*tensor.type).block_bytes == tensor.bytes);
    FUZZ_CHECK(read->find(tensor.name) == &tensor);
    bytes += tensor.bytes;
  }
  FUZZ_CHECK(bytes < file.size());
  return true;
}

bool try_ct2(std::span<const std::byte> file) {
  const Result<Ct2File> read = Ct2File::read(Input::of_memory(file));
  if (is_refused(read)) return false;
  for (const auto& [name, variable] : read->variables()) {
    FUZZ_CHECK(variable.offset <= file.size() && variable.bytes <= file.size() - variable.offset);
    FUZZ_CHECK(variable.values() * listed_type(variable.type).block_bytes == variable.bytes);
    FUZZ_CHECK(read->values(variable).ok());
  }
  return true;
}

bool try_sentencepiece(std::span<const std::byte> file) {
  const Result<Pieces> read = read_sentencepiece({reinterpret_cast<const char*>(file.data()), file.size()});
  if (is_refused(read)) return false;
  FUZZ_CHECK(read->texts.size() == read->scores.size() && read->texts.size() == read->kinds.size());
  return true;
}

bool try_gguf(std::span<const std::byte> file) {
  static const TemporaryFolder folder;
  Result<Gguf> read = Gguf::from_memory(file);
  if (is_refused(read)) return false;
  const auto gguf = std::make_shared<const Gguf>(std::move(*read));
  const auto type = static_cast<ConvertType>(file.size() % 5);
  const Result<ConvertPlan> plan = plan_gguf(gguf, type);
  if (is_refused(plan)) return false;
  FUZZ_CHECK(write_model(*plan, folder.file("out.gguf"), {}).ok());
  const Result<Gguf> made = Gguf::open(folder.file("out.gguf"));
  FUZZ_CHECK(made && made->tensors().size() == gguf->tensors().size());
  for (const GgufTensor& tensor : gguf->tensors()) {
    const GgufTensor* other = made->find_tensor(tensor.name);
    FUZZ_CHECK(other && other->dims == tensor.dims);
  }
  return true;
}

Bytes gguf_seed() {
  GgufWriter writer;
  writer.string("general.architecture", "llama").u32("llama.block_count", 1).u32("general.file_type", 1);
  for (const auto& [name, type] :
       {std::pair("token_embd.weight", TensorType::kF16), std::pair("blk.0.attn_v.weight", TensorType::kQ4_K),
        std::pair("blk.0.attn_norm.weight", TensorType::kF32), std::pair("blk.0.ffn_down.weight", TensorType::kI32),
        std::pair("blk.0.ffn_up.weight", TensorType::kQ5_1)})
    writer.tensor(name, {256, 1}, type,
                  Bytes(256 / listed_type(type).block_values * listed_type(type).block_bytes, std::byte{0x3a}));
  return writer.finish();
}

std::string ct2_file() {
  std::string file("\x06\0\0\0\x10\0TransformerSpec\0\x07\0\0\0\x03\0\0\0", 30);
  for (int i = 0; i < 3; ++i) {
    file += std::string("\x0a\0encoder/", 10) + static_cast<char>('a' + i);
    file.insert(file.size(), 1, '\0');
    file += std::string("\x02\x02\0\0\0\x03\0\0\0", 9);
    const uint8_t type = i == 0 ? 0 : i == 1 ? 1 : 4;
    const uint32_t size = 6u * (i == 0 ? 4 : i == 1 ? 1 : 2);
    file += static_cast<char>(type);
    file.append(reinterpret_cast<const char*>(&size), 4);
    file += std::string(size, 'v');
  }
  return file + std::string("\x01\0\0\0\x02\0z\0\x0a\0encoder/a\0", 4 + 4 + 12);
}

struct Seed {
  Bytes bytes;
  bool (*try_file)(std::span<const std::byte>);
};

std::vector<Seed> make_seeds() {
  SafetensorsWriter writer;
  writer.add("model.shared.weight", {4, 6});
  writer.add("model.layers.0.bias", {6});
  writer.add_bytes("half", "BF16", {2, 2}, "12345678");
  writer.add_bytes("numbers", "I64", {1, 3}, std::string(24, 'n'));
  writer.header["__metadata__"] = {{"format", "pt"}};
  return {{bytes_of(writer.finish()), try_safetensors},
          {bytes_of(writer.finish()), try_safetensors},
          {bytes_of(ct2_file()), try_ct2},
          {gguf_seed(), try_gguf},
          {bytes_of(sentencepiece_file({"</s>", "<unk>", "a", "bc"})), try_sentencepiece}};
}

// A number in the text of the header.
void change_digit(Bytes& file, Mutator& mutator) {
  for (int attempt = 0; attempt < 50; ++attempt) {
    std::byte& at = file[mutator.below(file.size())];
    if (at < std::byte{'0'} || at > std::byte{'9'}) continue;
    at = static_cast<std::byte>('0' + mutator.below(10));
    return;
  }
}

int run(int argc, char** argv) {
  const FuzzOptions options = fuzz_options(argc, argv, 20000);
  const std::vector<Seed> seeds = make_seeds();
  for (const Seed& seed : seeds) FUZZ_CHECK(seed.try_file(seed.bytes));
  Mutator mutator(options.seed);
  FuzzTotals totals;
  for (uint64_t i = 0; i < options.count; ++i) {
    const Seed& seed = seeds[mutator.below(seeds.size())];
    Bytes file = seed.bytes;
    for (uint64_t edits = 1 + mutator.below(3); edits > 0; --edits) {
      if (mutator.below(2) == 0 && !file.empty())
        change_digit(file, mutator);
      else
        mutator.edit(file, seeds[mutator.below(seeds.size())].bytes);
    }
    allocated = 0;
    totals.add([&] { return seed.try_file(file); });
    // A file that is converted takes pieces, and is opened once more.
    FUZZ_CHECK(allocated <=
               (seed.try_file == try_gguf ? kConversionBytes : 0) + kMostBytesPerByte * file.size() + kFreeBytes);
  }
  totals.print();
  return 0;
}

}  // namespace
}  // namespace pumice::test

int main(int argc, char** argv) { return pumice::test::run(argc, argv); }
