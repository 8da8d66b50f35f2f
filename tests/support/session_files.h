// Session files in memory, sealed whatever they say: anyone can make a right sum.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "engine/session_format.h"

namespace pumice::test {

struct SessionParts {
  SessionHeader header;
  std::string digest, identity;
  std::vector<int32_t> tokens;
  std::vector<std::vector<std::byte>> pages;
  std::vector<std::byte> state;
};

// The sum of these parts.
inline PageKey session_sum(const std::vector<std::span<const std::byte>>& parts) {
  KeyHasher hasher(Secret{});
  for (const std::span<const std::byte> part : parts) hasher.field("part", part);
  return hasher.finish();
}

inline std::vector<std::byte> session_bytes(const SessionParts& from) {
  std::vector<std::span<const std::byte>> parts = {
      std::as_bytes(std::span(&from.header, 1)), std::as_bytes(std::span(from.digest)),
      std::as_bytes(std::span(from.identity)), std::as_bytes(std::span(from.tokens))};
  for (const auto& page : from.pages) parts.emplace_back(page);
  if (!from.state.empty()) parts.emplace_back(from.state);
  std::vector<std::byte> bytes;
  for (const std::span<const std::byte> part : parts) bytes.insert(bytes.end(), part.begin(), part.end());
  const PageKey sum = session_sum(parts);
  const auto end = std::as_bytes(std::span(sum.bytes));
  bytes.insert(bytes.end(), end.begin(), end.end());
  return bytes;
}

// A whole session of `tokens` tokens, of which `computed` have pages, for the target.
inline SessionParts session_for(const SessionTarget& target, SessionKv kv, uint32_t tokens, uint32_t computed) {
  SessionParts parts{.digest = std::string(target.digest), .identity = std::string(target.identity)};
  if (kv == SessionKv::kTokens) computed = 0;
  parts.header = {.kv = kv,
                  .tokens = tokens,
                  .computed = computed,
                  .digest_bytes = static_cast<uint32_t>(target.digest.size()),
                  .identity_bytes = static_cast<uint32_t>(target.identity.size()),
                  .pages = session_pages(computed),
                  .value_bytes = target.value_bytes,
                  .page_bytes = target.page_bytes,
                  .stored_bytes = stored_page_bytes(kv, target.page_bytes, target.value_bytes),
                  .bytes_beside = computed > 0 && target.bytes_beside ? target.bytes_beside(computed) : 0};
  for (uint32_t i = 0; i < tokens; ++i) parts.tokens.push_back(static_cast<int32_t>(i % target.vocabulary));
  for (uint32_t i = 0; i < parts.header.pages; ++i)
    parts.pages.emplace_back(parts.header.stored_bytes, static_cast<std::byte>(i + 1));
  parts.state.resize(parts.header.bytes_beside, std::byte{0x5a});
  return parts;
}

// A source over bytes that live as long as it does. Reading beyond them is an error, as it is of a file.
inline SessionSource session_source(std::span<const std::byte> bytes) {
  return {.size = bytes.size(), .read = [bytes](uint64_t at, std::span<std::byte> to) -> Result<void> {
            if (at > bytes.size() || to.size() > bytes.size() - at) return error(Status::kIo, "beyond the end");
            std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), to.size(), to.begin());
            return {};
          }};
}

}  // namespace pumice::test
