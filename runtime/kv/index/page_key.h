// Content keys of pages: a chain of keyed 256-bit BLAKE2b hashes (RFC 7693; libsodium's crypto_generichash).
//
// The root covers all that keys and values depend on beside the tokens, and the tenant; each page's key covers its
// parent's key and its own tokens. Fields are tagged and length-prefixed, so that no two lists of fields hash alike.
// Without the secret, nobody can tell which tokens a key stands for, nor find two texts with one key.
// Thread rule: plain values.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pumice {

struct PageKey {
  std::array<std::byte, 32> bytes{};
  auto operator<=>(const PageKey&) const = default;
};

struct PageKeyHash {
  size_t operator()(const PageKey& key) const {  // the key is a hash already
    size_t value;
    std::memcpy(&value, key.bytes.data(), sizeof value);
    return value;
  }
};

std::string to_hex(const PageKey& key);

constexpr size_t kSecretBytes = 32;
using Secret = std::array<std::byte, kSecretBytes>;
// From the system's random generator.
Result<Secret> random_secret();

// Hashes fields under a secret.
class KeyHasher {
 public:
  explicit KeyHasher(const Secret& secret);
  KeyHasher(const KeyHasher&) = delete;
  KeyHasher& operator=(const KeyHasher&) = delete;
  ~KeyHasher();  // wipes its state

  KeyHasher& field(std::string_view tag, std::span<const std::byte> value);
  KeyHasher& field(std::string_view tag, std::string_view value) {
    return field(tag, std::as_bytes(std::span(value.data(), value.size())));
  }
  KeyHasher& field(std::string_view tag, uint64_t value);  // eight bytes, the lowest first
  PageKey finish();

 private:
  alignas(64) std::array<std::byte, 384> state_;
};

// The key of the page that holds `tokens` after the pages whose last one is `parent` (or the root).
PageKey child_key(const Secret& secret, const PageKey& parent, std::span<const int32_t> tokens);

}  // namespace pumice
