// roof: the micro-benchmarks really do what they are timed for; exact, since all values are small whole numbers.
#include "kernels/roof.h"

#include <bit>
#include <chrono>
#include <vector>

#include "reference/roof.h"
#include "support/device_fixture.h"

namespace pumice::test::roof_test {

class RoofTest : public DeviceTest {
 protected:
  // Words of the target after one dispatch; empty where the device does not offer it.
  std::vector<uint32_t> run_roof(RoofArgs args, const std::vector<uint32_t>& source) {
    if (!choose_roof(caps(), args.roof).shader) return {};
    args.source = buffer(source);
    const uint64_t bytes =
        args.roof == Roof::kCopy ? 4 * source.size() : roof_target_bytes(caps(), args.roof, args.groups);
    args.target = words(bytes / 4);
    run([&](Recorder recorder) { roof(recorder, args); });
    return read<uint32_t>(args.target);
  }
  // What each lane must have summed up.
  std::vector<uint32_t> sums_of(const std::vector<uint32_t>& source, uint32_t groups) {
    const RoofVariant variant = choose_roof(caps(), Roof::kRead);
    if (!variant.lines) return reference::roof_read(source, size_t{groups} * variant.workgroup);
    std::vector<uint32_t> sums;
    for (const uint32_t sum : reference::roof_lines(source, groups)) sums.insert(sums.end(), variant.workgroup, sum);
    return sums;
  }
};

std::vector<uint32_t> counted(size_t count) {
  std::vector<uint32_t> words(count);
  for (size_t i = 0; i < count; ++i) words[i] = static_cast<uint32_t>(i * 2654435761u);
  return words;
}

TEST_F(RoofTest, ReadsAndCopiesAllOfIt) {
  for (const Mask mask : {Mask::kNone, Mask::kDiscrete}) {
    use(mask);
    for (const size_t vectors : {1u, 7u, 1000u, 12345u}) {
      const std::vector<uint32_t> source = counted(4 * vectors);
      for (const uint32_t groups : {1u, 3u}) {
        EXPECT_EQ(run_roof({.roof = Roof::kRead, .groups = groups}, source), sums_of(source, groups));
        EXPECT_EQ(run_roof({.roof = Roof::kCopy, .groups = groups}, source), source);
      }
    }
    std::vector<uint32_t> other = counted(400);
    other[384] += 1;  // the first word of a line
    EXPECT_NE(run_roof({.roof = Roof::kRead}, counted(400)), sums_of(other, 1)) << "the comparison cannot fail";
  }
}

TEST_F(RoofTest, ChainsHaveEveryLink) {
  for (const Mask mask : {Mask::kNone, Mask::kDiscrete}) {
    use(mask);
    for (const Roof kind : {Roof::kF32, Roof::kF16}) {
      for (const RoofArgs& args : {RoofArgs{.roof = kind, .groups = 3, .iterations = 101, .factor = 1, .offset = 1},
                                   RoofArgs{.roof = kind, .groups = 3, .iterations = 64, .factor = -1, .offset = 3}}) {
        const std::vector<uint32_t> sums = run_roof(args, counted(4));
        for (uint32_t lane = 0; lane < sums.size(); ++lane) {
          const float sum = std::bit_cast<float>(sums[lane]);
          ASSERT_EQ(sum, reference::roof_chains(lane, args.iterations, args.factor, args.offset));
          ASSERT_NE(sum, reference::roof_chains(lane, args.iterations + 1, args.factor, args.offset))
              << "the comparison cannot fail";
        }
      }
    }
  }
}

TEST_F(RoofTest, DotProductsHaveEveryLink) {
  if (!choose_roof(caps(), Roof::kInt8).shader)
    GTEST_SKIP() << "no integer dot product in this build or on this device";
  for (const RoofArgs& args : {RoofArgs{.roof = Roof::kInt8, .iterations = 64, .factor = -1, .offset = 3},
                               RoofArgs{.roof = Roof::kInt8, .iterations = 33, .factor = 0x7f0103, .offset = 70001}}) {
    const std::vector<uint32_t> sums = run_roof(args, counted(4));
    const auto factor = static_cast<int32_t>(args.factor), offset = static_cast<int32_t>(args.offset);
    for (uint32_t lane = 0; lane < sums.size(); ++lane) {
      ASSERT_EQ(sums[lane], reference::roof_int8(lane, args.iterations, factor, offset));
      ASSERT_NE(sums[lane], reference::roof_int8(lane, args.iterations, factor, offset + 1));
    }
  }
}

TEST_F(RoofTest, MatricesAreMultipliedEveryTime) {
  const RoofVariant variant = choose_roof(caps(), Roof::kMatrix);
  if (!variant.shader) GTEST_SKIP() << "no f16 cooperative matrix in this build or on this device";
  const std::vector<uint32_t> sums =
      run_roof({.roof = Roof::kMatrix, .groups = 2, .iterations = 10, .factor = 0.5f, .offset = -0.5f}, counted(4));
  ASSERT_EQ(sums.size(), size_t{2} * variant.m * variant.n);
  for (const uint32_t word : sums) {
    ASSERT_EQ(std::bit_cast<float>(word), reference::roof_matrix(10, variant.k, 0.5f, -0.5f));
    ASSERT_NE(std::bit_cast<float>(word), reference::roof_matrix(11, variant.k, 0.5f, -0.5f));
  }
}

TEST_F(RoofTest, IsMeasuredInThreeSeconds) {
  const auto start = std::chrono::steady_clock::now();
  const Result<Roofs> roofs = measure_roofs(kernels());
  ASSERT_TRUE(roofs) << roofs.error().message;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  RecordProperty("seconds", std::to_string(seconds));
  EXPECT_LT(seconds, 10) << "three are allowed, on a machine that does nothing else";
  EXPECT_GT(roofs->read_bytes, 1e7);
  EXPECT_GT(roofs->copy_bytes, 1e7);
  EXPECT_GT(roofs->f32_flops, 1e7);
  EXPECT_EQ(roofs->f16_flops > 0, bool(choose_roof(caps(), Roof::kF16).shader));
  EXPECT_EQ(roofs->int8_ops > 0, bool(choose_roof(caps(), Roof::kInt8).shader));
  const bool matrices = choose_roof(caps(), Roof::kMatrix).shader && caps().type != vk::DeviceType::kCpu;
  EXPECT_EQ(roofs->matrix_flops > 0, matrices);
}

TEST(RoofChoice, WhatIsNotOfferedIsNotMeasured) {
  vk::DeviceCaps caps;
  EXPECT_FALSE(choose_roof(caps, Roof::kF16).shader);
  EXPECT_FALSE(choose_roof(caps, Roof::kInt8).shader);
  EXPECT_FALSE(choose_roof(caps, Roof::kMatrix).shader);
  caps.float16 = true;
  EXPECT_TRUE(choose_roof(caps, Roof::kF16).shader);
}

TEST(RoofChoice, TheLargestMatrixOfHalvesIsTaken) {
  vk::DeviceCaps caps;
  caps.fixed_subgroup = true;
  const auto f16 = vk::ComponentType::kF16, f32 = vk::ComponentType::kF32;
  caps.cooperative_matrices = {{8, 8, 8, f16, f16, f32, f32},
                               {16, 16, 16, f16, f16, f32, f32},
                               {16, 8, 8, f16, f16, f32, f32},
                               {32, 32, 32, f16, f16, f16, f16}};
  EXPECT_EQ(choose_roof(caps, Roof::kMatrix).m, 16u);
  EXPECT_EQ(roof_operations(caps, Roof::kMatrix), 4.0 * 2 * 16 * 16 * 16);
}

}  // namespace pumice::test::roof_test
