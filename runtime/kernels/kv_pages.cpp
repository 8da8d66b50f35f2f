#include "kernels/kv_pages.h"

namespace pumice {

const char* type_name(KvType type) {
  static constexpr const char* kNames[] = {"f16", "f32", "q8_0", "q4_0"};
  return kNames[static_cast<uint32_t>(type)];
}

Result<void> check_kv_format(const KvFormat& format, uint32_t head_dim) {
  const bool quarter_words = format.k == KvType::kQ4_0 || format.v == KvType::kQ4_0;
  if (quarter_words && head_dim % 8 != 0)
    return error(Status::kUnsupported,
                 "q4_0 takes heads of a multiple of 8 dimensions, not the model's %u; use q8_0 or f16", head_dim);
  return {};
}

}  // namespace pumice
