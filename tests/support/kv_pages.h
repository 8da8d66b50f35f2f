// Pages of made-up texts for tests of the cache's tiers.
#pragma once

#include <random>
#include <utility>
#include <vector>

#include "kv/tiers/stored_page.h"

namespace pumice::test {

inline Secret secret_of(int first) {
  Secret secret{};
  secret[0] = static_cast<std::byte>(first);
  return secret;
}

inline std::vector<std::byte> random_bytes(size_t size, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::byte> bytes(size);
  for (std::byte& b : bytes) b = static_cast<std::byte>(random());
  return bytes;
}

// The pages of one text: each is keyed by what comes before it.
inline std::vector<StoredPage> make_text(size_t pages, size_t payload_bytes, uint64_t seed, int secret = 1) {
  std::vector<StoredPage> text;
  PageKey parent;
  for (size_t i = 0; i < pages; ++i) {
    StoredPage page{.parent = parent, .payload = random_bytes(payload_bytes, seed * 1000 + i)};
    for (int t = 0; t < 32; ++t) page.tokens.push_back(static_cast<int32_t>(seed * 100000 + i * 32) + t);
    page.key = parent = child_key(secret_of(secret), page.parent, page.tokens);
    text.push_back(std::move(page));
  }
  return text;
}

inline LoadedPage loaded(const StoredPage& page) {
  return {page.key, page.parent, page.tokens, SharedBytes(page.payload)};
}

inline WantedPage wanted(const StoredPage& page) { return {page.key, page.parent, page.tokens}; }

inline std::vector<WantedPage> wanted(const std::vector<StoredPage>& text) {
  std::vector<WantedPage> pages;
  for (const StoredPage& page : text) pages.push_back(wanted(page));
  return pages;
}

template <typename A, typename B>
bool same_bytes(const A& a, const B& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

}  // namespace pumice::test
