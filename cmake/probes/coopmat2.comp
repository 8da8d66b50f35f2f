#version 450
#extension GL_KHR_cooperative_matrix : require
#extension GL_NV_cooperative_matrix2 : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_EXT_shader_16bit_storage : require
layout(local_size_x = 128) in;
layout(binding = 0) buffer Data { float16_t data[]; };
void main() {
  coopmat<float16_t, gl_ScopeWorkgroup, 64, 32, gl_MatrixUseA> a;
  tensorLayoutNV<2> layout_of_data = createTensorLayoutNV(2);
  layout_of_data = setTensorLayoutDimensionNV(layout_of_data, 64, 32);
  coopMatLoadTensorNV(a, data, 0, sliceTensorLayoutNV(layout_of_data, 0, 64, 0, 32));
  coopMatStoreTensorNV(a, data, 0, sliceTensorLayoutNV(layout_of_data, 0, 64, 0, 32));
}
