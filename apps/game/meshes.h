// The shapes that everything in the scene is made of, and what is drawn of them in a frame.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "game/math.h"

namespace pumice_game {

// kSpark: balls that glow and throw no shadow.
enum Shape : std::size_t { kBox, kBall, kCone, kPillar, kSpark, kGround, kShapes };

struct Vertex {
  Vec3 position, normal;
};

struct Mesh {
  std::vector<Vertex> vertices;
  std::vector<std::uint16_t> indices;
};

// Of side, diameter and height 1 around the origin; the ground is 400 wide.
Mesh make_mesh(Shape shape);

// As scene.vert has it.
struct Instance {
  Mat4 model;
  std::array<float, 4> colour{};  // the last: how much of it glows
};

struct Picture {
  Mat4 view_projection = identity();
  Vec3 eye, light{0, 1, 0};
  float seconds = 0;
  std::array<std::vector<Instance>, kShapes> objects;
};

}  // namespace pumice_game
