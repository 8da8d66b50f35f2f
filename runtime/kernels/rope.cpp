#include "kernels/rope.h"

#include <cmath>
#include <numbers>

#include "shared/rope.h"

namespace pumice {

std::vector<uint32_t> rope_frequencies(std::span<const double> radians_per_position) {
  std::vector<uint32_t> words;
  for (const double radians : radians_per_position) {
    const double turns = radians / (2 * std::numbers::pi);
    const double high = std::floor((turns - std::floor(turns)) * 0x1p32);
    const double low = std::floor(((turns - std::floor(turns)) * 0x1p32 - high) * 0x1p32);
    words.push_back(static_cast<uint32_t>(low));
    words.push_back(static_cast<uint32_t>(high));
  }
  return words;
}

void rope(Recorder recorder, const RopeArgs& args) {
  const RopePush push{.n = args.n,
                      .heads = args.heads,
                      .head_dim = args.head_dim,
                      .rotary = args.rotary,
                      .x_stride = args.x.stride,
                      .y_stride = args.y.stride,
                      .half_pairs = static_cast<uint32_t>(args.pairs)};
  const vk::BufferView bindings[kRopeBindings] = {args.x.view, args.frequencies, args.step_rows, args.y.view};
  record(recorder, {.variant = "rope",
                    .push = push_bytes(push),
                    .bindings = bindings,
                    .groups = {divide_up(args.heads * args.head_dim / 2, kRopeWorkgroup), args.n, 1},
                    .cost = {.bytes = 8.0 * args.n * args.heads * args.head_dim}});
}

}  // namespace pumice
