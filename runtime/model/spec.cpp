#include "model/spec.h"

#include <algorithm>

namespace pumice {
namespace {

template <typename Width>
uint32_t widest(const std::vector<LayerSpec>& layers, Width width) {
  uint32_t most = 0;
  for (const LayerSpec& layer : layers) most = std::max(most, width(layer));
  return most;
}

}  // namespace

uint32_t ModelSpec::widest_qkv() const {
  return widest(layers, [](const LayerSpec& layer) { return layer.attention.qkv_width(); });
}
uint32_t ModelSpec::widest_q() const {
  return widest(layers, [](const LayerSpec& layer) {
    return std::max(layer.attention.q_width(), layer.attention.latent.query_rank);
  });
}
uint32_t ModelSpec::widest_ffn() const {
  return widest(layers, [](const LayerSpec& layer) {
    const FeedForwardSpec& spec = layer.feed_forward;
    return std::max(spec.mixture.experts ? spec.mixture.used * row_stride(spec.width) : spec.width,
                    spec.mixture.shared_width);
  });
}
uint32_t ModelSpec::most_used() const {
  return widest(layers, [](const LayerSpec& layer) { return layer.feed_forward.mixture.used; });
}
uint32_t ModelSpec::most_router_columns() const {
  return widest(layers, [](const LayerSpec& layer) { return layer.feed_forward.mixture.router_columns(); });
}
uint32_t ModelSpec::most_kv_heads() const {
  return widest(layers, [](const LayerSpec& layer) { return layer.attention.kv_heads; });
}

}  // namespace pumice
