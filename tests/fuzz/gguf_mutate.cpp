// gguf_mutate: damages GGUF files at random, the same way for the same seed, and checks that each is either accepted
// and usable or refused with a reason, in memory bounded by a multiple of its size.
//
//   gguf_mutate [OPTIONS] [file...]     as in fuzz/fuzz_run.h; given files join the built-in ones
//
// Also says how many bytes of the heap parsing asked for at most, for a byte of the file (of files above 4 KiB).
#include <algorithm>
#include <cstdio>

#include "base/mapped_file.h"
#include "fuzz/fuzz_run.h"
#include "fuzz/gguf_exercise.h"
#include "fuzz/mutator.h"
#include "support/gguf_writer.h"
#include "support/synthetic_model.h"

namespace pumice::test {
namespace {

constexpr size_t kMaxBytesPerByte = 24;
constexpr size_t kFreeBytes = 16384;  // for messages, whatever the size of the file

Bytes metadata_seed(uint32_t version) {
  GgufWriter w;
  w.version = version;
  w.u8("u8", 1).i8("i8", -1).u16("u16", 2).i16("i16", -2).u32("u32", 3).i32("i32", -3).u64("u64", 4).i64("i64", -4);
  w.f32("f32", 0.5f).f64("f64", 0.25).boolean("bool", true).string("general.architecture", "llama");
  const std::string tokens[] = {"<s>", "a", "b", "\xe2\x96\x81the", ""};
  w.strings("tokenizer.ggml.tokens", tokens).f32s("tokenizer.ggml.scores", {0, -1, -2, -3, -4});
  w.i32s("tokenizer.ggml.token_type", {3, 1, 1, 1, 1}).alignment_key(32);
  ByteWriter nested;
  nested.put(GgufValueType::kArray).put<uint64_t>(2);
  nested.put(GgufValueType::kString).put<uint64_t>(2).text("x").text("yz");
  nested.put(GgufValueType::kI16).put<uint64_t>(3).put<uint16_t>(1).put<uint16_t>(2).put<uint16_t>(3);
  w.raw("nested", GgufValueType::kArray, nested.bytes);
  return w.tensor("t", {4, 3}, TensorType::kF32, Bytes(48)).finish();
}

Bytes tensor_seed(std::initializer_list<TensorType> types, uint64_t rows) {
  GgufWriter w;
  w.string("general.architecture", "llama").u32("llama.block_count", 1);
  uint32_t seed = 0;
  for (const TensorType type : types) {
    const uint64_t cols = tensor_type_info(type)->block_values;
    w.tensor("blk.0." + tensor_type_name(type), {cols, rows}, type, random_blocks(type, cols * rows, ++seed));
  }
  return w.finish();
}

Bytes many_seed() {
  GgufWriter w;
  for (int i = 0; i < 200; ++i) w.u8("k" + std::to_string(i), 1);
  for (int i = 0; i < 100; ++i) w.tensor("t" + std::to_string(i), {1, 2, 1, 1}, TensorType::kF16, Bytes(4));
  return w.finish();
}

// Models that load, so that what configuration, binding and tokenizer look at is reached.
std::vector<Bytes> model_seeds() {
  const SyntheticModel small{
      .layers = 1, .width = 32, .heads = 2, .kv_heads = 1, .ffn = 32, .vocabulary = 262, .type = TensorType::kF16};
  SyntheticModel fused = small, scaled = small;
  fused.fused_qkv = fused.biases = fused.separate_output = fused.gpt2 = true;
  fused.keys["llama.attention.head_count"] = [](GgufWriter& w) { w.i32s("llama.attention.head_count", {2}); };
  scaled.rope_factors = true;
  scaled.keys["llama.rope.scaling.type"] = [](GgufWriter& w) {
    w.string("llama.rope.scaling.type", "yarn").f32("llama.rope.scaling.factor", 4);
    w.f32("llama.rope.scaling.attn_factor", 0.5f).u32("llama.attention.sliding_window", 0);
  };
  return {make_synthetic_model(small), make_synthetic_model(fused), make_synthetic_model(scaled)};
}

std::vector<Bytes> built_in_seeds() {
  using enum TensorType;
  GgufWriter split;
  split.u16("split.no", 0).u16("split.count", 1).i32("split.tensors.count", 1);
  split.tensor("t", {2}, kF32, Bytes(8));
  std::vector<Bytes> seeds = {metadata_seed(2),
                              metadata_seed(3),
                              tensor_seed({kF32, kF16, kBF16, kQ8_0, kQ4_0, kQ4_1, kQ5_0, kQ5_1, kIQ4_NL, kI32}, 3),
                              tensor_seed({kQ2_K, kQ3_K, kQ4_K, kQ5_K, kQ6_K, kIQ4_XS}, 1),
                              tensor_seed({kQ4_K, kQ6_K}, 10),
                              split.finish(),
                              many_seed(),
                              GgufWriter().finish()};
  for (Bytes& model : model_seeds()) seeds.push_back(std::move(model));
  return seeds;
}

class Mutants {
 public:
  Mutants(std::vector<Bytes> seeds, uint64_t seed) : seeds_(std::move(seeds)), mutator_(seed) {}

