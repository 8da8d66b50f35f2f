// sound_mutate: damages sound files at random, the same way for the same seed, and checks that each is refused with a
// reason of one line or becomes finite samples within the limit.
//
//   sound_mutate [--count N] [--seed S]
#include <sndfile.h>

#include <cmath>

#include "fuzz/fuzz_run.h"
#include "fuzz/mutator.h"
#include "media/sound_file.h"

namespace pumice::test {
namespace {

constexpr uint32_t kMostSeconds = 2;

bool try_file(std::span<const std::byte> file) {
  const Result<std::vector<float>> sound = read_sound(file, kMostSeconds);
  if (!sound) {
    FUZZ_CHECK(!sound.error().message.empty() && sound.error().message.find('\n') == std::string::npos);
    return false;
  }
  FUZZ_CHECK(sound->size() <= size_t{kMostSeconds} * kSoundRate);
  for (const float sample : *sound) FUZZ_CHECK(std::isfinite(sample));
  return true;
}

// A file in memory, as libsndfile writes it.
struct Written {
  Bytes bytes;
  size_t at = 0;

  static Written& of(void* user) { return *static_cast<Written*>(user); }
  static SF_VIRTUAL_IO access() {
    SF_VIRTUAL_IO io{};
    io.get_filelen = [](void* user) { return static_cast<sf_count_t>(of(user).bytes.size()); };
    io.tell = [](void* user) { return static_cast<sf_count_t>(of(user).at); };
    io.seek = [](sf_count_t offset, int whence, void* user) {
      Written& file = of(user);
      const size_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? file.at : file.bytes.size();
      return static_cast<sf_count_t>(file.at = from + static_cast<size_t>(offset));
    };
    io.read = [](void* to, sf_count_t count, void* user) {
      Written& file = of(user);
      const size_t size =
          std::min(static_cast<size_t>(count), file.bytes.size() - std::min(file.at, file.bytes.size()));
      std::memcpy(to, file.bytes.data() + file.at, size);
      file.at += size;
      return static_cast<sf_count_t>(size);
    };
    io.write = [](const void* from, sf_count_t count, void* user) {
      Written& file = of(user);
      const size_t size = static_cast<size_t>(count);
      if (file.bytes.size() < file.at + size) file.bytes.resize(file.at + size);
      std::memcpy(file.bytes.data() + file.at, from, size);
      file.at += size;
      return count;
    };
    return io;
  }
};

// Empty where the library does not write that kind.
Bytes make_file(int format, int rate, int channels) {
  Written file;
  SF_VIRTUAL_IO io = Written::access();
  SF_INFO info{};
  info.format = format;
  info.samplerate = rate;
  info.channels = channels;
  SNDFILE* sound = sf_open_virtual(&io, SFM_WRITE, &info, &file);
  if (!sound) return {};
  std::vector<float> samples(static_cast<size_t>(channels) * 600);
  for (size_t i = 0; i < samples.size(); ++i) samples[i] = 0.4f * std::sin(0.07f * static_cast<float>(i));
  sf_write_float(sound, samples.data(), static_cast<sf_count_t>(samples.size()));
  sf_close(sound);
  return file.bytes;
}

std::vector<Bytes> make_seeds() {
  constexpr int kMp3 = 0x230000 | 0x0082;  // newer versions' MPEG, layer III
  std::vector<Bytes> seeds;
  for (const int format :
       {SF_FORMAT_WAV | SF_FORMAT_PCM_16, SF_FORMAT_WAV | SF_FORMAT_FLOAT, SF_FORMAT_WAV | SF_FORMAT_IMA_ADPCM,
        SF_FORMAT_FLAC | SF_FORMAT_PCM_16, SF_FORMAT_OGG | SF_FORMAT_VORBIS, SF_FORMAT_AIFF | SF_FORMAT_PCM_24, kMp3})
    for (const int channels : {1, 2})
      if (Bytes file = make_file(format, channels == 1 ? 16000 : 22050, channels); !file.empty())
        seeds.push_back(std::move(file));
  return seeds;
}

int run(int argc, char** argv) {
  const FuzzOptions options = fuzz_options(argc, argv, 2000);
  const std::vector<Bytes> seeds = make_seeds();
  FUZZ_CHECK(seeds.size() >= 4);
  for (const Bytes& seed : seeds) FUZZ_CHECK(try_file(seed));
  Mutator mutator(options.seed);
  FuzzTotals totals;
  for (uint64_t i = 0; i < options.count; ++i) {
    Bytes file = seeds[mutator.below(seeds.size())];
    for (uint64_t edits = 1 + mutator.below(3); edits > 0; --edits)
      mutator.edit(file, seeds[mutator.below(seeds.size())]);
    totals.add([&] { return try_file(file); });
  }
  totals.print();
  return 0;
}

}  // namespace
}  // namespace pumice::test

// libsndfile 1.2 does not free it where an Ogg file is damaged.
extern "C" __attribute__((visibility("default"))) const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:vorbis_info_init\n"; }

int main(int argc, char** argv) { return pumice::test::run(argc, argv); }
