#include "kernels/attention_fixture.h"

#include <sstream>
#include <string_view>

#include "reference/attention.h"
#include "reference/hadamard.h"
#include "reference/kv_pages.h"
#include "reference/kv_write.h"
#include "support/precision.h"
#include "support/rope_reference.h"

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

uint32_t AttentionTest::slot_of(const AttentionCase& c, uint32_t row) {
  if (c.texts.empty()) return c.one_sequence ? c.slot : row;
  uint32_t text = 0;
  for (uint32_t end = c.texts[0]; row >= end; end += c.texts[++text]) continue;
  return text;
}

std::vector<StepRow> AttentionTest::step_rows_of(const AttentionCase& c) {
  std::vector<StepRow> rows = step_rows_at(c.positions, true);
  for (uint32_t row = 0; row < rows.size(); ++row) rows[row].slot = slot_of(c, row);
  return rows;
}

AttentionTexts AttentionTest::texts_of(const AttentionCase& c) {
  std::vector<uint32_t> spans;
  uint32_t first = 0;
  for (const uint32_t length : c.texts) {
    spans.insert(spans.end(), {first, length});
    first += length;
  }
  return {.spans = buffer(c.texts.empty() ? std::vector<uint32_t>{0, 0} : spans),
          .count = static_cast<uint32_t>(c.texts.size()),
          .longest = longest(c),
          .both_ways = c.both_ways};
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
                                .scale = scale(c),
                                .window = c.window,
                                .chunks = c.chunks,
                                .softcap = c.softcap,
                                .both_ways = c.both_ways};
  const std::vector<float> sinks = sinks_of(c);
  args.sinks = sinks;
  const std::vector<float> slopes = slopes_of(c);
  args.slopes = slopes;
  const std::vector<float> biases = biases_of(c);
  args.biases = biases;
  for (uint32_t row = 0; row < positions.size(); ++row) {
    const uint32_t slot = slot_of(c, row);
    const size_t tokens = c.texts.empty() ? longest(c) : c.texts[slot];
    args.k.push_back(std::span(cache.k[slot]).first(tokens * c.kv_heads * c.head_dim));
    args.v.push_back(std::span(cache.v[slot]).first(tokens * c.kv_heads * c.head_dim));
  }
  std::vector<float> y = reference::attention(args);
  for (size_t at = 0; at < y.size(); at += c.head_dim)
    reference::hadamard(std::span(y).subspan(at, c.head_dim), c.format.v_rotation(c.head_dim));
  std::vector<float> wanted;
  for (size_t at = 0; at < y.size(); at += c.head_dim)
    wanted.insert(wanted.end(), y.begin() + static_cast<std::ptrdiff_t>(at),
                  y.begin() + static_cast<std::ptrdiff_t>(at + value_dim(c)));
  return wanted;
}

namespace {

double largest(const std::vector<std::vector<float>>& slots) {
  double value = 0;
  for (const auto& slot : slots)
    for (const float one : slot) value = std::max(value, std::fabs(static_cast<double>(one)));
  return value;
}

// Of blocks of n values the largest sum of magnitudes, divided by the root of n.
double largest_of_blocks(const std::vector<std::vector<float>>& slots, size_t n) {
  double most = 0;
  for (const auto& slot : slots)
    for (size_t at = 0; at < slot.size(); at += n) {
      double sum = 0;
      for (size_t i = at; i < at + n; ++i) sum += std::fabs(static_cast<double>(slot[i]));
      most = std::max(most, sum);
    }
  return most / std::sqrt(static_cast<double>(n));
}

}  // namespace

