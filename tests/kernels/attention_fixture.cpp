#include "kernels/attention_fixture.h"

#include <chrono>
#include <string_view>

#include "reference/attention.h"
#include "reference/hadamard.h"
#include "reference/kv_pages.h"
#include "support/precision.h"

namespace pumice::test {

AttentionTest::Cache AttentionTest::make_cache(const AttentionCase& c, uint32_t slots, Generator& random) {
  Cache cache;
  const uint32_t tokens = longest(c);
  cache.pages_per_slot = (tokens + kPageTokens - 1) / kPageTokens + 1;
  cache.table = random.permutation(slots * cache.pages_per_slot);
  const reference::KvLayout layout = layout_of(c.format, c.kv_heads, c.head_dim);
  cache.k_pool.assign(cache.table.size() * layout.page_words(layout.type), kNanWord);
  cache.v_pool.assign(cache.table.size() * layout.page_words(layout.v_type), kNanWord);
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
  std::vector<float> y = reference::attention(args);
  for (size_t at = 0; at < y.size(); at += c.head_dim)
    reference::hadamard(std::span(y).subspan(at, c.head_dim), c.format.v_rotation(c.head_dim));
  return y;
}

// Scores err by a dot product's bound; that is the relative error of a weight, together with exp over the range of the
// scores, and the rescalings (one exp for each round of keys and each split). The weights add up to 1, so the values'
// error is relative to the largest value; numerator and denominator err alike. Matrices round queries and weights to
// f16. A Hadamard block of n adds up n errors, divided by the root of n.
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
  highest *= std::sqrt(static_cast<double>(c.format.v_rotation(c.head_dim)));
  return highest * (2 * weight + 2 * reference::gamma_bound(longest(c) + 8, reference::Accumulator::kF32));
}

std::vector<float> AttentionTest::compute(const AttentionCase& c, const Cache& cache, std::span<const float> q,
                                          uint32_t repeats, double* seconds) {
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
      .pages = {c.format, buffer(cache.k_pool), buffer(cache.v_pool), buffer(cache.table), cache.pages_per_slot},
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
  const auto start = std::chrono::steady_clock::now();
  run([&](Recorder recorder) {
    for (uint32_t i = 0; i < repeats; ++i) attention(recorder, args);
  });
  if (seconds) *seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / repeats;
  const auto left = read<uint32_t>(counters);
  EXPECT_EQ(std::count(left.begin(), left.end(), 0u), static_cast<ptrdiff_t>(left.size())) << "counters are left zero";
  const auto actual = read_rows(y, n, cols);
  drop_buffers();
  return actual;
}

void AttentionTest::check(Mask mask, const AttentionCase& c) {
  SCOPED_TRACE(::testing::Message() << mask_name(mask) << " " << choice(c).variant << " " << name_of(c.format)
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

}  // namespace pumice::test
