// The references themselves: tiny cases worked out by hand, invariants, and a second formulation where it is cheap.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <span>
#include <vector>

#include "format/half.h"
#include "reference/activation.h"
#include "reference/argmax.h"
#include "reference/attention.h"
#include "reference/embedding.h"
#include "reference/half.h"
#include "reference/kv_write.h"
#include "reference/matmul.h"
#include "reference/matvec.h"
#include "reference/numerics.h"
#include "reference/rms_norm.h"
#include "reference/rope.h"
#include "reference/softmax.h"
#include "support/generator.h"

namespace pumice::reference::reference_test {

using Floats = std::vector<float>;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(ReferenceNumerics, GammaIsHighamsBound) {
  EXPECT_DOUBLE_EQ(unit_roundoff(Accumulator::kF32), static_cast<double>(std::numeric_limits<float>::epsilon()) / 2);
  EXPECT_DOUBLE_EQ(gamma_bound(2, Accumulator::kF16), (2.0 / 2048) / (1.0 - 2.0 / 2048));
  EXPECT_TRUE(std::isinf(gamma_bound(2048, Accumulator::kF16)));
  EXPECT_LT(likely_dot_tolerance(4096, 1.0), dot_tolerance(4096, 1.0));
}

TEST(ReferenceNumerics, FloatDotStaysWithinBothBounds) {
  test::Generator random(1);
  for (const size_t k : {size_t{1}, size_t{33}, size_t{1000}, size_t{4096}}) {
    const Floats x = random.normals(k);
    const Floats y = random.normals(k);
    float sum = 0.0f;
    for (size_t i = 0; i < k; ++i) sum += x[i] * y[i];
    const double error = std::fabs(static_cast<double>(sum) - dot(x, y));
    EXPECT_LE(error, dot_tolerance(k, absolute_dot(x, y)));
    EXPECT_LE(absolute_dot(x, y), norm(x) * norm(y));
    EXPECT_LE(error, likely_dot_tolerance(k, norm(x) * norm(y)));
  }
}

TEST(ReferenceNumerics, ComparisonFindsTheWorstValue) {
  const Comparison wrong = compare(Floats{1.0f, 2.5f, 3.1f}, Floats{1.0f, 2.0f, 3.0f}, 0.2);
  EXPECT_FALSE(wrong);
  EXPECT_EQ(wrong.failures, 1u);
  EXPECT_EQ(wrong.worst_index, 1u);
  EXPECT_DOUBLE_EQ(wrong.max_abs, 0.5);
  EXPECT_DOUBLE_EQ(wrong.max_rel, 0.25);
  EXPECT_TRUE(compare(Floats{1.0f, 2.5f}, Floats{1.0f, 2.0f}, 0.0, 0.25));
  const std::vector<double> tolerances = {0.0, 0.5};
  EXPECT_TRUE(compare(Floats{1.0f, 2.5f}, Floats{1.0f, 2.0f}, tolerances));
  EXPECT_FALSE(compare(Floats{1.1f, 2.0f}, Floats{1.0f, 2.0f}, tolerances));
}

TEST(ReferenceNumerics, ComparisonRefusesNansAndOtherSizes) {
  EXPECT_FALSE(compare(Floats{kNan}, Floats{1.0f}, 1e30));
  EXPECT_FALSE(compare(Floats{1.0f}, Floats{kNan}, 1e30));
  EXPECT_FALSE(compare(Floats{kInfinity}, Floats{-kInfinity}, 1e30, 0.1));
  EXPECT_TRUE(compare(Floats{kInfinity, kNan}, Floats{kInfinity, kNan}, 0.0));
  EXPECT_FALSE(compare(Floats{1.0f}, Floats{1.0f, 2.0f}, 1e30));
  EXPECT_FALSE(compare(test::nan_vector(3), Floats(3, 0.0f), 1.0));
}

TEST(ReferenceHalf, AgreesWithTheLibraryOnEveryPattern) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const float value = half_to_float(static_cast<uint16_t>(bits));
    if (std::isnan(value)) continue;
    ASSERT_EQ(value, pumice::half_to_float(static_cast<uint16_t>(bits))) << bits;
    ASSERT_EQ(float_to_half(value), bits);
  }
  test::Generator random(2);
  for (int i = 0; i < 200000; ++i) {
    const auto value = std::bit_cast<float>(static_cast<uint32_t>(random.bits()));
    if (std::isnan(value)) continue;
    ASSERT_EQ(float_to_half(value), pumice::float_to_half(value)) << value;
    const auto near = static_cast<float>(random.normal(0.0, std::ldexp(1.0, -static_cast<int>(random.below(24)))));
    ASSERT_EQ(float_to_half(near), pumice::float_to_half(near)) << near;
  }
}

