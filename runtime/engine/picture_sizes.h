// What a model sees of a picture: the parts that go through its tower, each of a size that the tower wants.
// Thread rule: pure functions.
#pragma once

#include <vector>

#include "media/picture.h"
#include "model/tower.h"

namespace pumice {

// Instead of the model's own; 0: those.
struct RowLimits {
  uint32_t least = 0, most = 0;
};

struct PicturePart {
  Picture picture;
  uint32_t row = 0, column = 0;  // of a tile in its grid, from 1; 0: the whole picture
};

// In the order in which they come in a text.
std::vector<PicturePart> prepare_picture(const TowerSpec& spec, const Picture& picture, const RowLimits& limits);

// Rows that a language model gets for a part, with the breaks between them.
struct RowGrid {
  uint32_t rows = 0, columns = 0;
  bool breaks = false;
  uint32_t count() const { return rows * columns + (breaks ? rows - 1 : 0); }
};
RowGrid row_grid(const TowerSpec& spec, PictureSize size);

}  // namespace pumice