  Bytes next() {
    Bytes file = pick_seed();
    const uint64_t edits = 1 + mutator_.below(4);
    for (uint64_t i = 0; i < edits; ++i) mutator_.edit(file, pick_seed());
    return file;
  }

 private:
  const Bytes& pick_seed() {
    const Bytes& seed = seeds_[mutator_.below(seeds_.size())];
    // Large files are slow to copy and their mutants are refused for the same reasons.
    return seed.size() <= 65536 || mutator_.below(64) == 0 ? seed : seeds_[mutator_.below(2)];
  }

  std::vector<Bytes> seeds_;
  Mutator mutator_;
};

bool is_accepted(std::span<const std::byte> file, double* most_bytes_per_byte) {
  allocated = 0;
  { const Result<Gguf> parsed = Gguf::from_memory(file); }
  const size_t asked = allocated;
  FUZZ_CHECK(asked <= kMaxBytesPerByte * file.size() + kFreeBytes);
  if (file.size() > 4096)
    *most_bytes_per_byte =
        std::max(*most_bytes_per_byte, static_cast<double>(asked) / static_cast<double>(file.size()));
  return exercise_gguf(file).empty();
}

int run(int argc, char** argv) {
  const FuzzOptions options = fuzz_options(argc, argv, 20000);
  std::vector<Bytes> seeds = built_in_seeds();
  for (int i = options.next_argument; i < argc; ++i) {
    const Result<MappedFile> file = MappedFile::open(argv[i]);
    if (!file) {
      std::fprintf(stderr, "gguf_mutate: %s\n", file.error().message.c_str());
      return 2;
    }
    seeds.emplace_back(file->bytes().begin(), file->bytes().end());
  }
  for (const Bytes& file : built_in_seeds()) FUZZ_CHECK(exercise_gguf(file).empty());
  for (const Bytes& file : model_seeds()) FUZZ_CHECK(estimate_weight_bytes(Gguf::from_memory(file).value()).ok());
  FuzzTotals totals;
  double most_bytes_per_byte = 0;
  Mutants mutants(std::move(seeds), options.seed);
  for (uint64_t i = 0; i < options.count; ++i) {
    const auto mutant = mutants.next();
    totals.add([&] { return is_accepted(mutant, &most_bytes_per_byte); });
  }
  totals.print();
  std::fprintf(stderr, "at most %.2f bytes of the heap for a byte of a file\n", most_bytes_per_byte);
  return 0;
}

}  // namespace
}  // namespace pumice::test

int main(int argc, char** argv) { return pumice::test::run(argc, argv); }
