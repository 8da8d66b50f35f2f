#include "bench/task_inputs.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numbers>
#include <random>

namespace pumice_bench {

namespace {

double below(std::mt19937& random, std::uint32_t limit) { return static_cast<double>(random() % limit); }

}  // namespace

std::string made_up_words(std::uint32_t count, std::uint32_t number) {
  static constexpr const char* kWords[] = {"the",   "old",   "man", "and",   "a",     "girl", "went", "to",   "town",
                                           "where", "they",  "saw", "great", "ship",  "that", "came", "from", "far",
                                           "over",  "water", "it",  "was",   "night", "when", "king", "said", "there",
                                           "is",    "house", "in",  "wood",  "which", "no",   "one",  "has",  "seen"};
  std::mt19937 random(number);
  std::string text;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (i > 0) text += ' ';
    text += kWords[random() % std::size(kWords)];
  }
  return text;
}

std::vector<float> made_up_sound(double seconds, std::uint32_t rate, std::uint32_t number) {
  std::mt19937 random(number);
  std::vector<float> samples(static_cast<std::size_t>(seconds * rate));
  const double pitch = 110 + below(random, 90), glide = 0.2 + 0.01 * below(random, 20);
  const double syllables = 3 + 0.1 * below(random, 20);
  double phase = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const double at = static_cast<double>(i) / rate;
    phase += 2 * std::numbers::pi * pitch * (1 + glide * std::sin(2 * std::numbers::pi * 0.7 * at)) / rate;
    const double loud = std::max(0.0, std::sin(2 * std::numbers::pi * syllables * at));
    double voice = 0;
    for (int overtone = 1; overtone <= 12; ++overtone) voice += std::sin(overtone * phase) / overtone;
    const double noise = below(random, 2001) / 1000 - 1;
    samples[i] = static_cast<float>(0.25 * loud * voice + 0.01 * noise);
  }
  return samples;
}

std::vector<std::uint8_t> made_up_picture(std::uint32_t side, std::uint32_t number) {
  std::mt19937 random(number);
  const double x = below(random, side), y = below(random, side), width = 8 + below(random, 40);
  std::vector<std::uint8_t> pixels(std::size_t{3} * side * side);
  for (std::uint32_t row = 0; row < side; ++row)
    for (std::uint32_t column = 0; column < side; ++column) {
      std::uint8_t* const pixel = pixels.data() + 3 * (std::size_t{row} * side + column);
      const double ring = 0.5 + 0.5 * std::sin(std::hypot(column - x, row - y) / width);
      pixel[0] = static_cast<std::uint8_t>(255 * ring);
      pixel[1] = static_cast<std::uint8_t>(255 * column / side);
      pixel[2] = static_cast<std::uint8_t>(255 * row / side);
    }
  return pixels;
}

}  // namespace pumice_bench
