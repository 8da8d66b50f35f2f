// The mel spectrum against its definition, computed the slow way, on made-up sounds and on recorded ones where they
// are.
#include "media/log_mel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>

#include "base/mapped_file.h"
#include "media/sound_file.h"
#include "test_paths.h"

namespace pumice::test::log_mel_test {

// One frame by the definition.
double slow_value(const std::vector<float>& sound, const MelFilters& filters, uint32_t band, uint32_t frame) {
  double sum = 0;
  for (uint32_t frequency = 0; frequency < kMelFrequencies; ++frequency) {
    const double weight = static_cast<double>(filters.weights[band * kMelFrequencies + frequency]);
    if (weight == 0) continue;
    double cosines = 0, sines = 0;
    for (int i = 0; i < 400; ++i) {
      const long place = std::abs(static_cast<long>(frame) * 160 + i - 200);
      if (place >= static_cast<long>(sound.size())) continue;
      const double angle = 2 * std::numbers::pi * i / 400;
      const double value = static_cast<double>(sound[static_cast<size_t>(place)]) * (0.5 - 0.5 * std::cos(angle));
      cosines += value * std::cos(angle * frequency);
      sines += value * std::sin(angle * frequency);
    }
    sum += weight * (cosines * cosines + sines * sines);
  }
  return std::log10(std::max(sum, 1e-10));
}

void expect_right(const std::vector<float>& sound, uint32_t bands) {
  const MelFilters filters = slaney_filters(bands);
  const Mel mel = log_mel(sound, filters);
  ASSERT_EQ(mel.frames, (sound.size() + 480000) / 160);
  EXPECT_EQ(mel.content, 1 + (sound.size() - 200) / 160);
  ASSERT_EQ(mel.values.size(), size_t{bands} * mel.frames);
  const float highest = *std::max_element(mel.values.begin(), mel.values.end());
  std::mt19937_64 random(1);
  for (int i = 0; i < 300; ++i) {
    const auto band = static_cast<uint32_t>(random() % bands);
    const auto frame = static_cast<uint32_t>(random() % (mel.content + 20));
    const double lowest = static_cast<double>(highest) - 2;
    const double expected = std::max((slow_value(sound, filters, band, frame) + 4) / 4, lowest);
    EXPECT_NEAR(mel.values[band * mel.frames + frame], expected, 1e-5) << band << ", " << frame;
  }
  EXPECT_NEAR(mel.values.back(), std::max(-1.5, static_cast<double>(highest) - 2), 1e-6) << "silence";
}

TEST(LogMel, IsWhatTheDefinitionSays) {
  std::mt19937_64 random(2);
  std::normal_distribution<float> noise(0, 0.1f);
  std::vector<float> sound(16000 * 3 + 77);
  for (size_t i = 0; i < sound.size(); ++i)
    sound[i] = 0.5f * std::sin(static_cast<float>(i) * 0.3f) + (i > 30000 ? noise(random) : 0);
  for (const uint32_t bands : {80u, 128u}) expect_right(sound, bands);
}

TEST(LogMel, ShortSounds) {
  for (const size_t length : {size_t{0}, size_t{1}, size_t{199}, size_t{200}, size_t{201}}) {
    const Mel mel = log_mel(std::vector<float>(length, 0.5f), slaney_filters(80));
    EXPECT_EQ(mel.frames, (length + 480000) / 160);
    EXPECT_EQ(mel.content, length < 200 ? 0u : 1u);
    for (const float value : mel.values) ASSERT_TRUE(std::isfinite(value));
  }
}

// Triangles of the same area whose middles rise.
TEST(LogMel, Filters) {
  const MelFilters filters = slaney_filters(80);
  size_t highest_before = 0;
  for (uint32_t band = 0; band < 80; ++band) {
    const auto first = filters.weights.begin() + band * kMelFrequencies;
    const auto highest = static_cast<size_t>(std::max_element(first, first + kMelFrequencies) - first);
    EXPECT_GE(highest, highest_before) << band;
    highest_before = highest;
    float area = 0;
    for (uint32_t i = 0; i < kMelFrequencies; ++i) area += first[i] * 40;
    if (band <= 30) continue;  // narrower than the steps of frequency
    EXPECT_NEAR(area, 1, 0.15) << band;
  }
}

TEST(LogMel, RecordedSounds) {
  for (const char* name : {"jfk", "english", "german", "spanish", "long", "silence"}) {
    auto file = MappedFile::open(std::string(PUMICE_SHARED_DIR "/models/golden/whisper/") + name + ".wav");
    if (!file) GTEST_SKIP() << "no optional test data in " << PUMICE_SHARED_DIR;
    const auto sound = read_sound(file->bytes(), 3600);
    if (!sound.ok() && sound.error().status == Status::kUnsupported) GTEST_SKIP() << sound.error().message;
    ASSERT_TRUE(sound.ok()) << sound.error().message;
    expect_right(*sound, 80);
  }
}

// Pieces of any size, and frames that are forgotten, change nothing.
TEST(LogMel, PieceByPieceIsTheSame) {
  std::mt19937_64 random(3);
  std::normal_distribution<float> noise(0, 0.1f);
  for (const size_t size : {size_t{0}, size_t{1}, size_t{150}, size_t{201}, size_t{16000}, size_t{40001}}) {
    std::vector<float> sound(size);
    for (float& sample : sound) sample = noise(random);
    const Mel whole = log_mel(sound, slaney_filters(80));
    MelStream stream(slaney_filters(80));
    for (size_t at = 0; at < size;) {
      const size_t piece = std::min<size_t>(size - at, random() % 999);
      stream.append(std::span(sound).subspan(at, piece));
      at += piece;
      stream.forget(std::min(stream.frames(), 20u));
    }
    stream.end();
    EXPECT_EQ(stream.content(), whole.content);
    EXPECT_EQ(stream.samples(), size);
    const uint32_t first = std::min(stream.frames(), 20u), count = 200;
    const std::vector<float> window = stream.window(first, count);
    for (uint32_t frame = 0; frame < count; ++frame)
      for (uint32_t band = 0; band < 80; ++band)
        ASSERT_EQ(window[frame * 80 + band], whole.values[band * whole.frames + first + frame]) << size << " " << frame;
  }
}

}  // namespace pumice::test::log_mel_test
