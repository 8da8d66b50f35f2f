#version 450
// Windows and text of Dear ImGui: positions in pixels.

layout(location = 0) in vec2 position;
layout(location = 1) in vec2 texture_position;
layout(location = 2) in vec4 colour;

layout(push_constant) uniform Push {
  vec2 scale;
  vec2 offset;
};

layout(location = 0) out vec2 at;
layout(location = 1) out vec4 tint;

void main() {
  at = texture_position;
  tint = colour;
  gl_Position = vec4(position * scale + offset, 0.0, 1.0);
}
