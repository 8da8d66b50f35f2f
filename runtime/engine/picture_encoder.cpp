#include "engine/picture_encoder.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace pumice {
namespace {

constexpr uint64_t kPreprocessing = 1;  // counted up when pixels become others

}  // namespace

Result<std::vector<std::shared_ptr<const PictureContent>>> PictureEncoder::contents(
    const Picture& picture, const RowLimits& limits, std::vector<PicturePart>* places) const {
  std::vector<PicturePart> parts = prepare_picture(tower_.spec(), picture, limits);
  std::vector<std::shared_ptr<const PictureContent>> contents;
  for (PicturePart& part : parts) {
    PUMICE_ASSIGN([[maybe_unused]] const PatchGrid grid, patch_grid(tower_.spec(), part.picture.size));
    auto content = std::make_shared<PictureContent>();
    content->grid = row_grid(tower_.spec(), part.picture.size);
    content->turns_by_grid = spec_.turns_by_grid();
    KeyHasher hasher(Secret{});
    content->identity = hasher.field("projector", fingerprint_)
                            .field("preprocessing", kPreprocessing)
                            .field("width", part.picture.size.width)
                            .field("height", part.picture.size.height)
                            .field("pixels", std::as_bytes(std::span(part.picture.rgb)))
                            .finish();
    content->picture = std::move(part.picture);
    contents.push_back(std::move(content));
  }
  if (places) *places = std::move(parts);
  return contents;
}

std::vector<float> PictureEncoder::with_breaks(const PictureContent& content, std::vector<float> rows) const {
  if (!content.grid.breaks) return rows;
  const std::vector<float>& stop = tower_.weights().row_break;
  const auto line = static_cast<ptrdiff_t>(size_t{content.grid.columns} * tower_.spec().row_width());
  std::vector<float> broken;
  for (uint32_t row = 0; row < content.grid.rows; ++row) {
    if (row > 0) broken.insert(broken.end(), stop.begin(), stop.end());
    broken.insert(broken.end(), rows.begin() + row * line, rows.begin() + (row + 1) * line);
  }
  return broken;
}

Result<PictureEncoder::Rows> PictureEncoder::rows(const PictureContent& content) {
  const auto found = std::ranges::find(entries_, content.identity, &Entry::identity);
  if (found != entries_.end()) {
    ++stats_.found;
    entries_.splice(entries_.begin(), entries_, found);
    return found->rows;
  }
  const auto start = std::chrono::steady_clock::now();
  PUMICE_ASSIGN(std::vector<float> computed, step_.run(content.picture));
  auto rows = std::make_shared<const std::vector<float>>(with_breaks(content, std::move(computed)));
  ++stats_.computed;
  stats_.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  entries_.push_front({content.identity, rows});
  bytes_ += rows->size() * sizeof(float);
  while (bytes_ > cache_bytes_ && entries_.size() > 1) {
    bytes_ -= entries_.back().rows->size() * sizeof(float);
    entries_.pop_back();
  }
  return rows;
}

}  // namespace pumice
