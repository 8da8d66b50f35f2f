// Memory by its address, for software drivers; after lib/quants.glsl. On llvmpipe of Mesa 26 a load from a buffer that
// is bound takes 3 to 4 cycles with one address for all lanes, because of its bounds check, and 12 with one for each;
// by address the former is one instruction that fills a register with the value, and eight such loads of neighbours
// become one load of a register.
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference_uvec2 : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_KHR_shader_subgroup_ballot : require

#define LANE gl_SubgroupInvocationID

layout(buffer_reference, std430, buffer_reference_align = 4) readonly buffer ConstantValue { float value; };
layout(buffer_reference, std430, buffer_reference_align = 4) buffer Value { float value; };

uvec2 address(uint64_t base, uint i) { return unpackUint2x32(base + 4ul * i); }
// Value i from `base` on, which nothing in this dispatch writes; the same for all lanes.
float constant_at(uint64_t base, uint i) { return ConstantValue(address(base, i)).value; }
// A register that has in lane i what `element`, an expression of `lane`, is for i.
#define LANES_OF(name, element)                                                  \
  float name;                                                                    \
  {                                                                              \
    float each[8];                                                               \
    FOR(lane, 8u) each[lane] = element;                                          \
    name = each[0];                                                              \
    FOR(lane, 7u) name = mix(name, each[lane + 1u], LANE == lane + 1u);          \
  }

// Word w of a record of `words` words, of each lane's row.
uint record_word(uint64_t record, uint words, uint w) {
  const bool in_quad = w < words / 4u * 4u;
  const uint first = (in_quad ? w / 4u : words / 4u) * QUAD_STRIDE + w % 4u, stride = in_quad ? 4u : words % 4u;
  LANES_OF(word, constant_at(record, first + lane * stride))
  return floatBitsToUint(word);
}

#if SCALE_WORDS
UnitScale scale_of(uint64_t records, uint unit) {
  const uint64_t record = records + 4ul * (unit / SCALE_UNITS * SCALE_WORDS * kRowInterleave);
  uint words[SCALE_WORDS];
  FOR(i, SCALE_WORDS) words[i] = record_word(record, SCALE_WORDS, i);
  return quant_scale(words, unit % SCALE_UNITS);
}
#else
UnitScale scale_of(uint64_t records, uint unit) { return UnitScale(1.0, 1.0, 0.0, 0.0); }
#endif
