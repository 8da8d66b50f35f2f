#include "model/digest.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <thread>
#include <vector>

#include "base/thread_team.h"
#include "kv/index/page_key.h"

namespace pumice {
namespace {

constexpr size_t kChunkBytes = size_t{4} << 20;
const Secret kNoSecret{};  // a digest is not a key

struct Chunk {
  std::span<const std::byte> data;
  PageKey digest;
};

struct Work {
  const Gguf& file;
  std::vector<Chunk> chunks;
  std::atomic<size_t> next{0};
  std::mutex mutex;
  std::optional<Error> failure;
};

// Takes one chunk after another until none is left.
void hash_chunks(Work& work, std::span<std::byte> scratch) {
  for (size_t i = work.next++; i < work.chunks.size(); i = work.next++) {
    Chunk& chunk = work.chunks[i];
    const auto bytes = work.file.fetch(chunk.data, scratch.first(chunk.data.size()));
    if (!bytes) {
      work.next = work.chunks.size();
      const std::lock_guard lock(work.mutex);
      work.failure = bytes.error();
      return;
    }
    chunk.digest = KeyHasher(kNoSecret).field("data", *bytes).finish();
  }
}

// A helper that finds no memory leaves the work to the others.
void help(Work& work) {
  const std::unique_ptr<std::byte[]> scratch(new (std::nothrow) std::byte[kChunkBytes]);
  if (scratch) hash_chunks(work, {scratch.get(), kChunkBytes});
}

}  // namespace

Result<std::string> model_digest(const Gguf& file) {
  KeyHasher hasher(kNoSecret);
  for (const GgufEntry& entry : file.metadata())
    hasher.field(entry.key, static_cast<uint64_t>(entry.value.type)).field("value", entry.value.bytes);
  Work work{.file = file};
  for (const GgufTensor& tensor : file.tensors()) {
    hasher.field(tensor.name, static_cast<uint64_t>(tensor.type));
    for (const uint64_t extent : tensor.dims) hasher.field("extent", extent);
    for (size_t at = 0; at < tensor.data.size(); at += kChunkBytes)
      work.chunks.push_back({tensor.data.subspan(at, std::min(kChunkBytes, tensor.data.size() - at)), {}});
  }
  std::vector<std::byte> scratch(kChunkBytes);
  ThreadTeam helpers;
  const size_t useful = std::min<size_t>(std::max(1u, std::thread::hardware_concurrency()), work.chunks.size());
  helpers.start(useful == 0 ? 0 : useful - 1, [&] { help(work); });
  hash_chunks(work, scratch);
  helpers.join();
  if (work.failure) return std::move(*work.failure);
  for (const Chunk& chunk : work.chunks) hasher.field("chunk", std::span(chunk.digest.bytes));
  return to_hex(hasher.finish());
}

}  // namespace pumice
