#include "model/spec.h"

#include <algorithm>

#include "kernels/short_conv.h"

namespace pumice {
namespace {

template <typename Width>
uint32_t widest(const std::vector<LayerSpec>& layers, Width width) {
  uint32_t most = 0;
  for (const LayerSpec& layer : layers) most = std::max(most, width(layer));
  return most;
}

}  // namespace

uint32_t RecurrenceSpec::projected_width() const {
  switch (kind) {
    case RecurrenceKind::kNone:
      return 0;
    case RecurrenceKind::kShortConv:
      return 3 * inner_width();
    case RecurrenceKind::kDeltaRule:
      return conv_width() + inner_width() + 2 * heads;
    case RecurrenceKind::kMamba2:
      return conv_width() + inner_width() + heads;
    case RecurrenceKind::kSsru:
      return 2 * inner_width();
  }
  return 0;
}

uint32_t RecurrenceSpec::state_floats() const {
  if (kind == RecurrenceKind::kSsru) return inner_width();
  return kind == RecurrenceKind::kNone ? 0 : short_conv_state(conv_width()) + heads * key_dim * value_dim;
}

uint32_t ModelSpec::widest_projection() const {
  return widest(layers, [](const LayerSpec& layer) {
    return std::max(layer.attention.qkv_width(), layer.recurrence.projected_width());
  });
}
uint32_t ModelSpec::widest_mixed() const {
  return std::max(widest_q(), widest(layers, [](const LayerSpec& layer) {
                    return std::max(layer.recurrence.inner_width(), layer.feed_forward.mixture.latent_width);
                  }));
}
uint32_t ModelSpec::widest_conv() const {
  return widest(layers,
                [](const LayerSpec& layer) { return layer.recurrence.key_dim ? layer.recurrence.conv_width() : 0; });
}
bool ModelSpec::recurrent() const {
  return widest(layers, [](const LayerSpec& layer) { return layer.recurrence.state_floats(); }) != 0;
}
uint32_t ModelSpec::widest_q() const {
  return widest(layers, [](const LayerSpec& layer) {
    return std::max({layer.attention.q_width(), layer.attention.latent.query_rank, layer.cross.q_width()});
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

bool ModelSpec::turns_by_grid() const {
  return std::any_of(ropes.begin(), ropes.end(), [](const RopeSpec& rope) { return !rope.axes.empty(); });
}

bool ModelSpec::whole_pictures() const {
  return std::any_of(layers.begin(), layers.end(),
                     [](const LayerSpec& layer) { return layer.attention.whole_pictures; });
}

}  // namespace pumice
