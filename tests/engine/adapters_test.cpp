// Adapters: what they compute is what a model with merged weights computes, for each sequence its own; and what is
// found in the cache is of the same adapters.
#include "engine/adapters.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "engine/session_file.h"
#include "model/llama_comparison.h"
#include "support/adapter_file.h"
#include "support/family_model.h"
#include "support/session_files.h"

namespace pumice::test::adapters_test {

bool is_adaptable(std::string_view name) {
  return name.ends_with(".weight") && name != "token_embd.weight" && name.find("norm") == std::string_view::npos;
}

class AdaptersTest : public LlamaTest {
 protected:
  void SetUp() override {
    LlamaTest::SetUp();
    if (!IsSkipped()) use_model(make_synthetic_model(spec_));
  }
  void use_model(std::vector<std::byte> bytes) {
    bytes_ = std::move(bytes);
    loaded_ = load(bytes_);
    ASSERT_TRUE(loaded_);
    vocabulary_ = loaded_->model->spec().vocabulary;
    files_.clear();
    adapters_.clear();
  }
  AdapterFile file_for(const std::function<bool(std::string_view)>& wanted, uint64_t seed) {
    return {
        .tensors = tensors_named(bytes_, wanted), .seed = seed, .architecture = loaded_->model->spec().architecture};
  }
  Result<Adapter> read(const AdapterFile& file) {
    const std::vector<std::byte> bytes = make_adapter(file);
    PUMICE_ASSIGN(const Gguf gguf, Gguf::from_memory(bytes));
    return Adapter::read(gguf, *loaded_->file, loaded_->model->adaptable());
  }
  void add(AdapterFile file) {
    Result<Adapter> made = read(file);
    ASSERT_TRUE(made.ok()) << made.error().message;
    adapters_.push_back(std::make_shared<const Adapter>(std::move(made).value()));
    files_.push_back(std::move(file));
  }
  // One of all matrices, and one of other rank and type of a few.
  void add_two() {
    add(file_for(is_adaptable, 1));
    AdapterFile some = file_for(
        [](std::string_view name) { return is_adaptable(name) && name.find("attn_") != std::string_view::npos; }, 2);
    some.rank = 7;
    some.alpha = 0;
    some.type = TensorType::kF16;
    add(std::move(some));
  }
  ContextOptions options() const {
    return {.context_tokens = 512,
            .max_sequences = 6,
            .kv_type = KvType::kF32,
            .cache = {.reuse = true},
            .adapters = adapters_};
  }
  Sequence* open(Context& in, const std::vector<float>& scales) {
    Sequence* const sequence = LlamaTest::open(in);
    const Result<void> set = in.set_adapters(*sequence, scales);
    EXPECT_TRUE(set.ok()) << (set.ok() ? "" : set.error().message);
    return sequence;
  }
  std::vector<std::byte> merged(const std::vector<float>& scales) const {
    std::vector<std::byte> model = bytes_;
    for (size_t i = 0; i < files_.size(); ++i) merge_adapter(model, files_[i], scales[i]);
    return model;
  }
  // Of prompts and tokens after them, and of decode steps.
  void expect_merged(const std::vector<float>& scales) {
    const std::vector<std::byte> model = merged(scales);
    const Result<Gguf> file = Gguf::from_memory(model);
    ReferenceLogits expected(*file, random_tokens(vocabulary_, 120, 3)), base(*loaded_->file, expected.text());
    const auto in = context(*loaded_, options());
    ASSERT_TRUE(in);
    Sequence* const sequence = open(*in, scales);
    double worst = 0;
    for (const size_t length : {1u, 17u, 70u}) {
      ASSERT_TRUE(in->truncate(*sequence, 0).ok());
      const auto logits = evaluate(*in, *sequence, std::span(expected.text()).first(length));
      worst = std::max(worst, log_difference(logits, expected.after(length)));
      EXPECT_GT(log_difference(logits, base.after(length)), 20 * kLogTolerance) << "the adapters do nothing";
    }
    ASSERT_TRUE(in->truncate(*sequence, 0).ok());
    const auto ids = generate(*in, *sequence, std::span(expected.text()).first(20), greedy_params(25));
    expected.replace_from(20, ids);
    const auto next = evaluate(*in, *sequence, random_tokens(vocabulary_, 1, 9));
    const std::vector<int32_t> text = joined(ids, random_tokens(vocabulary_, 1, 9));
    expected.replace_from(20, text);
    worst = std::max(worst, log_difference(next, expected.after(20 + text.size())));
    std::printf("  %s: %.1e\n", loaded_->model->spec().architecture.c_str(), worst);
    EXPECT_LE(worst, kLogTolerance);
  }

