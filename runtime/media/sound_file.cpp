#include "media/sound_file.h"

#ifdef PUMICE_HAS_SOUND
#include <samplerate.h>
#include <sndfile.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#endif

namespace pumice {

Result<std::vector<float>> read_sound(std::span<const std::byte> bytes, uint32_t most_seconds) {
  constexpr size_t kPart = size_t{10} * kSoundRate;
  PUMICE_ASSIGN(const std::unique_ptr<SoundFile> file, SoundFile::open(bytes));
  std::vector<float> samples;
  for (size_t count = 0;;) {
    samples.resize(count + kPart);
    PUMICE_ASSIGN(const size_t more, file->read(std::span(samples).subspan(count)));
    count += more;
    if (count > size_t{most_seconds} * kSoundRate)
      return error(Status::kUnsupported, "the sound is longer than %u s; cut it", most_seconds);
    if (more == kPart) continue;
    samples.resize(count);
    return samples;
  }
}

#ifdef PUMICE_HAS_SOUND
namespace {

constexpr int kMostChannels = 64;
constexpr int kLowestRate = 1000, kHighestRate = 768000;
constexpr size_t kFrames = 4096;  // of the file, decoded at once

struct Bytes {
  std::span<const std::byte> all;
  sf_count_t place = 0;
};

SF_VIRTUAL_IO access_to_bytes() {
  SF_VIRTUAL_IO access{};
  access.get_filelen = [](void* user) { return static_cast<sf_count_t>(static_cast<Bytes*>(user)->all.size()); };
  access.seek = [](sf_count_t offset, int whence, void* user) {
    auto& bytes = *static_cast<Bytes*>(user);
    const auto size = static_cast<sf_count_t>(bytes.all.size());
    const sf_count_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? bytes.place : size;
    // Without overflow, whatever a damaged file makes the library ask for.
    bytes.place = std::clamp(offset, -from, size - from) + from;
    return bytes.place;
  };
  access.read = [](void* to, sf_count_t count, void* user) {
    auto& bytes = *static_cast<Bytes*>(user);
    const auto left = static_cast<sf_count_t>(bytes.all.size()) - bytes.place;
    const sf_count_t taken = std::clamp<sf_count_t>(count, 0, left);
    if (taken > 0) std::memcpy(to, bytes.all.data() + bytes.place, static_cast<size_t>(taken));
    bytes.place += taken;
    return taken;
  };
  access.write = [](const void*, sf_count_t, void*) { return sf_count_t{0}; };
  access.tell = [](void* user) { return static_cast<Bytes*>(user)->place; };
  return access;
}

struct CloseFile {
  void operator()(SNDFILE* file) const { sf_close(file); }
};
struct DeleteConverter {
  void operator()(SRC_STATE* converter) const { src_delete(converter); }
};

class DecodedFile final : public SoundFile {
 public:
  explicit DecodedFile(std::span<const std::byte> bytes) : bytes_{bytes} {}

  Result<void> open() {
    SF_VIRTUAL_IO access = access_to_bytes();
    SF_INFO info{};
    file_.reset(sf_open_virtual(&access, SFM_READ, &info, &bytes_));
    if (!file_) return error(Status::kMalformed, "not a sound that libsndfile reads: %s", sf_strerror(nullptr));
    if (info.channels < 1 || info.channels > kMostChannels || info.samplerate < kLowestRate ||
        info.samplerate > kHighestRate)
      return error(Status::kUnsupported, "a sound of %d channels at %d Hz; use 1 to %d channels at %d to %d Hz",
                   info.channels, info.samplerate, kMostChannels, kLowestRate, kHighestRate);
    channels_ = static_cast<size_t>(info.channels);
    decoded_.resize(kFrames * channels_);
    ratio_ = static_cast<double>(kSoundRate) / info.samplerate;
    if (info.samplerate == static_cast<int>(kSoundRate)) return {};
    int problem = 0;
    converter_.reset(src_new(SRC_SINC_MEDIUM_QUALITY, 1, &problem));
    if (!converter_) return error(Status::kOutOfHostMemory, "no resampler: %s", src_strerror(problem));
    return {};
  }

  Result<size_t> read(std::span<float> samples) override {
    size_t done = 0;
    while (done < samples.size()) {
      if (mono_.empty() && !ended_) decode();
      if (!converter_) {
        const size_t taken = std::min(mono_.size(), samples.size() - done);
        std::copy_n(mono_.begin(), taken, samples.begin() + static_cast<std::ptrdiff_t>(done));
        mono_ = mono_.subspan(taken);
        done += taken;
        if (taken == 0) break;
        continue;
      }
      SRC_DATA data{};
      data.data_in = mono_.data();
      data.input_frames = static_cast<long>(mono_.size());
      data.data_out = samples.data() + done;
      data.output_frames = static_cast<long>(samples.size() - done);
      data.end_of_input = ended_ ? 1 : 0;
      data.src_ratio = ratio_;
      if (const int problem = src_process(converter_.get(), &data))
        return error(Status::kInternal, "resampling: %s", src_strerror(problem));
      mono_ = mono_.subspan(static_cast<size_t>(data.input_frames_used));
      done += static_cast<size_t>(data.output_frames_gen);
      if (ended_ && data.output_frames_gen == 0) break;
    }
    return done;
  }

 private:
  // The next frames of the file, as the mean of their channels.
  void decode() {
    const sf_count_t read = sf_readf_float(file_.get(), decoded_.data(), static_cast<sf_count_t>(kFrames));
    const size_t frames = read > 0 ? static_cast<size_t>(read) : 0;
    ended_ = frames < kFrames;
    for (size_t frame = 0; frame < frames; ++frame) {
      float sum = 0;
      for (size_t channel = 0; channel < channels_; ++channel) sum += decoded_[frame * channels_ + channel];
      sum /= static_cast<float>(channels_);
      decoded_[frame] = std::isfinite(sum) ? sum : 0;
    }
    mono_ = std::span<const float>(decoded_).first(frames);
  }

  Bytes bytes_;
  std::unique_ptr<SNDFILE, CloseFile> file_;
  std::unique_ptr<SRC_STATE, DeleteConverter> converter_;  // none: the file has the rate
  size_t channels_ = 1;
  double ratio_ = 1;
  bool ended_ = false;
  std::vector<float> decoded_;
  std::span<const float> mono_;  // what is left of decoded_
};

}  // namespace

Result<std::unique_ptr<SoundFile>> SoundFile::open(std::span<const std::byte> bytes) {
  auto file = std::make_unique<DecodedFile>(bytes);
  PUMICE_TRY(file->open());
  return std::unique_ptr<SoundFile>(std::move(file));
}
#else
Result<std::unique_ptr<SoundFile>> SoundFile::open(std::span<const std::byte>) {
  return error(Status::kUnsupported, "this build reads no sounds; build with libsndfile and libsamplerate");
}
#endif

}  // namespace pumice
