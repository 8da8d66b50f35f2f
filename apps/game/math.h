// Vectors and matrices as the shaders have them: columns first, right-handed, depth from 0 to 1.
#pragma once

#include <array>
#include <cmath>

namespace pumice_game {

inline constexpr float kPi = 3.14159265f;

struct Vec3 {
  float x = 0, y = 0, z = 0;
};
inline Vec3 operator+(Vec3 a, Vec3 b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
inline Vec3 operator-(Vec3 a, Vec3 b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
inline Vec3 operator*(Vec3 a, float s) { return {a.x * s, a.y * s, a.z * s}; }
inline float dot(Vec3 a, Vec3 b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
inline Vec3 cross(Vec3 a, Vec3 b) { return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x}; }
inline float length(Vec3 a) { return std::sqrt(dot(a, a)); }
inline Vec3 normalised(Vec3 a) {
  const float l = length(a);
  return l > 1e-6f ? a * (1 / l) : Vec3{0, 1, 0};
}

struct Mat4 {
  std::array<float, 16> m{};  // m[4 * column + row]
};
inline Mat4 operator*(const Mat4& a, const Mat4& b) {
  Mat4 product;
  for (std::size_t column = 0; column < 4; ++column)
    for (std::size_t row = 0; row < 4; ++row)
      for (std::size_t k = 0; k < 4; ++k) product.m[4 * column + row] += a.m[4 * k + row] * b.m[4 * column + k];
  return product;
}
inline Mat4 identity() { return {{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1}}; }
inline Mat4 translation(Vec3 t) { return {{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, t.x, t.y, t.z, 1}}; }
inline Mat4 scaling(Vec3 s) { return {{s.x, 0, 0, 0, 0, s.y, 0, 0, 0, 0, s.z, 0, 0, 0, 0, 1}}; }
// Turns +z towards +x.
inline Mat4 turn_y(float angle) {
  const float c = std::cos(angle), s = std::sin(angle);
  return {{c, 0, -s, 0, 0, 1, 0, 0, s, 0, c, 0, 0, 0, 0, 1}};
}
inline Mat4 turn_x(float angle) {
  const float c = std::cos(angle), s = std::sin(angle);
  return {{1, 0, 0, 0, 0, c, s, 0, 0, -s, c, 0, 0, 0, 0, 1}};
}
inline Mat4 look_at(Vec3 eye, Vec3 at) {
  const Vec3 back = normalised(eye - at), right = normalised(cross({0, 1, 0}, back)), up = cross(back, right);
  return {{right.x, up.x, back.x, 0, right.y, up.y, back.y, 0, right.z, up.z, back.z, 0, -dot(right, eye),
           -dot(up, eye), -dot(back, eye), 1}};
}
// y points down in Vulkan's clip space.
inline Mat4 perspective(float angle_y, float aspect, float near_z, float far_z) {
  const float f = 1 / std::tan(angle_y / 2);
  return {{f / aspect, 0, 0, 0, 0, -f, 0, 0, 0, 0, far_z / (near_z - far_z), -1, 0, 0,
           near_z * far_z / (near_z - far_z), 0}};
}
inline std::array<float, 4> operator*(const Mat4& a, std::array<float, 4> v) {
  std::array<float, 4> out{};
  for (std::size_t row = 0; row < 4; ++row)
    for (std::size_t k = 0; k < 4; ++k) out[row] += a.m[4 * k + row] * v[k];
  return out;
}

}  // namespace pumice_game
