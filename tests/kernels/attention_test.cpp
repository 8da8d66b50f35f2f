// attention: grouped heads over shuffled pages. Decode rows of several sequences whose keys are split over workgroups
// by indirect counts and merged, and prefill tiles of one sequence.
#include "kernels/attention.h"

#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "kernels/attention_fixture.h"
#include "support/slice.h"

namespace pumice::test::attention_test {

TEST_F(AttentionTest, DecodeAcrossPagesAndSplits) {
  // Positions at both sides of page borders (32) and of split borders (256).
  const std::vector<uint32_t> mixed = {0, 31, 32, 255, 256, 257, 767, 600};
  check(Mask::kNone, {.format = kF32, .kv_heads = 3, .group = 1, .head_dim = 8, .positions = mixed});
  check(Mask::kNone,
        {.format = kF16, .kv_heads = 2, .group = 3, .head_dim = 64, .positions = mixed, .extra_stride = 3});
  check(Mask::kNone,
        {.format = kF16, .kv_heads = 1, .group = 7, .head_dim = 128, .positions = {5, 300}, .spare_splits = 2});
  check(Mask::kNone, {.format = kF16, .kv_heads = 2, .group = 4, .head_dim = 80, .positions = {511, 512, 1100}});
  check(Mask::kNone, {.format = kF16, .kv_heads = 5, .group = 2, .head_dim = 16, .positions = {2600}});
  check(Mask::kNone, {.format = kF32, .kv_heads = 1, .group = 4, .head_dim = 64, .positions = {0}});
}

// The CPU's kernels, also where the driver's version would not have them: small, since its compiler is slow.
TEST_F(AttentionTest, CpuKernels) {
  use(Mask::kNewCompiler);
  for (const KvFormat& format : {kF16, kF32, KvFormat{KvType::kQ8_0, KvType::kQ4_0}}) {
    const AttentionCase decode{
        .format = format, .kv_heads = 2, .group = 2, .head_dim = 16, .positions = {0, 32, 255, 256, 300}, .rotary = 16};
    AttentionCase prefill = decode;
    prefill.positions = consecutive(60, 9);
    prefill.one_sequence = true;
    if (!choice(decode).shader.is(ShaderKernel::kAttentionCpuDecode)) GTEST_SKIP() << "not a CPU as they need it";
    check(Mask::kNewCompiler, decode);
    if (attention_appends(format)) check_append(Mask::kNewCompiler, decode);
    EXPECT_TRUE(choice(prefill).shader.is(ShaderKernel::kAttentionCpuPrefill));
    check(Mask::kNewCompiler, prefill);
  }
}

// Rows that end in the first split beside rows with many: each row counts its own splits.
TEST_F(AttentionTest, DecodeOfManyRowsOfDifferentLengths) {
  std::vector<uint32_t> positions;
  for (uint32_t i = 0; i < 32; ++i) positions.push_back(i % 4 == 3 ? 41 * i + 255 : 7 * i);
  for (const Mask mask : {Mask::kNone, Mask::kDiscrete, Mask::kShared}) {
    use(mask);
    check(mask, {.format = kF16, .kv_heads = 2, .group = 3, .head_dim = 64, .positions = positions, .spare_splits = 3});
  }
}

TEST_F(AttentionTest, DecodeWithoutTheCpuKernels) {
  for (const Mask mask : slice_of({Mask::kDiscrete, Mask::kShared})) {
    use(mask);
    check(mask, {.format = kF16, .kv_heads = 2, .group = 3, .head_dim = 64, .positions = {0, 63, 64, 255, 256, 600}});
    check(mask, {.format = kF32, .kv_heads = 1, .group = 4, .head_dim = 80, .positions = {100, 511, 512}});
    check(mask, {.format = kF16, .kv_heads = 3, .group = 1, .head_dim = 8, .positions = {1, 280}});
    // Several passes over the heads of a group, the last one not full.
    check(mask, {.format = kF16, .kv_heads = 2, .group = 16, .head_dim = 96, .positions = {33, 300}});
    check(mask, {.format = kF16, .kv_heads = 1, .group = 7, .head_dim = 256, .positions = {259}});
  }
}

// The work of kv_write in attention: positions at both sides of page and split borders, among them those whose split
// has no other key, and heads and words that do not fill the lanes.
void check_appends(const std::function<void(const AttentionCase&)>& check) {
  const auto run = [&](const KvFormat& format, uint32_t kv_heads, uint32_t group, uint32_t head_dim, uint32_t rotary,
                       RopePairs pairs, const std::vector<uint32_t>& positions, uint32_t extra_stride = 0) {
    check({.format = format,
           .kv_heads = kv_heads,
           .group = group,
           .head_dim = head_dim,
           .positions = positions,
           .extra_stride = extra_stride,
           .rotary = rotary,
           .pairs = pairs});
  };
  run(kF16, 3, 3, 64, 64, RopePairs::kAdjacent, {0, 31, 32, 255, 256, 257, 767, 600}, 3);
  run(kF16, 1, 7, 128, 128, RopePairs::kHalves, {5, 300, 512});
  run(kF16, 2, 4, 80, 32, RopePairs::kHalves, {511, 512, 1100}, 2);
  run(kF16, 2, 1, 8, 4, RopePairs::kAdjacent, {1, 256});
  run(kF32, 1, 4, 64, 64, RopePairs::kAdjacent, {0, 33, 256});
  run(kF32, 3, 1, 16, 16, RopePairs::kHalves, {40, 700});
  run(kF32, 2, 2, 64, 0, RopePairs::kAdjacent, {3, 511});
  run(kF16, 2, 16, 96, 96, RopePairs::kAdjacent, {33, 300});  // several passes over the heads of a group
}

TEST_F(AttentionTest, DecodeThatAppends) {
  check_appends([&](const AttentionCase& c) { check_append(Mask::kNone, c); });
}

TEST_F(AttentionTest, DecodeThatAppendsWithoutTheCpuKernels) {
  for (const Mask mask : slice_of({Mask::kDiscrete, Mask::kShared})) {
    use(mask);
    check_appends([&](const AttentionCase& c) { check_append(mask, c); });
  }
}

void check_prefill(const std::function<void(const AttentionCase&)>& check) {
  const auto run = [&](const KvFormat& format, uint32_t kv_heads, uint32_t group, uint32_t head_dim, uint32_t first,
                       uint32_t n, uint32_t slot = 0, uint32_t extra_stride = 0) {
    check({.format = format,
           .kv_heads = kv_heads,
           .group = group,
           .head_dim = head_dim,
           .positions = consecutive(first, n),
           .one_sequence = true,
           .slot = slot,
           .extra_stride = extra_stride});
  };
  // Tiles that the rows do not fill, beginning within a page, of a slot that is not the first.
  for (const uint32_t n : {1u, 2u, 9u, 17u}) run(kF16, 2, 2, 16, n * 13, n, 2, 1);
  run(kF32, 1, 1, 64, 0, 33, 1);
  run(kF16, 1, 3, 64, 60, 70);
  run(kF16, 1, 3, 80, 290, 11);
  run(kF16, 2, 5, 128, 31, 14);
  run(kF32, 1, 16, 96, 5, 3);
  run(kF16, 1, 2, 256, 30, 5);
  run(kF16, 2, 1, 4, 40, 40);
}

TEST_F(AttentionTest, PrefillOfOneSequence) {
  check_prefill([&](const AttentionCase& c) { check(Mask::kNone, c); });
}

TEST_F(AttentionTest, PrefillOfOneSequenceWithoutTheCpuKernels) {
  for (const Mask mask : {Mask::kDiscrete, Mask::kShared, Mask::kIntel}) {
    use(mask);
    check_prefill([&](const AttentionCase& c) { check(mask, c); });
  }
}

// Windows that end at both sides of page and split borders, beside whole splits that a row does not see; small, since
// each form is a pipeline.
TEST_F(AttentionTest, WindowsSoftCapsAndSinks) {
  for (const Mask mask : slice_of({Mask::kNone, Mask::kDiscrete, Mask::kShared})) {
    use(mask);
    const KvFormat mixed{KvType::kQ8_0, KvType::kQ4_0};
    const KvFormat format = mask == Mask::kNone ? kF16 : mask == Mask::kDiscrete ? kF32 : mixed;
    AttentionCase decode{.format = format,
                         .kv_heads = 2,
                         .group = 2,
                         .head_dim = 16,
                         .positions = {0, 31, 32, 255, 256, 300, 767},
                         .rotary = 8,
                         .softcap = 1.5f,
                         .sinks = true,
                         .query = {.magnitude = 1.25f, .temperature = 0.5f, .temperature_length = 64}};
    AttentionCase prefill = decode;
    prefill.positions = consecutive(290, 45);
    prefill.one_sequence = true;
    for (AttentionCase c : {decode, prefill})
      for (const uint32_t window : {1u, 33u, 256u, 300u}) {
        c.window = window;
        check(mask, c);
        if (!c.one_sequence && attention_appends(format)) check_append(mask, c);
      }
  }
}

// Texts shorter and longer than a tile and than a page; the slots have keys behind the ends of theirs.
TEST_F(AttentionTest, TextsBothWays) {
  for (const Mask mask : {Mask::kNone, Mask::kDiscrete, Mask::kShared, Mask::kIntel}) {
    use(mask);
    const KvFormat& format = mask == Mask::kShared ? kF32 : kF16;
    AttentionCase c = of_texts({.format = format, .kv_heads = 2, .group = 1, .head_dim = 32}, {5, 1, 70, 33});
    check(mask, c);
    c.both_ways = true;
    check(mask, c);
    for (const uint32_t window : {9u, 33u}) {
      c.window = window;
      check(mask, c);
    }
    c.window = 0;
    c.group = 3;
    check(mask, c);
  }
}

// Heads whose sums are too many for a subgroup or for the lanes of a tile, over more splits than are merged at once.
TEST_F(AttentionTest, WideHeads) {
  for (const Mask mask : slice_of({Mask::kDiscrete, Mask::kIntel})) {
    use(mask);
    for (const uint32_t head_dim : {320u, 576u, 640u}) {
      AttentionCase c{.format = kF16, .kv_heads = 1, .group = 3, .head_dim = head_dim, .positions = {5, 299, 1100}};
      check(mask, c);
      c.positions = consecutive(40, 31);
      c.one_sequence = true;
      c.window = 33;
      check(mask, c);
    }
    check_append(mask,
                 {.format = kF16, .kv_heads = 2, .group = 2, .head_dim = 512, .positions = {5, 299}, .rotary = 64});
  }
}

// A row is the same to the bit whether it is computed with the rows before it or without.
TEST_F(AttentionTest, PrefillDoesNotDependOnWhereASliceBegins) {
  for (const Mask mask : {Mask::kNone, Mask::kDiscrete, Mask::kShared, Mask::kIntel}) {
    use(mask);
    AttentionCase c{.format = kF16,
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
    for (const uint32_t begin : {32u, 64u, 80u}) {
      c.positions = consecutive(begin, 81 - begin);
      const auto slice = compute(c, cache, std::span(q).subspan(begin * cols));
      EXPECT_EQ(std::memcmp(slice.data(), whole.data() + begin * cols, slice.size() * sizeof(float)), 0)
          << mask_name(mask) << " from " << begin;
    }
  }
}

vk::DeviceCaps gpu_caps() {
  vk::DeviceCaps caps;
  caps.type = vk::DeviceType::kDiscrete;
  caps.subgroup_size = caps.min_subgroup_size = caps.max_subgroup_size = 32;
  caps.fixed_subgroup = caps.subgroup_shuffle = caps.float16 = true;
  caps.max_workgroup_invocations = 1024;
  caps.max_shared_bytes = 32768;
  using enum vk::ComponentType;
  caps.cooperative_matrices = {{16, 16, 32, kS8, kS8, kS32, kS32}, {16, 16, 16, kF16, kF16, kF32, kF32}};
  return caps;
}

std::string chosen(const vk::DeviceCaps& caps, const AttentionShape& shape) {
  const std::string_view name = choose_attention(caps, shape).shader.name();
  return std::string(name.substr(0, name.rfind('.')));  // without the type of the KV cache
}

TEST(ChooseAttention, PrefillTakesMatricesWhereAllOfThemIsThere) {
  const AttentionShape shape{.group = 4, .head_dim = 128, .one_sequence = true, .matrices_built = true};
  const AttentionChoice choice = choose_attention(gpu_caps(), shape);
  EXPECT_TRUE(choice.shader.is(ShaderKernel::kAttentionCoopmat)) << choice.shader.name();
  EXPECT_EQ(choice.workgroup, 128u);
  EXPECT_EQ(choice.queries, 64u);
  EXPECT_EQ(choice.matrix.k, 16u);
  EXPECT_EQ(choice.shares, 1u);
  const auto without = [&](const std::function<void(vk::DeviceCaps&, AttentionShape&)>& change) {
    vk::DeviceCaps caps = gpu_caps();
    AttentionShape changed = shape;
    change(caps, changed);
    return chosen(caps, changed);
  };
  EXPECT_EQ(without([](auto&, auto& s) { s.matrices_built = false; }), "attention_tile");
  EXPECT_EQ(without([](auto&, auto& s) { s.format = kF32; }), "attention_tile");
  EXPECT_EQ(without([](auto&, auto& s) { s.format.k = KvType::kQ8_0; }), "attention_coopmat");
  EXPECT_EQ(without([](auto&, auto& s) { s.format.v = KvType::kF32; }), "attention_tile") << "f16 may not hold it";
  EXPECT_EQ(without([](auto&, auto& s) { s.head_dim = 72; }), "attention_tile");
  EXPECT_EQ(without([](auto& c, auto&) { c.float16 = false; }), "attention_tile");
  EXPECT_EQ(without([](auto& c, auto&) { c.fixed_subgroup = false; }), "attention_tile");
  EXPECT_EQ(without([](auto& c, auto&) { c.subgroup_shuffle = false; }), "attention_tile");
  EXPECT_EQ(without([](auto& c, auto&) { c.cooperative_matrices.pop_back(); }), "attention_tile");
  EXPECT_EQ(without([](auto&, auto& s) { s.head_dim = 256; }), "attention_tile") << "too many sums for the registers";
  EXPECT_EQ(without([](auto&, auto& s) { s.one_sequence = false; }), "attention.subgroup");
  EXPECT_EQ(without([](auto&, auto& s) { s.head_dim = 1024; }), "none");
}

TEST(ChooseAttention, IntelSharesOutTheSumsOfMatrices) {
  vk::DeviceCaps caps = gpu_caps();
  caps.vendor_id = 0x8086;
  caps.subgroup_size_control = true;
  const auto choose = [&](uint32_t lanes, uint32_t head_dim) {
    using enum vk::ComponentType;
    caps.min_subgroup_size = lanes;
    caps.cooperative_matrices = {{8, lanes, 16, kF16, kF16, kF32, kF32}};
    return choose_attention(caps, {.head_dim = head_dim, .one_sequence = true, .matrices_built = true});
  };
  for (const uint32_t lanes : {8u, 16u}) {
    const AttentionChoice choice = choose(lanes, 64);
    EXPECT_TRUE(choice.shader.is(ShaderKernel::kAttentionCoopmat)) << choice.shader.name();
    EXPECT_EQ(choice.subgroup_size, lanes);
    EXPECT_EQ(choice.shares, 32 / lanes);
    EXPECT_EQ(choice.subgroups * lanes, choice.workgroup);
    EXPECT_EQ(choice.workgroup, lanes == 8 ? 256u : 128u);
    EXPECT_EQ(choice.queries, 64u);
    EXPECT_EQ(choice.kept, lanes == 8 ? 2u : 0u) << "matrices of four";
  }
  caps.max_shared_bytes = 65536;
  EXPECT_EQ(choose(16, 128).queries, 64u);
  EXPECT_TRUE(choose(8, 96).shader.is(ShaderKernel::kAttentionCoopmat));
  EXPECT_TRUE(choose(8, 80).shader.is(ShaderKernel::kAttentionTile)) << "four shares of 20 dimensions are no matrices";
}

TEST(ChooseAttention, IntelTakesNarrowSubgroups) {
  vk::DeviceCaps caps = gpu_caps();
  caps.vendor_id = 0x8086;
  caps.subgroup_size_control = true;
  caps.min_subgroup_size = 8;
  EXPECT_EQ(chosen(caps, {.head_dim = 64, .one_sequence = true, .matrices_built = true}), "attention_tile");
  EXPECT_EQ(choose_attention(caps, {.group = 4, .head_dim = 64}).workgroup, 4 * 8u);
  EXPECT_EQ(choose_attention(caps, {.group = 4, .head_dim = 64}).subgroup_size, 8u);
  EXPECT_EQ(choose_attention(caps, {.head_dim = 64, .one_sequence = true}).subgroup_size, 8u);
  const AttentionChoice large = choose_attention(caps, {.group = 4, .head_dim = 128});
  EXPECT_EQ(large.queries, 2u) << "the sums of four spill";
  EXPECT_EQ(large.sets, 2u) << "side by side";
  EXPECT_EQ(large.workgroup, 2 * 4 * 8u);
  const AttentionShape wide{.group = 8, .head_dim = 512};
  EXPECT_EQ(chosen(caps, wide), "attention.shared") << "the sums of one spill";
  EXPECT_EQ(choose_attention(caps, wide).workgroup, 128u);
  EXPECT_EQ(choose_attention(caps, wide).subgroup_size, 0u);
  caps.vendor_id = 0x10de;
  EXPECT_EQ(choose_attention(caps, {.group = 4, .head_dim = 64}).workgroup, 4 * 32u);
  EXPECT_EQ(chosen(caps, wide), "attention.subgroup");
}

TEST(ChooseAttention, LanesShareTheSumsOfWideTiles) {
  vk::DeviceCaps caps = gpu_caps();
  const auto choose = [&](uint32_t head_dim) {
    return choose_attention(caps, {.group = 2, .head_dim = head_dim, .one_sequence = true});
  };
  EXPECT_EQ(choose(256).shares, 1u);
  EXPECT_EQ(choose(260).shares, 2u);
  EXPECT_EQ(choose(512).shares, 2u);
  EXPECT_EQ(choose(512).workgroup, choose(512).queries / kAttentionTileQueries * 2 * kAttentionTileLanes);
  EXPECT_EQ(choose(576).shares, 4u);
  caps.max_workgroup_invocations = 64;
  EXPECT_EQ(choose(576).queries, 4u);
  caps.type = vk::DeviceType::kCpu;
  EXPECT_EQ(choose(576).shares, 1u);
}

// A pass of many heads comes before a workgroup of many subgroups, which all have shared memory of their own.
TEST(ChooseAttention, DecodeTakesSubgroupsThatSharedMemoryIsThereFor) {
  vk::DeviceCaps caps = gpu_caps();
  const auto choose = [&](uint32_t group, uint32_t head_dim) {
    return choose_attention(caps, {.group = group, .head_dim = head_dim});
  };
  EXPECT_EQ(choose(4, 128).subgroups, 4u);
  EXPECT_EQ(choose(4, 128).workgroup, 4 * 32u);
  EXPECT_EQ(choose(4, 128).queries, 4u);
  caps.vendor_id = 0x1002;
  caps.subgroup_size = caps.min_subgroup_size = caps.max_subgroup_size = 64;
  EXPECT_EQ(choose(8, 256).queries, 4u) << "of the five that registers are there for; two passes in any case";
  EXPECT_EQ(choose(8, 256).subgroups, 4u);
  caps = gpu_caps();
  caps.max_shared_bytes = 24576;
  EXPECT_EQ(choose(8, 128).subgroups, 2u);
  EXPECT_EQ(choose(8, 128).queries, 8u);
  caps.max_shared_bytes = 8192;
  EXPECT_EQ(choose(8, 128).subgroups, 1u);
  EXPECT_EQ(choose(8, 128).workgroup, 32u);
  caps.max_shared_bytes = 32768;
  caps.max_workgroup_invocations = 64;
  EXPECT_EQ(choose(4, 128).workgroup, 64u);
  caps.fixed_subgroup = false;
  EXPECT_EQ(choose(4, 128).subgroups, 1u) << "attention.shared";
  caps.type = vk::DeviceType::kCpu;
  caps.fixed_subgroup = true;
  EXPECT_EQ(choose(16, 128).subgroups, 1u) << "a core has no other subgroup to hide that one waits";
}

TEST(ChooseAttention, TheCpuTakesItsOwnKernels) {
  vk::DeviceCaps caps = gpu_caps();
  caps.type = vk::DeviceType::kCpu;
  caps.driver_major = 26;
  caps.subgroup_size = 8;
  EXPECT_EQ(chosen(caps, {.group = 3, .head_dim = 64, .one_sequence = true, .matrices_built = true}),
            "attention_cpu_prefill");
  EXPECT_EQ(chosen(caps, {.group = 3, .head_dim = 64}), "attention_cpu_decode");
  EXPECT_EQ(chosen(caps, {.group = 3, .head_dim = 8}), "attention.subgroup") << "4 words are less than the lanes";
  EXPECT_EQ(chosen(caps, {.group = 16, .head_dim = 128}), "attention.subgroup") << "too much code";
  caps.subgroup_shuffle = false;
  EXPECT_EQ(chosen(caps, {.group = 3, .head_dim = 64}), "attention.shared");
  EXPECT_EQ(chosen(caps, {.group = 3, .head_dim = 64, .one_sequence = true}), "attention_tile");
}

// Every usual shape has a kernel that fits the smallest devices, and fewer queries the less shared memory there is.
TEST(ChooseAttention, EveryShapeFitsSmallDevices) {
  vk::DeviceCaps small;
  small.max_shared_bytes = 16384;
  small.max_workgroup_invocations = 128;
  for (const uint32_t head_dim : {4u, 64u, 80u, 96u, 128u, 256u})
    for (uint32_t group = 1; group <= 71; group += group < 16 ? 1 : 55)
      EXPECT_TRUE(attention_fits(small, group, head_dim)) << group << " x " << head_dim;
  EXPECT_FALSE(attention_fits(small, 1, 1024));
  EXPECT_FALSE(attention_fits(small, 1, 66)) << "not a multiple of 4";
  EXPECT_EQ(choose_attention(small, {.head_dim = 128, .one_sequence = true}).queries, 16u);
  small.max_shared_bytes = 32768;
  EXPECT_EQ(choose_attention(small, {.head_dim = 128, .one_sequence = true}).queries, 32u);
  EXPECT_EQ(choose_attention(small, {.group = 16, .head_dim = 128}).queries, 8u) << "two passes";
  EXPECT_EQ(choose_attention(small, {.group = 9, .head_dim = 128}).queries, 5u) << "passes of much the same size";
}

}  // namespace pumice::test::attention_test
