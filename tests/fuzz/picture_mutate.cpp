// picture_mutate: damages picture files at random, the same way for the same seed, and checks that each is refused with
// a reason of one line or becomes a picture within the limits; then that sizes of any ratio stay within theirs.
//
//   picture_mutate [--count N] [--seed S]
#include "fuzz/fuzz_run.h"
#include "fuzz/mutator.h"
#include "media/picture_file.h"
#include "support/picture_samples.h"

namespace pumice::test {
namespace {

constexpr PictureLimits kLimits{.bytes = 4096, .pixels = 1u << 16, .side = 1024};

bool try_file(std::span<const std::byte> file) {
  allocated = 0;
  const Result<Picture> picture = read_picture(file, kLimits);
  FUZZ_CHECK(allocated <= 16 * kLimits.pixels);
  if (!picture) {
    FUZZ_CHECK(!picture.error().message.empty() && picture.error().message.find('\n') == std::string::npos);
    return false;
  }
  const PictureSize size = picture->size;
  FUZZ_CHECK(size.width > 0 && size.height > 0 && size.width <= kLimits.side && size.height <= kLimits.side);
  FUZZ_CHECK(size.pixels() <= kLimits.pixels && picture->rgb.size() == 3 * size.pixels());
  return true;
}

void try_sizes(Mutator& mutator) {
  const auto side = [&] { return static_cast<uint32_t>(1 + mutator.below(uint64_t{1} << mutator.below(15))); };
  const PictureSize size{side(), side()};
  const uint32_t least = side(), unit = 1 + side() % 64;
  const SizeLimits limits{.unit = unit, .least = least, .most = least + side()};
  const PictureSize smart = smart_size(size, limits);
  FUZZ_CHECK(smart.width > 0 && smart.height > 0 && smart.width % unit == 0 && smart.height % unit == 0);
  FUZZ_CHECK(std::max(smart.width, smart.height) <= uint64_t{limits.most} * unit);
  const uint32_t tile = 1 + side() % 512, longest = tile * (1 + side() % 8);
  const TiledSizes tiled = tiled_sizes(size, longest, tile);
  FUZZ_CHECK(tiled.first.width > 0 && tiled.first.height > 0);
  FUZZ_CHECK(tiled.grid.width > 0 && tiled.grid.width % tile == 0 && tiled.grid.width <= longest + tile);
  FUZZ_CHECK(tiled.grid.height > 0 && tiled.grid.height % tile == 0 && tiled.grid.height <= longest + tile);
}

template <size_t kCount>
Bytes bytes_of(const uint8_t (&sample)[kCount]) {
  const auto* data = reinterpret_cast<const std::byte*>(sample);
  return {data, data + kCount};
}

int run(int argc, char** argv) {
  const FuzzOptions options = fuzz_options(argc, argv, 20000);
  const std::vector<Bytes> seeds = {bytes_of(kPngColour),     bytes_of(kPngAlpha),     bytes_of(kPngGrey16),
                                    bytes_of(kPngInterlaced), bytes_of(kPngTurned),    bytes_of(kWebpLossless),
                                    bytes_of(kWebpTurned),    bytes_of(kWebpAnimated), bytes_of(kJpegProgressive),
                                    bytes_of(kJpeg),          bytes_of(kJpegInks)};
  for (const Bytes& seed : seeds) try_file(seed);
  Mutator mutator(options.seed);
  FuzzTotals totals;
  for (uint64_t i = 0; i < options.count; ++i) {
    Bytes file = seeds[mutator.below(seeds.size())];
    for (uint64_t edits = 1 + mutator.below(3); edits > 0; --edits)
      mutator.edit(file, seeds[mutator.below(seeds.size())]);
    totals.add([&] { return try_file(file); });
    try_sizes(mutator);
  }
  totals.print();
  return 0;
}

}  // namespace
}  // namespace pumice::test

int main(int argc, char** argv) { return pumice::test::run(argc, argv); }