  SyntheticModel spec_{.layers = 2, .separate_output = true, .seed = 42};
  std::vector<std::byte> bytes_;
  std::unique_ptr<LoadedModel> loaded_;
  std::vector<AdapterFile> files_;
  std::vector<std::shared_ptr<const Adapter>> adapters_;
};

TEST_F(AdaptersTest, ComputeWhatMergedWeightsDo) {
  for (const Mask mask : {Mask::kNone, Mask::kDiscrete}) {
    use(mask);
    use_model(bytes_);
    add_two();
    SCOPED_TRACE(mask_name(mask));
    expect_merged({1, 0});
    expect_merged({0.75f, -1.25f});
  }
}

// Matrices in one tensor, norms behind blocks, biases.
TEST_F(AdaptersTest, FamiliesComputeWhatMergedWeightsDo) {
  const FamilyModel families[] = {
      {.architecture = "phi3", .fused_qkv = true, .fused_gate = true},
      {.architecture = "gemma2", .keys = window_keys(20)},
      {.architecture = "qwen2", .qkv_biases = true},
      {.architecture = "olmo2"},
  };
  for (const FamilyModel& family : families) {
    use_model(make_family_model(family));
    add_two();
    expect_merged({0.5f, 1});
  }
}

TEST_F(AdaptersTest, EachSequenceOfABatchHasItsOwn) {
  add_two();
  const std::vector<std::vector<float>> choices = {{0, 0}, {1, 0}, {0, 1}, {0.5f, -0.5f}, {1, 0}};
  const std::vector<int32_t> prompt = random_tokens(spec_, 40, 3);
  ContextOptions plain = options();
  plain.adapters.clear();
  const auto without = context(*loaded_, plain);
  std::vector<std::vector<int32_t>> alone;
  alone.push_back(generate(*without, *LlamaTest::open(*without), prompt, greedy_params(40)));
  for (size_t i = 1; i < choices.size(); ++i) {
    const auto in = context(*loaded_, options());
    alone.push_back(generate(*in, *open(*in, choices[i]), prompt, greedy_params(40)));
    EXPECT_NE(alone[i], alone[0]) << i;
  }
  EXPECT_NE(alone[1], alone[2]);
  EXPECT_NE(alone[1], alone[3]);
  EXPECT_EQ(alone[1], alone[4]);
  const auto in = context(*loaded_, options());
  std::vector<std::shared_ptr<Request>> requests;
  for (const auto& scales : choices) requests.push_back(submit(*in, *open(*in, scales), prompt, greedy_params(40)));
  for (size_t i = 0; i < choices.size(); ++i) EXPECT_EQ(finish(*in, *requests[i]), alone[i]) << i;
}

// A place in the tables that a sequence with adapters had is one without again.
TEST_F(AdaptersTest, NothingIsLeftOfThemForTheNextSequence) {
  add_two();
  const std::vector<int32_t> prompt = random_tokens(spec_, 40, 3);
  ContextOptions few = options();
  few.max_sequences = 2;
  const auto in = context(*loaded_, few);
  Sequence* const first = open(*in, {1, 1});
  generate(*in, *first, prompt, greedy_params(5));
  in->close_sequence(first);
  Sequence* const base = LlamaTest::open(*in);
  EXPECT_EQ(base->slot, 0u);
  Sequence* const other = open(*in, {1, 0});
  const auto beside = submit(*in, *other, prompt, greedy_params(30));
  const auto request = submit(*in, *base, prompt, greedy_params(30));
  const std::vector<int32_t> ids = finish(*in, *request);
  finish(*in, *beside);
  few.adapters.clear();
  const auto without = context(*loaded_, few);
  EXPECT_EQ(ids, generate(*without, *LlamaTest::open(*without), prompt, greedy_params(30)));
}

TEST_F(AdaptersTest, StepsWithoutAnyAreThoseOfAContextWithoutAny) {
  add_two();
  ContextOptions plain = options();
  const std::vector<int32_t> prompt = random_tokens(spec_, 40, 3);
  const auto in = context(*loaded_, options());
  plain.adapters.clear();
  const auto without = context(*loaded_, plain);
  generate(*in, *open(*in, {0, 0}), prompt, greedy_params(4));
  generate(*without, *LlamaTest::open(*without), prompt, greedy_params(4));
  EXPECT_EQ(in->recorder().dispatches_per_decode_step(), without->recorder().dispatches_per_decode_step());
  generate(*in, *open(*in, {0, 1}), prompt, greedy_params(4));
  EXPECT_GT(in->recorder().dispatches_per_decode_step(), without->recorder().dispatches_per_decode_step());
}

TEST_F(AdaptersTest, TextsAreFoundUnderTheSameAdaptersAlone) {
  add_two();
  const auto in = context(*loaded_, options());
  const std::vector<int32_t> prompt = random_tokens(spec_, 100, 3);
  const auto cached = [&](const std::vector<float>& scales) {
    const uint64_t before = in->cache().stats().hit_pages[0];
    Sequence* const sequence = open(*in, scales);
    generate(*in, *sequence, prompt, greedy_params(1));
    in->close_sequence(sequence);
    return in->cache().stats().hit_pages[0] - before;
  };
  const std::vector<std::vector<float>> choices = {{0, 0}, {1, 0}, {0, 1}, {1, 1}, {0.5f, 0}};
  for (const auto& scales : choices) EXPECT_EQ(cached(scales), 0u) << scales[0] << " " << scales[1];
  for (const auto& scales : choices) EXPECT_EQ(cached(scales), 3u) << scales[0] << " " << scales[1];
  EXPECT_EQ(cached({-0.0f, 0}), 3u) << "a scale of 0 is none";
}

TEST_F(AdaptersTest, OnlyAnEmptySequenceTakesOthers) {
  add_two();
  const auto in = context(*loaded_, options());
  Sequence* const sequence = open(*in, {1, 0});
  const std::vector<int32_t> prompt = random_tokens(spec_, 70, 3);
  const std::vector<float> first = evaluate(*in, *sequence, prompt);
  EXPECT_TRUE(in->set_adapters(*sequence, std::vector<float>{1, 0}).ok()) << "it has these";
  const auto refuse = [&](const std::vector<float>& scales) {
    const Result<void> set = in->set_adapters(*sequence, scales);
    ASSERT_FALSE(set.ok());
    EXPECT_EQ(set.error().status, Status::kInvalidArgument);
  };
  refuse({0, 0});
  refuse({1, 1});
  ASSERT_TRUE(in->truncate(*sequence, 0).ok());
  refuse({1});
  refuse({1, NAN});
  EXPECT_EQ(evaluate(*in, *sequence, prompt), first);
  ASSERT_TRUE(in->truncate(*sequence, 0).ok());
  ASSERT_TRUE(in->set_adapters(*sequence, std::vector<float>{0, 1}).ok());
  EXPECT_GT(log_difference(evaluate(*in, *sequence, prompt), first), 20 * kLogTolerance);
}

TEST_F(AdaptersTest, ForksSessionsAndOtherDevicesKeepThem) {
  add_two();
  const auto in = context(*loaded_, options());
  Sequence* const sequence = open(*in, {0.5f, 1});
  const std::vector<int32_t> prompt = random_tokens(spec_, 70, 3), more = random_tokens(spec_, 5, 4);
  evaluate(*in, *sequence, prompt);
  std::vector<std::byte> saved;
  const auto keep = [&](std::span<const std::byte> bytes) -> Result<void> {
    saved.insert(saved.end(), bytes.begin(), bytes.end());
    return {};
  };
  ASSERT_TRUE(save_session(*in, *sequence, SessionKv::kExact, "digest", keep).ok());
  const Result<Sequence*> fork = in->fork(*sequence, 70);
  ASSERT_TRUE(fork.ok());
  const Result<Sequence*> restored = load_session(*in, {}, "digest", session_source(saved));
  ASSERT_TRUE(restored.ok()) << restored.error().message;
  EXPECT_EQ((*restored)->computed, 70u);
  const std::vector<float> expected = evaluate(*in, *sequence, more);
  EXPECT_LE(log_difference(evaluate(*in, **fork, more), expected), kLogTolerance);
  EXPECT_LE(log_difference(evaluate(*in, **restored, more), expected), kLogTolerance);

  Sequence* const moved = open(*in, {0.5f, 1});
  ASSERT_TRUE(in->append(*moved, prompt).ok());
  ASSERT_TRUE(in->rebind(*loaded_->model).ok());
  EXPECT_LE(log_difference(evaluate(*in, *moved, more), expected), kLogTolerance);

  for (const size_t kept : {0u, 1u}) {
    ContextOptions fewer = options();
    fewer.adapters.resize(kept);
    const auto other = context(*loaded_, fewer);
    const Result<Sequence*> refused = load_session(*other, {}, "digest", session_source(saved));
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().status, Status::kUnsupported) << refused.error().message;
  }
}

