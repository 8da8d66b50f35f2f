// The rotation of one position for pair i of a head; see shared/rope.h for the frequencies.
#include "lib/numerics.glsl"
vec2 rope_cos_sin(uvec2 frequency, uint position) {
  uint high, low;
  umulExtended(position, frequency.x, high, low);
  return cos_sin_turns(position * frequency.y + high);
}
