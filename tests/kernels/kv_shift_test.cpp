// kv_shift: keys of some pages of a sequence turned back; all other pages as they were.
#include "kernels/kv_shift.h"

#include <algorithm>
#include <numeric>

#include "reference/kv_shift.h"
#include "reference/numerics.h"
#include "shared/step_params.h"
#include "support/device_fixture.h"
#include "support/kv_reference.h"
#include "support/rope_reference.h"

namespace pumice::test::kv_shift_test {

struct KvShiftCase {
  KvType type;
  uint32_t kv_heads, head_dim, rotary, shift;
  RopePairs pairs;
};
constexpr KvShiftCase kCases[] = {
    {KvType::kF16, 1, 8, 8, 32, RopePairs::kAdjacent},     {KvType::kF32, 1, 16, 8, 64, RopePairs::kHalves},
    {KvType::kF16, 1, 128, 128, 4096, RopePairs::kHalves}, {KvType::kF16, 3, 80, 32, 96, RopePairs::kHalves},
    {KvType::kF16, 3, 80, 30, 96, RopePairs::kAdjacent},   {KvType::kF32, 2, 64, 64, 131072, RopePairs::kAdjacent},
    {KvType::kF32, 2, 24, 6, 32, RopePairs::kHalves},      {KvType::kF32, 4, 64, 0, 32, RopePairs::kAdjacent}};
// The page table of three slots; pages 1 to 3 of the second one are turned.
constexpr uint32_t kPages = 9, kPagesPerSlot = 4, kSlot = 1, kFirst = 1, kCount = 3;
const std::vector<uint32_t> kTable = {8, 0, 0, 0, 4, 7, 1, 3, 2, 5, 6, 0};
const std::vector<uint32_t> kTurned = {7, 1, 3};

class KvShiftTest : public DeviceTest {
 protected:
  void check(const KvShiftCase& c);
};

std::vector<float> keys_of(const reference::KvLayout& layout, const std::vector<uint32_t>& pool, uint32_t page) {
  return reference::gather_k(layout, pool, std::span(&page, 1), kPageTokens);
}

// A pool whose keys are these values (tokens, kv_heads, head_dim), the pages in their order.
std::vector<uint32_t> pool_of(const reference::KvLayout& layout, std::span<const float> keys) {
  const size_t tokens = keys.size() / (layout.kv_heads * layout.head_dim);
  std::vector<uint32_t> positions(tokens), table(tokens / reference::kPageTokens);
  std::iota(positions.begin(), positions.end(), 0u);
  std::iota(table.begin(), table.end(), 0u);
  std::vector<uint32_t> k_pool(table.size() * layout.page_words(layout.type)), v_pool(k_pool.size());
  reference::store_pages(layout, keys, keys, positions, table, k_pool, v_pool);
  return k_pool;
}

void KvShiftTest::check(const KvShiftCase& c) {
  SCOPED_TRACE(::testing::Message() << type_name(c.type) << " " << c.kv_heads << " x " << c.head_dim << ", rotary "
                                    << c.rotary << ", shift " << c.shift);
  ASSERT_TRUE(can_shift(c.type, c.pairs, c.rotary));
  const reference::KvLayout layout{c.kv_heads, c.head_dim, reference_type(c.type)};
  Generator random(c.head_dim + c.shift);
  const auto pool = pool_of(layout, random.normals(kPages * kPageTokens * c.kv_heads * c.head_dim));
  const auto inverse = reference::inverse_frequencies(c.rotary, 10000);
  const auto frequencies = bound_frequencies(inverse);
  const vk::BufferView k = buffer(pool);
  run([&](Recorder recorder) {
    kv_shift(recorder, {.pages = {.format = {.k = c.type},
                                  .k = k,
                                  .v = {},
                                  .page_table = buffer(kTable),
                                  .pages_per_slot = kPagesPerSlot},
                        .frequencies = buffer(frequencies),
                        .slot = kSlot,
                        .first = kFirst,
                        .count = kCount,
                        .shift = c.shift,
                        .kv_heads = c.kv_heads,
                        .head_dim = c.head_dim,
                        .rotary = c.rotary,
                        .pairs = c.pairs});
  });
  const auto after = read<uint32_t>(k);
  const auto pairing = pairing_of(c.pairs);
  const auto expected = [&](uint32_t shift) {
    std::vector<uint32_t> moved = pool;
    reference::kv_shift(layout, moved, kTurned, shift, pairing, inverse);
    return moved;
  };
  const auto right = expected(c.shift), wrong = expected(c.shift + 1);
  // As in rope_test.cpp; packHalf2x16 may round either way: up to one unit of 2^-10.
  const double allowed = 2 * 5 * (3e-8 + 8 * 0x1p-24) + (c.type == KvType::kF16 ? 0x1p-24 : 0);
  const double half = c.type == KvType::kF16 ? 0x1p-10 : 0;
  for (uint32_t page = 0; page < kPages; ++page) {
    const auto actual = keys_of(layout, after, page);
    if (std::find(kTurned.begin(), kTurned.end(), page) == kTurned.end()) {
      EXPECT_EQ(actual, keys_of(layout, pool, page)) << "page " << page << " was written";
      continue;
    }
    const auto verdict = reference::compare(actual, keys_of(layout, right, page), allowed, half);
    EXPECT_TRUE(verdict) << "page " << page << ": " << verdict;
    if (c.rotary == 0) continue;
    EXPECT_FALSE(reference::compare(actual, keys_of(layout, wrong, page), allowed, half));
    EXPECT_FALSE(reference::compare(actual, keys_of(layout, pool, page), allowed, half));
  }
  drop_buffers();
}

TEST_F(KvShiftTest, TurnsKeysBack) {
  for (const KvShiftCase& c : kCases) check(c);
}

// A key written at one position and moved to another is the key written there.
TEST(KvShiftReference, UndoesTheRotation) {
  Generator random(3);
  const reference::KvLayout layout{2, 16, reference::KvType::kF32};
  const auto inverse = reference::inverse_frequencies(16, 10000);
  const auto plain = random.normals(kPageTokens * 2 * 16);
  const auto pool_at = [&](uint32_t position) {
    auto keys = plain;
    for (size_t token = 0; token < kPageTokens; ++token)
      reference::rope(std::span(keys).subspan(token * 32, 32), 2, 16, position + static_cast<double>(token),
                      reference::RopePairing::kHalf, inverse);
    return pool_of(layout, keys);
  };
  auto moved = pool_at(103);
  const uint32_t page = 0;
  reference::kv_shift(layout, moved, {&page, 1}, 96, reference::RopePairing::kHalf, inverse);
  EXPECT_TRUE(reference::compare(keys_of(layout, moved, 0), keys_of(layout, pool_at(7), 0), 1e-5));
  EXPECT_FALSE(reference::compare(keys_of(layout, moved, 0), keys_of(layout, pool_at(8), 0), 1e-5));
}

TEST(KvShift, NeedsBothHalvesOfAPairAtOnePlaceOfTheirWords) {
  EXPECT_TRUE(can_shift(KvType::kF16, RopePairs::kAdjacent, 6));
  EXPECT_TRUE(can_shift(KvType::kF32, RopePairs::kHalves, 6));
  EXPECT_TRUE(can_shift(KvType::kF16, RopePairs::kHalves, 8));
  EXPECT_FALSE(can_shift(KvType::kF16, RopePairs::kHalves, 6));
  EXPECT_FALSE(can_shift(KvType::kQ8_0, RopePairs::kAdjacent, 8)) << "they would be rounded again and again";
}

}  // namespace pumice::test::kv_shift_test