TEST_F(AdaptersTest, ScoresAreWithThem) {
  add_two();
  const auto in = context(*loaded_, options());
  const std::vector<int32_t> text = random_tokens(spec_, 60, 3);
  std::vector<int32_t> targets(text.begin() + 1, text.end());
  targets.push_back(-1);
  const std::vector<std::byte> model = merged({1, 0.5f});
  const Result<Gguf> file = Gguf::from_memory(model);
  ReferenceLogits expected(*file, text);
  std::vector<float> log_probabilities_of(text.size());
  ASSERT_TRUE(
      in->score(*open(*in, {1, 0.5f}), {.ids = text, .targets = targets, .log_probabilities = log_probabilities_of})
          .ok());
  for (size_t i = 0; i + 1 < text.size(); ++i)
    EXPECT_NEAR(static_cast<double>(log_probabilities_of[i]),
                log_probabilities(expected.after(i + 1))[static_cast<size_t>(targets[i])], kLogTolerance)
        << i;
}

TEST_F(AdaptersTest, EstimateIsWhatIsTaken) {
  add_two();
  ContextOptions sized = options();
  sized.prefill_slice = 64;  // else the device's
  const auto in = context(*loaded_, sized);
  ASSERT_TRUE(in);
  const auto estimate = Context::estimate(loaded_->model->spec(), in->options(), 0, loaded_->model->adaptable());
  ASSERT_TRUE(estimate.ok());
  EXPECT_EQ(estimate->adapter_bytes, in->recorder().adapters()->device_bytes());
  EXPECT_GT(estimate->adapter_bytes, 0u);
  const auto table = adaptable_matrices(*loaded_->file);
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(table->size(), loaded_->model->adaptable().size());
}

