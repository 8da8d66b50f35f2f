// Pictures in a text: what stands around and between their parts.
//
// Thread rule: pure functions.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/picture_sizes.h"
#include "text/tokenizer.h"

namespace pumice {

// Ids before each part of a picture, and behind the last one: one more than there are parts. kUnsupported: the
// vocabulary lacks a marker of the model's.
Result<std::vector<std::vector<int32_t>>> picture_marks(const TowerSpec& spec, std::span<const PicturePart> parts,
                                                        const Tokenizer& tokenizer);

}  // namespace pumice
