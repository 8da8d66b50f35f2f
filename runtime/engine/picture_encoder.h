// PictureEncoder: pictures into rows for a language model, and the rows of the last pictures, by their content.
//
// Thread rule: that of its context.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "engine/sequence_pictures.h"
#include "engine/tower_step.h"

namespace pumice {

struct PictureStats {
  uint64_t computed = 0, found = 0;  // parts of pictures whose rows were needed
  double seconds = 0;                // of computing them
};

class PictureEncoder {
 public:
  static constexpr uint64_t kCacheBytes = uint64_t{256} << 20;

  // The tower outlives it. fingerprint: of the projector's file. spec: of the language model.
  PictureEncoder(const Tower& tower, std::string fingerprint, const ModelSpec& spec, uint64_t cache_bytes = kCacheBytes)
      : tower_(tower), fingerprint_(std::move(fingerprint)), spec_(spec), cache_bytes_(cache_bytes), step_(tower) {}

  const TowerSpec& spec() const { return tower_.spec(); }
  // What the tower sees of a picture, in the order of the text. kUnsupported: the tower takes none of that size.
  Result<std::vector<std::shared_ptr<const PictureContent>>> contents(const Picture& picture, const RowLimits& limits,
                                                                      std::vector<PicturePart>* parts = nullptr) const;
  // Of a part that is as large as the tower takes it.
  Result<std::shared_ptr<const PictureContent>> content(Picture part) const;
  // (rows, row_width): with the breaks. Waits where they are not there.
  using Rows = std::shared_ptr<const std::vector<float>>;
  Result<Rows> rows(const PictureContent& content);
  const PictureStats& stats() const { return stats_; }

 private:
  struct Entry {
    PageKey identity;
    Rows rows;
  };
  std::vector<float> with_breaks(const PictureContent& content, std::vector<float> rows) const;

  const Tower& tower_;
  const std::string fingerprint_;
  const ModelSpec& spec_;
  const uint64_t cache_bytes_;
  TowerStep step_;
  std::list<Entry> entries_;  // the last used first
  uint64_t bytes_ = 0;
  PictureStats stats_;
};

}  // namespace pumice
