// AttentionTest: attention of a case's rows over shuffled pages, on the device beside the reference. Thread rule: one
// thread at a time.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "kernels/attention.h"
#include "reference/numerics.h"
#include "shared/attention.h"
#include "support/device_fixture.h"
#include "support/kv_reference.h"
#include "support/step_rows.h"

namespace pumice::test {

struct AttentionCase {
  KvFormat format;
  uint32_t kv_heads, group, head_dim;
  std::vector<uint32_t> positions;
  bool one_sequence = false;  // else each row is a sequence of its own
  uint32_t slot = 0;          // of the one sequence
  uint32_t spare_splits = 0;  // more workgroups than any row has splits, as after a longer sequence
  uint32_t extra_stride = 0;
  uint32_t rotary = 0;  // where the rows are appended
  RopePairs pairs = RopePairs::kAdjacent;
  uint32_t window = 0;
  bool chunks = false;  // of window
  float softcap = 0;
  bool sinks = false, slopes = false, biases = false;
  std::vector<uint32_t> texts;  // their lengths; positions are theirs, one text after the other
  bool both_ways = false;       // with texts
  uint32_t value_dim = 0;
  QueryScale query = {};        // where the rows are appended
};

inline std::vector<uint32_t> consecutive(uint32_t first, uint32_t n) {
  std::vector<uint32_t> positions(n);
  for (uint32_t i = 0; i < n; ++i) positions[i] = first + i;
  return positions;
}

// Rows of texts of these lengths.
inline AttentionCase of_texts(AttentionCase c, std::vector<uint32_t> lengths) {
  c.one_sequence = true;
  c.positions.clear();
  for (const uint32_t length : lengths)
    for (uint32_t i = 0; i < length; ++i) c.positions.push_back(i);
  c.texts = std::move(lengths);
  return c;
}

inline constexpr uint32_t kSplitTokens = kAttentionDecodePages * kPageTokens;

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
  double tolerance(const AttentionCase& c, const Cache& cache, std::span<const float> q, double q_error = 0);
  // Twice in one submission, as the second finds the counters as the first left them. With `pools`, q is
  // (n, (heads + 2 kv_heads) * head_dim) and its keys and values are appended; then `pools` is what is stored.
  std::vector<float> compute(const AttentionCase& c, const Cache& cache, std::span<const float> q,
                             Cache* pools = nullptr);
  static uint32_t slot_of(const AttentionCase& c, uint32_t row);
  static std::vector<StepRow> step_rows_of(const AttentionCase& c);
  AttentionTexts texts_of(const AttentionCase& c);
  void check(Mask mask, const AttentionCase& c);
  void check_append(Mask mask, const AttentionCase& c);
  std::string describe(Mask mask, const AttentionCase& c);
  AttentionChoice choice(const AttentionCase& c) {
    return choose_attention(caps(), {.format = c.format,
                                     .group = c.group,
                                     .head_dim = c.head_dim,
                                     .one_sequence = c.one_sequence,
                                     .matrices_built = Shader(ShaderKernel::kAttentionCoopmat).built()});
  }

  static std::vector<float> sinks_of(const AttentionCase& c) {
    return c.sinks ? Generator(9).normals(c.kv_heads * c.group) : std::vector<float>();
  }
  static std::vector<float> biases_of(const AttentionCase& c) {
    const size_t count = c.biases ? c.kv_heads * c.group * (2 * kAttentionReach + 1) : 0;
    return count ? Generator(11).normals(count) : std::vector<float>();
  }
  static std::vector<float> slopes_of(const AttentionCase& c) {
    std::vector<float> slopes;
    for (uint32_t head = 0; c.slopes && head < c.kv_heads * c.group; ++head)
      slopes.push_back(0.25f / static_cast<float>(head + 1));
    return slopes;
  }
  static float scale(const AttentionCase& c) { return 1.0f / std::sqrt(static_cast<float>(c.head_dim)); }
  static uint32_t value_dim(const AttentionCase& c) { return c.value_dim ? c.value_dim : c.head_dim; }
  static uint32_t longest(const AttentionCase& c) {
    return *std::max_element(c.positions.begin(), c.positions.end()) + 1;
  }
};

inline constexpr KvFormat kF16{KvType::kF16, KvType::kF16}, kF32{KvType::kF32, KvType::kF32};

}  // namespace pumice::test
