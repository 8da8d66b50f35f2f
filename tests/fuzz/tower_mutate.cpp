// tower_mutate: damages projectors' files (mmproj) at random, the same way for the same seed, and checks that each is
// refused with a reason of one line, before any device is needed, or describes a tower that can be computed.
//
//   tower_mutate [--count N] [--seed S]
#include "engine/patches.h"
#include "engine/picture_sizes.h"
#include "fuzz/fuzz_run.h"
#include "fuzz/mutator.h"
#include "support/tower_model.h"

namespace pumice::test {
namespace {

constexpr size_t kMostBytesPerByte = 64, kFreeBytes = 1u << 20;

bool is_one_line(const Error& error) { return !error.message.empty() && error.message.find('\n') == std::string::npos; }

// Of a small picture: its parts are what the tower takes, and every patch comes once.
void try_picture(const TowerSpec& spec) {
  if (spec.picture.image_size > 256 || spec.picture.longest > 512 || spec.patch * spec.merge > 64) return;
  const Picture picture{{40, 30}, std::vector<uint8_t>(3 * 40 * 30, 9)};
  for (const PicturePart& part : prepare_picture(spec, picture, {.most = 64})) {
    const Result<PatchGrid> grid = patch_grid(spec, part.picture.size);
    if (!grid) {
      FUZZ_CHECK(is_one_line(grid.error()));
      continue;
    }
    const PatchOrder order = order_patches(spec, *grid);
    FUZZ_CHECK(order.patches.size() == grid->count());
    FUZZ_CHECK(order.reading.size() * spec.merge * spec.merge == order.patches.size());
  }
}

bool try_file(std::span<const std::byte> bytes) {
  const Result<Gguf> file = Gguf::from_memory(bytes);
  if (!file) return false;
  allocated = 0;
  const Result<TowerSpec> spec = describe_tower(*file);
  if (!spec) {
    FUZZ_CHECK(is_one_line(spec.error()));
    return false;
  }
  const Result<void> checked = check_tower(*file, *spec);
  FUZZ_CHECK(allocated <= kMostBytesPerByte * bytes.size() + kFreeBytes);
  if (!checked) {
    FUZZ_CHECK(is_one_line(checked.error()));
    return false;
  }
  try_picture(*spec);
  return true;
}

int run(int argc, char** argv) {
  const FuzzOptions options = fuzz_options(argc, argv, 5000);
  std::vector<Bytes> seeds;
  for (const char* kind :
       {"gemma3", "gemma4v", "idefics3", "mlp", "qwen2vl_merger", "qwen2.5vl_merger", "qwen3vl_merger", "pixtral"})
    seeds.push_back(make_tower_model({.projector = kind}));
  for (const Bytes& seed : seeds) FUZZ_CHECK(try_file(seed));
  Mutator mutator(options.seed);
  FuzzTotals totals;
  constexpr size_t kHeader = 4096;  // keys and the list of tensors
  for (uint64_t i = 0; i < options.count; ++i) {
    Bytes file = seeds[mutator.below(seeds.size())];
    for (uint64_t edits = 1 + mutator.below(2); edits > 0; --edits) {
      if (mutator.below(4) == 0) {
        mutator.edit(file, seeds[mutator.below(seeds.size())]);
      } else {
        const auto number = static_cast<uint32_t>(mutator.below(2) ? mutator.below(300) : mutator.extreme(300));
        std::memcpy(file.data() + mutator.below(kHeader), &number, sizeof number);
      }
      if (file.size() < 2 * kHeader) file.resize(2 * kHeader);
    }
    totals.add([&] { return try_file(file); });
  }
  totals.print();
  return 0;
}

}  // namespace
}  // namespace pumice::test

int main(int argc, char** argv) { return pumice::test::run(argc, argv); }
