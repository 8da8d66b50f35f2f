#include "engine/identity.h"

#include <cstdio>

#include "kernels/device_policy.h"
#include "shared/kv_write.h"
#include "shared/step_params.h"

namespace pumice {
namespace {

// Raised whenever the bytes of a page come to mean something else.
constexpr uint32_t kPageLayoutVersion = 2;

std::string begin_identity(const ModelSpec& spec, const KvFormat& format, std::string_view digest) {
  char line[256];
  std::snprintf(line, sizeof line, "kv %s %s page %u layout %u\n", type_name(format.k), type_name(format.v),
                kPageTokens, kPageLayoutVersion);
  return "model " + std::string(digest) + "\narchitecture " + spec.architecture + "\n" + line;
}

}  // namespace

std::string cache_identity(const ModelSpec& spec, const KvFormat& format, uint32_t context_tokens,
                           std::string_view digest) {
  std::string text = begin_identity(spec, format, digest);
  char line[256];
  for (const LayerSpec& layer : spec.layers) {
    const AttentionSpec& attention = layer.attention;
    const RecurrenceSpec& recurrence = layer.recurrence;
    if (recurrence.kind != RecurrenceKind::kNone) {
      std::snprintf(line, sizeof line, "layer recurrence %u taps %u heads %u %u %u %u\n",
                    static_cast<uint32_t>(recurrence.kind), recurrence.taps, recurrence.heads, recurrence.key_heads,
                    recurrence.key_dim, recurrence.value_dim);
      text += line;
    }
    if (attention.heads == 0) continue;
    std::snprintf(line, sizeof line, "layer kv_heads %u head_dim %u rotation %u %u rope %u\n", attention.kv_heads,
                  attention.head_dim, format.k_rotation(attention.head_dim), format.v_rotation(attention.head_dim),
                  attention.rope);
    text += line;
  }
  for (const RopeSpec& rope : spec.ropes) {
    std::snprintf(line, sizeof line, "rope %u %u", rope.rotary, static_cast<uint32_t>(rope.pairs));
    text += line;
    for (const double radians : rope.radians_for(context_tokens)) {
      std::snprintf(line, sizeof line, " %a", radians);
      text += line;
    }
    text += "\n";
  }
  return text;
}

std::string source_identity(const ModelSpec& spec, const KvFormat& format, std::string_view digest) {
  std::string text = begin_identity(spec, format, digest) + "sources\n";
  char line[256];
  for (const LayerSpec& layer : spec.layers) {
    std::snprintf(line, sizeof line, "layer kv_heads %u head_dim %u\n", layer.cross.kv_heads, layer.cross.head_dim);
    text += line;
  }
  return text;
}

double estimated_prefill_seconds(const ModelSpec& spec, const vk::DeviceCaps& caps) {
  double products = 0;
  for (const LayerSpec& layer : spec.layers)
    products +=
        static_cast<double>(spec.width) * (layer.attention.qkv_width() + layer.attention.q_width() +
                                           layer.recurrence.projected_width() + layer.recurrence.inner_width()) +
        3.0 * spec.width * layer.feed_forward.rows();
  return 2 * products / device_policy(caps).prefill_flops;
}

}  // namespace pumice
