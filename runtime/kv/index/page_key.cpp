#include "kv/index/page_key.h"

#include <sodium.h>

namespace pumice {
namespace {

static_assert(crypto_generichash_KEYBYTES_MIN <= kSecretBytes && kSecretBytes <= crypto_generichash_KEYBYTES_MAX);

std::array<std::byte, 8> little_endian(uint64_t value) {
  std::array<std::byte, 8> bytes;
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(value >> (8 * i));
  return bytes;
}

const unsigned char* as_unsigned(const std::byte* bytes) { return reinterpret_cast<const unsigned char*>(bytes); }

crypto_generichash_state* as_state(std::array<std::byte, 384>& state) {
  static_assert(sizeof(crypto_generichash_state) <= 384 && alignof(crypto_generichash_state) <= 64);
  return reinterpret_cast<crypto_generichash_state*>(state.data());
}

}  // namespace

std::string to_hex(const PageKey& key) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::byte b : key.bytes) {
    text += kDigits[static_cast<unsigned>(b) >> 4];
    text += kDigits[static_cast<unsigned>(b) & 15];
  }
  return text;
}

Result<Secret> random_secret() {
  if (sodium_init() < 0) return error(Status::kInternal, "the system has no source of random numbers for cache keys");
  Secret secret;
  randombytes_buf(secret.data(), secret.size());
  return secret;
}

KeyHasher::KeyHasher(const Secret& secret) {
  crypto_generichash_init(as_state(state_), as_unsigned(secret.data()), secret.size(), sizeof(PageKey::bytes));
}

KeyHasher::~KeyHasher() { sodium_memzero(state_.data(), state_.size()); }

KeyHasher& KeyHasher::field(std::string_view tag, std::span<const std::byte> value) {
  const auto add = [&](std::span<const std::byte> bytes) {
    const auto length = little_endian(bytes.size());
    crypto_generichash_update(as_state(state_), as_unsigned(length.data()), length.size());
    crypto_generichash_update(as_state(state_), as_unsigned(bytes.data()), bytes.size());
  };
  add(std::as_bytes(std::span(tag.data(), tag.size())));
  add(value);
  return *this;
}

KeyHasher& KeyHasher::field(std::string_view tag, uint64_t value) {
  const auto bytes = little_endian(value);
  return field(tag, std::span(bytes));
}

PageKey KeyHasher::finish() {
  PageKey key;
  crypto_generichash_final(as_state(state_), reinterpret_cast<unsigned char*>(key.bytes.data()), key.bytes.size());
  return key;
}

PageKey child_key(const Secret& secret, const PageKey& parent, std::span<const int32_t> tokens) {
  return KeyHasher(secret).field("parent", std::span(parent.bytes)).field("tokens", std::as_bytes(tokens)).finish();
}

}  // namespace pumice
