// KV formats as the reference names them. Thread rule: pure functions.
#pragma once

#include "kernels/kv_pages.h"
#include "reference/kv_pages.h"

namespace pumice::test {

inline reference::KvType reference_type(KvType type) {
  switch (type) {
    case KvType::kF16:
      return reference::KvType::kF16;
    case KvType::kF32:
      return reference::KvType::kF32;
    case KvType::kQ8_0:
      return reference::KvType::kQ8_0;
    case KvType::kQ4_0:
      break;
  }
  return reference::KvType::kQ4_0;
}

inline reference::KvLayout layout_of(const KvFormat& format, uint32_t kv_heads, uint32_t head_dim) {
  return {kv_heads, head_dim, reference_type(format.k), reference_type(format.v)};
}

inline std::string name_of(const KvFormat& format) {
  return std::string(type_name(format.k)) + "/" + type_name(format.v) + (format.rotate ? "" : " not rotated");
}

}  // namespace pumice::test
