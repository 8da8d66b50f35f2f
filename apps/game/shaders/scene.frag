#version 450
// Sun, sky and the fire, and haze in the distance. The ground has its colour from where it is, so that a shadow on it
// is the same colour, darker, however many lie above each other.

layout(location = 0) in vec3 world_position;
layout(location = 1) in vec3 world_normal;
layout(location = 2) in vec4 object_colour;

layout(push_constant) uniform Push {
  mat4 view_projection;
  vec4 eye;   // w: seconds
  vec4 light; // towards it
};

layout(constant_id = 0) const int flat_on_ground = 0;
layout(constant_id = 1) const int is_ground = 0;

layout(location = 0) out vec4 result;

const vec3 kHaze = vec3(0.78, 0.72, 0.66);

float hash(vec2 p) { return fract(sin(dot(p, vec2(12.9898, 78.233))) * 43758.547); }
float noise(vec2 p) {
  const vec2 i = floor(p), f = smoothstep(0.0, 1.0, fract(p));
  return mix(mix(hash(i), hash(i + vec2(1, 0)), f.x), mix(hash(i + vec2(0, 1)), hash(i + vec2(1, 1)), f.x), f.y);
}

vec3 ground_colour(vec2 p) {
  const float patches = noise(p * 0.35) * 0.6 + noise(p * 2.1) * 0.4;
  const vec3 grass = mix(vec3(0.16, 0.27, 0.08), vec3(0.30, 0.38, 0.13), patches);
  const float path = smoothstep(2.6, 1.7, abs(length(p) - 6.5) + noise(p * 1.3) * 0.7 + 0.6);
  return mix(grass, vec3(0.42, 0.34, 0.23), path * 0.8);
}

void main() {
  const bool ground = is_ground != 0 || flat_on_ground != 0;
  const vec3 base = ground ? ground_colour(world_position.xz) : object_colour.rgb;
  const vec3 n = ground ? vec3(0, 1, 0) : normalize(world_normal);
  const float sun = flat_on_ground != 0 ? 0.0 : max(dot(n, light.xyz), 0.0);
  const vec3 sky = mix(vec3(0.20, 0.17, 0.15), vec3(0.40, 0.46, 0.56), n.y * 0.5 + 0.5);
  const vec3 to_fire = vec3(0, 0.9, 0) - world_position;
  const float flicker = 1.0 + 0.15 * sin(eye.w * 11.0) + 0.1 * sin(eye.w * 27.0);
  const float fire = flicker * (0.4 + 0.6 * max(dot(n, normalize(to_fire)), 0.0)) / (1.0 + 0.5 * dot(to_fire, to_fire));
  vec3 lit = base * (sky + sun * vec3(1.25, 1.08, 0.82) + fire * vec3(2.6, 1.2, 0.4));
  lit = mix(lit, object_colour.rgb * 1.6, ground ? 0.0 : object_colour.a);
  const float haze = 1.0 - exp(-max(length(world_position - eye.xyz) - 14.0, 0.0) * 0.022);
  lit = mix(lit, kHaze, haze);
  result = vec4(pow(lit, vec3(1.0 / 1.8)), 1.0);
}