// Scores err by a dot product's bound; that is the relative error of a weight, together with exp over the range of the
// scores, and the rescalings (one exp for each round of keys and each split). The weights add up to 1, so their error
// is relative to the largest value, as it is when it is rotated back; numerator and denominator err alike. What errs in
// a value itself adds up over a Hadamard block of n, divided by the root of n. Matrices round queries, weights, and
// keys and values of other types to f16.
double AttentionTest::tolerance(const AttentionCase& c, const Cache& cache, std::span<const float> q, double q_error) {
  double absolute = 0;
  const size_t d = c.head_dim, heads = c.kv_heads * c.group;
  for (size_t row = 0; row < c.positions.size(); ++row) {
    const uint32_t slot = slot_of(c, static_cast<uint32_t>(row));
    const auto& k = cache.k[slot];
    const size_t last = c.both_ways ? c.texts[slot] - 1 : c.positions[row];
    for (size_t head = 0; head < heads; ++head)
      for (size_t t = 0; t <= last; ++t)
        absolute =
            std::max(absolute, reference::absolute_dot(q.subspan((row * heads + head) * d, d),
                                                       std::span(k).subspan((t * c.kv_heads + head / c.group) * d, d)));
  }
  absolute *= static_cast<double>(scale(c));
  double range = 2 * absolute;  // of scores
  for (const float slope : slopes_of(c))
    range = std::max(range, 2 * absolute + static_cast<double>(slope) * longest(c));
  const double score = reference::dot_tolerance(d + 2, absolute) + static_cast<double>(c.softcap) * 0x1p-20 +
                       (c.slopes ? 2 * range * kRounding : 0) +
                       q_error * largest(cache.k) * static_cast<double>(d) * static_cast<double>(scale(c));
  const double rounds = longest(c) / 32.0 + 2;
  const double half = choice(c).shader.is(ShaderKernel::kAttentionCoopmat) ? 0x1p-11 : 0;
  const double half_k = c.format.k == KvType::kF16 ? 0 : half, half_v = c.format.v == KvType::kF16 ? 0 : half;
  const double weight =
      score + (half + half_k) * absolute + half + exp_error(range) + rounds * exp_error(0) + kDivision;
  const uint32_t block = c.format.v_rotation(c.head_dim);
  auto values = cache.v;
  for (auto& slot : values)
    for (size_t at = 0; at < slot.size(); at += block) reference::hadamard(std::span(slot).subspan(at, block), block);
  return largest(values) * 2 * weight +
         largest_of_blocks(cache.v, block) *
             (half_v + 2 * reference::gamma_bound(longest(c) + 8, reference::Accumulator::kF32));
}

std::vector<float> AttentionTest::compute(const AttentionCase& c, const Cache& cache, std::span<const float> q,
                                          Cache* pools) {
  const auto n = static_cast<uint32_t>(c.positions.size());
  const uint32_t heads = c.kv_heads * c.group, cols = heads * value_dim(c);
  const uint32_t q_cols = (heads + (pools ? 2 * c.kv_heads : 0)) * c.head_dim;
  const AttentionTexts texts = texts_of(c);
  const uint32_t splits = (longest(c) + kSplitTokens - 1) / kSplitTokens + c.spare_splits;
  const vk::BufferView arguments = buffer(std::vector<uint32_t>{n, c.kv_heads, splits});
  const vk::BufferView counters = words(n * c.kv_heads, 0);
  const FloatRows y = nan_rows(n, cols + c.extra_stride);
  const FloatRows input = rows(q, q_cols, q_cols + c.extra_stride);
  const KvPages pages{c.format, buffer(cache.k_pool), buffer(cache.v_pool), buffer(cache.table), cache.pages_per_slot};
  const vk::BufferView rows_of_step = buffer(step_rows_of(c));
  const KvWriteArgs append{.qkv = input,
                           .frequencies = buffer(bound_frequencies(reference::inverse_frequencies(c.rotary, 10000))),
                           .step_rows = rows_of_step,
                           .q = {},
                           .pages = pages,
                           .n = n,
                           .heads = heads,
                           .kv_heads = c.kv_heads,
                           .head_dim = c.head_dim,
                           .rotary = c.rotary,
                           .pairs = c.pairs,
                           .query = c.query};
  const AttentionArgs args{.q = pools ? FloatRows{} : input,
                           .pages = pages,
                           .append = pools ? &append : nullptr,
                           .step_rows = rows_of_step,
                           .y = y,
                           .n = n,
                           .heads = heads,
                           .kv_heads = c.kv_heads,
                           .head_dim = c.head_dim,
                           .value_dim = c.value_dim,
                           .scale = scale(c),
                           .window = c.window,
                           .chunks = c.chunks,
                           .softcap = c.softcap,
                           .sinks = c.sinks ? whole(sinks_of(c)) : nullptr,
                           .slopes = c.slopes ? whole(slopes_of(c)) : nullptr,
                           .biases = c.biases ? whole(biases_of(c)) : nullptr,
                           .one_sequence = c.one_sequence,
                           .texts = c.texts.empty() ? nullptr : &texts,
                           .arguments = c.one_sequence ? nullptr : &arguments,
                           .max_splits = splits,
                           .partials = words(attention_partial_bytes(n, heads, c.head_dim, splits) / 4),
                           .counters = counters};
  run([&](Recorder recorder) {
    for (uint32_t i = 0; i < 2; ++i) attention(recorder, args);
  });
  EXPECT_EQ(read<uint32_t>(counters), std::vector<uint32_t>(n * c.kv_heads)) << "counters are left zero";
  const auto actual = read_rows(y, n, cols);
  if (pools) {
    pools->k_pool = read<uint32_t>(pages.k);
    pools->v_pool = read<uint32_t>(pages.v);
  }
  drop_buffers();
  return actual;
}

