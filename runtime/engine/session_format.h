// How a sequence lies in a session file, and how what claims to be one is proven.
//
// Layout, little-endian: header, the model's digest, the cache identity (identity.h) with the
// sequence's adapters (adapters.h), tokens, page after page, what the
// sequence has beside them (KvCache::read_beside), its pictures as its model's tower sees them, and last a BLAKE2b-256
// of all that. Anyone can make a right sum, so it finds accidents and no more: every length and count is first proven
// against the source's own size, the model and the cache, and nothing is allocated before. Thread rule: plain values.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kv/index/page_key.h"
#include "media/picture.h"

namespace pumice {

enum class SessionKv : uint32_t {
  kExact = 0,   // as it is: going on equals never having stopped
  kQ8 = 1,      // eight bits a value with a scale for every 32, for caches of f16 and f32: about half the size of f16
  kTokens = 2,  // none: computed again when the sequence goes on
};

using SessionSink = std::function<Result<void>(std::span<const std::byte>)>;

struct SessionSource {
  uint64_t size = 0;
  std::function<Result<void>(uint64_t offset, std::span<std::byte> to)> read;  // what lies within the size
};

struct SessionHeader {
  static constexpr uint64_t kMagic = 0x0a53534d55500a01u;  // bytes that no text file begins with
  static constexpr uint32_t kVersion = 2, kWithPictures = 3;  // the latter where there are any

  uint64_t magic = kMagic;
  uint32_t version = kVersion;
  SessionKv kv = SessionKv::kExact;
  uint64_t dropped = 0;  // tokens that had been taken out before
  uint32_t tokens = 0, computed = 0;
  uint32_t digest_bytes = 0, identity_bytes = 0;
  uint32_t pages = 0, value_bytes = 0;  // of the KV type: 2, 4, or 1 where it is quantised
  uint64_t page_bytes = 0;              // of a page in the cache
  uint64_t stored_bytes = 0;            // of a page in the file
  uint64_t bytes_beside = 0;            // the pages, after the computed tokens
};
static_assert(sizeof(SessionHeader) == 72, "no padding that would be written");

// What a session must fit.
struct SessionTarget {
  std::string_view digest;    // of the model
  std::string_view identity;  // of the cache
  std::string_view adapters;  // of the sequence, to be written: SequenceAdapters::identity
  uint32_t vocabulary = 0, context_tokens = 0;
  uint64_t page_bytes = 0;  // of the cache
  // What a sequence of so many computed tokens has beside its pages; null: nothing.
  std::function<uint64_t(uint32_t computed)> bytes_beside;
  uint32_t value_bytes = 0;  // as SessionHeader's
};

struct SessionPicture {
  uint32_t first = 0;  // token
  Picture picture;
};

// What a file holds after all of it has been proven, but for what its pictures say: their sizes fit the file, and with
// them tokens may be negative.
struct SessionContent {
  std::vector<int32_t> tokens;
  std::string adapters;  // what it says of them
  std::vector<SessionPicture> pictures;
  uint64_t dropped = 0;
  uint32_t computed = 0;  // tokens whose pages can be read; 0 where they are of another cache

  SessionKv kv = SessionKv::kExact;
  uint64_t pages_at = 0, page_bytes = 0, stored_bytes = 0;
  uint32_t value_bytes = 0;
  uint64_t beside_at = 0, bytes_beside = 0;
};

uint32_t session_pages(uint32_t computed);  // that hold so many tokens
// Of a page in the file.
uint64_t stored_page_bytes(SessionKv kv, uint64_t page_bytes, uint32_t value_bytes);

// Writes a session's parts in their order, and their sum.
class SessionWriter {
 public:
  explicit SessionWriter(const SessionSink& sink) : sink_(sink) {}
  Result<void> header(const SessionHeader& header, const SessionTarget& target, std::span<const int32_t> tokens);
  Result<void> page(const SessionHeader& header, std::span<const std::byte> page);
  Result<void> beside(std::span<const std::byte> bytes);  // header.bytes_beside
  Result<void> picture(uint32_t first, const Picture& picture);
  Result<void> finish();

 private:
  Result<void> part(std::span<const std::byte> bytes);

  const SessionSink& sink_;
  KeyHasher hasher_{Secret{}};
};

// kMalformed: damaged, or no session; kUnsupported: of another model; kContextFull: too long for the context.
Result<SessionContent> parse_session(const SessionSource& source, const SessionTarget& target);
// Page `index` of session_pages(content.computed), as it lies in the cache.
Result<std::vector<std::byte>> read_session_page(const SessionSource& source, const SessionContent& content,
                                                 uint32_t index);
// What lies beside the pages; empty: nothing.
Result<std::vector<std::byte>> read_session_beside(const SessionSource& source, const SessionContent& content);

}  // namespace pumice
