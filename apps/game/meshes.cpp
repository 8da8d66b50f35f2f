#include "game/meshes.h"

namespace pumice_game {

namespace {

void add_quad(Mesh* mesh, const std::array<Vec3, 4>& corners) {
  const Vec3 normal = normalised(cross(corners[1] - corners[0], corners[2] - corners[0]));
  const auto first = static_cast<std::uint16_t>(mesh->vertices.size());
  for (const Vec3& corner : corners) mesh->vertices.push_back({corner, normal});
  for (const int i : {0, 1, 2, 0, 2, 3}) mesh->indices.push_back(static_cast<std::uint16_t>(first + i));
}

Mesh box() {
  Mesh mesh;
  const float h = 0.5f;
  add_quad(&mesh, {{{-h, -h, h}, {h, -h, h}, {h, h, h}, {-h, h, h}}});
  add_quad(&mesh, {{{h, -h, -h}, {-h, -h, -h}, {-h, h, -h}, {h, h, -h}}});
  add_quad(&mesh, {{{h, -h, h}, {h, -h, -h}, {h, h, -h}, {h, h, h}}});
  add_quad(&mesh, {{{-h, -h, -h}, {-h, -h, h}, {-h, h, h}, {-h, h, -h}}});
  add_quad(&mesh, {{{-h, h, h}, {h, h, h}, {h, h, -h}, {-h, h, -h}}});
  add_quad(&mesh, {{{-h, -h, -h}, {h, -h, -h}, {h, -h, h}, {-h, -h, h}}});
  return mesh;
}

// Rings from the bottom to the top, smooth around the axis. Each is {radius, height, normal's share upwards}.
Mesh turned(const std::vector<Vec3>& rings, int sides) {
  Mesh mesh;
  for (const Vec3& ring : rings)
    for (int i = 0; i <= sides; ++i) {
      const float angle = 2 * kPi * static_cast<float>(i) / static_cast<float>(sides);
      const float out = std::sqrt(1 - ring.z * ring.z);
      const float s = std::sin(angle), c = std::cos(angle);
      mesh.vertices.push_back({{ring.x * s, ring.y, ring.x * c}, {out * s, ring.z, out * c}});
    }
  for (std::size_t ring = 0; ring + 1 < rings.size(); ++ring)
    for (int i = 0; i < sides; ++i) {
      const auto at =
          static_cast<std::uint16_t>(ring * static_cast<std::size_t>(sides + 1) + static_cast<std::size_t>(i));
      const auto above = static_cast<std::uint16_t>(at + sides + 1);
      for (const int index : {at + 0, at + 1, above + 1, at + 0, above + 1, above + 0})
        mesh.indices.push_back(static_cast<std::uint16_t>(index));
    }
  return mesh;
}

Mesh ball(int ring_count, int sides) {
  std::vector<Vec3> rings;
  for (int i = 0; i <= ring_count; ++i) {
    const float angle = kPi * (static_cast<float>(i) / static_cast<float>(ring_count) - 0.5f);
    rings.push_back({0.5f * std::cos(angle), 0.5f * std::sin(angle), std::sin(angle)});
  }
  return turned(rings, sides);
}

}  // namespace

Mesh make_mesh(Shape shape) {
  Mesh mesh;
  switch (shape) {
    case kBox:
      return box();
    case kBall:
    case kShapes:
      return ball(6, 10);
    case kSpark:
      return ball(3, 5);
    case kCone:
      return turned({{0, -0.5f, -1}, {0.5f, -0.5f, -1}, {0.5f, -0.5f, 0.45f}, {0, 0.5f, 0.45f}}, 9);
    case kPillar:
      return turned({{0.5f, -0.5f, 0}, {0.5f, 0.5f, 0}, {0.5f, 0.5f, 1}, {0, 0.5f, 1}}, 8);
    case kGround: {
      const float h = 200;
      add_quad(&mesh, {{{-h, 0, h}, {h, 0, h}, {h, 0, -h}, {-h, 0, -h}}});
      return mesh;
    }
  }
  return mesh;
}

}  // namespace pumice_game
