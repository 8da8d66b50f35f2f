#include "engine/identity.h"

#include <cstdio>

#include "kernels/device_policy.h"
#include "shared/kv_write.h"
#include "shared/step_params.h"

namespace pumice {
namespace {

// Raised whenever the bytes of a page come to mean something else.
constexpr uint32_t kPageLayoutVersion = 1;

}  // namespace

std::string cache_identity(const ModelConfig& config, const KvFormat& format, std::string_view digest) {
  std::string text = "model " + std::string(digest) + "\narchitecture " + config.architecture + "\n";
  char line[256];
  std::snprintf(line, sizeof line, "layers %u kv_heads %u head_dim %u\nkv %s %s rotation %u %u\npage %u layout %u\n",
                config.layers, config.kv_heads, config.head_dim, type_name(format.k), type_name(format.v),
                format.k_rotation(config.head_dim), format.v_rotation(config.head_dim), kPageTokens,
                kPageLayoutVersion);
  text += line;
  std::snprintf(line, sizeof line, "rope %u %u", config.rotary, static_cast<uint32_t>(config.rope_pairs));
  text += line;
  for (const double radians : config.rope_radians) {
    std::snprintf(line, sizeof line, " %a", radians);
    text += line;
  }
  return text;
}

double estimated_prefill_seconds(const ModelConfig& config, const vk::DeviceCaps& caps) {
  const double layer = static_cast<double>(config.width) * (config.qkv_width() + config.q_width()) +
                       3.0 * config.width * config.ffn_width;
  return 2 * layer * config.layers / device_policy(caps).prefill_flops;
}

}  // namespace pumice