TEST_F(AdaptersTest, WrongFilesAreRefused) {
  const auto refuse = [&](const AdapterFile& file, Status status, const char* says) {
    const Result<Adapter> made = read(file);
    ASSERT_FALSE(made.ok()) << says;
    EXPECT_EQ(made.error().status, status) << made.error().message;
    EXPECT_NE(made.error().message.find(says), std::string::npos) << made.error().message;
  };
  const AdapterFile right = file_for(is_adaptable, 1);
  ASSERT_TRUE(read(right).ok());
  AdapterFile file = right;
  file.kind = "model";
  refuse(file, Status::kUnsupported, "not a LoRA adapter");
  file = right, file.form = "control";
  refuse(file, Status::kUnsupported, "not a LoRA adapter");
  file = right, file.architecture = "qwen2";
  refuse(file, Status::kUnsupported, "architecture");
  file = right, file.alpha = INFINITY;
  refuse(file, Status::kMalformed, "alpha");
  file = right, file.keys = [](GgufWriter& w) { w.i32s("adapter.alora.invocation_tokens", {1, 2}); };
  refuse(file, Status::kUnsupported, "aLoRA");
  file = right, file.tensors.clear();
  refuse(file, Status::kMalformed, "no tensors");
  file = right, file.tensors[0].name = "blk.9.attn_q.weight";
  refuse(file, Status::kMalformed, "has not got");
  file = right, file.tensors[0].name = "token_embd.weight";
  refuse(file, Status::kUnsupported, "cannot be adapted");
  file = right, file.tensors[0].cols += 1;
  refuse(file, Status::kMalformed, "factors");
  file = right, file.tensors[0].rows += 1;
  refuse(file, Status::kMalformed, "factors");
  file = right, file.rank = 4097, file.tensors.resize(1);
  refuse(file, Status::kUnsupported, "rank");
  file = right, file.edit_tensor = [](GgufWriter::Tensor& t) { return t.name != "blk.1.attn_q.weight.lora_b"; };
  refuse(file, Status::kMalformed, "alone");
  file = right, file.edit_tensor = [](GgufWriter::Tensor& t) {
    if (t.name.starts_with("blk.0.attn_q.")) t.name += "x";
    return true;
  };
  refuse(file, Status::kUnsupported, "no factor");
  for (const float value : {INFINITY, -INFINITY, NAN}) {
    file = right, file.edit_tensor = [value](GgufWriter::Tensor& t) {
      if (t.name == "blk.1.ffn_up.weight.lora_b") std::memcpy(t.data.data() + 8, &value, sizeof value);
      return true;
    };
    refuse(file, Status::kMalformed, "not finite");
  }
}

