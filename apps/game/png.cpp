#include "game/png.h"

#include <png.h>

namespace pumice_game {

void write_png(const std::string& path, const Screenshot& shot) {
  std::vector<std::uint8_t> rgb;
  rgb.reserve(shot.pixels.size() / 4 * 3);
  for (std::size_t i = 0; i + 3 < shot.pixels.size(); i += 4)
    rgb.insert(rgb.end(), shot.pixels.begin() + static_cast<std::ptrdiff_t>(i),
               shot.pixels.begin() + static_cast<std::ptrdiff_t>(i + 3));
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  image.width = shot.extent.width;
  image.height = shot.extent.height;
  image.format = PNG_FORMAT_RGB;
  if (png_image_write_to_file(&image, path.c_str(), 0, rgb.data(), 0, nullptr) == 0)
    throw Failure(kExitIo, "cannot write " + path + ": " + image.message);
}

}  // namespace pumice_game
