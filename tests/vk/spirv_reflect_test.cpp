// reflect: every embedded shader agrees with its shared header, and damaged words are refused or read without harm.
#include "vk/spirv_reflect.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "shared/activation.h"
#include "shared/argmax.h"
#include "shared/attention.h"
#include "shared/combine.h"
#include "shared/embedding.h"
#include "shared/expert_tiles.h"
#include "shared/kv_shift.h"
#include "shared/kv_write.h"
#include "shared/lora.h"
#include "shared/matmul.h"
#include "shared/matvec.h"
#include "shared/quantize.h"
#include "shared/recurrence.h"
#include "shared/rms_norm.h"
#include "shared/roof.h"
#include "shared/route.h"
#include "shared/sample.h"
#include "shared/short_conv.h"
#include "shared/ssru.h"
#include "support/generator.h"
#include "vk/embedded_shaders.h"
#include "vk/spirv_operation.h"

namespace pumice::vk::spirv_reflect_test {

struct Expected {
  uint32_t bindings;
  size_t push_bytes;
  std::vector<uint32_t> spec_ids;
  uint32_t local_size;       // or
  bool chosen_size = false;  // specialisation constant 0
  bool optional = false;     // not every shader compiler makes it
};

const std::map<std::string, Expected> kExpected = {
    {"activation", {kActivationBindings, sizeof(ActivationPush), {}, kActivationWorkgroup}},
    {"argmax", {kArgmaxBindings, sizeof(ArgmaxPush), {0}, 0, true}},
    {"attention", {kAttentionBindings, sizeof(AttentionPush), {0, 1, 2, 3, 4, 7, 8, 9, 10, 14}, 0, true}},
    {"attention.shared.mixed",
     {kAttentionMixedBindings, sizeof(AttentionPush), {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14}, 0, true}},
    {"attention.subgroup.mixed",
     {kAttentionMixedBindings, sizeof(AttentionPush), {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14}, 0, true}},
    {"attention_coopmat",
     {kAttentionPrefillBindings, sizeof(AttentionPush), {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14}, 0, true, true}},
    {"attention_coopmat.mixed",
     {kAttentionPrefillBindings,
      sizeof(AttentionPush),
      {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14},
      0,
      true,
      true}},
    {"attention_cpu_decode", {kAttentionBindings, sizeof(AttentionPush), {0, 1, 2, 3, 4, 7, 10, 14}, 0, true}},
    {"attention_cpu_decode.mixed",
     {kAttentionMixedBindings, sizeof(AttentionPush), {0, 1, 2, 3, 4, 5, 6, 7, 10, 14}, 0, true}},
    {"attention_cpu_prefill.mixed",
     {kAttentionPrefillBindings, sizeof(AttentionPush), {0, 1, 2, 3, 4, 5, 6, 10, 14}, 0, true}},
    {"attention_tile.mixed",
     {kAttentionPrefillBindings, sizeof(AttentionPush), {0, 1, 2, 3, 4, 5, 6, 8, 10, 14}, 0, true}},
    {"attention_cpu_prefill", {kAttentionPrefillBindings, sizeof(AttentionPush), {0, 1, 2, 3, 10, 14}, 0, true}},
    {"attention_tile", {kAttentionPrefillBindings, sizeof(AttentionPush), {0, 1, 2, 3, 8, 10, 14}, 0, true}},
    {"combine", {kCombineBindings, sizeof(CombinePush), {}, kCombineWorkgroup}},
    {"expert_tiles", {kExpertTilesBindings, sizeof(ExpertTilesPush), {}, kExpertTilesWorkgroup}},
    {"embedding", {kEmbeddingBindings, sizeof(EmbeddingPush), {}, kEmbeddingWorkgroup}},
    {"kv_write", {kKvWriteBindings, sizeof(KvWritePush), {}, kKvWriteWorkgroup}},
    {"kv_write_mixed", {kKvWriteBindings, sizeof(KvWritePush), {0, 1, 2, 3, 4, 5}, 0, true}},
    {"kv_shift", {kKvShiftBindings, sizeof(KvShiftPush), {}, kKvShiftWorkgroup}},
    {"lora", {kLoraBindings, sizeof(LoraPush), {}, kLoraWorkgroup}},
    {"matmul", {kMatmulBindings, sizeof(MatmulPush), {0, 1, 2, 3, 4, 5}, 0, true}},
    {"matmul_coopmat",
     {kMatmulQuantisedBindings, sizeof(MatmulPush), {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, 0, true, true}},
    {"matmul_coopmat_half",
     {kMatmulQuantisedBindings, sizeof(MatmulPush), {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, 0, true, true}},
    {"matmul_coopmat2",
     {kMatmulQuantisedBindings, sizeof(MatmulPush), {1, 2, 3, 4, 5}, kMatmulCoopmat2Workgroup, false, true}},
    {"matmul_panel", {kMatmulBindings, sizeof(MatmulPush), {0, 1, 2, 3, 4, 5}, 0, true}},
    {"matmul_dot", {kMatmulQuantisedBindings, sizeof(MatmulPush), {0, 1, 2, 3, 4, 5}, 0, true, true}},
    {"matvec", {kMatvecBindings, sizeof(MatvecPush), {0, 1, 2, 3, 4}, 0, true}},
    {"matvec.addressed", {kMatvecBindings, sizeof(MatvecPush), {0, 1, 2, 3}, 0, true}},
    {"matvec.lanes", {kMatvecBindings, sizeof(MatvecPush), {0, 1, 2, 3}, 0, true}},
    {"matvec_dot", {kMatvecDotBindings, sizeof(MatmulPush), {0, 1, 2, 3}, 0, true, true}},
    {"quantize", {kQuantizeBindings, sizeof(QuantizePush), {}, kQuantizeWorkgroup}},
    {"quantize_f16", {kQuantizeBindings, sizeof(QuantizePush), {0}, 0, true}},
    {"recurrence", {kRecurrenceBindings, sizeof(RecurrencePush), {0, 1, 2}, 0, true}},
    {"recurrence_chunks", {kRecurrenceBindings, sizeof(RecurrencePush), {0, 1, 2, 3}, 0, true}},
    {"short_conv", {kShortConvBindings, sizeof(ShortConvPush), {}, kShortConvWorkgroup}},
    {"ssru", {kSsruBindings, sizeof(SsruPush), {}, kSsruWorkgroup}},
    {"route", {kRouteBindings, sizeof(RoutePush), {0}, 0, true}},
    {"rms_norm", {kRmsNormBindings, sizeof(RmsNormPush), {0}, 0, true}},
    {"roof", {kRoofBindings, sizeof(RoofPush), {0}, 0, true}},
    {"roof.matrix", {kRoofBindings, sizeof(RoofPush), {0, 1, 2, 3}, 0, true, true}},
    {"sample", {kSampleBindings, sizeof(SamplePush), {0}, 0, true}},
};

TEST(SpirvReflect, EveryShaderAgreesWithItsHeader) {
  ASSERT_FALSE(embedded_shaders().empty());
  std::map<std::string, int> seen;
  for (const EmbeddedShader& shader : embedded_shaders()) {
    std::string kernel(shader.name);
    while (!kExpected.contains(kernel) && kernel.find('.') != std::string::npos) kernel.resize(kernel.rfind('.'));
    SCOPED_TRACE(shader.name);
    ++seen[kernel];
    ASSERT_TRUE(kExpected.contains(kernel)) << "a kernel that this test does not know";
    const Expected& expected = kExpected.at(kernel);
    const auto interface = reflect(*spirv_of(shader));
    ASSERT_TRUE(interface.ok()) << interface.error().message;
    EXPECT_EQ(interface->bindings.size(), expected.bindings);
    EXPECT_EQ(interface->push_bytes, expected.push_bytes);
    EXPECT_LE(interface->push_bytes, 128u) << "more than every device has";
    EXPECT_EQ(interface->spec_ids, expected.spec_ids);
    EXPECT_EQ(interface->local_size_id[0], expected.chosen_size ? 0 : ShaderInterface::kFixed);
    if (!expected.chosen_size) {
      EXPECT_EQ(interface->local_size[0], expected.local_size);
    }
    EXPECT_EQ(interface->local_size[1], 1u);
    EXPECT_EQ(interface->local_size[2], 1u);
    EXPECT_EQ(find_embedded_shader(shader.name), &shader);
  }
  for (const auto& [kernel, expected] : kExpected) EXPECT_TRUE(seen[kernel] > 0 || expected.optional) << kernel;
  EXPECT_EQ(find_embedded_shader("activation.nothing"), nullptr);
}

TEST(SpirvReflect, AccessIsThatOfTheShader) {
  const auto activation = reflect(*spirv_of(*find_embedded_shader("activation")));
  ASSERT_TRUE(activation.ok());
  for (const uint32_t input : {0u, 1u}) {
    EXPECT_TRUE(activation->bindings[input].read);
    EXPECT_FALSE(activation->bindings[input].write);
  }
  EXPECT_FALSE(activation->bindings[2].read);
  EXPECT_TRUE(activation->bindings[2].write);
  const auto matmul = reflect(*spirv_of(*find_embedded_shader("matmul.f32")));
  ASSERT_TRUE(matmul.ok());
  EXPECT_TRUE(matmul->bindings[3].read && matmul->bindings[3].write) << "accumulation reads y";
  EXPECT_EQ(matmul->shared_variables, 3u);
}

uint64_t shared_bytes(const char* name, const std::vector<uint32_t>& constants) {
  const auto shader = reflect(*spirv_of(*find_embedded_shader(name)), constants);
  EXPECT_TRUE(shader.ok()) << name;
  return shader ? shader->shared_bytes : 0;
}

// By the declarations in the shaders: arrays whose lengths are arithmetic on the constants.
TEST(SpirvReflect, SharedMemoryFollowsTheConstants) {
  EXPECT_EQ(shared_bytes("activation", {}), 0u);
  EXPECT_EQ(shared_bytes("rms_norm.shared", {64}), 4u * 64);
  EXPECT_EQ(shared_bytes("rms_norm.shared", {512}), 4u * 512);
  EXPECT_EQ(shared_bytes("rms_norm.subgroup", {32}), 0u);
}

TEST(SpirvReflect, LocalSizeFollowsTheConstants) {
  const uint32_t constants[] = {96};
  const auto shader = reflect(*spirv_of(*find_embedded_shader("rms_norm.shared")), constants);
  ASSERT_TRUE(shader.ok());
  EXPECT_EQ(shader->local_size[0], 96u);
  EXPECT_EQ(shader->invocations(), 96u);
}

TEST(SpirvOperation, IsThatOfTheSpecification) {
  const auto value = [](uint32_t op, uint32_t a, uint32_t b = 0, uint32_t c = 0) {
    return evaluate_spirv_operation(op, a, b, c).value_or(0xdeadu);
  };
  EXPECT_EQ(value(128, 3, 4), 7u);
  EXPECT_EQ(value(130, 3, 4), 0xffffffffu);
  EXPECT_EQ(value(132, 3, 4), 12u);
  EXPECT_EQ(value(134, 0xfffffffeu, 2), 0x7fffffffu);
  EXPECT_EQ(value(135, 0xfffffffeu, 2), 0xffffffffu);
  EXPECT_EQ(value(134, 1, 0), 0u) << "undefined, but no crash";
  EXPECT_EQ(value(135, 0x80000000u, 0xffffffffu), 0u);
  EXPECT_EQ(value(137, 7, 4), 3u);
  EXPECT_EQ(value(169, 1, 5, 6), 5u);
  EXPECT_EQ(value(169, 0, 5, 6), 6u);
  EXPECT_EQ(value(172, 0xffffffffu, 0), 1u);
  EXPECT_EQ(value(173, 0xffffffffu, 0), 0u);
  EXPECT_EQ(value(195, 0x80000000u, 4), 0xf8000000u);
  EXPECT_EQ(value(196, 1, 5), 32u);
  EXPECT_FALSE(evaluate_spirv_operation(1, 0, 0, 0).has_value());
}

TEST(SpirvReflect, RefusesWhatIsNoShader) {
  EXPECT_EQ(reflect({}).error().status, Status::kMalformed);
  const uint32_t zeros[8] = {};
  EXPECT_FALSE(reflect(zeros).ok());
  const uint32_t header[] = {0x07230203, 0x10500, 0, 1, 0};
  EXPECT_FALSE(reflect(std::span(header).first(4)).ok());
  const uint32_t no_length[] = {0x07230203, 0x10500, 0, 1, 0, 0x00000047};
  EXPECT_FALSE(reflect(no_length).ok());
  const uint32_t beyond[] = {0x07230203, 0x10500, 0, 1, 0, 0x00040047};
  EXPECT_FALSE(reflect(beyond).ok());
  const uint32_t short_variable[] = {0x07230203, 0x10500, 0, 1, 0, 0x0002003b, 1};
  EXPECT_FALSE(reflect(short_variable).ok());
  const uint32_t unbound[] = {0x07230203, 0x10500, 0, 1, 0, 0x0004003b, 1, 2, 12};
  EXPECT_FALSE(reflect(unbound).ok()) << "a storage buffer without a type or a binding";
}

TEST(SpirvReflect, DamagedWordsDoNoHarm) {
  const std::vector<uint32_t> module = *spirv_of(*find_embedded_shader("matvec.subgroup.q4_k"));
  const std::span whole(module);
  size_t refused = 0;
  for (size_t length = 0; length < whole.size(); length += 1 + length / 100)
    refused += !reflect(whole.first(length)).ok();
  EXPECT_GT(refused, 100u);
  test::Generator random(1);
  for (int round = 0; round < 2000; ++round) {
    std::vector<uint32_t> words(whole.begin(), whole.end());
    for (uint32_t i = 0; i <= random.below(4); ++i)
      words[random.below(static_cast<uint32_t>(words.size()))] =
          static_cast<uint32_t>(random.bits() >> random.below(33));
    static_cast<void>(reflect(words).ok());
  }
}

}  // namespace pumice::vk::spirv_reflect_test
