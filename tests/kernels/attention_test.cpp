// attention: grouped heads over shuffled pages. Decode rows of several sequences whose keys are split over workgroups
// by indirect counts and merged, and prefill tiles of one sequence.
#include "kernels/attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "reference/attention.h"
#include "reference/kv_write.h"
#include "reference/numerics.h"
#include "shared/attention.h"
#include "support/device_fixture.h"
#include "support/precision.h"
#include "support/step_rows.h"
#include "vk/embedded_shaders.h"

namespace pumice::test {
namespace {

struct AttentionCase {
  KvType type;
  uint32_t kv_heads, group, head_dim;
  std::vector<uint32_t> positions;
  bool one_sequence = false;  // else each row is a sequence of its own
  uint32_t slot = 0;          // of the one sequence
  uint32_t spare_splits = 0;  // more workgroups than any row has splits, as after a longer sequence
  uint32_t extra_stride = 0;
};

std::vector<uint32_t> consecutive(uint32_t first, uint32_t n) {
  std::vector<uint32_t> positions(n);
  for (uint32_t i = 0; i < n; ++i) positions[i] = first + i;
  return positions;
}

constexpr uint32_t kSplitTokens = kAttentionDecodePages * kPageTokens;

class AttentionTest : public DeviceTest {
 protected:
  // Keys and values of every slot, as the pools hold them and dense.
  struct Cache {
    std::vector<uint32_t> table, k_pool, v_pool;
    std::vector<std::vector<float>> k, v;  // by slot: (tokens, kv_heads, head_dim)
    uint32_t pages_per_slot = 0;
  };
  static Cache make_cache(const AttentionCase& c, uint32_t slots, Generator& random);
  static std::vector<float> expected(const AttentionCase& c, const Cache& cache, std::span<const float> q,
                                     uint32_t shift = 0);
  double tolerance(const AttentionCase& c, const Cache& cache, std::span<const float> q);
  std::vector<float> compute(const AttentionCase& c, const Cache& cache, std::span<const float> q);
  void check(Mask mask, const AttentionCase& c);
  AttentionChoice choice(const AttentionCase& c) {
    return choose_attention(caps(), {.type = c.type,
                                     .group = c.group,
                                     .head_dim = c.head_dim,
                                     .one_sequence = c.one_sequence,
                                     .matrices_built = find_embedded_shader("attention_coopmat.f16") != nullptr});
  }

