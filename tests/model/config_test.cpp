// Damaged and hostile model files: each is refused with a clear status, before anything large is made of it.
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "model/model.h"
#include "pumice/pumice.h"
#include "support/engine_fixture.h"

namespace pumice::test::config_test {

using Edit = std::function<bool(GgufWriter::Tensor&)>;
using Keys = std::map<std::string, std::function<void(GgufWriter&)>>;

// One key written otherwise; without a value it is left out.
Keys number(const std::string& key, uint32_t value) {
  return {{key, [=](GgufWriter& w) { w.u32(key, value); }}};
}
Keys real(const std::string& key, float value) {
  return {{key, [=](GgufWriter& w) { w.f32(key, value); }}};
}
Keys text(const std::string& key, const std::string& value) {
  return {{key, [=](GgufWriter& w) { w.string(key, value); }}};
}
Keys array(const std::string& key, const std::vector<int32_t>& values) {
  return {{key, [=](GgufWriter& w) { w.i32s(key, values); }}};
}
Keys left_out(const std::string& key) { return {{key, nullptr}}; }
Keys both(Keys a, const Keys& b) {
  a.insert(b.begin(), b.end());
  return a;
}

Edit without(const std::string& name) {
  return [=](GgufWriter::Tensor& tensor) { return tensor.name != name; };
}
Edit reshaped(const std::string& name, std::vector<uint64_t> dims) {
  return [=](GgufWriter::Tensor& tensor) {
    if (tensor.name != name) return true;
    uint64_t values = 1;
    for (const uint64_t dim : dims) values *= dim;
    tensor.dims = dims;
    tensor.data.resize(4 * values);
    return true;
  };
}
// As zeros of another type.
Edit retyped(const std::string& name, TensorType type) {
  return [=](GgufWriter::Tensor& tensor) {
    if (tensor.name != name) return true;
    const TensorTypeInfo* info = tensor_type_info(type);
    const uint64_t values = tensor.data.size() / 4;
    tensor.type = static_cast<uint32_t>(type);
    tensor.data.assign(values / info->block_values * info->block_bytes, std::byte{0});
    return true;
  };
}
Edit filled(const std::string& name, float value) {
  return [=](GgufWriter::Tensor& tensor) {
    if (tensor.name == name) tensor.data = f32_bytes(std::vector<float>(tensor.data.size() / 4, value));
    return true;
  };
}

struct Hostile {
  const char* what;
  Keys keys;
  Status status;
  const char* mentions;  // part of the message
  Edit edit = nullptr;
};

// A flat table.
std::vector<Hostile> hostile_keys() {
  constexpr Status kMalformed = Status::kMalformed, kUnsupported = Status::kUnsupported;
  const std::string p = "llama.", heads = p + "attention.head_count", eps = p + "attention.layer_norm_rms_epsilon";
  const std::string kv = heads + "_kv", key_length = p + "attention.key_length", scaling = p + "rope.scaling.type";
  const std::string rotary = p + "rope.dimension_count", base = p + "rope.freq_base";
  return {
      {"no architecture", left_out("general.architecture"), kMalformed, "architecture"},
      {"architecture is a number", number("general.architecture", 3), kMalformed, "architecture"},
      {"unknown architecture", text("general.architecture", "no\nsuch"), kUnsupported, "no\\nsuch"},
      {"no layers key", left_out(p + "block_count"), kMalformed, "block_count"},
      {"layers as text", text(p + "block_count", "2"), kMalformed, "block_count"},
      {"no layers", number(p + "block_count", 0), kMalformed, "block_count"},
      {"too many layers", number(p + "block_count", 0xffffffffu), kMalformed, "block_count"},
      {"a negative number",
       {{p + "block_count", [p](GgufWriter& w) { w.i32(p + "block_count", -2); }}},
       kMalformed,
       "block_count"},
      {"no width", number(p + "embedding_length", 0), kMalformed, "embedding_length"},
      {"huge width", number(p + "embedding_length", 0x80000000u), kMalformed, "embedding_length"},
      {"no feed forward", number(p + "feed_forward_length", 0), kMalformed, "feed_forward_length"},
      {"no context", number(p + "context_length", 0), kMalformed, "context_length"},
      {"no heads", number(heads, 0), kMalformed, "head_count"},
      {"heads do not divide the width", both(number(heads, 5), number(kv, 5)), kMalformed, "heads"},
      {"more heads than dimensions", both(number(heads, 128), number(kv, 128)), kMalformed, "heads"},
      {"no kv heads", number(kv, 0), kMalformed, "head_count_kv"},
      {"kv heads do not divide heads", number(kv, 3), kMalformed, "heads"},
      {"more kv heads than heads", number(kv, 8), kMalformed, "head_count_kv"},
      {"odd heads", number(key_length, 15), kMalformed, "head"},
      {"heads of 0", number(key_length, 0), kMalformed, "key_length"},
      {"heads of 2^20", number(key_length, 1u << 20), kMalformed, "key_length"},
      {"values wider than keys", number(p + "attention.value_length", 64), kUnsupported, "dimensions"},
      {"too many rotated dimensions", number(rotary, 32), kMalformed, "dimension_count"},
      {"odd rotated dimensions", number(rotary, 7), kMalformed, "dimension_count"},
      {"no rotated dimensions", number(rotary, 0), kMalformed, "dimension_count"},
      {"eps is not a number", real(eps, NAN), kMalformed, "epsilon"},
      {"eps is negative", real(eps, -1e-5f), kMalformed, "epsilon"},
      {"eps is infinite", real(eps, INFINITY), kMalformed, "epsilon"},
      {"eps is text", text(eps, "1e-5"), kMalformed, "epsilon"},
      {"rotated dimensions as text", text(rotary, "16"), kMalformed, "dimension_count"},
      {"value length as text", text(p + "attention.value_length", "16"), kMalformed, "value_length"},
      {"base as text", text(base, "10000"), kMalformed, "freq_base"},
      {"experts as text", text(p + "expert_count", "8"), kMalformed, "expert_count"},
      {"base of 0", real(base, 0), kMalformed, "base"},
      {"base is not a number", real(base, NAN), kMalformed, "base"},
      {"base is tiny", real(base, 1e-38f), kMalformed, "rope"},
      {"scaling that is not known", text(scaling, "dynamic"), kUnsupported, "dynamic"},
      {"scaling as a number", number(scaling, 1), kMalformed, "rope.scaling.type"},
      {"linear by no number", both(text(scaling, "linear"), real(p + "rope.scaling.factor", NAN)), kMalformed,
       "factor"},
      {"linear by less than 0", real(p + "rope.scaling.factor", -2), kMalformed, "rope.scaling.factor"},
      {"infinite old factor", real(p + "rope.scale_linear", INFINITY), kMalformed, "rope.scale_linear"},
      {"YaRN of no length", both(text(scaling, "yarn"), number(p + "rope.scaling.original_context_length", 0)),
       kMalformed, "original_context_length"},
      {"YaRN of no turns", both(text(scaling, "yarn"), real(p + "rope.scaling.yarn_beta_fast", 0)), kMalformed, "yarn"},
      {"too few numbers for layers", array(heads, {4}), kMalformed, "head_count"},
      {"no number for layers", array(p + "feed_forward_length", {}), kMalformed, "feed_forward_length"},
      {"layers with other heads than tensors have", array(heads, {4, 2}), kMalformed, "blk.1.attn_q"},
      {"a layer without kv heads", array(kv, {2, 0}), kMalformed, "layer 1"},
      {"an array for what all layers share", array(p + "context_length", {64, 64}), kMalformed, "context_length"},
      {"a key nobody knows", real(p + "no_such.key", 1), kUnsupported, "llama.no_such.key"},
      {"a factor of logits", real(p + "logit_scale", 0.5f), kUnsupported, "logit_scale"},
      {"a window", number(p + "attention.sliding_window", 64), kUnsupported, "sliding_window"},
      {"another activation", text(p + "hidden_activation", "gelu"), kUnsupported, "hidden_activation"},
      {"experts of which none is used", number(p + "expert_count", 8), kMalformed, "expert_used_count"},
  };
}

// A flat table.
std::vector<Hostile> hostile_tensors() {
  constexpr Status kMalformed = Status::kMalformed, kUnsupported = Status::kUnsupported;
  const char* factors = "rope_freqs.weight";
  return {
      {"more layers than tensors", number("llama.block_count", 1000), kMalformed, "blk.2."},
      {"no embedding", {}, kMalformed, "token_embd", without("token_embd.weight")},
      {"embedding of another width", {}, kMalformed, "token_embd", reshaped("token_embd.weight", {32, 300})},
      {"no projection", {}, kMalformed, "blk.1.ffn_up", without("blk.1.ffn_up.weight")},
      {"no norm", {}, kMalformed, "blk.0.attn_norm", without("blk.0.attn_norm.weight")},
      {"no output norm", {}, kMalformed, "output_norm", without("output_norm.weight")},
      {"transposed", {}, kMalformed, "blk.0.attn_k", reshaped("blk.0.attn_k.weight", {32, 64})},
      {"short norm", {}, kMalformed, "blk.1.ffn_norm", reshaped("blk.1.ffn_norm.weight", {63})},
      {"short bias", {}, kMalformed, "attn_q.bias", reshaped("blk.0.attn_q.bias", {60})},
      {"output of another height", {}, kMalformed, "output.weight", reshaped("output.weight", {64, 299})},
      {"a type without kernels", {}, kUnsupported, "F64", retyped("blk.0.attn_q.weight", TensorType::kF64)},
      {"integers", {}, kUnsupported, "I32", retyped("blk.1.ffn_gate.weight", TensorType::kI32)},
      {"a norm of integers", {}, kUnsupported, "I32", retyped("blk.1.ffn_norm.weight", TensorType::kI32)},
      {"factors of 0", {}, kMalformed, factors, filled(factors, 0)},
      {"factors are no numbers", {}, kMalformed, factors, filled(factors, NAN)},
      {"too few factors", {}, kMalformed, factors, reshaped(factors, {7})},
      {"factors of another type", {}, kMalformed, factors, retyped(factors, TensorType::kF16)},
  };
}

class ConfigTest : public EngineTest {
 protected:
  static std::vector<std::byte> file_of(const Hostile& hostile) {
    return make_synthetic_model({.separate_output = true,
                                 .biases = true,
                                 .rope_factors = true,
                                 .keys = hostile.keys,
                                 .edit_tensor = hostile.edit});
  }

