// A dimension of a head rotated by position, and what queries are multiplied with. The includer has p with the members
// of KvWritePush from rotary on, frequencies[], and ROPE_X, an array of floats.
#include "lib/rope.glsl"

bool first_of_pair(uint d) { return p.half_pairs == 0u ? (d & 1u) == 0u : d < p.rotary / 2u; }

// What dimension d and its partner are multiplied with; grid as in StepRow. It loads whatever d is: in a branch the
// loads would wait.
vec2 rope_factors(uint d, uint position, uint grid) {
  const uint pairs = max(p.rotary / 2u, 1u);
  const uvec2 frequency = frequencies[p.half_pairs == 0u ? min(d / 2u, pairs - 1u) : d % pairs];
  const vec2 cs = rope_cos_sin(frequency, position + along_axis(frequency, grid));
  if (d >= p.rotary) return vec2(1.0, 0.0);
  return first_of_pair(d) ? vec2(cs.x, -cs.y) : cs;
}
vec2 rope_factors(uint d, uint position) { return rope_factors(d, position, 0u); }

uint rope_partner(uint d) {
  const uint distance = p.half_pairs == 0u ? 1u : p.rotary / 2u;
  return d >= p.rotary ? d : first_of_pair(d) ? d + distance : d - distance;
}
float rotated(float own, float partner, uint d, vec2 factors) {
  return d < p.rotary ? own * factors.x + partner * factors.y : own;
}
// Dimension d of the head that begins at `from`.
float rotated(uint from, uint d, vec2 factors) {
  return rotated(ROPE_X[from + d], ROPE_X[from + rope_partner(d)], d, factors);
}

float query_factor(uint d, uint position) {
  const float steps = float(position / p.temperature_length + 1u);
  return (d < p.rotary ? p.magnitude : 1.0) * (p.temperature == 0.0 ? 1.0 : 1.0 + p.temperature * log(steps));
}