std::string AttentionTest::describe(Mask mask, const AttentionCase& c) {
  std::ostringstream text;
  text << mask_name(mask) << " " << choice(c).shader.name() << " " << name_of(c.format) << ", group " << c.group << ", "
       << c.kv_heads << " x " << c.head_dim << ", rows " << c.positions.size() << ", to " << longest(c)
       << ", one sequence " << c.one_sequence << ", rotary " << c.rotary
       << (c.pairs == RopePairs::kHalves ? " halves" : "") << (c.chunks ? ", chunks " : ", window ") << c.window
       << ", softcap " << c.softcap << ", sinks " << c.sinks << ", slopes " << c.slopes << ", biases " << c.biases
       << ", texts " << c.texts.size() << ", both ways " << c.both_ways;
  return text.str();
}

void AttentionTest::check(Mask mask, const AttentionCase& c) {
  SCOPED_TRACE(describe(mask, c));
  Generator random(c.head_dim + c.group);
  const auto n = static_cast<uint32_t>(c.positions.size());
  const Cache cache = make_cache(c, slot_of(c, n - 1) + 1, random);
  const auto q = random.normals(n * c.kv_heads * c.group * c.head_dim);
  const auto actual = compute(c, cache, q);
  const double allowed = tolerance(c, cache, q);
  const auto verdict = reference::compare(actual, expected(c, cache, q), allowed);
  EXPECT_TRUE(verdict) << verdict;
  if (longest(c) > 1 && !c.both_ways) {
    EXPECT_FALSE(reference::compare(actual, expected(c, cache, q, 1), allowed)) << "one key less goes unseen";
  }
  const auto unseen = [&](const char* what, AttentionCase other) {
    EXPECT_FALSE(reference::compare(actual, expected(other, cache, q), allowed)) << "goes unseen: " << what;
  };
  AttentionCase other = c;
  if (c.window != 0 && ++other.window <= longest(c)) unseen("another window", other);
  other = c, other.softcap *= 1.25f;
  if (c.softcap != 0) unseen("another cap", other);
  other = c, other.sinks = false;
  if (c.sinks) unseen("no sinks", other);
  other = c, other.both_ways = false;
  if (c.both_ways) unseen("one way", other);
  other = c, other.biases = false;
  if (c.biases) unseen("no biases", other);
  other = c, other.slopes = false;
  if (c.slopes) unseen("no slopes", other);
}