  void expect_refused(const Hostile& hostile) {
    SCOPED_TRACE(hostile.what);
    const std::vector<std::byte> bytes = file_of(hostile);
    const Result<Gguf> file = Gguf::from_memory(bytes);
    ASSERT_TRUE(file.ok()) << file.error().message;
    const Result<Model> model = Model::load(kernels(), *file, {});
    ASSERT_FALSE(model.ok());
    EXPECT_EQ(static_cast<int>(model.error().status), static_cast<int>(hostile.status)) << model.error().message;
    EXPECT_NE(model.error().message.find(hostile.mentions), std::string::npos) << model.error().message;
    EXPECT_EQ(model.error().message.find('\n'), std::string::npos);
  }
};

TEST_F(ConfigTest, HostileKeysAreRefused) {
  for (const Hostile& hostile : hostile_keys()) expect_refused(hostile);
}

TEST_F(ConfigTest, HostileTensorsAreRefused) {
  for (const Hostile& hostile : hostile_tensors()) expect_refused(hostile);
  EXPECT_TRUE(load(make_synthetic_model({}))) << "the device is usable after all that";
}

// What llama.cpp's saver writes into every file of the family, used or not.
TEST_F(ConfigTest, KeysOfOtherFamiliesAreInertWhereTheyAskForNothing) {
  const std::string p = "llama.";
  Keys keys;
  for (const char* zero :
       {"expert_count", "expert_used_count", "expert_shared_feed_forward_length", "leading_dense_block_count",
        "nextn_predict_layers", "n_deepstack_layers", "decoder_block_count", "rescale_every_n_layers",
        "attention.sliding_window", "attention.q_lora_rank", "attention.key_length_mla", "ssm.inner_size",
        "wkv.head_size", "shortconv.l_cache", "hyper_connection.count", "attention.indexer.top_k"})
    keys.merge(number(p + zero, 0));
  for (const auto& [key, value] : std::map<std::string, float>{{"logit_scale", 0},
                                                               {"residual_scale", 1},
                                                               {"embedding_scale", 0},
                                                               {"attn_logit_softcapping", 50},
                                                               {"final_logit_softcapping", 30},
                                                               {"router_logit_softcapping", 30},
                                                               {"attention.clamp_kqv", 0},
                                                               {"attention.scale", 0},
                                                               {"attention.layer_norm_epsilon", 0.1f},
                                                               {"rope.freq_base_swa", 1e6f},
                                                               {"rope.scaling.yarn_ext_factor", -1},
                                                               {"rope.scaling.attn_factor", 1}})
    keys.merge(real(p + key, value));
  keys.merge(array(p + "rope.dimension_sections", {0, 0, 0, 0}));
  keys.merge(text(p + "rope.section_order", "tyxz"));
  keys.merge(number(p + "vocab_size", 300));
  keys.merge(number("qwen2.block_count", 7));  // of another architecture
  EXPECT_TRUE(load(file_of({"saved", keys, Status::kOk, ""})));
}

// Each is a tensor of some family, or of a layer that the file does not have; ignored, it would change the answer.
TEST_F(ConfigTest, TensorsThatNothingUsesAreRefused) {
  for (const char* name : {"blk.0.attn_q_norm.weight", "blk.1.attn_norm.bias", "output.scale", "blk.0.attn_q.scale",
                           "token_embd.bias", "blk.2.attn_norm.weight", "position_embd.weight",
                           "blk.1.ffn_gate_inp.weight", "blk.0.attn_qkv.bias", "attn_rot_embd"}) {
    SyntheticModel spec;
    spec.more_tensors.push_back({name, {16}, 0, f32_bytes(std::vector<float>(16, 1.0f)), {}});
    const std::vector<std::byte> bytes = make_synthetic_model(spec);
    const Result<Gguf> file = Gguf::from_memory(bytes);
    ASSERT_TRUE(file.ok()) << file.error().message;
    const Result<Model> model = Model::load(kernels(), *file, {});
    ASSERT_FALSE(model.ok()) << name;
    EXPECT_EQ(model.error().status, Status::kUnsupported);
    EXPECT_NE(model.error().message.find(std::string("\"") + name + "\""), std::string::npos) << model.error().message;
    EXPECT_EQ(estimate_weight_bytes(*file).error().message, model.error().message);
  }
}

TEST_F(ConfigTest, AMissingEpsilonIsAWarning) {
  const std::vector<std::byte> bytes =
      file_of({"no eps", left_out("llama.attention.layer_norm_rms_epsilon"), Status::kOk, ""});
  const Result<Gguf> file = Gguf::from_memory(bytes);
  ASSERT_TRUE(file.ok());
  const Result<ModelSpec> spec = describe(*file);
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  ASSERT_EQ(spec->warnings.size(), 1u);
  EXPECT_NE(spec->warnings[0].find("layer_norm_rms_epsilon"), std::string::npos);
  EXPECT_EQ(spec->norm_eps, 1e-5f);
}

TEST_F(ConfigTest, OtherKindsOfFilesAreNamed) {
  for (const auto& [key, value, says] :
       {std::array<std::string, 3>{"general.type", "adapter", "LoRA adapter"},
        std::array<std::string, 3>{"adapter.type", "lora", "LoRA adapter"},
        std::array<std::string, 3>{"general.type", "mmproj", "vision projector"},
        std::array<std::string, 3>{"general.architecture", "clip", "vision projector"},
        std::array<std::string, 3>{"general.type", "imatrix", "importance matrix"},
        std::array<std::string, 3>{"general.architecture", "controlvector", "control vector"}})
    expect_refused({says.c_str(), text(key, value), Status::kUnsupported, says.c_str()});
}

TEST_F(ConfigTest, TheSameFileWithoutDamageIsAccepted) {
  EXPECT_TRUE(load(file_of({"whole", {}, Status::kOk, ""})));
  // Spellings that are right too: no scaling by name, and an old key for linear scaling.
  EXPECT_TRUE(load(file_of({"none", text("llama.rope.scaling.type", "none"), Status::kOk, ""})));
  EXPECT_TRUE(load(file_of({"old key", real("llama.rope.scale_linear", 2), Status::kOk, ""})));
}

TEST_F(ConfigTest, ReadsWhatTheFileSays) {
  const std::vector<std::byte> bytes = make_synthetic_model({.layers = 3,
                                                             .heads = 6,
                                                             .kv_heads = 3,
                                                             .head_dim = 32,
                                                             .ffn = 100,
                                                             .vocabulary = 310,
                                                             .context = 777,
                                                             .linear_scale = 4,
                                                             .rotary = 16});
  const Result<Gguf> file = Gguf::from_memory(bytes);
  ASSERT_TRUE(file.ok());
  const Result<ModelSpec> spec = describe(*file);
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  EXPECT_EQ(spec->layers.size(), 3u);
  EXPECT_EQ(spec->widest_q(), 192u);
  EXPECT_EQ(spec->layers[2].attention.kv_width(), 96u);
  EXPECT_EQ(spec->widest_ffn(), 100u);
  EXPECT_EQ(spec->vocabulary, 310u);
  EXPECT_EQ(spec->context_length, 777u);
  ASSERT_EQ(spec->ropes[0].radians.size(), 8u);
  EXPECT_DOUBLE_EQ(spec->ropes[0].radians[0], 0.25);
  EXPECT_NEAR(spec->ropes[0].radians[7], std::pow(10000.0, -14.0 / 16) / 4, 1e-12);
}

// Heads that no workgroup of this device has room for must not reach a pipeline.
TEST_F(ConfigTest, HeadsBeyondTheDeviceAreRefusedOrWork) {
  struct Shape {
    uint32_t heads, kv_heads, head_dim;
  };
  for (const Shape shape :
       {Shape{1, 1, 4096}, Shape{64, 1, 256}, Shape{16, 1, 64}, Shape{512, 1, 16}, Shape{4, 2, 2}, Shape{4, 2, 4}}) {
    SCOPED_TRACE(::testing::Message() << shape.heads << " heads of " << shape.head_dim << ", " << shape.kv_heads);
    const SyntheticModel spec{
        .layers = 1, .heads = shape.heads, .kv_heads = shape.kv_heads, .head_dim = shape.head_dim};
    const std::vector<std::byte> bytes = make_synthetic_model(spec);
    const Result<Gguf> file = Gguf::from_memory(bytes);
    ASSERT_TRUE(file.ok());
    const Result<Model> model = Model::load(kernels(), *file, {});
    if (!model) {
      EXPECT_EQ(model.error().status, Status::kUnsupported) << model.error().message;
      EXPECT_NE(shape.head_dim, 4u) << "small heads fit everywhere";
      continue;
    }
    auto in = Context::create(*model, {}, {.context_tokens = 64});
    ASSERT_TRUE(in.ok()) << in.error().message;
    vocabulary_ = spec.vocabulary;
    for (const float logit : evaluate(**in, *open(**in), random_tokens(spec, 40, 1))) ASSERT_TRUE(std::isfinite(logit));
  }
}

// Through the C API, which is where model and tokenizer meet.
TEST_F(ConfigTest, TokenizersAreCheckedBeforeWeightsAreRead) {
  PumiceInstance* instance = nullptr;
  ASSERT_EQ(pumice_instance_create(nullptr, &instance), PUMICE_OK);
  PumiceDevice* opened = nullptr;
  ASSERT_EQ(pumice_device_create_auto(instance, nullptr, &opened), PUMICE_OK);
  int reports = 0;
  const auto load_code = [&](const SyntheticModel& spec) {
    const std::vector<std::byte> bytes = make_synthetic_model(spec);
    PumiceModelOptions options = pumice_model_options_init();
    options.data = bytes.data();
    options.data_size = bytes.size();
    options.progress_user = &reports;
    options.progress = [](void* user, float) { return ++*static_cast<int*>(user), 0; };
    PumiceModel* model = nullptr;
    const PumiceResult code = pumice_model_load(instance, opened, &options, &model);
    pumice_model_destroy(model);
    return code;
  };
  const auto reason = [&] {
    std::string text(pumice_instance_error(instance, nullptr, 0), '\0');
    pumice_instance_error(instance, text.data(), text.size() + 1);
    return text;
  };
  EXPECT_EQ(load_code({.edit_tensor = reshaped("token_embd.weight", {64, 299})}), PUMICE_MALFORMED);
  for (const char* part : {"tokenizer.ggml.tokens", "300", "token_embd.weight", "299", "llama.vocab_size"})
    EXPECT_NE(reason().find(part), std::string::npos) << reason();
  EXPECT_EQ(load_code({.keys = text("tokenizer.ggml.add_bos_token", "yes")}), PUMICE_MALFORMED);
  EXPECT_NE(reason().find("add_bos_token"), std::string::npos) << reason();
  EXPECT_EQ(reports, 0) << "weights were read";
  EXPECT_EQ(load_code({}), PUMICE_OK);
  EXPECT_GT(reports, 0);
  EXPECT_EQ(load_code({.edit_tensor = reshaped("token_embd.weight", {64, 320})}), PUMICE_OK) << "padding is usual";
  pumice_device_destroy(opened);
  pumice_instance_destroy(instance);
}

}  // namespace pumice::test::config_test
