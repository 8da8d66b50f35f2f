// kv_write: q into its rows, k and v into shuffled pages of several sequences, and nothing beside them.
#include "kernels/kv_write.h"

#include <algorithm>
#include <cmath>

#include "reference/kv_write.h"
#include "reference/numerics.h"
#include "support/device_fixture.h"
#include "support/kv_reference.h"
#include "support/precision.h"
#include "support/rope_reference.h"
#include "support/step_rows.h"

namespace pumice::test::kv_write_test {

constexpr KvFormat kF16{KvType::kF16, KvType::kF16}, kF32{KvType::kF32, KvType::kF32};
constexpr KvFormat kQ8{KvType::kQ8_0, KvType::kQ8_0}, kQ4{KvType::kQ4_0, KvType::kQ4_0};
constexpr KvFormat kQ4Plain{KvType::kQ4_0, KvType::kQ4_0, false}, kQ8Plain{KvType::kQ8_0, KvType::kQ8_0, false};

struct KvWriteCase {
  KvFormat format;
  uint32_t heads, kv_heads, head_dim, rotary;
  RopePairs pairs;
  QueryScale query = {};
};
constexpr KvWriteCase kCases[] = {{kF16, 1, 1, 8, 8, RopePairs::kAdjacent},
                                  {kF32, 3, 1, 16, 8, RopePairs::kHalves},
                                  {kF16, 7, 1, 128, 128, RopePairs::kHalves},
                                  {kF16, 6, 3, 80, 32, RopePairs::kAdjacent},
                                  {kF32, 4, 4, 64, 0, RopePairs::kAdjacent},
                                  {kQ8, 9, 3, 64, 64, RopePairs::kAdjacent},
                                  {kQ8Plain, 9, 3, 64, 64, RopePairs::kAdjacent},
                                  {kQ8, 2, 1, 12, 4, RopePairs::kAdjacent},
                                  {kQ8, 2, 2, 20, 20, RopePairs::kHalves},
                                  {kQ8, 6, 3, 80, 32, RopePairs::kHalves},
                                  {kQ8, 3, 1, 4, 4, RopePairs::kAdjacent},
                                  {kQ4, 9, 3, 64, 64, RopePairs::kAdjacent},
                                  {kQ4, 2, 1, 8, 0, RopePairs::kAdjacent},
                                  {kQ4, 4, 2, 128, 128, RopePairs::kHalves},
                                  {kQ4, 4, 2, 80, 80, RopePairs::kHalves},
                                  {kQ4, 1, 1, 24, 16, RopePairs::kAdjacent},
                                  {kQ4, 1, 1, 512, 64, RopePairs::kAdjacent},
                                  {kQ4Plain, 4, 2, 96, 96, RopePairs::kHalves},
                                  {{KvType::kQ8_0, KvType::kQ4_0}, 4, 2, 64, 64, RopePairs::kAdjacent},
                                  {{KvType::kQ4_0, KvType::kQ8_0}, 4, 2, 40, 40, RopePairs::kAdjacent},
                                  {{KvType::kF16, KvType::kQ8_0}, 4, 2, 64, 32, RopePairs::kAdjacent},
                                  {{KvType::kQ4_0, KvType::kF16}, 3, 1, 48, 48, RopePairs::kHalves},
                                  {{KvType::kF32, KvType::kF16}, 3, 1, 32, 32, RopePairs::kHalves},
                                  {{KvType::kF16, KvType::kF32}, 3, 1, 36, 32, RopePairs::kHalves},
                                  {kF16, 3, 1, 24, 16, RopePairs::kHalves, {1.25f, 0.5f, 16}},
                                  {kQ8, 3, 1, 24, 16, RopePairs::kAdjacent, {1.25f, 0.5f, 16}}};
constexpr uint32_t kSlots = 3, kPagesPerSlot = 5;

// The rows' places: some of each slot, at page borders, in no order.
const std::vector<StepRow> kRows = {{0, 0, 1, 1},  {0, 31, 0, 1}, {0, 32, 0, 1}, {0, 159, 2, 1}, {0, 5, 0, 1},
                                    {0, 64, 1, 0}, {0, 63, 1, 1}, {0, 33, 0, 1}, {0, 127, 2, 1}};

// What a Hadamard block of n makes of its inputs' errors, and its own roundings of values below 5.
double rotated_error(uint32_t n, double error) {
  const double root = std::sqrt(static_cast<double>(n));
  return n == 1 ? error : root * error + 5 * root * (std::log2(n) + 3) * 0x1p-23;
}

// Whether a head's scales and codes are those of `expected`, which the device knows to within `error`. A code may be
// the neighbour of the nearest one where the value is within `error` of the middle between both. "" or what is wrong.
std::string wrong_codes(const reference::KvHead& head, std::span<const float> expected, double error) {
  for (size_t first = 0; first < expected.size(); first += reference::kScaleDims) {
    const auto block = expected.subspan(first, std::min(reference::kScaleDims, expected.size() - first));
    const double scale = head.scale(first), wanted = reference::block_scale(head.type, block);
    const double allowed = std::fabs(wanted) * 0x1p-10 + error / 8 + 0x1p-24;
    const auto [low, high] = std::minmax_element(block.begin(), block.end());
    const bool two_signs = std::fabs(static_cast<double>(*low) + static_cast<double>(*high)) <= 2 * error;
    if (std::fabs(scale - wanted) > allowed && !(two_signs && std::fabs(scale + wanted) <= allowed))
      return "scale " + std::to_string(scale) + " of block at " + std::to_string(first) + ", not " +
             std::to_string(wanted);
    for (size_t i = 0; i < block.size(); ++i) {
      const double value = static_cast<double>(block[i]), code = head.code(first + i);
      const double step = std::fabs(scale), least = value - error - 1e-6 * step, most = value + error + 1e-6 * step;
      const double a = reference::nearest_code(head.type, least, scale);
      const double b = reference::nearest_code(head.type, most, scale);
      if (code != a && code != b)
        return "code " + std::to_string(code) + " at " + std::to_string(first + i) + ", not " + std::to_string(a);
    }
  }
  return "";
}

TEST(WrongCodes, Shows) {
  Generator random(3);
  const auto head = random.normals(80);
  for (const auto type : {reference::KvType::kQ8_0, reference::KvType::kQ4_0}) {
    const reference::KvHead right = reference::pack_head(type, head);
    EXPECT_EQ(wrong_codes(right, head, 1e-5), "");
    for (size_t w = 0; w < right.words.size(); ++w) {
      if (w + 1 == right.words.size()) continue;  // the last word's second scale is nobody's
      reference::KvHead wrong = right;
      wrong.words[w] ^= 0x01000100u;  // one step; of a scale, 2^-2
      EXPECT_NE(wrong_codes(wrong, head, 1e-5), "") << "word " << w;
    }
    auto other = head;
    std::swap(other[40], other[41]);
    EXPECT_NE(wrong_codes(right, other, 1e-5), "");
  }
}

class KvWriteTest : public DeviceTest {
 protected:
  void check(const KvWriteCase& c);
  void check_heads(const KvWriteCase& c, bool keys, const reference::KvRows& expected,
                   const std::vector<uint32_t>& table, const std::vector<uint32_t>& pool);
  double error_of(const KvWriteCase& c, bool keys) const {
    const double own = keys && c.rotary > 0 ? kRopeError : 0;
    return rotated_error(keys ? c.format.k_rotation(c.head_dim) : c.format.v_rotation(c.head_dim), own);
  }
};

void KvWriteTest::check_heads(const KvWriteCase& c, bool keys, const reference::KvRows& expected,
                              const std::vector<uint32_t>& table, const std::vector<uint32_t>& pool) {
  const reference::KvLayout layout = layout_of(c.format, c.kv_heads, c.head_dim);
  const reference::KvType type = keys ? layout.type : layout.v_type;
  const std::span<const float> wanted = keys ? expected.k : expected.v;
  const double error = error_of(c, keys);
  std::vector<float> values;
  for (const StepRow& row : kRows) {
    const auto pages = std::span(table).subspan(row.slot * kPagesPerSlot, kPagesPerSlot);
    for (uint32_t head = 0; head < c.kv_heads; ++head) {
      const reference::KvHead stored = keys ? reference::k_head(layout, pool, pages, row.position, head)
                                            : reference::v_head(layout, pool, pages, row.position, head);
      if (reference::KvLayout::scaled(type)) {
        EXPECT_EQ(wrong_codes(stored, wanted.subspan(values.size(), c.head_dim), error), "")
            << (keys ? "k" : "v") << " of position " << row.position << ", head " << head;
      }
      for (uint32_t d = 0; d < c.head_dim; ++d) values.push_back(stored.value(d));
    }
  }
  if (!reference::KvLayout::scaled(type)) {
    // packHalf2x16 may round either way: up to one unit of 2^-10.
    const bool half = type == reference::KvType::kF16;
    const auto verdict = reference::compare(values, wanted, error + (half ? 0x1p-24 : 0), half ? 0x1p-10 : 0);
    EXPECT_TRUE(verdict) << (keys ? "k: " : "v: ") << verdict;
    EXPECT_FALSE(reference::compare(values, keys ? expected.v : expected.k, error + 0x1p-10, 0x1p-10));
  }
  const size_t written = kRows.size() * c.kv_heads * layout.row_words(type);
  EXPECT_EQ(pool.size() - static_cast<size_t>(std::count(pool.begin(), pool.end(), kNanWord)), written)
      << "words of other tokens were written";
}

void KvWriteTest::check(const KvWriteCase& c) {
  SCOPED_TRACE(::testing::Message() << name_of(c.format) << " " << c.heads << "/" << c.kv_heads << " x " << c.head_dim);
  const uint32_t n = static_cast<uint32_t>(kRows.size()), q_cols = c.heads * c.head_dim;
  const uint32_t cols = q_cols + 2 * c.kv_heads * c.head_dim;
  Generator random(cols);
  const auto qkv = random.normals(n * cols);
  const auto table = random.permutation(kSlots * kPagesPerSlot);
  const auto inverse = reference::inverse_frequencies(c.rotary, 10000);
  const auto frequencies = bound_frequencies(inverse);
  const size_t tokens = table.size() * kPageTokens * c.kv_heads;
  const vk::BufferView k_pool = words(tokens * kv_words(c.format.k, c.head_dim));
  const vk::BufferView v_pool = words(tokens * kv_words(c.format.v, c.head_dim));
  const FloatRows q = nan_rows(n, q_cols + 3);
  run([&](Recorder recorder) {
    kv_write(recorder, {.qkv = rows(qkv, cols, cols + 1),
                        .frequencies = buffer(frequencies),
                        .step_rows = buffer(kRows),
                        .q = q,
                        .pages = {c.format, k_pool, v_pool, buffer(table), kPagesPerSlot},
                        .n = n,
                        .heads = c.heads,
                        .kv_heads = c.kv_heads,
                        .head_dim = c.head_dim,
                        .rotary = c.rotary,
                        .pairs = c.pairs,
                        .query = c.query});
  });
  std::vector<uint32_t> positions;
  for (const StepRow& row : kRows) positions.push_back(row.position);
  const auto pairing = pairing_of(c.pairs);
  const auto expected = reference::kv_write({.qkv = qkv,
                                             .positions = positions,
                                             .heads = c.heads,
                                             .kv_heads = c.kv_heads,
                                             .head_dim = c.head_dim,
                                             .pairing = pairing,
                                             .inverse_frequencies = inverse,
                                             .type = reference_type(c.format.k),
                                             .v_type = reference_type(c.format.v),
                                             .k_rotation = c.format.k_rotation(c.head_dim),
                                             .v_rotation = c.format.v_rotation(c.head_dim),
                                             .magnitude = static_cast<double>(c.query.magnitude),
                                             .temperature = static_cast<double>(c.query.temperature),
                                             .temperature_length = static_cast<double>(c.query.temperature_length)});
  const auto verdict = reference::compare(read_rows(q, n, q_cols), expected.q,
                                          rotated_error(c.format.k_rotation(c.head_dim), 4 * kRopeError));
  EXPECT_TRUE(verdict) << "q: " << verdict;
  check_heads(c, true, expected, table, read<uint32_t>(k_pool));
  check_heads(c, false, expected, table, read<uint32_t>(v_pool));
  drop_buffers();
}

TEST_F(KvWriteTest, WritesPages) {
  for (const KvWriteCase& c : kCases) check(c);
}

TEST_F(KvWriteTest, WritesPagesLikeAGpu) {
  use(Mask::kShared);
  for (const KvWriteCase& c : kCases) check(c);
}

// Positions where an angle in floats would be wrong by radians. All pages are one page here: only q is looked at.
TEST_F(KvWriteTest, FarPositionsTurnExactly) {
  constexpr uint32_t kHeads = 3, kDim = 64, kCols = (kHeads + 2) * kDim, kFar = 131071;
  const std::vector<uint32_t> positions = {kFar, 65537, 4096, 130001};
  const auto n = static_cast<uint32_t>(positions.size());
  const auto qkv = Generator(4).normals(n * kCols);
  const auto inverse = reference::inverse_frequencies(kDim, 10000);
  for (const RopePairs pairs : {RopePairs::kAdjacent, RopePairs::kHalves}) {
    const FloatRows q = nan_rows(n, kHeads * kDim);
    run([&](Recorder recorder) {
      kv_write(recorder, {.qkv = rows(qkv, kCols),
                          .frequencies = buffer(bound_frequencies(inverse)),
                          .step_rows = buffer(step_rows_at(positions)),
                          .q = q,
                          .pages = {kF32, words(kPageTokens * kDim), words(kPageTokens * kDim),
                                    buffer(std::vector<uint32_t>(kFar / kPageTokens + 1, 0)), kFar / kPageTokens + 1},
                          .n = n,
                          .heads = kHeads,
                          .head_dim = kDim,
                          .rotary = kDim,
                          .pairs = pairs});
    });
    for (const uint32_t shift : {0u, 1u}) {
      std::vector<float> expected;
      for (uint32_t row = 0; row < n; ++row) {
        const auto first = qkv.begin() + static_cast<ptrdiff_t>(row) * kCols;
        std::vector<float> heads(first, first + kHeads * kDim);
        reference::rope(heads, kHeads, kDim, positions[row] + shift, pairing_of(pairs), inverse);
        expected.insert(expected.end(), heads.begin(), heads.end());
      }
      const auto verdict = reference::compare(read_rows(q, n, kHeads * kDim), expected, kRopeError);
      EXPECT_EQ(static_cast<bool>(verdict), shift == 0) << verdict;
    }
    drop_buffers();
  }
}

// A token's words do not depend on which other rows are in the step.
TEST_F(KvWriteTest, RowsDoNotDependOnOneAnother) {
  const uint32_t heads = 3, kv_heads = 1, dim = 64, cols = (heads + 2 * kv_heads) * dim;
  Generator random(4);
  const auto qkv = random.normals(kRows.size() * cols);
  const auto table = random.permutation(kSlots * kPagesPerSlot);
  const auto frequencies = rope_frequencies(reference::inverse_frequencies(dim, 10000));
  for (const KvFormat& format : {kQ8, kQ4}) {
    const size_t pool_words = table.size() * kPageTokens * kv_words(format.k, dim);
    std::vector<uint32_t> pools[2];
    for (const bool together : {true, false}) {
      const vk::BufferView k_pool = words(pool_words), v_pool = words(pool_words);
      const auto count = static_cast<uint32_t>(kRows.size()), each = together ? count : 1;
      for (uint32_t first = 0; first < count; first += each)
        run([&](Recorder recorder) {
          kv_write(recorder, {.qkv = rows(std::span(qkv).subspan(first * cols, each * cols), cols),
                              .frequencies = buffer(frequencies),
                              .step_rows = buffer(std::span(kRows).subspan(first, each)),
                              .q = nan_rows(each, heads * dim),
                              .pages = {format, k_pool, v_pool, buffer(table), kPagesPerSlot},
                              .n = each,
                              .heads = heads,
                              .kv_heads = kv_heads,
                              .head_dim = dim,
                              .rotary = dim});
        });
      pools[together ? 0 : 1] = read<uint32_t>(k_pool);
      const auto v = read<uint32_t>(v_pool);
      pools[together ? 0 : 1].insert(pools[together ? 0 : 1].end(), v.begin(), v.end());
      drop_buffers();
    }
    EXPECT_EQ(pools[0], pools[1]);
  }
}

TEST(KvFormat, SaysWhatItCannotStore) {
  EXPECT_TRUE(check_kv_format(kQ8, 12).ok());
  EXPECT_TRUE(check_kv_format(kQ4, 24).ok());
  const auto refused = check_kv_format({KvType::kF16, KvType::kQ4_0}, 20);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().status, Status::kUnsupported);
  EXPECT_NE(refused.error().message.find("20"), std::string::npos);
}

TEST(KvFormat, WordsAndRotations) {
  EXPECT_EQ(kv_words(KvType::kF32, 64), 64u);
  EXPECT_EQ(kv_words(KvType::kF16, 64), 32u);
  EXPECT_EQ(kv_words(KvType::kQ8_0, 64), 16u + 1u);
  EXPECT_EQ(kv_words(KvType::kQ4_0, 64), 8u + 1u);
  EXPECT_EQ(kv_words(KvType::kQ4_0, 80), 10u + 2u);
  EXPECT_EQ(kQ4.k_rotation(64), 64u);
  EXPECT_EQ(kQ4.v_rotation(80), 16u);
  EXPECT_EQ(kQ4.k_rotation(24), 8u);
  EXPECT_EQ(kQ8.k_rotation(20), 4u);
  EXPECT_EQ(kQ4Plain.k_rotation(64), 1u);
  EXPECT_EQ(kF16.k_rotation(64), 1u);
  EXPECT_EQ(kF16.shader_axis(), kKvF16);
  EXPECT_EQ((KvFormat{KvType::kF16, KvType::kF32}.shader_axis()), kKvMixed);
}

}  // namespace pumice::test::kv_write_test
