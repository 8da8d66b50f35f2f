#include "kernels/expert_tiles.h"

namespace pumice {

void expert_tiles(Recorder recorder, const ExpertTilesArgs& args) {
  const ExpertTilesPush push{.rows = args.rows,
                             .experts = args.experts,
                             .size = args.size,
                             .tiles = most_expert_tiles(args.rows, args.experts, args.size)};
  const vk::BufferView bindings[kExpertTilesBindings] = {args.choices, args.tiles};
  record(recorder, {.shader = ShaderKernel::kExpertTiles,
                    .push = push_bytes(push),
                    .bindings = bindings,
                    .groups = {1, 1, 1},
                    .cost = {.bytes = 12.0 * args.rows}});
}

}  // namespace pumice
