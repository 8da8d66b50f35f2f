// A dimension of a head rotated by position. The includer has p.rotary and p.half_pairs, frequencies[], and ROPE_X, an
// array of floats.
#include "lib/rope.glsl"

bool first_of_pair(uint d) { return p.half_pairs == 0u ? (d & 1u) == 0u : d < p.rotary / 2u; }

// What dimension d and its partner are multiplied with.
vec2 rope_factors(uint d, uint position) {
  if (d >= p.rotary) return vec2(1.0, 0.0);
  const uint pair = p.half_pairs == 0u ? d / 2u : d % (p.rotary / 2u);
  const vec2 cs = rope_cos_sin(frequencies[pair], position);
  return first_of_pair(d) ? vec2(cs.x, -cs.y) : cs;
}

// Dimension d of the head that begins at `from`.
float rotated(uint from, uint d, vec2 factors) {
  const float own = ROPE_X[from + d];
  if (d >= p.rotary) return own;
  const uint distance = p.half_pairs == 0u ? 1u : p.rotary / 2u;
  return own * factors.x + ROPE_X[from + (first_of_pair(d) ? d + distance : d - distance)] * factors.y;
}
