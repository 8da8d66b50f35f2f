// kv_write: q into its rows, k and v into shuffled pages of several sequences, and nothing beside them.
#include "kernels/kv_write.h"

#include <algorithm>

#include "reference/kv_write.h"
#include "reference/numerics.h"
#include "support/device_fixture.h"
#include "support/step_rows.h"

namespace pumice::test {
namespace {

struct KvWriteCase {
  KvType type;
  uint32_t heads, kv_heads, head_dim, rotary;
  RopePairs pairs;
};
constexpr KvWriteCase kCases[] = {{KvType::kF16, 1, 1, 8, 8, RopePairs::kAdjacent},
                                  {KvType::kF32, 3, 1, 16, 8, RopePairs::kHalves},
                                  {KvType::kF16, 7, 1, 128, 128, RopePairs::kHalves},
                                  {KvType::kF16, 6, 3, 80, 32, RopePairs::kAdjacent},
                                  {KvType::kF32, 4, 4, 64, 0, RopePairs::kAdjacent}};
constexpr uint32_t kSlots = 3, kPagesPerSlot = 5;

// The rows' places: some of each slot, at page borders, in no order.
const std::vector<StepRow> kRows = {{0, 0, 1, 1},  {0, 31, 0, 1}, {0, 32, 0, 1}, {0, 159, 2, 1}, {0, 5, 0, 1},
                                    {0, 64, 1, 0}, {0, 63, 1, 1}, {0, 33, 0, 1}, {0, 127, 2, 1}};

class KvWriteTest : public DeviceTest {
 protected:
  void check(const KvWriteCase& c);
  void check_pools(const KvWriteCase& c, const reference::KvRows& expected, const std::vector<uint32_t>& table,
                   const std::vector<uint32_t>& k_pool, const std::vector<uint32_t>& v_pool);
};

constexpr double kRopeError = 2 * 5 * (3e-8 + 8 * 0x1p-24);  // as in rope_test.cpp

void KvWriteTest::check_pools(const KvWriteCase& c, const reference::KvRows& expected,
                              const std::vector<uint32_t>& table, const std::vector<uint32_t>& k_pool,
                              const std::vector<uint32_t>& v_pool) {
  const reference::KvLayout layout{c.kv_heads, c.head_dim,
                                   c.type == KvType::kF16 ? reference::KvType::kF16 : reference::KvType::kF32};
  std::vector<float> k, v;
  for (const StepRow& row : kRows) {
    const auto pages = std::span(table).subspan(row.slot * kPagesPerSlot, kPagesPerSlot);
    for (uint32_t head = 0; head < c.kv_heads; ++head)
      for (uint32_t d = 0; d < c.head_dim; ++d) {
        k.push_back(reference::read_k(layout, k_pool, pages, row.position, head, d));
        v.push_back(reference::read_v(layout, v_pool, pages, row.position, head, d));
      }
  }
  // packHalf2x16 may round either way: up to one unit of 2^-10.
  const double half = c.type == KvType::kF16 ? 0x1p-10 : 0, small = c.type == KvType::kF16 ? 0x1p-24 : 0;
  const auto k_verdict = reference::compare(k, expected.k, kRopeError + small, half);
  EXPECT_TRUE(k_verdict) << "k: " << k_verdict;
  const auto v_verdict = reference::compare(v, expected.v, small, half);
  EXPECT_TRUE(v_verdict) << "v: " << v_verdict;
  EXPECT_FALSE(reference::compare(k, expected.v, kRopeError + small, half));
  const size_t written = kRows.size() * c.kv_heads * layout.row_words();
  for (const auto* pool : {&k_pool, &v_pool})
    EXPECT_EQ(pool->size() - static_cast<size_t>(std::count(pool->begin(), pool->end(), kNanWord)), written)
        << "words of other tokens were written";
}

void KvWriteTest::check(const KvWriteCase& c) {
  SCOPED_TRACE(::testing::Message() << variant_name(c.type) << " " << c.heads << "/" << c.kv_heads << " x "
                                    << c.head_dim);
  const uint32_t n = static_cast<uint32_t>(kRows.size()), q_cols = c.heads * c.head_dim;
  const uint32_t cols = q_cols + 2 * c.kv_heads * c.head_dim;
  Generator random(cols);
  const auto qkv = random.normals(n * cols);
  const auto table = random.permutation(kSlots * kPagesPerSlot);
  const auto inverse = reference::inverse_frequencies(c.rotary, 10000);
  auto frequencies = rope_frequencies(inverse);
  frequencies.resize(std::max<size_t>(frequencies.size(), 2));
  const size_t pool_words = table.size() * kPageTokens * c.kv_heads * kv_words(c.type, c.head_dim);
  const vk::BufferView k_pool = words(pool_words), v_pool = words(pool_words);
  const FloatRows q = nan_rows(n, q_cols + 3);
  run([&](Recorder recorder) {
    kv_write(recorder, {.qkv = rows(qkv, cols, cols + 1),
                        .frequencies = buffer(frequencies),
                        .step_rows = buffer(kRows),
                        .q = q,
                        .pages = {c.type, k_pool, v_pool, buffer(table), kPagesPerSlot},
                        .n = n,
                        .heads = c.heads,
                        .kv_heads = c.kv_heads,
                        .head_dim = c.head_dim,
                        .rotary = c.rotary,
                        .pairs = c.pairs});
  });
  std::vector<uint32_t> positions;
  for (const StepRow& row : kRows) positions.push_back(row.position);
  const auto type = c.type == KvType::kF16 ? reference::KvType::kF16 : reference::KvType::kF32;
  const auto pairing =
      c.pairs == RopePairs::kAdjacent ? reference::RopePairing::kAdjacent : reference::RopePairing::kHalf;
  const auto expected = reference::kv_write({.qkv = qkv,
                                             .positions = positions,
                                             .heads = c.heads,
                                             .kv_heads = c.kv_heads,
                                             .head_dim = c.head_dim,
                                             .pairing = pairing,
                                             .inverse_frequencies = inverse,
                                             .type = type});
  const auto verdict = reference::compare(read_rows(q, n, q_cols), expected.q, kRopeError);
  EXPECT_TRUE(verdict) << "q: " << verdict;
  check_pools(c, expected, table, read<uint32_t>(k_pool), read<uint32_t>(v_pool));
  drop_buffers();
}

TEST_F(KvWriteTest, WritesPages) {
  for (const KvWriteCase& c : kCases) check(c);
}

}  // namespace
}  // namespace pumice::test
