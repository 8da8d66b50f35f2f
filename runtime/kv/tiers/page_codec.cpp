#include "kv/tiers/page_codec.h"

#include <sodium.h>
#ifdef PUMICE_HAS_ZSTD
#include <zstd.h>
#endif

#include <bit>
#include <cstring>

namespace pumice {
namespace {

static_assert(std::endian::native == std::endian::little, "values are little-endian");

constexpr std::array<char, 8> kMagic{'P', 'U', 'M', 'I', 'C', 'E', 'K', 'V'};
constexpr uint32_t kVersion = 1;
constexpr uint32_t kCompressed = 1, kEncrypted = 2;
constexpr size_t kTagBytes = 16;
constexpr size_t kTagOffset = kPageHeaderBytes - kTagBytes;  // all before it is authenticated as it is

unsigned char* as_unsigned(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }
const unsigned char* as_unsigned(const std::byte* bytes) { return reinterpret_cast<const unsigned char*>(bytes); }

std::array<unsigned char, 32> sub_key(const Secret& secret, std::string_view purpose) {
  std::array<unsigned char, 32> key;
  crypto_generichash(key.data(), key.size(), reinterpret_cast<const unsigned char*>(purpose.data()), purpose.size(),
                     as_unsigned(secret.data()), secret.size());
  return key;
}

Error damaged(const char* what) { return error(Status::kMalformed, "cached page: %s; it is computed again", what); }

#ifdef PUMICE_HAS_ZSTD

// The bytes that it takes at `to`, where there is room for as many as it has; 0: compression gains nothing.
size_t compress(std::span<const std::byte> payload, std::byte* to) {
  constexpr int kLevel = 1;  // pages are f16 numbers: higher levels cost time and gain next to nothing
  if (payload.empty()) return 0;
  // Into one byte less than it has, so that what gains nothing is an error.
  const size_t packed = ZSTD_compress(to, payload.size() - 1, payload.data(), payload.size(), kLevel);
  return ZSTD_isError(packed) ? 0 : packed;
}

Result<SharedBytes> decompress(std::span<const std::byte> stored, uint64_t bytes) {
  if (ZSTD_getFrameContentSize(stored.data(), stored.size()) != bytes) return damaged("its compressed length is wrong");
  std::vector<std::byte> payload(bytes);
  const size_t size = ZSTD_decompress(payload.data(), payload.size(), stored.data(), stored.size());
  if (ZSTD_isError(size) || size != payload.size()) return damaged("it cannot be decompressed");
  return SharedBytes(std::move(payload));
}

#else

size_t compress(std::span<const std::byte>, std::byte*) { return 0; }

Result<SharedBytes> decompress(std::span<const std::byte>, uint64_t) {
  return damaged("it is compressed, and this build has no zstd");
}

#endif

}  // namespace

struct PageHeader {
  std::array<char, 8> magic;
  uint32_t version;
  uint32_t flags;
  uint32_t tokens;
  uint32_t zero;
  uint64_t payload_bytes;  // as the caller sees it
  uint64_t body_bytes;     // as stored: token ids and the payload, which may be compressed
  std::array<unsigned char, 24> nonce;
  PageKey scope, key, parent;
  std::array<unsigned char, 16> reserved;
  std::array<unsigned char, kTagBytes> tag;
};

std::optional<PageClaim> read_claim(std::span<const std::byte> header) {
  if (header.size() < kPageHeaderBytes) return std::nullopt;
  PageHeader read;
  std::memcpy(&read, header.data(), sizeof read);
  if (read.magic != kMagic || read.version != kVersion) return std::nullopt;
  return PageClaim{.tokens = read.tokens,
                   .payload_bytes = read.payload_bytes,
                   .compressed = (read.flags & kCompressed) != 0,
                   .encrypted = (read.flags & kEncrypted) != 0};
}

Result<PageCodec> PageCodec::create(const PageCodecOptions& options) {
  static_assert(sizeof(Header) == kPageHeaderBytes && offsetof(Header, tag) == kTagOffset);
  static_assert(crypto_aead_xchacha20poly1305_ietf_ABYTES == kTagBytes && crypto_onetimeauth_BYTES == kTagBytes);
  if (sodium_init() < 0) return error(Status::kInternal, "the system has no source of random numbers for cached pages");
  if (options.payload_bytes > kMaxPayloadBytes)
    return error(Status::kUnsupported, "a page of %llu bytes cannot be cached outside device memory; at most %llu",
                 static_cast<unsigned long long>(options.payload_bytes),
                 static_cast<unsigned long long>(kMaxPayloadBytes));
  PageCodec codec;
  codec.mac_key_ = sub_key(options.secret, "pumice page tag");
  codec.aead_key_ = sub_key(options.secret, "pumice page encryption");
  codec.scope_ =
      KeyHasher(options.secret).field("page namespace", options.name_space).field("page epoch", options.epoch).finish();
  codec.compress_ = options.compress;
  codec.encrypt_ = options.encrypt;
  codec.payload_bytes_ = options.payload_bytes;
  return codec;
}

PageCodec::~PageCodec() {
  sodium_memzero(mac_key_.data(), mac_key_.size());
  sodium_memzero(aead_key_.data(), aead_key_.size());
}

uint64_t PageCodec::max_value_bytes(size_t tokens) const {
  // seal() keeps a payload plain when compression does not make it smaller.
  return kPageHeaderBytes + 4 * tokens + (payload_bytes_ ? payload_bytes_ : kMaxPayloadBytes);
}

std::array<unsigned char, 16> PageCodec::mac(const Header& header, std::span<const std::byte> value) const {
  std::array<unsigned char, crypto_onetimeauth_KEYBYTES> key;
  crypto_generichash(key.data(), key.size(), header.nonce.data(), header.nonce.size(), mac_key_.data(),
                     mac_key_.size());
  crypto_onetimeauth_state state;
  crypto_onetimeauth_init(&state, key.data());
  crypto_onetimeauth_update(&state, as_unsigned(value.data()), kTagOffset);
  crypto_onetimeauth_update(&state, as_unsigned(value.data()) + kPageHeaderBytes, value.size() - kPageHeaderBytes);
  std::array<unsigned char, kTagBytes> tag;
  crypto_onetimeauth_final(&state, tag.data());
  sodium_memzero(key.data(), key.size());
  return tag;
}

Result<std::vector<std::byte>> PageCodec::seal(const LoadedPage& page) const {
  if (page.payload.size() > kMaxPayloadBytes || page.tokens.size() > kMaxPageTokens ||
      (payload_bytes_ && page.payload.size() != payload_bytes_))
    return error(Status::kInvalidArgument, "a page of %zu bytes and %zu tokens is not one of this cache",
                 page.payload.size(), page.tokens.size());
  const size_t body = kPageHeaderBytes + 4 * page.tokens.size();
  std::vector<std::byte> value(body + page.payload.size());
  uint32_t flags = encrypt_ ? kEncrypted : 0;
  const size_t packed = compress_ ? compress({page.payload.data(), page.payload.size()}, value.data() + body) : 0;
  if (packed > 0) {
    flags |= kCompressed;
    value.resize(body + packed);
  } else if (!page.payload.empty()) {
    std::memcpy(value.data() + body, page.payload.data(), page.payload.size());
  }
  if (!page.tokens.empty()) std::memcpy(value.data() + kPageHeaderBytes, page.tokens.data(), 4 * page.tokens.size());
  Header header{.magic = kMagic,
                .version = kVersion,
                .flags = flags,
                .tokens = static_cast<uint32_t>(page.tokens.size()),
                .payload_bytes = page.payload.size(),
                .body_bytes = value.size() - kPageHeaderBytes,
                .scope = scope_,
                .key = page.key,
                .parent = page.parent};
  randombytes_buf(header.nonce.data(), header.nonce.size());
  std::memcpy(value.data(), &header, sizeof header);
  if (encrypt_) {
    unsigned char* const text = as_unsigned(value.data()) + kPageHeaderBytes;
    crypto_aead_xchacha20poly1305_ietf_encrypt_detached(text, header.tag.data(), nullptr, text, header.body_bytes,
                                                        as_unsigned(value.data()), kTagOffset, nullptr,
                                                        header.nonce.data(), aead_key_.data());
  } else {
    header.tag = mac(header, value);
  }
  std::memcpy(value.data() + kTagOffset, header.tag.data(), kTagBytes);
  return value;
}

Result<PageHeader> PageCodec::parse(std::span<const std::byte> value) const {
  if (value.size() < kPageHeaderBytes) return damaged("it is cut short");
  Header header;
  std::memcpy(&header, value.data(), sizeof header);
  if (header.magic != kMagic || header.version != kVersion) return damaged("it is of an unknown format");
  if (header.flags & ~(kCompressed | kEncrypted)) return damaged("it is of an unknown format");
  if (encrypt_ && !(header.flags & kEncrypted)) return damaged("it is not encrypted, but must be");
  if (header.zero != 0 || header.reserved != decltype(header.reserved){}) return damaged("it is of an unknown format");
  if (header.body_bytes != value.size() - kPageHeaderBytes) return damaged("its length is wrong");
  if (header.tokens > kMaxPageTokens || header.body_bytes < 4ull * header.tokens) return damaged("its length is wrong");
  if (header.payload_bytes > kMaxPayloadBytes || (payload_bytes_ && header.payload_bytes != payload_bytes_))
    return damaged("its payload has another size");
  if (!(header.flags & kCompressed) && header.body_bytes != 4ull * header.tokens + header.payload_bytes)
    return damaged("its length is wrong");
  if (header.scope != scope_) return damaged("it is of another namespace or epoch, or was written with another secret");
  return header;
}

Result<void> PageCodec::authenticate(const Header& header, std::span<std::byte> value) const {
  bool genuine;
  if (header.flags & kEncrypted) {
    unsigned char* const text = as_unsigned(value.data()) + kPageHeaderBytes;
    genuine = crypto_aead_xchacha20poly1305_ietf_decrypt_detached(
                  text, nullptr, text, header.body_bytes, header.tag.data(), as_unsigned(value.data()), kTagOffset,
                  header.nonce.data(), aead_key_.data()) == 0;
  } else {
    genuine = sodium_memcmp(mac(header, value).data(), header.tag.data(), kTagBytes) == 0;
  }
  if (!genuine) return damaged("it has been changed or was written with another secret");
  return {};
}

Result<SharedBytes> PageCodec::unpack(const Header& header, SharedBytes value) const {
  const size_t body = kPageHeaderBytes + 4 * size_t{header.tokens};
  SharedBytes stored = value.subspan(body, value.size() - body);
  if (!(header.flags & kCompressed)) return stored;
  return decompress({stored.data(), stored.size()}, header.payload_bytes);
}

Result<SharedBytes> PageCodec::open(std::vector<std::byte> value, const WantedPage& wanted) const {
  PUMICE_ASSIGN(const Header header, parse(value));
  if (header.key != wanted.key || header.parent != wanted.parent || header.tokens != wanted.tokens.size())
    return damaged("it is another page");
  PUMICE_TRY(authenticate(header, value));
  if (!wanted.tokens.empty() &&
      std::memcmp(value.data() + kPageHeaderBytes, wanted.tokens.data(), wanted.tokens.size_bytes()) != 0)
    return damaged("it has other tokens");
  return unpack(header, SharedBytes(std::move(value)));
}

Result<void> PageCodec::verify(std::vector<std::byte> value, const PageKey& key) const {
  PUMICE_ASSIGN(const Header header, parse(value));
  if (header.key != key) return damaged("it is another page");
  PUMICE_TRY(authenticate(header, value));
  PUMICE_TRY(unpack(header, SharedBytes(std::move(value))));
  return {};
}

}  // namespace pumice
