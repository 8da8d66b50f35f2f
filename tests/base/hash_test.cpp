// The checksum: published values of FNV-1a, and that every bit counts.
#include "base/hash.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace pumice::hash_test {

uint64_t of(std::string_view text) { return checksum64(std::as_bytes(std::span(text))); }

TEST(Checksum, PublishedValues) {
  EXPECT_EQ(of(""), 0xcbf29ce484222325u);
  EXPECT_EQ(of("a"), 0xaf63dc4c8601ec8cu);
  EXPECT_EQ(of("foobar"), 0x85944171f73967e8u);
}

TEST(Checksum, EveryBitCounts) {
  const std::string_view text = "a page of the cache";
  for (size_t i = 0; i < text.size() * 8; ++i) {
    std::string damaged(text);
    damaged[i / 8] = static_cast<char>(damaged[i / 8] ^ (1 << (i % 8)));
    EXPECT_NE(of(damaged), of(text)) << "bit " << i;
  }
}

}  // namespace pumice::hash_test
