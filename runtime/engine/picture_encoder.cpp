#include "engine/picture_encoder.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace pumice {
namespace {

constexpr uint64_t kPreprocessing = 1;  // counted up when pixels become others

}  // namespace

Result<std::shared_ptr<const PictureContent>> PictureEncoder::content(Picture part) const {
  PUMICE_ASSIGN([[maybe_unused]] const PatchGrid grid, patch_grid(tower_.spec(), part.size));
  auto made = std::make_shared<PictureContent>();
  made->grid = row_grid(tower_.spec(), part.size);
  made->turns_by_grid = spec_.turns_by_grid();
  KeyHasher hasher(Secret{});
  made->identity = hasher.field("projector", fingerprint_)
                       .field("preprocessing", kPreprocessing)
                       .field("width", part.size.width)
                       .field("height", part.size.height)
                       .field("pixels", std::as_bytes(std::span(part.rgb)))
                       .finish();
  made->picture = std::move(part);
  return std::shared_ptr<const PictureContent>(std::move(made));
}

Result<std::vector<std::shared_ptr<const PictureContent>>> PictureEncoder::contents(
    const Picture& picture, const RowLimits& limits, std::vector<PicturePart>* places) const {
  std::vector<PicturePart> parts = prepare_picture(tower_.spec(), picture, limits);
  std::vector<std::shared_ptr<const PictureContent>> contents;
  for (PicturePart& part : parts) {
    PUMICE_ASSIGN(auto made, content(std::move(part.picture)));
    contents.push_back(std::move(made));
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
