// Pictures in a prompt: --mmproj, --image.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "input.h"
#include "pumice/pumice.hpp"

namespace pumice_cli {

struct ImageFlags {
  std::string projector;
  std::vector<std::string> files;
  std::uint32_t min_tokens = 0, max_tokens = 0;
};
void add_image_flags(CLI::App* app, ImageFlags* flags);

// A picture that a prompt took in.
struct ImageUse {
  std::string file;
  PumiceImageInfo info = pumice_image_info_init();
};

// Appends the pictures with the text before and between them: at the places that the model's placeholder marks, or all
// before the text. Returns the ids of the text behind the last one; `continues`: the sequence has begun already. Throws
// Failure.
std::vector<std::int32_t> append_images(const pumice::Model& model, pumice::Sequence& sequence, std::string_view text,
                                        const PromptFlags& prompt, const ImageFlags& flags, bool quiet,
                                        std::vector<ImageUse>* used);

}  // namespace pumice_cli
