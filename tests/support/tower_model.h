// A small random image tower of any kind, as a file. Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace pumice::test {

struct TowerModel {
  std::string projector = "mlp";
  uint32_t text_width = 64;
  uint32_t image_size = 16;  // of kinds with one size
  uint64_t seed = 1;
  static constexpr uint32_t kPatch = 4, kWidth = 32, kHeads = 2, kFfn = 48, kLayers = 3;

  bool is(const char* name) const { return projector == name; }
  bool qwen() const { return projector.starts_with("qwen"); }
  bool plain_norms() const { return is("qwen2.5vl_merger") || is("pixtral") || is("gemma4v"); }
  bool gated() const { return plain_norms(); }
  bool biased() const { return !is("pixtral") && !is("gemma4v"); }
  uint32_t merge() const { return is("mlp") ? 1 : is("gemma4v") ? 3 : 2; }
};

std::vector<std::byte> make_tower_model(const TowerModel& model);

// A language model of rows of 64 values that reads its rows, and what it can be given; without a header of the library,
// for tests of its interface.
inline constexpr uint32_t kReaderVocabulary = 300;
std::vector<std::byte> make_picture_reader();
std::vector<int32_t> reader_ids(size_t count, uint64_t seed);
std::vector<uint8_t> noise_pixels(size_t values, uint64_t seed);

}  // namespace pumice::test
