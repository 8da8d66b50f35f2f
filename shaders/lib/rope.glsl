// The rotation of one position for a pair of a head's dimensions (Su et al. 2021, RoFormer). A frequency is the
// fraction of a turn that one position makes, as a 64-bit fixed-point number (low word, high word), so that the angle
// of any position is exact. Its two lowest bits, which are worth nothing, say along which axis of a picture's grid the
// pair turns, too: none, its rows, its columns.
#include "lib/numerics.glsl"
vec2 rope_cos_sin(uvec2 frequency, uint position) {
  uint high, low;
  umulExtended(position, frequency.x, high, low);
  return cos_sin_turns(position * frequency.y + high);
}
uint along_axis(uvec2 frequency, uint grid) {
  const uint axis = frequency.x & 3u;
  return axis == 0u ? 0u : axis == 1u ? grid & 0xffffu : grid >> 16;
}
