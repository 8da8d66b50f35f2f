// route: every gating, with and without a bias, more experts than lanes, groups of experts, equal logits, and logits
// that are no numbers.
#include "kernels/route.h"

#include <bit>
#include <cmath>

#include "reference/route.h"
#include "support/device_fixture.h"

namespace pumice::test::route_test {

struct RouteCase {
  uint32_t n, experts, used;
  Gating gating;
  bool biased = false, normalised = false;
  float scale = 1;
  uint32_t groups = 1, groups_used = 1;
};
constexpr RouteCase kCases[] = {{1, 8, 2, Gating::kSoftmax, false, true},
                                {5, 1, 1, Gating::kSoftmax},
                                {3, 128, 8, Gating::kSoftmax, false, false, 2.5f},
                                {2, 300, 10, Gating::kSigmoid, true, true, 1.5f},
                                {4, 512, 32, Gating::kSigmoid, true, false},
                                {7, 32, 4, Gating::kSelected},
                                {6, 64, 6, Gating::kSoftmax, false, true, 1, 8, 3},
                                {5, 256, 8, Gating::kSigmoid, true, true, 2.5f, 8, 4},
                                {3, 128, 2, Gating::kSigmoid, false, true, 1, 64, 1}};

class RouteTest : public DeviceTest {
 protected:
  // (n, used): the expert, and its weight.
  std::vector<std::pair<uint32_t, float>> compute(const RouteCase& c, std::span<const float> logits,
                                                  std::span<const float> bias) {
    const vk::BufferView choices = words(2 * c.n * c.used);
    run([&](Recorder recorder) {
      route(recorder, {.logits = rows(logits, c.experts, c.experts + 3),
                       .bias = c.biased ? whole(bias) : nullptr,
                       .choices = choices,
                       .n = c.n,
                       .experts = c.experts,
                       .used = c.used,
                       .gating = c.gating,
                       .normalised = c.normalised,
                       .scale = c.scale,
                       .groups = c.groups,
                       .groups_used = c.groups_used});
    });
    std::vector<std::pair<uint32_t, float>> made;
    const auto read_words = read<uint32_t>(choices);
    for (size_t i = 0; i + 1 < read_words.size(); i += 2)
      made.push_back({read_words[i], std::bit_cast<float>(read_words[i + 1])});
    drop_buffers();
    return made;
  }

  // Returns how many rows would choose another first expert if there were no groups.
  uint32_t check(const RouteCase& c) {
    uint32_t others = 0;
    SCOPED_TRACE(::testing::Message() << c.n << " x " << c.experts << ", used " << c.used);
    Generator random(c.experts);
    const auto logits = random.normals(c.n * c.experts, 0, 2), bias = random.normals(c.experts, 0, 0.3);
    const auto made = compute(c, logits, bias);
    for (uint32_t row = 0; row < c.n; ++row) {
      reference::RouteArgs args{.logits = std::span(logits).subspan(row * c.experts, c.experts),
                                .bias = c.biased ? std::span<const float>(bias) : std::span<const float>(),
                                .used = c.used,
                                .gating = static_cast<reference::RouteArgs::Gating>(c.gating),
                                .normalised = c.normalised,
                                .scale = static_cast<double>(c.scale),
                                .groups = c.groups,
                                .groups_used = c.groups_used};
      const auto wanted = reference::route(args);
      args.groups = 1;
      others += c.groups > 1 && reference::route(args)[0].expert != wanted[0].expert ? 1 : 0;
      for (uint32_t j = 0; j < c.used; ++j) {
        EXPECT_EQ(made[row * c.used + j].first, wanted[j].expert) << row << ", " << j;
        EXPECT_NEAR(made[row * c.used + j].second, wanted[j].weight, 2e-6 * (1 + wanted[j].weight));
      }
    }
    return others;
  }
};

TEST_F(RouteTest, ChoosesTheHighest) {
  for (const Mask mask : {Mask::kNone, Mask::kShared}) {
    use(mask);
    uint32_t others = 0;
    for (const RouteCase& c : kCases) others += check(c);
    EXPECT_GT(others, 0u);
  }
}

TEST_F(RouteTest, OfEqualOnesTheFirst) {
  const auto made = compute({1, 40, 3, Gating::kSoftmax}, std::vector<float>(40, 1.0f), {});
  for (uint32_t j = 0; j < 3; ++j) EXPECT_EQ(made[j].first, j);
}

TEST_F(RouteTest, WeightsHaveTheScalesOfTheirExperts) {
  const auto logits = Generator(1).normals(16, 0, 2), scales = Generator(2).normals(16, 1, 0.3);
  const auto weights = [&](const vk::Buffer* by) {
    const vk::BufferView choices = words(8);
    run([&](Recorder recorder) {
      route(recorder, {.logits = rows(logits, 16, 16), .scales = by, .choices = choices, .experts = 16, .used = 4});
    });
    return read<uint32_t>(choices);
  };
  const auto plain = weights(nullptr), scaled = weights(whole(scales));
  for (size_t i = 0; i < 8; i += 2) {
    EXPECT_EQ(plain[i], scaled[i]);
    const float expected = std::bit_cast<float>(plain[i + 1]) * scales[plain[i]];
    EXPECT_NEAR(std::bit_cast<float>(scaled[i + 1]), expected, 1e-6f);
    EXPECT_NE(plain[i + 1], scaled[i + 1]);
  }
}

// An expert is never beyond the last one: its weights would be another tensor's.
TEST_F(RouteTest, NoNumbersChooseAnExpertThatIsThere) {
  for (const Gating gating : {Gating::kSoftmax, Gating::kSigmoid, Gating::kSelected})
    for (const auto& [expert, weight] : compute({2, 24, 4, gating}, std::vector<float>(48, std::nanf("")), {}))
      EXPECT_LT(expert, 24u);
}

}  // namespace pumice::test::route_test