// What steps would leave out is refused, not ignored.
TEST_F(AdaptersTest, MatricesThatStepsDoNotReachAreRefused) {
  const FamilyKeys shared = [](GgufWriter& w, const std::string& p) {
    w.u32(p + "expert_shared_feed_forward_length", 48);
  };
  use_model(
      make_family_model({.architecture = "qwen2moe", .keys = mixture_keys(4, 2, 32, shared), .qkv_biases = true}));
  add(file_for([](std::string_view name) { return name == "blk.0.attn_q.weight"; }, 1));
  EXPECT_TRUE(check_adapter(*loaded_->model, *adapters_[0]).ok());
  add(file_for([](std::string_view name) { return name == "blk.0.ffn_down_shexp.weight"; }, 1));
  const Result<void> checked = check_adapter(*loaded_->model, *adapters_[1]);
  ASSERT_FALSE(checked.ok());
  EXPECT_EQ(checked.error().status, Status::kUnsupported);
  const auto refused = Context::create(*loaded_->model, {}, options());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().status, Status::kUnsupported);
}

TEST(SequenceAdapters, WhatASessionSaysOfThemIsChecked) {
  for (const char* text : {"adapter", "adapter 00000000\n", "adapter x 3f80000\n", "adapter x 3f80000g\n",
                           "adapter x 7f800000\n", "other x 3f800000\n", "adapter x 3f800000"})
    EXPECT_FALSE(find_adapters({}, text).ok()) << text;
  const Result<SequenceAdapters> none = find_adapters({}, "");
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE(none->scales.empty());
  const Result<SequenceAdapters> missing = find_adapters({}, "adapter x 3f800000\n");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().status, Status::kUnsupported);
}

}  // namespace pumice::test::adapters_test
