#include "engine/patches.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace pumice {
namespace {

// Weights of two neighbouring rows of a side of a table that is stretched to `count` places, its ends on its ends.
struct Between {
  uint32_t low = 0, high = 0;
  float share = 0;  // of the higher
};
Between stretched(uint32_t at, uint32_t count, uint32_t side) {
  const float step = count > 1 ? static_cast<float>(count - 1) / static_cast<float>(side - 1)
                               : static_cast<float>(count) / static_cast<float>(side);
  const float place = static_cast<float>(at) / step;
  const uint32_t low = std::min(static_cast<uint32_t>(place), side - 1);
  return {low, std::min(low + 1, side - 1), place - static_cast<float>(low)};
}

class Positions {
 public:
  Positions(const Tower& tower, PatchGrid grid)
      : spec_(tower.spec()), table_(tower.weights().positions), width_(spec_.layers.width), grid_(grid) {}

  void add(PatchOrder::Place at, std::span<float> to) const {
    switch (spec_.positions) {
      case PatchPositions::kNone:
        break;
      case PatchPositions::kTable:
        add_row(at.row * grid_.columns + at.column + (spec_.class_row ? 1 : 0), 1, to);
        break;
      case PatchPositions::kOfSides:
        add_row(at.column, 1, to);
        add_row(spec_.table_rows + at.row, 1, to);
        break;
      case PatchPositions::kStretched:
        add_stretched(at, to);
        break;
    }
  }

 private:
  void add_row(uint32_t row, float share, std::span<float> to) const {
    const float* from = table_.data() + uint64_t{row} * width_;
    for (size_t i = 0; i < width_; ++i) to[i] += share * from[i];
  }
  void add_stretched(PatchOrder::Place at, std::span<float> to) const {
    const auto side = static_cast<uint32_t>(std::lround(std::sqrt(static_cast<double>(spec_.table_rows))));
    const Between y = stretched(at.row, grid_.rows, side), x = stretched(at.column, grid_.columns, side);
    add_row(y.low * side + x.low, (1 - y.share) * (1 - x.share), to);
    add_row(y.low * side + x.high, (1 - y.share) * x.share, to);
    add_row(y.high * side + x.low, y.share * (1 - x.share), to);
    add_row(y.high * side + x.high, y.share * x.share, to);
  }

  const TowerSpec& spec_;
  const std::vector<float>& table_;
  const uint32_t width_;
  const PatchGrid grid_;
};

}  // namespace

Result<PatchGrid> patch_grid(const TowerSpec& spec, PictureSize size) {
  const uint32_t unit = spec.patch * spec.merge;
  PUMICE_CHECK(size.width % unit == 0 && size.height % unit == 0 && size.pixels() != 0);
  const PatchGrid grid{size.height / spec.patch, size.width / spec.patch};
  const bool fixed = spec.positions == PatchPositions::kTable;
  if (fixed) PUMICE_CHECK(grid.count() + (spec.class_row ? 1 : 0) == spec.table_rows);
  if (spec.positions == PatchPositions::kOfSides && std::max(grid.rows, grid.columns) > spec.table_rows)
    return error(Status::kUnsupported, "a picture of %u x %u pixels: the model has positions for sides of %u",
                 size.width, size.height, spec.table_rows * spec.patch);
  return grid;
}

PatchOrder order_patches(const TowerSpec& spec, PatchGrid grid) {
  const uint32_t merge = spec.merge, rows = grid.rows / merge, columns = grid.columns / merge;
  const uint32_t side = spec.window_side;
  const uint32_t down = side ? side : rows, across = side ? side : columns;
  PatchOrder order;
  const auto add_square = [&](uint32_t row, uint32_t column) {
    order.reading.push_back(row * columns + column);
    for (uint32_t dy = 0; dy < merge; ++dy)
      for (uint32_t dx = 0; dx < merge; ++dx) order.patches.push_back({row * merge + dy, column * merge + dx});
  };
  for (uint32_t top = 0; top < rows; top += down)
    for (uint32_t left = 0; left < columns; left += across) {
      const size_t before = order.patches.size();
      for (uint32_t row = top; row < std::min(top + down, rows); ++row)
        for (uint32_t column = left; column < std::min(left + across, columns); ++column) add_square(row, column);
      if (side) order.windows.push_back(static_cast<uint32_t>(order.patches.size() - before));
    }
  return order;
}

std::vector<float> cut_patches(const TowerSpec& spec, const Picture& picture, const PatchOrder& order) {
  const uint32_t columns = patch_columns(spec), side = spec.patch;
  std::vector<float> rows(order.patches.size() * columns);
  float* to = rows.data();
  for (const PatchOrder::Place& place : order.patches) {
    float* value = to;
    for (size_t channel = 0; channel < 3; ++channel)
      for (uint32_t y = 0; y < side; ++y) {
        const uint64_t first = uint64_t{place.row * side + y} * picture.size.width + place.column * side;
        const uint8_t* from = picture.rgb.data() + 3 * first + channel;
        for (uint32_t x = 0; x < side; ++x, from += 3)
          *value++ =
              (static_cast<float>(*from) / 255.0f - spec.picture.mean[channel]) / spec.picture.deviation[channel];
      }
    to += columns;
  }
  return rows;
}

std::vector<float> patch_additions(const Tower& tower, PatchGrid grid, const PatchOrder& order) {
  const TowerSpec& spec = tower.spec();
  const TowerWeights& weights = tower.weights();
  const size_t width = spec.layers.width, stride = row_stride(spec.layers.width);
  const Positions positions(tower, grid);
  std::vector<float> rows((order.patches.size() + (spec.class_row ? 1 : 0)) * stride);
  std::span<float> left = rows;
  if (spec.class_row) {
    for (size_t i = 0; i < width; ++i) left[i] = weights.class_row[i] + weights.positions[i];
    left = left.subspan(stride);
  }
  for (const PatchOrder::Place& place : order.patches) {
    if (!weights.bias.empty()) std::copy(weights.bias.begin(), weights.bias.end(), left.begin());
    positions.add(place, left.first(width));
    left = left.subspan(stride);
  }
  return rows;
}

}  // namespace pumice
