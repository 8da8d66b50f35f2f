// Pages as they lie outside device memory: plain values that the tiers, the codec and their callers share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kv/index/page_key.h"

namespace pumice {

// Read-only bytes that several may hold at once; copies share them. Thread rule: distinct copies, any threads.
class SharedBytes {
 public:
  SharedBytes() = default;
  explicit SharedBytes(std::vector<std::byte> bytes)
      : owner_(std::make_shared<const std::vector<std::byte>>(std::move(bytes))), view_(*owner_) {}

  SharedBytes subspan(size_t offset, size_t size) const {
    SharedBytes part = *this;
    part.view_ = view_.subspan(offset, size);
    return part;
  }
  const std::byte* data() const { return view_.data(); }
  size_t size() const { return view_.size(); }
  bool empty() const { return view_.empty(); }
  auto begin() const { return view_.begin(); }
  auto end() const { return view_.end(); }
  std::span<const std::byte> span() const { return view_; }

 private:
  std::shared_ptr<const std::vector<std::byte>> owner_;
  std::span<const std::byte> view_;
};

struct StoredPage {
  PageKey key, parent;
  std::vector<int32_t> tokens;
  std::vector<std::byte> payload;
};

// A page that is wanted: the answer must have just these tokens after just this parent.
struct WantedPage {
  PageKey key, parent;
  std::span<const int32_t> tokens;  // copied by fetch()
};

// A page within the process; immutable once made.
struct LoadedPage {
  PageKey key, parent;
  std::vector<int32_t> tokens;
  SharedBytes payload;
};

}  // namespace pumice