TEST(ReferenceEmbedding, GathersScalesAndZeroesUnknownTokens) {
  const Floats table = {1, 2, 3, 4, 5, 6};
  EXPECT_EQ(embedding(table, 3, 2, std::vector<uint32_t>{2, 0, 3}), (Floats{5, 6, 1, 2, 0, 0}));
  EXPECT_EQ(embedding(table, 3, 2, std::vector<uint32_t>{1}, 0.5f), (Floats{1.5f, 2.0f}));
}

TEST(ReferenceNorm, HandComputed) {
  const Floats rms = rms_norm(Floats{3, 4, 0, 0}, Floats{1, 2}, 0.0f);
  EXPECT_FLOAT_EQ(rms[0], 3.0f / std::sqrt(12.5f));
  EXPECT_FLOAT_EQ(rms[1], 8.0f / std::sqrt(12.5f));
  EXPECT_TRUE(std::isnan(rms[2]));
  EXPECT_EQ(rms_norm(Floats{0, 0}, Floats{1, 2}, 1e-5f), (Floats{0, 0}));
}

TEST(ReferenceRope, HandComputedInBothPairings) {
  const std::vector<double> frequencies = {std::numbers::pi / 2, std::numbers::pi};
  Floats adjacent = {1, 2, 3, 4, 9};
  rope(adjacent, 1, 5, 1.0, RopePairing::kAdjacent, frequencies);
  EXPECT_TRUE(compare(adjacent, Floats{-2, 1, -3, -4, 9}, 1e-6));
  Floats half = {1, 2, 3, 4, 9};
  rope(half, 1, 5, 1.0, RopePairing::kHalf, frequencies);
  EXPECT_TRUE(compare(half, Floats{-3, -2, 1, -4, 9}, 1e-6));
}

TEST(ReferenceRope, KeepsNormsAndDependsOnDistanceOnly) {
  test::Generator random(4);
  for (const RopePairing pairing : {RopePairing::kAdjacent, RopePairing::kHalf}) {
    const std::vector<double> frequencies = inverse_frequencies(16, 10000.0);
    const auto at = [&](Floats x, double position) {
      rope(x, 1, 20, position, pairing, frequencies);
      return x;
    };
    const Floats q = random.normals(20);
    const Floats k = random.normals(20);
    EXPECT_NEAR(norm(at(q, 77)), norm(q), 1e-5);
    EXPECT_EQ(at(q, 0), q);
    EXPECT_NEAR(dot(at(q, 900), at(k, 880)), dot(at(q, 20), k), 1e-4);
    EXPECT_GT(std::fabs(dot(at(q, 900), at(k, 880)) - dot(at(q, 21), k)), 1e-3);
  }
}

TEST(ReferenceRope, FrequenciesScaleAndFollowFactors) {
  const std::vector<double> plain = inverse_frequencies(4, 10000.0);
  EXPECT_DOUBLE_EQ(plain[0], 1.0);
  EXPECT_DOUBLE_EQ(plain[1], 0.01);
  EXPECT_DOUBLE_EQ(inverse_frequencies(4, 10000.0, 4.0)[1], 0.0025);
  EXPECT_DOUBLE_EQ(inverse_frequencies(4, 10000.0, 1.0, Floats{2, 8})[1], 0.00125);
}

TEST(ReferenceRope, Llama3FactorsKeepShortAndStretchLongWavelengths) {
  const Floats factors = llama3_factors(128, 500000.0, 8.0, 1.0, 4.0, 8192.0);
  const std::vector<double> frequencies = inverse_frequencies(128, 500000.0);
  ASSERT_EQ(factors.size(), 64u);
  for (size_t i = 0; i < 64; ++i) {
    const double wavelength = 2.0 * std::numbers::pi / frequencies[i];
    if (wavelength < 2048) {
      EXPECT_EQ(factors[i], 1.0f) << i;
    } else if (wavelength > 8192) {
      EXPECT_EQ(factors[i], 8.0f) << i;
    } else {
      EXPECT_GT(factors[i], 1.0f) << i;
      EXPECT_LT(factors[i], 8.0f) << i;
    }
    if (i > 0) {
      EXPECT_GE(factors[i], factors[i - 1]);
    }
  }
}

