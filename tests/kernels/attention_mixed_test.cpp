// attention over keys and values of any types: blocks of 8 and 4 bits, rotated or not, each type for K and for V.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "kernels/attention_fixture.h"
#include "support/slice.h"

namespace pumice::test::attention_mixed_test {

constexpr KvType kTypes[] = {KvType::kF16, KvType::kF32, KvType::kQ8_0, KvType::kQ4_0};
constexpr KvFormat kQ8{KvType::kQ8_0, KvType::kQ8_0}, kQ4{KvType::kQ4_0, KvType::kQ4_0};
constexpr KvFormat kQ4Plain{KvType::kQ4_0, KvType::kQ4_0, false}, kQ8Plain{KvType::kQ8_0, KvType::kQ8_0, false};
constexpr Mask kMasks[] = {Mask::kNone, Mask::kDiscrete, Mask::kShared};

class AttentionMixedTest : public AttentionTest {
 protected:
  void check_decode(Mask mask, const KvFormat& format, uint32_t kv_heads, uint32_t group, uint32_t head_dim,
                    const std::vector<uint32_t>& positions) {
    check(mask, {.format = format,
                 .kv_heads = kv_heads,
                 .group = group,
                 .head_dim = head_dim,
                 .positions = positions,
                 .spare_splits = 1,
                 .extra_stride = 3});
  }
  void check_prefill(Mask mask, const KvFormat& format, uint32_t kv_heads, uint32_t group, uint32_t head_dim,
                     uint32_t first, uint32_t n) {
    check(mask, {.format = format,
                 .kv_heads = kv_heads,
                 .group = group,
                 .head_dim = head_dim,
                 .positions = consecutive(first, n),
                 .one_sequence = true,
                 .slot = 1,
                 .extra_stride = 1});
  }
};

TEST_F(AttentionMixedTest, EachTypeOfKAndOfV) {
  for (const KvType k : slice_of(kTypes))
    for (const KvType v : kTypes) {
      const KvFormat format{k, v};
      if (format.plain()) continue;
      check_decode(Mask::kNone, format, 2, 2, 48, {0, 63, 256, 300});
      check_prefill(Mask::kNone, format, 1, 3, 48, 30, 21);
    }
}

TEST_F(AttentionMixedTest, EachTypeOfKAndOfVWithoutTheCpuKernels) {
  // Each type once for K and once for V.
  constexpr KvFormat kFormats[] = {{KvType::kF16, KvType::kQ8_0},
                                   {KvType::kF32, KvType::kF16},
                                   {KvType::kQ8_0, KvType::kQ4_0},
                                   {KvType::kQ4_0, KvType::kF32}};
  for (const Mask mask : {Mask::kDiscrete, Mask::kShared}) {
    use(mask);
    for (const KvFormat& format : slice_of(kFormats)) {
      check_decode(mask, format, 2, 3, 64, {0, 63, 256, 300});
      check_prefill(mask, format, 1, 3, 64, 30, 21);
    }
  }
}

TEST_F(AttentionMixedTest, DecodeOfManyShapes) {
  check_decode(Mask::kNone, kQ4, 1, 4, 128, {5, 300, 31});
  check_decode(Mask::kNone, kQ4, 2, 2, 80, {100, 511, 512});
  use(Mask::kDiscrete);
  // Heads of one short block, of blocks and a rest, and of an odd count of scales.
  check_decode(Mask::kDiscrete, kQ8, 3, 1, 4, {0, 31, 40});
  check_decode(Mask::kDiscrete, kQ8, 3, 2, 12, {5, 280});
  check_decode(Mask::kDiscrete, kQ4, 2, 3, 24, {64, 100});
  check_decode(Mask::kDiscrete, kQ4, 2, 2, 80, {100, 511, 512});
  check_decode(Mask::kDiscrete, kQ4Plain, 1, 4, 128, {5, 300});
  check_decode(Mask::kDiscrete, {KvType::kQ8_0, KvType::kQ4_0}, 2, 16, 96, {33, 300});
  use(Mask::kShared);
  check_decode(Mask::kShared, kQ8, 2, 1, 20, {33});
  check_decode(Mask::kShared, kQ4, 3, 1, 8, {1, 280});
  check_decode(Mask::kShared, kQ8, 2, 4, 96, {255});
  check_decode(Mask::kShared, kQ4, 1, 2, 256, {40});
}

TEST_F(AttentionMixedTest, PrefillOfManyShapes) {
  check_prefill(Mask::kNone, kQ8, 1, 3, 20, 0, 33);
  check_prefill(Mask::kNone, kQ4, 1, 3, 80, 90, 11);
  use(Mask::kDiscrete);
  check_prefill(Mask::kDiscrete, kQ8, 2, 2, 4, 40, 40);
  check_prefill(Mask::kDiscrete, kQ4, 2, 1, 8, 31, 2);
  check_prefill(Mask::kDiscrete, kQ4, 1, 5, 24, 60, 70);
  check_prefill(Mask::kDiscrete, kQ8, 2, 5, 128, 31, 14);
  for (const Mask mask : {Mask::kDiscrete, Mask::kIntel}) {
    use(mask);
    check_prefill(mask, kQ4, 1, 3, 96, 60, 31);
    check_prefill(mask, kQ8Plain, 1, 2, 64, 60, 40);
    check_prefill(mask, {KvType::kF16, KvType::kQ8_0}, 2, 1, 128, 1, 70);
    check_prefill(mask, {KvType::kQ4_0, KvType::kF16}, 1, 4, 16, 0, 33);
  }
  use(Mask::kShared);
  check_prefill(Mask::kShared, kQ8, 2, 1, 12, 13, 9);
  check_prefill(Mask::kShared, kQ4, 2, 5, 128, 31, 14);
  check_prefill(Mask::kShared, kQ4, 1, 16, 96, 5, 3);
  check_prefill(Mask::kShared, kQ4, 1, 2, 256, 30, 5);
}

TEST_F(AttentionMixedTest, PrefillOfHeadsOfFewMatrices) {
  use(Mask::kDiscrete);
  check_prefill(Mask::kDiscrete, {KvType::kQ8_0, KvType::kQ4_0}, 2, 3, 40, 0, 33);
  check_prefill(Mask::kDiscrete, {KvType::kQ4_0, KvType::kQ8_0}, 2, 3, 40, 31, 14);
}

TEST_F(AttentionMixedTest, WideHeads) {
  use(Mask::kDiscrete);
  check_prefill(Mask::kDiscrete, kQ8, 2, 2, 512, 30, 21);
  check_prefill(Mask::kDiscrete, {KvType::kF16, KvType::kQ4_0}, 1, 3, 576, 60, 7);
  use(Mask::kIntel);
  check_decode(Mask::kIntel, kQ8, 1, 3, 512, {5, 600});
}

TEST_F(AttentionMixedTest, PrefillDoesNotDependOnWhereASliceBegins) {
  for (const Mask mask : kMasks) {
    use(mask);
    for (const KvFormat& format : {kQ8, kQ4}) {
      AttentionCase c{.format = format,
                      .kv_heads = 2,
                      .group = 3,
                      .head_dim = 64,
                      .positions = consecutive(0, 81),
                      .one_sequence = true};
      Generator random(7);
      const Cache cache = make_cache(c, 1, random);
      const size_t cols = size_t{c.kv_heads} * c.group * c.head_dim;
      const auto q = random.normals(c.positions.size() * cols);
      const auto whole = compute(c, cache, q);
      for (const uint32_t begin : {32u, 80u}) {
        c.positions = consecutive(begin, 81 - begin);
        const auto slice = compute(c, cache, std::span(q).subspan(begin * cols));
        EXPECT_EQ(std::memcmp(slice.data(), whole.data() + begin * cols, slice.size() * sizeof(float)), 0)
            << mask_name(mask) << " from " << begin;
      }
    }
  }
}

TEST_F(AttentionMixedTest, DecodeDoesNotDependOnOtherRows) {
  for (const Mask mask : kMasks) {
    use(mask);
    AttentionCase c{.format = kQ4, .kv_heads = 2, .group = 3, .head_dim = 64, .positions = {300, 5, 600}};
    Generator random(8);
    Cache cache = make_cache(c, 3, random);
    const size_t cols = size_t{c.kv_heads} * c.group * c.head_dim;
    const auto q = random.normals(c.positions.size() * cols);
    const auto together = compute(c, cache, q);
    c.positions.resize(1);
    const auto alone = compute(c, cache, std::span(q).first(cols));
    EXPECT_EQ(std::memcmp(alone.data(), together.data(), alone.size() * sizeof(float)), 0) << mask_name(mask);
  }
}

// The comparison notices a wrong scale, a wrong code and a result that was not rotated back.
TEST_F(AttentionMixedTest, MistakesShow) {
  for (const Mask mask : kMasks) {
    use(mask);
    const AttentionCase c{.format = kQ4,
                          .kv_heads = 1,
                          .group = 2,
                          .head_dim = 64,
                          .positions = consecutive(0, 40),
                          .one_sequence = true};
    Generator random(9);
    const Cache right = make_cache(c, 1, random);
    const auto q = random.normals(c.positions.size() * c.group * c.head_dim);
    const double allowed = tolerance(c, right, q);
    const auto wanted = expected(c, right, q);
    EXPECT_TRUE(reference::compare(compute(c, right, q), wanted, allowed)) << mask_name(mask);
    const reference::KvLayout layout = layout_of(c.format, c.kv_heads, c.head_dim);
    // Matrices round more away than the lowest bit of a code.
    const uint32_t bit = choice(c).shader.is(ShaderKernel::kAttentionCoopmat) ? 0x00008000u : 0x00001000u;
    for (const size_t w : {size_t{3}, layout.value_words(layout.type)}) {
      Cache wrong = right;
      wrong.k_pool[layout.k_word(right.table[0], 0, w, 4)] ^= bit;
      EXPECT_FALSE(reference::compare(compute(c, wrong, q), wanted, allowed)) << mask_name(mask) << ", key word " << w;
      wrong = right;
      wrong.v_pool[layout.v_word(right.table[0], 0, w, 4)] ^= bit;
      EXPECT_FALSE(reference::compare(compute(c, wrong, q), wanted, allowed))
          << mask_name(mask) << ", value word " << w;
    }
    AttentionCase plain = c;
    plain.format.rotate = false;
    EXPECT_FALSE(reference::compare(compute(plain, right, q), wanted, allowed)) << mask_name(mask);
  }
}

TEST(ChooseAttention, MixedTypesFitWhereverF16Does) {
  vk::DeviceCaps small;
  small.max_shared_bytes = 16384;
  small.max_workgroup_invocations = 128;
  for (const uint32_t head_dim : {4u, 64u, 80u, 128u, 256u, 512u})
    for (const uint32_t group : {1u, 4u, 16u, 71u})
      for (const bool one_sequence : {false, true}) {
        const auto fits = [&](const KvFormat& format) {
          const AttentionShape shape{format, group, head_dim, one_sequence};
          return bool(choose_attention(small, shape).shader);
        };
        EXPECT_EQ(fits(kQ4), fits(kF16)) << group << " x " << head_dim;
      }
}

}  // namespace pumice::test::attention_mixed_test
