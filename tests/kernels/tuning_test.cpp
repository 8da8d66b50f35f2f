// Tuning: the table and its file, and the measurement that lets no wrong candidate win.
#include "kernels/tuning.h"

#include <cmath>
#include <thread>

#include "kernels/tuner.h"
#include "kernels/tuning_file.h"
#include "support/device_fixture.h"
#include "support/product.h"
#include "support/temporary_folder.h"
#include "vk/device_file.h"

namespace pumice::tuning_test {

const TuningKey kKey{.type = 4, .rows = 576, .cols = 1536, .n = 1, .flags = 1};

TEST(Tuning, WhatWasNotMeasuredIsTheChoice) {
  Tuning tuning;
  EXPECT_EQ(tuning.pick(kKey, 4), 0u);
  tuning.set(kKey, {.candidate = 3, .count = 4});
  EXPECT_EQ(tuning.pick(kKey, 4), 3u);
  EXPECT_EQ(tuning.pick(kKey, 5), 0u) << "the candidates are others now";
  TuningKey other = kKey;
  other.n = 2;
  EXPECT_EQ(tuning.pick(other, 4), 0u);
}

TEST(Tuning, RowsAreBucketed) {
  EXPECT_EQ(tuning_bucket(1), 1u);
  EXPECT_EQ(tuning_bucket(8), 8u);
  EXPECT_EQ(tuning_bucket(9), 16u);
  EXPECT_EQ(tuning_bucket(128), 128u);
  EXPECT_EQ(tuning_bucket(129), 256u);
  EXPECT_EQ(tuning_bucket(100000), 512u);
}

TEST(Tuning, DecodesWhatItEncoded) {
  Tuning tuning, other;
  tuning.set(kKey, {.candidate = 3, .count = 4, .excluded = 2, .microseconds = 1.5f, .choice_microseconds = 2});
  tuning.set({}, {.candidate = 0, .count = 9});
  const std::vector<std::byte> bytes = tuning.encode();
  ASSERT_TRUE(other.decode(bytes));
  EXPECT_EQ(other.pick(kKey, 4), 3u);
  EXPECT_EQ(other.find(kKey)->excluded, 2u);
  EXPECT_EQ(other.size(), 2u);
  EXPECT_FALSE(other.decode(std::span(bytes).first(bytes.size() - 1)));
  EXPECT_EQ(other.size(), 2u) << "what cannot be decoded changes nothing";
  EXPECT_TRUE(other.decode({}));
  EXPECT_EQ(other.size(), 0u);
}

TEST(Tuning, ImplausibleEntriesAreRefused) {
  for (const TuningEntry& entry :
       {TuningEntry{.candidate = 4, .count = 4}, TuningEntry{.candidate = 0, .count = 0},
        TuningEntry{.candidate = 1, .count = 2, .excluded = 2}, TuningEntry{.count = 1, .microseconds = NAN}}) {
    Tuning tuning, other;
    tuning.set(kKey, entry);
    EXPECT_FALSE(other.decode(tuning.encode()));
  }
}

vk::DeviceCaps some_caps() {
  vk::DeviceCaps caps;
  caps.vendor_id = 1, caps.device_id = 2, caps.driver_version = 3, caps.pipeline_cache_uuid[5] = 9;
  return caps;
}

TEST(TuningFile, HoldsForOneDeviceDriverAndVersion) {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("cache.tuning");
  Kernels kernels(some_caps());
  kernels.tuning().set(kKey, {.candidate = 3, .count = 4});
  ASSERT_TRUE(write_tuning(kernels, path, "1.0").ok());
  Kernels same(some_caps());
  EXPECT_TRUE(read_tuning(same, path, "1.0"));
  EXPECT_EQ(same.tuning().pick(kKey, 4), 3u);
  Kernels later(some_caps());
  EXPECT_FALSE(read_tuning(later, path, "1.1"));
  EXPECT_FALSE(read_tuning(later, folder.file("none"), "1.0"));
  for (int field = 0; field < 4; ++field) {
    vk::DeviceCaps caps = some_caps();
    if (field == 0) caps.vendor_id = 7;
    if (field == 1) caps.device_id = 7;
    if (field == 2) caps.driver_version = 7;
    if (field == 3) caps.pipeline_cache_uuid[15] = 7;
    Kernels other(caps);
    EXPECT_FALSE(read_tuning(other, path, "1.0")) << field;
    EXPECT_EQ(other.tuning().size(), 0u);
  }
}

TEST(TuningFile, DamageIsSeen) {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("cache.tuning");
  Kernels kernels(some_caps());
  kernels.tuning().set(kKey, {.candidate = 3, .count = 4});
  ASSERT_TRUE(write_tuning(kernels, path, "1.0").ok());
  const std::vector<char> whole = test::read_file_bytes(path);
  for (size_t i = 0; i < whole.size(); ++i) {
    std::vector<char> damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    test::write_file(path, damaged);
    Kernels other(some_caps());
    EXPECT_FALSE(read_tuning(other, path, "1.0")) << "byte " << i;
    test::write_file(path, {whole.begin(), whole.begin() + static_cast<ptrdiff_t>(i)});
    EXPECT_FALSE(read_tuning(other, path, "1.0")) << "cut to " << i;
  }
  // Another file of this device is not a tuning file.
  ASSERT_TRUE(vk::write_device_file({.magic = "pumpc002"}, path, some_caps(), kernels.tuning().encode()).ok());
  Kernels other(some_caps());
  EXPECT_FALSE(read_tuning(other, path, "1.0"));
}

// The operation under test is y = a * b; what a candidate does differently is put in by hand.
class TunerTest : public test::DeviceTest {
 protected:
  static constexpr uint32_t kCount = 4096;