TEST(ReferenceActivation, HandComputed) {
  EXPECT_DOUBLE_EQ(silu(0.0), 0.0);
  EXPECT_NEAR(silu(1.0), 0.7310585786300049, 1e-15);
  EXPECT_NEAR(gelu(1.0), 0.8411919906082768, 1e-12);
  EXPECT_NEAR(gelu(-3.0), -0.0036373920817729943, 1e-12);
  EXPECT_EQ(activation(Activation::kGelu, Floats{0.0f}), Floats{0.0f});
  EXPECT_FLOAT_EQ(gated_activation(Activation::kSilu, Floats{1.0f}, Floats{-2.0f})[0], -1.4621172f);
}

TEST(ReferenceArgmax, TiesAndWhatIsNotFinite) {
  EXPECT_EQ(argmax(Floats{1, 3, 3, 2}), 1u);
  EXPECT_EQ(argmax(Floats{-kInfinity, -5, -kInfinity}), 1u);
  EXPECT_EQ(argmax(Floats{-kInfinity, -kInfinity}), kNotFinite);
  EXPECT_EQ(argmax(Floats{1, kNan, 2}), kNotFinite);
  EXPECT_EQ(argmax(Floats{1, kInfinity, 2}), kNotFinite);
  EXPECT_EQ(argmax_rows(Floats{1, 2, 4, 3}, 2, 2), (std::vector<uint32_t>{1, 0}));
}

TEST(ReferenceMatvec, HandComputedWithEveryEpilogue) {
  const Floats x = {1, 2, 3, -1, 0, 1};  // (2, 3)
  const Floats w = {1, 0, 1, 2, 1, 0};   // (2, 3)
  EXPECT_EQ(matmul(x, w, 2, 3), (Floats{4, 4, 0, -2}));
  const Floats bias = {10, 20};
  const Floats residual = {1, 2, 3, 4};
  EXPECT_EQ(matvec({.x = x, .w = w, .rows = 2, .cols = 3, .bias = bias}), (Floats{14, 24, 10, 18}));
  EXPECT_EQ(matvec({.x = x, .w = w, .rows = 2, .cols = 3, .residual = residual}), (Floats{5, 6, 3, 2}));
}

TEST(ReferenceMatvec, FusedFormsEqualTheirParts) {
  test::Generator random(5);
  const size_t rows = 7, cols = 19;
  const Floats x = random.normals(3 * cols), norm_weight = random.normals(cols);
  const Floats gate = random.normals(rows * cols), up = random.normals(rows * cols);
  const Floats normed = rms_norm(x, norm_weight, 1e-5f);
  EXPECT_EQ(matvec({.x = x, .w = up, .rows = rows, .cols = cols, .norm_weight = norm_weight, .eps = 1e-5f}),
            matmul(normed, up, rows, cols));
  for (const Activation kind : {Activation::kSilu, Activation::kGelu}) {
    const GateUpArgs args = {.x = x,
                             .gate = gate,
                             .up = up,
                             .rows = rows,
                             .cols = cols,
                             .norm_weight = norm_weight,
                             .eps = 1e-5f,
                             .activation = kind};
    const Floats parts = gated_activation(kind, matmul(normed, gate, rows, cols), matmul(normed, up, rows, cols));
    EXPECT_TRUE(compare(gate_up(args), parts, 1e-6, 1e-5)) << compare(gate_up(args), parts, 1e-6, 1e-5);
  }
}

TEST(ReferenceSoftmax, HandComputedAndMasked) {
  const Floats x = {0.0f, std::log(3.0f), 5.0f, 1e30f, 1e30f, -kInfinity};
  const std::vector<uint32_t> valid = {2, 3};
  EXPECT_TRUE(compare(softmax(x, 2, 3, 1.0f, valid), Floats{0.25f, 0.75f, 0, 0.5f, 0.5f, 0}, 1e-7));
  EXPECT_TRUE(compare(softmax(Floats{0.0f, std::log(3.0f)}, 1, 2, 2.0f), Floats{0.1f, 0.9f}, 1e-7));
  EXPECT_EQ(softmax(Floats{1, 2}, 1, 2, 1.0f, std::vector<uint32_t>{0}), (Floats{0, 0}));
  test::Generator random(6);
  const Floats y = random.normals(50, 0.0, 3.0);
  Floats exponentials = log_softmax(y, 5, 10);
  for (float& value : exponentials) value = std::exp(value);
  EXPECT_TRUE(compare(exponentials, softmax(y, 5, 10), 1e-6));
}

