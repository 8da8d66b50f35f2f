// Pictures in a sequence: which of its tokens stand for rows of a picture, and where those are in its grid.
// Thread rule: plain values and pure functions.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/picture_sizes.h"
#include "kv/index/page_key.h"

namespace pumice {

// A part of a picture as the tower sees it. Equal identities are equal rows.
struct PictureContent {
  PageKey identity;
  Picture picture;
  RowGrid grid;
  bool turns_by_grid = false;  // positions as StepRow::grid has them

  uint32_t rows() const { return grid.count(); }
  // By how many positions the text behind it goes on.
  uint32_t positions() const { return turns_by_grid ? std::max(grid.rows, grid.columns) : rows(); }
};

struct SequencePicture {
  uint32_t first = 0;  // token
  std::shared_ptr<const PictureContent> content;
  uint32_t end() const { return first + content->rows(); }
};
using SequencePictures = std::span<const SequencePicture>;  // by position

// The tokens that stand for a picture's rows: negative, so that they are none of a vocabulary.
std::vector<int32_t> picture_tokens(const PictureContent& content);

// What is added to a text token's position where it is rotated, modulo 2^32.
uint32_t turn_behind(SequencePictures pictures, uint32_t position);

// The picture whose row that token is; null: it is text.
const SequencePicture* picture_at(SequencePictures pictures, uint32_t position);

}  // namespace pumice
