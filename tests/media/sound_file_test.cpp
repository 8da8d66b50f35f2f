// Sounds: samples as they are in the file, channels, rates, and files that are damaged.
#include "media/sound_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numbers>
#include <random>

namespace pumice::test::sound_file_test {

// The bytes of a WAV file. kind: 1 whole numbers of 16 bits, 3 floating point of 32.
template <typename Sample>
std::vector<std::byte> wav(const std::vector<Sample>& samples, uint32_t rate, uint16_t channels) {
  constexpr uint16_t kKind = std::is_same_v<Sample, float> ? 3 : 1;
  std::vector<std::byte> bytes;
  const auto text = [&](const char* four) {
    for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<std::byte>(four[i]));
  };
  const auto number = [&](uint32_t value, int size) {
    for (int i = 0; i < size; ++i) bytes.push_back(static_cast<std::byte>(value >> (8 * i)));
  };
  const auto size = static_cast<uint32_t>(samples.size() * sizeof(Sample));
  text("RIFF"), number(36 + size, 4), text("WAVE"), text("fmt "), number(16, 4), number(kKind, 2);
  number(channels, 2), number(rate, 4), number(rate * channels * sizeof(Sample), 4);
  number(channels * sizeof(Sample), 2), number(8 * sizeof(Sample), 2), text("data"), number(size, 4);
  const auto* data = reinterpret_cast<const std::byte*>(samples.data());
  bytes.insert(bytes.end(), data, data + size);
  return bytes;
}

class SoundFileTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto none = read_sound(wav<int16_t>({0}, kSoundRate, 1), 1);
    if (!none.ok() && none.error().status == Status::kUnsupported) GTEST_SKIP() << none.error().message;
  }
};

TEST_F(SoundFileTest, SamplesAreThoseOfTheFile) {
  std::vector<int16_t> samples;
  for (int i = 0; i < 70000; ++i) samples.push_back(static_cast<int16_t>(i * 7919));
  const auto sound = read_sound(wav(samples, kSoundRate, 1), 10);
  ASSERT_TRUE(sound.ok()) << sound.error().message;
  ASSERT_EQ(sound->size(), samples.size());
  for (size_t i = 0; i < samples.size(); ++i) ASSERT_EQ((*sound)[i], static_cast<float>(samples[i]) / 32768) << i;
}

TEST_F(SoundFileTest, ChannelsAreMixed) {
  const auto sound = read_sound(wav<float>({0.5f, -0.25f, 1, 0, NAN, 1, INFINITY, 0}, kSoundRate, 2), 10);
  ASSERT_TRUE(sound.ok()) << sound.error().message;
  EXPECT_EQ(*sound, (std::vector<float>{0.125f, 0.5f, 0, 0}));
}

TEST_F(SoundFileTest, OtherRatesBecome16kHz) {
  for (const uint32_t rate : {8000u, 22050u, 44100u, 48000u, 96000u}) {
    std::vector<float> tone(rate * 2);
    for (size_t i = 0; i < tone.size(); ++i)
      tone[i] = 0.5f * static_cast<float>(std::sin(2 * std::numbers::pi * 440 * static_cast<double>(i) / rate));
    const auto sound = read_sound(wav(tone, rate, 1), 10);
    ASSERT_TRUE(sound.ok()) << sound.error().message;
    EXPECT_NEAR(static_cast<double>(sound->size()), 32000, 2) << rate;
    for (size_t i = 1000; i < 31000; ++i) {
      const double expected = 0.5 * std::sin(2 * std::numbers::pi * 440 * static_cast<double>(i) / kSoundRate);
      ASSERT_NEAR((*sound)[i], expected, 1e-3) << rate << ", " << i;
    }
  }
}

// What 16 kHz cannot hold is gone and does not come back as another tone.
TEST_F(SoundFileTest, HighTonesVanish) {
  std::vector<float> tone(96000);
  for (size_t i = 0; i < tone.size(); ++i)
    tone[i] = static_cast<float>(std::sin(2 * std::numbers::pi * 11000 * static_cast<double>(i) / 48000));
  const auto sound = read_sound(wav(tone, 48000, 1), 10);
  ASSERT_TRUE(sound.ok()) << sound.error().message;
  for (size_t i = 1000; i < 31000; ++i) ASSERT_NEAR((*sound)[i], 0, 1e-3) << i;
}

TEST_F(SoundFileTest, RefusesWhatIsTooLong) {
  const auto sound = read_sound(wav(std::vector<int16_t>(3 * kSoundRate), kSoundRate, 1), 2);
  ASSERT_FALSE(sound.ok());
  EXPECT_EQ(sound.error().status, Status::kUnsupported);
}

TEST_F(SoundFileTest, RefusesStrangeRatesAndChannels) {
  EXPECT_EQ(read_sound(wav(std::vector<int16_t>(100), 10, 1), 10).error().status, Status::kUnsupported);
  EXPECT_EQ(read_sound(wav(std::vector<int16_t>(1000), kSoundRate, 100), 10).error().status, Status::kUnsupported);
  EXPECT_EQ(read_sound({}, 10).error().status, Status::kMalformed);
}

// Any bytes are read, or refused in one line.
TEST_F(SoundFileTest, DamagedFiles) {
  std::mt19937_64 random(1);
  const std::vector<std::byte> good = wav(std::vector<int16_t>(500, 1000), 22050, 2);
  int refused = 0;
  for (int i = 0; i < 2000; ++i) {
    std::vector<std::byte> bytes = good;
    for (size_t changes = 1 + random() % 4; changes-- > 0;) bytes[random() % 48] = static_cast<std::byte>(random());
    if (i % 2 == 0) bytes.resize(random() % bytes.size());
    const auto sound = read_sound(bytes, 10);
    if (sound.ok()) continue;
    ++refused;
    EXPECT_EQ(sound.error().message.find('\n'), std::string::npos);
  }
  EXPECT_GT(refused, 100);
}

}  // namespace pumice::test::sound_file_test
