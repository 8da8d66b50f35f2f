// The world as a picture: which shapes it is made of, and from where it is seen.
#pragma once

#include <optional>

#include "game/meshes.h"
#include "game/world.h"

namespace pumice_game {

Picture picture_of(const World& world, float aspect);

// Where something is on a screen of this size, in pixels; nothing: behind the eye.
struct ScreenPoint {
  float x = 0, y = 0;
};
std::optional<ScreenPoint> on_screen(const Picture& picture, Vec3 at, float width, float height);
Vec3 above_head(const World& world, std::size_t body);

}  // namespace pumice_game
