// Sounds from files (WAV, FLAC, Ogg, MP3 and what else libsndfile knows) as samples for a model: one channel, 16 kHz.
//
// An optional part of the build: without PUMICE_HAS_SOUND each file is refused with Status::kUnsupported.
// Thread rule: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"

namespace pumice {

constexpr uint32_t kSoundRate = 16000;

class SoundFile {
 public:
  virtual ~SoundFile() = default;
  // bytes: of the whole file; must outlive the object. kMalformed: not a sound; kUnsupported: a rate or number of
  // channels beyond all use.
  static Result<std::unique_ptr<SoundFile>> open(std::span<const std::byte> bytes);

  // The next samples, the mean of the channels; fewer than asked for: the file ends. Values that are not finite are 0.
  virtual Result<size_t> read(std::span<float> samples) = 0;
};

// All of it. kUnsupported: longer than most_seconds, whatever its header says.
Result<std::vector<float>> read_sound(std::span<const std::byte> bytes, uint32_t most_seconds);

}  // namespace pumice
