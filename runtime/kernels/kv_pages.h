// How the KV cache stores keys and values: types, formats, and the pages of one layer as kernels take them. Page
// layout: shaders/shared/kv_write.h.
#pragma once

#include "base/result.h"
#include "shared/kv_write.h"
#include "vk/device.h"

namespace pumice {

enum class KvType : uint32_t { kF16 = kKvF16, kF32 = kKvF32, kQ8_0 = kKvQ8_0, kQ4_0 = kKvQ4_0 };
const char* type_name(KvType type);
// Words of a head of one token, with its scales.
constexpr uint32_t kv_words(KvType type, uint32_t head_dim) {
  const auto number = static_cast<uint32_t>(type);
  return kv_value_words(number, head_dim) + kv_scale_words(number, head_dim);
}

// How keys and values are stored.
struct KvFormat {
  KvType k = KvType::kF16, v = KvType::kF16;
  bool rotate = true;  // q8_0 and q4_0, by a Hadamard matrix: halves the error for little
  bool operator==(const KvFormat&) const = default;

  // Both are stored alike, by kernels of their own; else those for any types, "mixed", take them.
  bool plain() const { return k == v && (k == KvType::kF16 || k == KvType::kF32); }
  uint32_t shader_axis() const { return plain() ? static_cast<uint32_t>(k) : kKvMixed; }
  // Dimensions of a Hadamard block, the largest power of two that divides the head; 1: not rotated.
  uint32_t k_rotation(uint32_t head_dim) const { return rotation(k, head_dim); }
  uint32_t v_rotation(uint32_t head_dim) const { return rotation(v, head_dim); }

 private:
  uint32_t rotation(KvType type, uint32_t head_dim) const {
    const bool quantised = type == KvType::kQ8_0 || type == KvType::kQ4_0;
    return rotate && quantised ? head_dim & (~head_dim + 1) : 1;
  }
};
// kUnsupported where a head has not whole words.
Result<void> check_kv_format(const KvFormat& format, uint32_t head_dim);

// One layer's pools and the page table.
struct KvPages {
  KvFormat format;
  vk::BufferView k, v;
  vk::BufferView page_table;  // (slots, pages_per_slot)
  uint32_t pages_per_slot = 0;
};

}  // namespace pumice
