// PageCodec: a page as one opaque value for slower tiers, and back, with proof that it is what was asked for.
//
// A value is a header (format version, flags, lengths, nonce, scope, key, parent, tag) and a body (token ids, then the
// payload). The scope is a keyed hash of namespace and epoch. The payload may be compressed (zstd). The tag proves that
// whoever wrote the value knew the secret, and that no bit has changed since:
//   plain      Poly1305 over header and body; its one-time key is the keyed BLAKE2b hash of the page's random nonce
//   encrypted  XChaCha20-Poly1305 of the body, the header as associated data; a cleartext header names no token
// Poly1305 because a hit waits for it: 4.0 GB/s against 1.05 GB/s of BLAKE2b (libsodium 1.0.18, one core of an AMD EPYC
// with AVX2). Each purpose has a sub-key of its own. Nothing of a value is trusted before the tag is verified, and
// nothing larger than the limit is allocated. Thread rule: any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kv/tiers/stored_page.h"

namespace pumice {

constexpr size_t kPageHeaderBytes = 192;
constexpr uint64_t kMaxPayloadBytes = 1u << 30;
constexpr uint32_t kMaxPageTokens = 1u << 16;

struct PageCodecOptions {
  Secret secret{};
  std::string_view name_space;  // read by create() alone
  uint64_t epoch = 0;
  bool compress = false;       // what seal() does; open() takes values of every kind
  bool encrypt = false;        // with it, open() takes encrypted values alone
  uint64_t payload_bytes = 0;  // of every page; 0: any size up to kMaxPayloadBytes
};

struct PageHeader;

// What a value's header says of itself, unproven.
struct PageClaim {
  uint32_t tokens = 0;
  uint64_t payload_bytes = 0;
  bool compressed = false, encrypted = false;
};
// header: the first kPageHeaderBytes of a value. nullopt: not a page's.
std::optional<PageClaim> read_claim(std::span<const std::byte> header);

class PageCodec {
 public:
  static Result<PageCodec> create(const PageCodecOptions& options);
  PageCodec(const PageCodec&) = default;
  ~PageCodec();  // wipes the keys

  Result<std::vector<std::byte>> seal(const LoadedPage& page) const;
  // The wanted page's payload. Status::kMalformed: this is not it, whatever the cause. An encrypted value is decrypted
  // in place, so that the result shares the value's memory unless it was compressed.
  Result<SharedBytes> open(std::vector<std::byte> value, const WantedPage& wanted) const;
  // Whether the value is genuine: some page of this scope under `key`.
  Result<void> verify(std::vector<std::byte> value, const PageKey& key) const;
  // The most that seal() makes of a page with `tokens` ids; for limits on what tiers may return.
  uint64_t max_value_bytes(size_t tokens) const;

 private:
  PageCodec() = default;
  using Header = PageHeader;
  Result<Header> parse(std::span<const std::byte> value) const;
  // Checks the tag; afterwards the body is plain.
  Result<void> authenticate(const Header& header, std::span<std::byte> value) const;
  std::array<unsigned char, 16> mac(const Header& header, std::span<const std::byte> value) const;
  Result<SharedBytes> unpack(const Header& header, SharedBytes value) const;

  std::array<unsigned char, 32> mac_key_{}, aead_key_{};
  PageKey scope_;
  bool compress_ = false, encrypt_ = false;
  uint64_t payload_bytes_ = 0;
};

}  // namespace pumice