// The pages lack the rows' own keys and values at first. Those must be stored as kv_write's reference has them, and
// nothing else, and the result must be that of the keys and values as they are stored.
void AttentionTest::check_append(Mask mask, const AttentionCase& c) {
  SCOPED_TRACE(describe(mask, c));
  Generator random(c.head_dim + c.group);
  const auto n = static_cast<uint32_t>(c.positions.size());
  const uint32_t heads = c.kv_heads * c.group, kv_cols = c.kv_heads * c.head_dim;
  const reference::KvLayout layout = layout_of(c.format, c.kv_heads, c.head_dim);
  Cache cache = make_cache(c, n, random);
  const auto qkv = random.normals(n * (heads * c.head_dim + 2 * kv_cols));
  const auto inverse = reference::inverse_frequencies(c.rotary, 10000);
  const auto wanted = reference::kv_write({.qkv = qkv,
                                           .positions = c.positions,
                                           .heads = heads,
                                           .kv_heads = c.kv_heads,
                                           .head_dim = c.head_dim,
                                           .pairing = pairing_of(c.pairs),
                                           .inverse_frequencies = inverse,
                                           .type = layout.type,
                                           .v_type = layout.v_type,
                                           .magnitude = static_cast<double>(c.query.magnitude),
                                           .temperature = static_cast<double>(c.query.temperature),
                                           .temperature_length = static_cast<double>(c.query.temperature_length)});
  const auto pages_of = [&](uint32_t row) {
    return std::span<const uint32_t>(cache.table).subspan(row * cache.pages_per_slot, cache.pages_per_slot);
  };
  const std::vector<float> nothing(kv_cols, std::nanf(""));
  for (uint32_t row = 0; row < n; ++row)
    reference::store_pages(layout, nothing, nothing, {{c.positions[row]}}, pages_of(row), cache.k_pool, cache.v_pool);

  Cache stored = cache;
  const auto actual = compute(c, cache, qkv, &stored);
  std::vector<float> k, v;
  for (uint32_t row = 0; row < n; ++row) {
    const uint32_t tokens = longest(c), at = c.positions[row] * kv_cols;
    cache.k[row] = reference::gather_k(layout, stored.k_pool, pages_of(row), tokens);
    cache.v[row] = reference::gather_v(layout, stored.v_pool, pages_of(row), tokens);
    k.insert(k.end(), cache.k[row].begin() + at, cache.k[row].begin() + at + kv_cols);
    v.insert(v.end(), cache.v[row].begin() + at, cache.v[row].begin() + at + kv_cols);
    // Without the rows' own, the pools are as they were.
    for (Cache* pools : {&cache, &stored})
      reference::store_pages(layout, nothing, nothing, {{c.positions[row]}}, pages_of(row), pools->k_pool,
                             pools->v_pool);
  }
  EXPECT_EQ(stored.k_pool, cache.k_pool);
  EXPECT_EQ(stored.v_pool, cache.v_pool);
  const double unit = c.format.k == KvType::kF16 ? 0x1p-10 : 0;  // packHalf2x16 may round either way
  const double rope_error = c.rotary > 0 ? kRopeError : 0;
  const auto keys = reference::compare(k, wanted.k, rope_error + unit * 0x1p-14, unit);
  EXPECT_TRUE(keys) << "keys: " << keys;
  const auto values = reference::compare(v, wanted.v, unit * 0x1p-14, unit);
  EXPECT_TRUE(values) << "values: " << values;

  const double allowed = tolerance(c, cache, wanted.q, rope_error);
  const auto verdict = reference::compare(actual, expected(c, cache, wanted.q), allowed);
  EXPECT_TRUE(verdict) << verdict;
  if (longest(c) > 1) {
    EXPECT_FALSE(reference::compare(actual, expected(c, cache, wanted.q, 1), allowed)) << "its own key goes unseen";
  }
}

}  // namespace pumice::test