TEST(ReferenceAttention, OneKeyReturnsItsValue) {
  test::Generator random(7);
  const Floats q = random.normals(4 * 6), k = random.normals(2 * 6), v = random.normals(2 * 6);
  const std::vector<uint32_t> positions = {0};
  const Floats y = attention(
      {.q = q, .positions = positions, .k = {k}, .v = {v}, .heads = 4, .kv_heads = 2, .head_dim = 6, .scale = 0.4f});
  for (size_t head = 0; head < 4; ++head) {
    EXPECT_TRUE(compare(std::span(y).subspan(head * 6, 6), std::span(v).subspan(head / 2 * 6, 6), 1e-6));
  }
}

TEST(ReferenceAttention, EqualsSoftmaxOfMatrixProducts) {
  test::Generator random(8);
  const size_t tokens = 9, dim = 5;
  const Floats q = random.normals(2 * dim);
  const Floats k[2] = {random.normals(tokens * dim), random.normals(tokens * dim)};
  const Floats v[2] = {random.normals(tokens * dim), random.normals(tokens * dim)};
  const std::vector<uint32_t> positions = {3, 8};
  const Floats y = attention({.q = q,
                              .positions = positions,
                              .k = {k[0], k[1]},
                              .v = {v[0], v[1]},
                              .heads = 1,
                              .kv_heads = 1,
                              .head_dim = dim,
                              .scale = 0.7f});
  for (size_t row = 0; row < 2; ++row) {
    const Floats scores = matmul(std::span(q).subspan(row * dim, dim), k[row], tokens, dim);
    const std::vector<uint32_t> valid = {positions[row] + 1};
    const Floats weights = softmax(scores, 1, tokens, 0.7f, valid);
    Floats transposed(dim * tokens);
    for (size_t t = 0; t < tokens; ++t) {
      for (size_t i = 0; i < dim; ++i) transposed[i * tokens + t] = v[row][t * dim + i];
    }
    const Floats expected = matmul(weights, transposed, dim, tokens);
    EXPECT_TRUE(compare(std::span(y).subspan(row * dim, dim), expected, 1e-5));
    const Floats unmasked = matmul(softmax(scores, 1, tokens, 0.7f), transposed, dim, tokens);
    if (row == 0) {
      EXPECT_FALSE(compare(std::span(y).subspan(0, dim), unmasked, 1e-5));
    }
  }
}

TEST(ReferenceKvWrite, PagesGiveBackWhatWasStored) {
  test::Generator random(9);
  const size_t heads = 4, kv_heads = 2, dim = 6, tokens = 71;
  const Floats qkv = random.normals(tokens * (heads + 2 * kv_heads) * dim);
  const std::vector<double> frequencies = inverse_frequencies(4, 10000.0);
  std::vector<uint32_t> positions(tokens);
  for (uint32_t i = 0; i < tokens; ++i) positions[i] = i;
  const std::vector<uint32_t> pages = {4, 0, 2};
  for (const KvType type : {KvType::kF32, KvType::kF16}) {
    const KvRows rows = kv_write({.qkv = qkv,
                                  .positions = positions,
                                  .heads = heads,
                                  .kv_heads = kv_heads,
                                  .head_dim = dim,
                                  .pairing = RopePairing::kHalf,
                                  .inverse_frequencies = frequencies,
                                  .type = type});
    const KvLayout layout = {.kv_heads = kv_heads, .head_dim = dim, .type = type};
    std::vector<uint32_t> k_words = test::guarded_words(5 * layout.page_words(type));
    std::vector<uint32_t> v_words = test::guarded_words(5 * layout.page_words(type));
    store_pages(layout, rows.k, rows.v, positions, pages, test::guarded_body(std::span(k_words)),
                test::guarded_body(std::span(v_words)));
    const std::span<const uint32_t> k_pool = test::guarded_body(std::span(k_words));
    const std::span<const uint32_t> v_pool = test::guarded_body(std::span(v_words));
    EXPECT_EQ(gather_k(layout, k_pool, pages, tokens), rows.k);
    EXPECT_EQ(gather_v(layout, v_pool, pages, tokens), rows.v);
    EXPECT_FALSE(test::broken_guard(k_words).has_value());
    EXPECT_FALSE(test::broken_guard(v_words).has_value());
    EXPECT_EQ(k_pool[layout.page_words(type)], test::kNanWord) << "page 1 belongs to nobody";
  }
}

