#include "kv/index/page_key.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace pumice::page_key_test {

Secret secret_of(int first) {
  Secret secret{};
  secret[0] = static_cast<std::byte>(first);
  return secret;
}

TEST(PageKey, EveryPartChangesTheKey) {
  const std::vector<int32_t> tokens{1, 2, 3}, other{1, 2, 4}, shorter{1, 2};
  const PageKey root{}, parent = child_key(secret_of(1), root, tokens);
  const std::set<PageKey> keys{
      child_key(secret_of(1), root, tokens),   child_key(secret_of(2), root, tokens),
      child_key(secret_of(1), parent, tokens), child_key(secret_of(1), root, other),
      child_key(secret_of(1), root, shorter),
  };
  EXPECT_EQ(keys.size(), 5u);
  EXPECT_EQ(child_key(secret_of(1), root, tokens), parent);
}

TEST(PageKey, FieldsCannotRunIntoEachOther) {
  const auto key = [](std::string_view tag, std::string_view value, std::string_view tag2, std::string_view value2) {
    return KeyHasher(secret_of(0)).field(tag, value).field(tag2, value2).finish();
  };
  EXPECT_NE(key("a", "bc", "d", "e"), key("ab", "c", "d", "e"));
  EXPECT_NE(key("a", "b", "cd", "e"), key("a", "bc", "d", "e"));
  EXPECT_NE(KeyHasher(secret_of(0)).field("a", "").finish(), KeyHasher(secret_of(0)).finish());
}

// RFC 7693 has no keyed BLAKE2b-256 vector; this one is from Python's hashlib.blake2b(digest_size=32, key=bytes(32)).
TEST(PageKey, IsKeyedBlake2b) {
  EXPECT_EQ(to_hex(KeyHasher(secret_of(0)).finish()),
            "fd7b3e075ab7e245506323f1d1b55330ccd606fb3301f4caba25022a1de50b47");
}

TEST(PageKey, SecretsDiffer) {
  const Result<Secret> one = random_secret(), two = random_secret();
  ASSERT_TRUE(one && two);
  EXPECT_NE(*one, *two);
}

}  // namespace pumice::page_key_test