  static float scale(const AttentionCase& c) { return 1.0f / std::sqrt(static_cast<float>(c.head_dim)); }
  static uint32_t longest(const AttentionCase& c) {
    return *std::max_element(c.positions.begin(), c.positions.end()) + 1;
  }
};

AttentionTest::Cache AttentionTest::make_cache(const AttentionCase& c, uint32_t slots, Generator& random) {
  Cache cache;
  const uint32_t tokens = longest(c);
  cache.pages_per_slot = (tokens + kPageTokens - 1) / kPageTokens + 1;
  cache.table = random.permutation(slots * cache.pages_per_slot);
  const reference::KvLayout layout{c.kv_heads, c.head_dim,
                                   c.type == KvType::kF16 ? reference::KvType::kF16 : reference::KvType::kF32};
  cache.k_pool.assign(cache.table.size() * layout.page_words(), kNanWord);
  cache.v_pool = cache.k_pool;
  const auto positions = consecutive(0, tokens);
  for (uint32_t slot = 0; slot < slots; ++slot) {
    const size_t values = size_t{tokens} * c.kv_heads * c.head_dim;
    const auto pages = std::span(cache.table).subspan(slot * cache.pages_per_slot, cache.pages_per_slot);
    reference::store_pages(layout, random.normals(values), random.normals(values), positions, pages, cache.k_pool,
                           cache.v_pool);
    cache.k.push_back(reference::gather_k(layout, cache.k_pool, pages, tokens));
    cache.v.push_back(reference::gather_v(layout, cache.v_pool, pages, tokens));
  }
  return cache;
}

std::vector<float> AttentionTest::expected(const AttentionCase& c, const Cache& cache, std::span<const float> q,
                                           uint32_t shift) {
  std::vector<uint32_t> positions = c.positions;
  for (uint32_t& position : positions) position -= std::min(position, shift);
  reference::AttentionArgs args{.q = q,
                                .positions = positions,
                                .heads = c.kv_heads * c.group,
                                .kv_heads = c.kv_heads,
                                .head_dim = c.head_dim,
                                .scale = scale(c)};
  for (uint32_t row = 0; row < positions.size(); ++row) {
    args.k.push_back(cache.k[c.one_sequence ? c.slot : row]);
    args.v.push_back(cache.v[c.one_sequence ? c.slot : row]);
  }
  return reference::attention(args);
}

// Scores err by a dot product's bound; that is the relative error of a weight, together with exp over the range of the
// scores, and the rescalings (one exp for each round of keys and each split). The weights add up to 1, so the values'
// error is relative to the largest value; numerator and denominator err alike. Matrices round queries and weights to
// f16.
double AttentionTest::tolerance(const AttentionCase& c, const Cache& cache, std::span<const float> q) {
  double absolute = 0, highest = 0;
  const size_t d = c.head_dim, heads = c.kv_heads * c.group;
  for (size_t row = 0; row < c.positions.size(); ++row) {
    const auto& k = cache.k[c.one_sequence ? c.slot : row];
    for (size_t head = 0; head < heads; ++head)
      for (size_t t = 0; t <= c.positions[row]; ++t)
        absolute =
            std::max(absolute, reference::absolute_dot(q.subspan((row * heads + head) * d, d),
                                                       std::span(k).subspan((t * c.kv_heads + head / c.group) * d, d)));
  }
  for (const auto& v : cache.v)
    for (const float value : v) highest = std::max(highest, std::fabs(static_cast<double>(value)));
  absolute *= static_cast<double>(scale(c));
  const double score = reference::dot_tolerance(d + 2, absolute);
  const double rounds = longest(c) / 32.0 + 2;
  const double half = std::string_view(choice(c).variant) == "attention_coopmat" ? 0x1p-11 : 0;
  const double weight = score + half * absolute + half + exp_error(2 * absolute) + rounds * exp_error(0) + kDivision;
  return highest * (2 * weight + 2 * reference::gamma_bound(longest(c) + 8, reference::Accumulator::kF32));
}

std::vector<float> AttentionTest::compute(const AttentionCase& c, const Cache& cache, std::span<const float> q) {
  const auto n = static_cast<uint32_t>(c.positions.size());
  const uint32_t heads = c.kv_heads * c.group, cols = heads * c.head_dim;
  std::vector<StepRow> step_rows = step_rows_at(c.positions, true);
  if (c.one_sequence)
    for (StepRow& row : step_rows) row.slot = c.slot;
  const uint32_t splits = (longest(c) + kSplitTokens - 1) / kSplitTokens + c.spare_splits;
  const vk::BufferView arguments = buffer(std::vector<uint32_t>{n, c.kv_heads, splits});
  const vk::BufferView counters = words(n * c.kv_heads, 0);
  const FloatRows y = nan_rows(n, cols + c.extra_stride);
  const vk::BufferView partials = words(attention_partial_bytes(n, heads, c.head_dim, splits) / 4);
  const AttentionArgs args{
      .q = rows(q, cols, cols + c.extra_stride),
      .pages = {c.type, buffer(cache.k_pool), buffer(cache.v_pool), buffer(cache.table), cache.pages_per_slot},
      .step_rows = buffer(step_rows),
      .y = y,
      .n = n,
      .heads = heads,
      .kv_heads = c.kv_heads,
      .head_dim = c.head_dim,
      .scale = scale(c),
      .one_sequence = c.one_sequence,
      .arguments = c.one_sequence ? nullptr : &arguments,
      .max_splits = splits,
      .partials = partials,
      .counters = counters};
  // Twice in one submission: the second finds the counters as the first left them.
  run([&](Recorder recorder) {
    attention(recorder, args);
    attention(recorder, args);
  });
  const auto left = read<uint32_t>(counters);
  EXPECT_EQ(std::count(left.begin(), left.end(), 0u), static_cast<ptrdiff_t>(left.size())) << "counters are left zero";
  const auto actual = read_rows(y, n, cols);
  drop_buffers();
  return actual;
}

void AttentionTest::check(Mask mask, const AttentionCase& c) {
  SCOPED_TRACE(::testing::Message() << mask_name(mask) << " " << choice(c).variant << " " << variant_name(c.type)
                                    << ", group " << c.group << ", " << c.kv_heads << " x " << c.head_dim << ", rows "
                                    << c.positions.size() << ", to " << longest(c) << ", one sequence "
                                    << c.one_sequence);
  Generator random(c.head_dim + c.group);
  const auto n = static_cast<uint32_t>(c.positions.size());
  const Cache cache = make_cache(c, c.one_sequence ? c.slot + 1 : n, random);
  const auto q = random.normals(n * c.kv_heads * c.group * c.head_dim);
  const auto actual = compute(c, cache, q);
  const double allowed = tolerance(c, cache, q);
  const auto verdict = reference::compare(actual, expected(c, cache, q), allowed);
  EXPECT_TRUE(verdict) << verdict;
  if (longest(c) > 1) {
    EXPECT_FALSE(reference::compare(actual, expected(c, cache, q, 1), allowed)) << "one key less goes unseen";
  }
}

constexpr KvType kF16 = KvType::kF16, kF32 = KvType::kF32;

TEST_F(AttentionTest, DecodeAcrossPagesAndSplits) {
  // Positions at both sides of page borders (32) and of split borders (256).
  const std::vector<uint32_t> mixed = {0, 31, 32, 255, 256, 257, 767, 600};
  check(Mask::kNone, {.type = kF32, .kv_heads = 3, .group = 1, .head_dim = 8, .positions = mixed});
  check(Mask::kNone, {.type = kF16, .kv_heads = 2, .group = 3, .head_dim = 64, .positions = mixed, .extra_stride = 3});
  check(Mask::kNone,
        {.type = kF16, .kv_heads = 1, .group = 7, .head_dim = 128, .positions = {5, 300}, .spare_splits = 2});
  check(Mask::kNone, {.type = kF16, .kv_heads = 2, .group = 4, .head_dim = 80, .positions = {511, 512, 1100}});
  check(Mask::kNone, {.type = kF16, .kv_heads = 5, .group = 2, .head_dim = 16, .positions = {2600}});
  check(Mask::kNone, {.type = kF32, .kv_heads = 1, .group = 4, .head_dim = 64, .positions = {0}});
}

// Rows that end in the first split beside rows with many: each row counts its own splits.
TEST_F(AttentionTest, DecodeOfManyRowsOfDifferentLengths) {
  std::vector<uint32_t> positions;
  for (uint32_t i = 0; i < 32; ++i) positions.push_back(i % 4 == 3 ? 41 * i + 255 : 7 * i);
  for (const Mask mask : {Mask::kNone, Mask::kDiscrete, Mask::kShared}) {
    use(mask);
    check(mask, {.type = kF16, .kv_heads = 2, .group = 3, .head_dim = 64, .positions = positions, .spare_splits = 3});
  }
}

TEST_F(AttentionTest, DecodeWithoutTheCpuKernels) {
  for (const Mask mask : {Mask::kDiscrete, Mask::kShared}) {
    use(mask);
    check(mask, {.type = kF16, .kv_heads = 2, .group = 3, .head_dim = 64, .positions = {0, 63, 64, 255, 256, 600}});
    check(mask, {.type = kF32, .kv_heads = 1, .group = 4, .head_dim = 80, .positions = {100, 511, 512}});
    check(mask, {.type = kF16, .kv_heads = 3, .group = 1, .head_dim = 8, .positions = {1, 280}});
    // Several passes over the heads of a group, the last one not full.
    check(mask, {.type = kF16, .kv_heads = 2, .group = 16, .head_dim = 96, .positions = {33, 300}});
    check(mask, {.type = kF16, .kv_heads = 1, .group = 7, .head_dim = 256, .positions = {259}});
  }
}

void check_prefill(const std::function<void(const AttentionCase&)>& check) {
  const auto run = [&](KvType type, uint32_t kv_heads, uint32_t group, uint32_t head_dim, uint32_t first, uint32_t n,
                       uint32_t slot = 0, uint32_t extra_stride = 0) {
    check({.type = type,
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
  for (const Mask mask : {Mask::kDiscrete, Mask::kShared}) {
    use(mask);
    check_prefill([&](const AttentionCase& c) { check(mask, c); });
  }
}

// A row is the same to the bit whether it is computed with the rows before it or without.
TEST_F(AttentionTest, PrefillDoesNotDependOnWhereASliceBegins) {
  for (const Mask mask : {Mask::kNone, Mask::kDiscrete, Mask::kShared}) {
    use(mask);
    AttentionCase c{
        .type = kF16, .kv_heads = 2, .group = 3, .head_dim = 64, .positions = consecutive(0, 81), .one_sequence = true};
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
  const AttentionChoice choice = choose_attention(caps, shape);
  return choice.variant ? choice.variant : "none";
}

TEST(ChooseAttention, PrefillTakesMatricesWhereAllOfThemIsThere) {
  const AttentionShape shape{.group = 4, .head_dim = 128, .one_sequence = true, .matrices_built = true};
  const AttentionChoice choice = choose_attention(gpu_caps(), shape);
  EXPECT_EQ(choice.variant, std::string("attention_coopmat"));
  EXPECT_EQ(choice.workgroup, 128u);
  EXPECT_EQ(choice.queries, 64u);
  EXPECT_EQ(choice.matrix.k, 16u);
  const auto without = [&](const std::function<void(vk::DeviceCaps&, AttentionShape&)>& change) {
    vk::DeviceCaps caps = gpu_caps();
    AttentionShape changed = shape;
    change(caps, changed);
    return chosen(caps, changed);
  };
  EXPECT_EQ(without([](auto&, auto& s) { s.matrices_built = false; }), "attention_tile");
  EXPECT_EQ(without([](auto&, auto& s) { s.type = kF32; }), "attention_tile");
  EXPECT_EQ(without([](auto&, auto& s) { s.head_dim = 72; }), "attention_tile");
  EXPECT_EQ(without([](auto& c, auto&) { c.float16 = false; }), "attention_tile");
  EXPECT_EQ(without([](auto& c, auto&) { c.fixed_subgroup = false; }), "attention_tile");
  EXPECT_EQ(without([](auto& c, auto&) { c.subgroup_shuffle = false; }), "attention_tile");
  EXPECT_EQ(without([](auto& c, auto&) { c.cooperative_matrices.pop_back(); }), "attention_tile");
  EXPECT_EQ(without([](auto&, auto& s) { s.head_dim = 256; }), "attention_tile") << "too many sums for the registers";
  EXPECT_EQ(without([](auto&, auto& s) { s.one_sequence = false; }), "attention.subgroup");
  EXPECT_EQ(without([](auto&, auto& s) { s.head_dim = 1024; }), "none");
}

TEST(ChooseAttention, IntelTakesNarrowSubgroups) {
  vk::DeviceCaps caps = gpu_caps();
  caps.vendor_id = 0x8086;
  caps.subgroup_size_control = true;
  caps.min_subgroup_size = 8;
  EXPECT_EQ(chosen(caps, {.head_dim = 64, .one_sequence = true, .matrices_built = true}), "attention_tile");
  EXPECT_EQ(choose_attention(caps, {.group = 4, .head_dim = 64}).workgroup, 8u);
  EXPECT_EQ(choose_attention(caps, {.group = 4, .head_dim = 64}).subgroup_size, 8u);
  EXPECT_EQ(choose_attention(caps, {.head_dim = 64, .one_sequence = true}).subgroup_size, 8u);
  caps.vendor_id = 0x10de;
  EXPECT_EQ(choose_attention(caps, {.group = 4, .head_dim = 64}).workgroup, 32u);
}

TEST(ChooseAttention, TheCpuTakesItsOwnKernels) {
  vk::DeviceCaps caps = gpu_caps();
  caps.type = vk::DeviceType::kCpu;
  caps.driver_version = 26u << 22;
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

}  // namespace
}  // namespace pumice::test
