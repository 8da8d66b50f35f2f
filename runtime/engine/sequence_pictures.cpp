#include "engine/sequence_pictures.h"

#include <algorithm>
#include <cstring>

namespace pumice {

std::vector<int32_t> picture_tokens(const PictureContent& content) {
  constexpr uint32_t kPictureBit = 0x80000000u;
  constexpr size_t kPerHash = sizeof(PageKey) / sizeof(uint32_t);
  std::vector<int32_t> tokens;
  uint32_t words[kPerHash];
  for (uint32_t row = 0; row < content.rows(); ++row) {
    if (row % kPerHash == 0) {
      KeyHasher hasher(Secret{});
      const PageKey hash = hasher.field("rows of", content.identity.bytes).field("from", row).finish();
      std::memcpy(words, hash.bytes.data(), sizeof words);
    }
    tokens.push_back(static_cast<int32_t>(words[row % kPerHash] | kPictureBit));
  }
  return tokens;
}

uint32_t turn_behind(SequencePictures pictures, uint32_t position) {
  uint32_t turn = 0;
  for (const SequencePicture& picture : pictures)
    if (picture.end() <= position) turn += picture.content->positions() - picture.content->rows();
  return turn;
}

const SequencePicture* picture_at(SequencePictures pictures, uint32_t position) {
  const auto found = std::find_if(pictures.begin(), pictures.end(), [&](const SequencePicture& picture) {
    return picture.first <= position && position < picture.end();
  });
  return found == pictures.end() ? nullptr : &*found;
}

}  // namespace pumice