TEST(ReferenceKvWrite, WordsLieWhereTheLayoutSays) {
  const KvLayout f16 = {.kv_heads = 2, .head_dim = 4, .type = KvType::kF16};
  EXPECT_EQ(f16.page_words(f16.type), 128u);
  EXPECT_EQ(f16.k_word(1, 1, 1, 5), 128u + 64u + 32u + 5u);
  EXPECT_EQ(f16.v_word(1, 1, 1, 5), 128u + 64u + 10u + 1u);
  EXPECT_EQ(pack_head(KvType::kF16, Floats{0, 0, 1, -2}).words, (std::vector<uint32_t>{0, 0xc0003c00u}));
  const KvLayout f32 = {.kv_heads = 2, .head_dim = 4, .type = KvType::kF32};
  EXPECT_EQ(f32.k_word(0, 1, 3, 5), 128u + 96u + 5u);
  EXPECT_EQ(f32.v_word(0, 1, 3, 5), 128u + 20u + 3u);
  const KvLayout mixed = {.kv_heads = 2, .head_dim = 80, .type = KvType::kQ8_0, .v_type = KvType::kQ4_0};
  EXPECT_EQ(mixed.page_words(mixed.type), 2u * 32u * (20u + 2u)) << "three scales are two words";
  EXPECT_EQ(mixed.page_words(mixed.v_type), 2u * 32u * (10u + 2u));
  EXPECT_EQ(mixed.k_word(0, 1, 21, 5), 32u * 22u + 32u * 21u + 5u);
  EXPECT_EQ(mixed.v_word(0, 1, 9, 5), 32u * 12u + 5u * 10u + 9u);
  EXPECT_EQ(mixed.v_word(0, 1, 11, 5), 32u * 12u + 32u * 10u + 5u * 2u + 1u);
}

TEST(ReferenceKvWrite, CodesAreTheNearest) {
  // The largest magnitude is 2: a step of Q4_0 is -2 / -8, of Q8_0 2 / 127.
  const Floats head = {0, 0.3f, -2, 1.9f, 0.25f, -0.5f, 1, -1};
  const KvHead q4 = pack_head(KvType::kQ4_0, head), q8 = pack_head(KvType::kQ8_0, head);
  EXPECT_EQ(q4.scale(0), 0.25);
  EXPECT_EQ(q4.words[0], 0x4fc06998u);
  EXPECT_EQ(q4.code(3), 15u);
  EXPECT_EQ(q4.value(3), 1.75f) << "clamped";
  EXPECT_EQ(q4.value(6), 1.0f);
  EXPECT_EQ(q8.code(2), 1u);
  EXPECT_EQ(q8.code(0), 128u);
  for (size_t d = 0; d < head.size(); ++d) EXPECT_NEAR(q8.value(d), head[d], q8.scale(d) * 0.501) << d;
  EXPECT_EQ(pack_head(KvType::kQ8_0, Floats(8, 0.0f)).value(5), 0.0f);
}

TEST(ReferenceKvWrite, HadamardIsItsOwnInverse) {
  Floats values = {1, 2, 3, 4, 5, 6, 7, 8};
  hadamard(values, 4);
  EXPECT_EQ(values, (Floats{5, -1, -2, 0, 13, -1, -2, 0}));
  hadamard(values, 4);
  EXPECT_EQ(values, (Floats{1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(ReferenceSupport, GuardsShowWhatWasOverwritten) {
  std::vector<uint32_t> words = test::guarded_words(3);
  EXPECT_FALSE(test::broken_guard(words).has_value());
  words[test::kGuardWords + 3] = 0;
  EXPECT_EQ(test::broken_guard(words).value(), 3);
  words[test::kGuardWords - 1] = 0;
  EXPECT_EQ(test::broken_guard(words).value(), -1);
}

TEST(ReferenceSupport, GeneratorIsSeededAndCentred) {
  EXPECT_EQ(test::Generator(5).normals(8), test::Generator(5).normals(8));
  EXPECT_NE(test::Generator(5).normals(8), test::Generator(6).normals(8));
  const Floats values = test::Generator(7).normals(20000);
  EXPECT_NEAR(norm(values) / std::sqrt(20000.0), 1.0, 0.03);
  const std::vector<uint32_t> order = test::Generator(8).permutation(50);
  std::vector<bool> seen(50, false);
  for (const uint32_t i : order) seen[i] = true;
  EXPECT_EQ(std::count(seen.begin(), seen.end(), true), 50);
}

}  // namespace pumice::reference::reference_test