  void SetUp() override {
    DeviceTest::SetUp();
    if (IsSkipped()) return;
    a_ = whole(std::vector<float>(kCount, 32.0f));
    b_ = whole(std::vector<float>(kCount, 2.0f));
    wrong_ = whole(std::vector<float>(kCount, 2.05f));
    auto output = device().create_buffer(4 * kCount, vk::MemoryIntent::kDevice);
    ASSERT_TRUE(output.ok());
    output_ = std::move(*output);
  }
  void TearDown() override {
    output_ = vk::Buffer();
    DeviceTest::TearDown();
  }
  void multiply(Recorder recorder, const vk::Buffer& b, const vk::Buffer& y, uint32_t cols = kCount) const {
    test::product(recorder, *a_, b, y, cols);
  }
  TuningTask task(uint32_t count, std::function<void(Recorder, uint32_t)> record) const {
    return {.name = "test", .count = count, .record = std::move(record), .output = &output_, .expected = [](size_t) {
              return 64.0f;
            }};
  }

  const vk::Buffer *a_ = nullptr, *b_ = nullptr, *wrong_ = nullptr;
  vk::Buffer output_;
};

TEST_F(TunerTest, TheFasterCandidateWins) {
  const auto result = measure_candidates(kernels(),
                                         task(2,
                                              [&](Recorder recorder, uint32_t) {
                                                for (uint32_t i = 0; i < (*recorder.candidate == 0 ? 40u : 1u); ++i)
                                                  multiply(recorder, *b_, output_);
                                              }),
                                         {});
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_EQ(result->entry.candidate, 1u);
  EXPECT_EQ(result->entry.count, 2u);
  EXPECT_EQ(result->entry.excluded, 0u);
  EXPECT_GT(result->entry.microseconds, 0.0f);
  EXPECT_GT(result->entry.choice_microseconds, result->entry.microseconds);
}

// Much faster, but wrong in one way each: another product, nothing written, a part not written, no pipeline.
TEST_F(TunerTest, WrongCandidatesAreOut) {
  const auto result =
      measure_candidates(kernels(),
                         task(5,
                              [&](Recorder recorder, uint32_t) {
                                switch (*recorder.candidate) {
                                  case 0:
                                    for (int i = 0; i < 40; ++i) multiply(recorder, *b_, output_);
                                    break;
                                  case 1:
                                    multiply(recorder, *wrong_, output_);
                                    break;
                                  case 2:
                                    break;
                                  case 3:
                                    multiply(recorder, *b_, output_, kCount - 1);
                                    break;
                                  default:
                                    record(recorder, {.shader = {}, .push = {}, .bindings = {}});
                                }
                              }),
                         {});
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_EQ(result->entry.candidate, 0u);
  EXPECT_EQ(result->entry.excluded, 0b11110u);
}

// Within what is asked of the operation, but the choice is far better.
TEST_F(TunerTest, LessAccurateCandidatesAreOut) {
  const vk::Buffer* rough = whole(std::vector<float>(kCount, 2.0015f));
  const auto result = measure_candidates(kernels(),
                                         task(2,
                                              [&](Recorder recorder, uint32_t) {
                                                for (uint32_t i = 0; i < (*recorder.candidate == 0 ? 40u : 1u); ++i)
                                                  multiply(recorder, *recorder.candidate == 0 ? *b_ : *rough, output_);
                                              }),
                                         {});
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_EQ(result->entry.candidate, 0u);
  EXPECT_EQ(result->entry.excluded, 2u);
}

TEST_F(TunerTest, AWrongChoiceLosesToARightCandidate) {
  const auto result = measure_candidates(kernels(),
                                         task(2,
                                              [&](Recorder recorder, uint32_t) {
                                                for (uint32_t i = 0; i < (*recorder.candidate == 1 ? 40u : 1u); ++i)
                                                  multiply(recorder, *recorder.candidate == 0 ? *wrong_ : *b_, output_);
                                              }),
                                         {});
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_EQ(result->entry.candidate, 1u);
  EXPECT_EQ(result->entry.excluded, 1u);
  EXPECT_EQ(result->entry.choice_microseconds, 0.0f);
}

TEST_F(TunerTest, WhenAllAreWrongTheChoiceStays) {
  const auto result = measure_candidates(
      kernels(), task(2, [&](Recorder recorder, uint32_t) { multiply(recorder, *wrong_, output_); }), {});
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_EQ(result->entry.candidate, 0u);
  EXPECT_EQ(result->entry.excluded, 3u);
  EXPECT_EQ(result->entry.microseconds, 0.0f);
}

TEST_F(TunerTest, WhatIsKnownToBeOutIsNotTried) {
  bool tried = false;
  const auto result = measure_candidates(kernels(),
                                         task(2,
                                              [&](Recorder recorder, uint32_t) {
                                                tried = tried || *recorder.candidate == 1;
                                                multiply(recorder, *b_, output_);
                                              }),
                                         {}, 2);
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_FALSE(tried);
  EXPECT_EQ(result->entry.excluded, 2u);
}

using KernelsTest = test::DeviceTest;

// Several threads that want the same pipelines at once get the same ones.
TEST_F(KernelsTest, ThreadsShareWhatTheyMake) {
  Kernels own(device());
  std::vector<const vk::Pipeline*> made(16);
  {
    std::vector<std::jthread> threads;
    for (size_t t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        for (uint32_t i = 0; i < 4; ++i) {
          const uint32_t size = 8u << i;
          const auto pipeline = own.pipeline({ShaderKernel::kRmsNorm, ShaderForm::kShared}, {&size, 1}, false);
          if (pipeline) made[4 * t + i] = *pipeline;
        }
      });
  }
  for (size_t t = 0; t < 4; ++t)
    for (size_t i = 0; i < 4; ++i) {
      EXPECT_NE(made[4 * t + i], nullptr);
      EXPECT_EQ(made[4 * t + i], made[i]);
    }
}

}  // namespace pumice::tuning_test
