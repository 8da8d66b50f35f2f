#include "kv/tiers/page_codec.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "support/kv_pages.h"

namespace pumice::page_codec_test {

using test::loaded;
using test::make_text;
using test::secret_of;
using test::wanted;

struct Mode {
  const char* name;
  bool compress, encrypt;

  friend void PrintTo(const Mode& mode, std::ostream* out) { *out << mode.name; }
};
constexpr Mode kModes[] = {
    {"plain", false, false}, {"compressed", true, false}, {"encrypted", false, true}, {"both", true, true}};

PageCodec codec_of(const Mode& mode, PageCodecOptions options = {.secret = secret_of(1), .name_space = "test"}) {
  options.compress = mode.compress;
  options.encrypt = mode.encrypt;
  return PageCodec::create(options).value();
}

// Half of it compresses well.
StoredPage compressible_page(size_t bytes, uint64_t seed = 1) {
  StoredPage page = make_text(1, bytes, seed)[0];
  std::fill(page.payload.begin(), page.payload.begin() + static_cast<std::ptrdiff_t>(bytes / 2), std::byte{7});
  return page;
}

class PageCodecModes : public testing::TestWithParam<Mode> {};

TEST_P(PageCodecModes, RoundTrip) {
  const PageCodec codec = codec_of(GetParam());
  for (const size_t bytes : {0u, 1u, 17u, 4096u, 100'001u}) {
    const StoredPage page = compressible_page(bytes);
    const std::vector<std::byte> value = codec.seal(loaded(page)).value();
    EXPECT_LE(value.size(), codec.max_value_bytes(page.tokens.size()));
    const Result<SharedBytes> payload = codec.open(value, wanted(page));
    ASSERT_TRUE(payload) << payload.error().message;
    EXPECT_TRUE(test::same_bytes(*payload, page.payload)) << bytes;
    EXPECT_TRUE(codec.verify(value, page.key));
  }
}

TEST_P(PageCodecModes, EveryFlippedBitIsFound) {
  const PageCodec codec = codec_of(GetParam());
  const StoredPage page = compressible_page(200);
  const std::vector<std::byte> value = codec.seal(loaded(page)).value();
  for (size_t bit = 0; bit < value.size() * 8; ++bit) {
    std::vector<std::byte> changed = value;
    changed[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    const Result<SharedBytes> payload = codec.open(changed, wanted(page));
    ASSERT_FALSE(payload) << "bit " << bit;
    EXPECT_EQ(payload.error().status, Status::kMalformed);
    ASSERT_FALSE(codec.verify(std::move(changed), page.key)) << "bit " << bit;
  }
}

TEST_P(PageCodecModes, EveryOtherLengthIsFound) {
  const PageCodec codec = codec_of(GetParam());
  const StoredPage page = compressible_page(200);
  const std::vector<std::byte> value = codec.seal(loaded(page)).value();
  for (size_t size = 0; size < value.size() + 70; ++size) {
    if (size == value.size()) continue;
    std::vector<std::byte> changed = value;
    changed.resize(size);
    EXPECT_FALSE(codec.open(std::move(changed), wanted(page))) << size;
  }
}

TEST_P(PageCodecModes, AnotherPageIsFound) {
  const PageCodec codec = codec_of(GetParam());
  const StoredPage page = compressible_page(300, 1), other = compressible_page(300, 2);
  const std::vector<std::byte> value = codec.seal(loaded(page)).value();
  EXPECT_FALSE(codec.open(value, wanted(other)));
  WantedPage other_parent = wanted(page), other_key = wanted(page), other_tokens = wanted(page);
  other_parent.parent = other.key;
  other_key.key = other.key;
  other_tokens.tokens = other.tokens;
  EXPECT_FALSE(codec.open(value, other_parent));
  EXPECT_FALSE(codec.open(value, other_key));
  EXPECT_FALSE(codec.open(value, other_tokens));
  other_tokens.tokens = wanted(page).tokens.first(31);
  EXPECT_FALSE(codec.open(value, other_tokens));
  EXPECT_TRUE(codec.open(value, wanted(page)));
}

TEST_P(PageCodecModes, OtherSecretNamespaceEpochAndSizeAreFound) {
  const StoredPage page = compressible_page(300);
  const auto value = codec_of(GetParam()).seal(loaded(page)).value();
  EXPECT_FALSE(codec_of(GetParam(), {.secret = secret_of(2), .name_space = "test"}).open(value, wanted(page)));
  EXPECT_FALSE(codec_of(GetParam(), {.secret = secret_of(1), .name_space = "tesu"}).open(value, wanted(page)));
  EXPECT_FALSE(
      codec_of(GetParam(), {.secret = secret_of(1), .name_space = "test", .epoch = 1}).open(value, wanted(page)));
  const PageCodecOptions sized{.secret = secret_of(1), .name_space = "test", .payload_bytes = 299};
  EXPECT_FALSE(codec_of(GetParam(), sized).open(value, wanted(page)));
  EXPECT_FALSE(codec_of(GetParam(), sized).seal(loaded(page)));
}

INSTANTIATE_TEST_SUITE_P(All, PageCodecModes, testing::ValuesIn(kModes),
                         [](const auto& mode) { return std::string(mode.param.name); });

TEST(PageCodec, CompressionAndEncryptionDoSomething) {
  const StoredPage page = compressible_page(10'000);
  const auto plain = codec_of(kModes[0]).seal(loaded(page)).value();
  const auto compressed = codec_of(kModes[1]).seal(loaded(page)).value();
  const auto encrypted = codec_of(kModes[2]).seal(loaded(page)).value();
  EXPECT_LT(compressed.size(), plain.size() * 6 / 10);
  const auto holds = [](const std::vector<std::byte>& value, std::span<const std::byte> what) {
    return std::search(value.begin(), value.end(), what.begin(), what.end()) != value.end();
  };
  EXPECT_TRUE(holds(plain, std::as_bytes(std::span(page.tokens)).first(16)));
  EXPECT_FALSE(holds(encrypted, std::as_bytes(std::span(page.tokens)).first(16)));
  EXPECT_FALSE(holds(encrypted, std::span(page.payload).last(16)));
  EXPECT_NE(encrypted, codec_of(kModes[2]).seal(loaded(page)).value()) << "a nonce was used twice";
}

TEST(PageCodec, EncryptionIsNotOptionalToTheAttacker) {
  const StoredPage page = compressible_page(100);
  const auto plain = codec_of(kModes[0]).seal(loaded(page)).value();
  EXPECT_FALSE(codec_of(kModes[2]).open(plain, wanted(page)));
  EXPECT_TRUE(codec_of(kModes[0]).open(codec_of(kModes[2]).seal(loaded(page)).value(), wanted(page)));
}

// A length that a header claims is refused before memory is taken for it.
TEST(PageCodec, ClaimedLengthsAreBounded) {
  const PageCodec codec = codec_of(kModes[1]);
  const StoredPage page = compressible_page(1000);
  const std::vector<std::byte> value = codec.seal(loaded(page)).value();
  for (const uint64_t claim : {uint64_t{1} << 62, UINT64_MAX, uint64_t{kMaxPayloadBytes} + 1}) {
    for (const size_t field : {24u, 32u}) {  // payload_bytes, body_bytes
      std::vector<std::byte> changed = value;
      std::memcpy(changed.data() + field, &claim, sizeof claim);
      EXPECT_FALSE(codec.open(changed, wanted(page)));
    }
  }
}

}  // namespace pumice::page_codec_test
