#version 450
// One mesh, many objects: a matrix and a colour each. With `flat_on_ground` the object's shadow: along the light onto
// the ground.

layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;
layout(location = 2) in mat4 model;
layout(location = 6) in vec4 colour; // a: how much of it glows

layout(push_constant) uniform Push {
  mat4 view_projection;
  vec4 eye;   // w: seconds
  vec4 light; // towards it
};

layout(constant_id = 0) const int flat_on_ground = 0;

layout(location = 0) out vec3 world_position;
layout(location = 1) out vec3 world_normal;
layout(location = 2) out vec4 object_colour;

void main() {
  vec4 at = model * vec4(position, 1.0);
  if (flat_on_ground != 0) at.xyz = vec3(at.xz - light.xz / light.y * max(at.y, 0.0), 0.02).xzy;
  world_position = at.xyz;
  world_normal = mat3(model) * normal;
  object_colour = colour;
  gl_Position = view_projection * at;
}
