#include "model/digest.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "kv/page_key.h"

namespace pumice {
namespace {

constexpr size_t kChunkBytes = size_t{4} << 20;
const Secret kNoSecret{};  // a digest is not a key

struct Chunk {
  std::span<const std::byte> data;
  PageKey digest;
};

// Takes one chunk after another until none is left.
void hash_chunks(const Gguf& file, std::vector<Chunk>& chunks, std::atomic<size_t>& next, std::mutex& mutex,
                 std::optional<Error>& failure) {
  std::vector<std::byte> scratch(kChunkBytes);
  for (size_t i = next++; i < chunks.size(); i = next++) {
    Chunk& chunk = chunks[i];
    const auto bytes = file.fetch(chunk.data, std::span(scratch).first(chunk.data.size()));
    if (!bytes) {
      const std::lock_guard lock(mutex);
      failure = bytes.error();
      return;
    }
    chunk.digest = KeyHasher(kNoSecret).field("data", *bytes).finish();
  }
}

}  // namespace

Result<std::string> model_digest(const Gguf& file) {
  KeyHasher hasher(kNoSecret);
  for (const GgufEntry& entry : file.metadata())
    hasher.field(entry.key, static_cast<uint64_t>(entry.value.type)).field("value", entry.value.bytes);
  std::vector<Chunk> chunks;
  for (const GgufTensor& tensor : file.tensors()) {
    hasher.field(tensor.name, static_cast<uint64_t>(tensor.type));
    for (const uint64_t extent : tensor.dims) hasher.field("extent", extent);
    for (size_t at = 0; at < tensor.data.size(); at += kChunkBytes)
      chunks.push_back({tensor.data.subspan(at, std::min(kChunkBytes, tensor.data.size() - at)), {}});
  }
  std::atomic<size_t> next{0};
  std::mutex mutex;
  std::optional<Error> failure;
  std::vector<std::thread> threads;
  const size_t most = std::min<size_t>(std::max(1u, std::thread::hardware_concurrency()), chunks.size());
  for (size_t i = 1; i < most; ++i) threads.emplace_back([&] { hash_chunks(file, chunks, next, mutex, failure); });
  hash_chunks(file, chunks, next, mutex, failure);
  for (std::thread& thread : threads) thread.join();
  if (failure) return std::move(*failure);
  for (const Chunk& chunk : chunks) hasher.field("chunk", std::span(chunk.digest.bytes));
  return to_hex(hasher.finish());
}

}  // namespace pumice
