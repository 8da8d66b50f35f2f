// Models whose layers keep other than all keys and values: recurrent states, and pages of a window alone. They go on,
// go back and are found again exactly as whole pages are.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "engine/session_file.h"
#include "support/engine_fixture.h"
#include "support/family_model.h"
#include "support/slice.h"

namespace pumice::test::stores_test {

std::vector<FamilyModel> recurrent_models() {
  const auto recurrence = [](GgufWriter& w, const std::string& p) {
    w.u32(p + "ssm.conv_kernel", 4).u32(p + "ssm.inner_size", 64).u32(p + "ssm.state_size", 16);
    w.u32(p + "ssm.time_step_rank", 4).u32(p + "ssm.group_count", 2);
  };
  const auto taps = [](GgufWriter& w, const std::string& p) { w.u32(p + "shortconv.l_cache", 3); };
  return {{.architecture = "lfm2", .keys = taps, .layers = 3, .layer_kv_heads = {0, 2, 0}},
          {.architecture = "qwen35", .keys = recurrence, .layers = 4},
          {.architecture = "mamba2", .keys = recurrence}};
}

constexpr uint32_t kWindow = 40;

std::vector<FamilyModel> window_models() {
  const auto window = [](GgufWriter& w, const std::string& p) { w.u32(p + "attention.sliding_window", kWindow); };
  return {{.architecture = "gemma3", .keys = window, .layers = 7}, {.architecture = "gpt-oss", .keys = window}};
}

// Whole pages, of attention and mixtures that differ in what a row reads: by distance, by chunks, absorbed, early.
std::vector<FamilyModel> other_models() {
  const auto mixture = [](GgufWriter& w, const std::string& p) {
    mixture_keys(4, 2, 32)(w, p);
    w.u32(p + "interleave_moe_layer_step", 2);
  };
  const auto latent = [](GgufWriter& w, const std::string& p) {
    w.u32(p + "attention.kv_lora_rank", 40).u32(p + "attention.q_lora_rank", 36).u32(p + "rope.dimension_count", 8);
    w.u32(p + "attention.key_length", 24).u32(p + "attention.value_length", 32);
  };
  return {{.architecture = "bloom", .fused_qkv = true, .biases = true},
          {.architecture = "llama4", .keys = mixture, .layers = 4},
          {.architecture = "minicpm3", .keys = latent, .joined_latent = true},
          {.architecture = "arctic", .keys = mixture_keys(4, 2, 32)}};
}

class StoresTest : public EngineTest {
 protected:
  // Runs `check` on the models of this run.
  void for_each_model(const std::function<void()>& check) {
    for_each(recurrent_models(), check);
    for_each(window_models(), check);
  }
  void for_each(const std::vector<FamilyModel>& models, const std::function<void()>& check) {
    for (const FamilyModel& model : slice_of(models)) {
      SCOPED_TRACE(model.architecture);
      loaded_ = load(make_family_model(model));
      ASSERT_TRUE(loaded_);
      vocabulary_ = model.vocabulary;
      check();
    }
  }
  static ContextOptions reusing(uint32_t context_tokens = 2048) {
    return {.context_tokens = context_tokens,
            .max_sequences = 4,
            .kv_type = KvType::kF32,
            .prefill_slice = 64,
            .exact = true,
            .cache = {.reuse = true, .seconds_per_token = 1, .measures = false}};
  }
  std::vector<int32_t> tokens(uint32_t count, uint64_t seed) const { return random_tokens(vocabulary_, count, seed); }
  // Without a cache.
  std::vector<float> fresh_logits(std::span<const int32_t> ids) {
    ContextOptions options = reusing();
    options.cache.reuse = false;
    return logits_of(*context(*loaded_, options), ids);
  }
  static uint64_t computed_for(Context& in, const std::function<void()>& work) {
    const uint64_t before = in.stats().prefill_tokens;
    work();
    return in.stats().prefill_tokens - before;
  }

  void check_hits(int prompts) {
    std::mt19937 random(7);
    const auto in = context(*loaded_, reusing());
    for (int i = 0; i < prompts; ++i) {
      const auto prompt = branching_prompt(random, vocabulary_, i);
      EXPECT_EQ(logits_of(*in, prompt), fresh_logits(prompt)) << i;
    }
    EXPECT_GT(in->cache().stats().hit_pages[0], 10u);
  }

  // Several requests at once, more than there are snapshots for: as alone.
  void check_batch() {
    const auto plain = context(*loaded_, {.context_tokens = 512, .kv_type = KvType::kF32});
    ContextOptions options = reusing();
    options.exact = false;
    const auto in = context(*loaded_, options);
    std::vector<std::shared_ptr<Request>> requests;
    std::vector<std::vector<int32_t>> prompts;
    for (uint64_t i = 0; i < 4; ++i) {
      prompts.push_back(joined(tokens(70, 1), tokens(10 + 30 * static_cast<uint32_t>(i), 20 + i)));
      requests.push_back(submit(*in, *open(*in), prompts.back(), greedy_params(70)));
    }
    for (size_t i = 0; i < 4; ++i) {
      Sequence* const alone = open(*plain);
      EXPECT_EQ(finish(*in, *requests[i]), generate(*plain, *alone, prompts[i], greedy_params(70))) << i;
      plain->close_sequence(alone);
    }
  }

  std::unique_ptr<LoadedModel> loaded_;
};

TEST_F(StoresTest, LogitsAfterAHitAreTheSameBits) {
  PUMICE_SLICE(1);
  for_each_model([&] { check_hits(25); });
}

TEST_F(StoresTest, OtherFamiliesAreFoundAgainAndBatched) {
  for_each(other_models(), [&] {
    check_hits(12);
    check_batch();
  });
}

TEST_F(StoresTest, OnlyTheLastPageOfARepeatedPromptIsComputed) {
  for_each_model([&] {
    const auto in = context(*loaded_, reusing());
    const std::vector<int32_t> prompt = tokens(300, 1);
    const std::vector<float> first = logits_of(*in, prompt);
    EXPECT_EQ(computed_for(*in, [&] { EXPECT_EQ(logits_of(*in, prompt), first); }), 300u - 288u);
  });
}

// Where two texts have parted leaves a snapshot when it is seen for the second time.
TEST_F(StoresTest, WhatManyTextsBeginWithIsFoundByTheThird) {
  for_each(recurrent_models(), [&] {
    const auto in = context(*loaded_, reusing());
    const std::vector<int32_t> shared = tokens(140, 1);
    for (uint64_t i = 0; i < 4; ++i) {
      const auto prompt = joined(shared, tokens(100, 20 + i));
      std::vector<float> logits;
      EXPECT_EQ(computed_for(*in, [&] { logits = logits_of(*in, prompt); }), i < 2 ? 240u : 112u) << i;
      EXPECT_EQ(logits, fresh_logits(prompt));
    }
  });
}

TEST_F(StoresTest, TenantsFindNothingOfEachOther) {
  for_each_model([&] {
    const auto in = context(*loaded_, reusing());
    const std::vector<int32_t> prompt = tokens(100, 1);
    const std::vector<float> logits = logits_of(*in, prompt, "a");
    EXPECT_EQ(computed_for(*in, [&] { EXPECT_EQ(logits_of(*in, prompt, "b"), logits); }), 100u);
  });
}

// A sequence goes on after what it generated, whether its request ended by length, by a stop token that the device
// knows or by the host while steps were in flight.
TEST_F(StoresTest, SequencesGoOnAfterRequests) {
  for_each_model([&] {
    const std::vector<int32_t> prompt = tokens(45, 1), more = tokens(20, 2);
    const auto plain = context(*loaded_, {.context_tokens = 256, .kv_type = KvType::kF32, .exact = true});
    const std::vector<int32_t> text = generate(*plain, *open(*plain), prompt, greedy_params(40));
    enum class End { kLength, kStop, kCancel };
    for (const End end : {End::kLength, End::kStop, End::kCancel}) {
      const std::vector<int32_t> stops = end == End::kStop ? std::vector<int32_t>{text[20]} : std::vector<int32_t>();
      const auto in =
          context(*loaded_, {.context_tokens = 256, .kv_type = KvType::kF32, .steps_ahead = 4, .exact = true}, stops);
      Sequence* const sequence = open(*in);
      const auto request = submit(*in, *sequence, prompt, greedy_params(end == End::kLength ? 25 : 100));
      while (end == End::kCancel && sequence->tokens.size() < 70) ASSERT_TRUE(in->wait(*request, 60000).ok());
      if (end == End::kCancel) request->cancel = true;
      (void)finish(*in, *request);
      const std::vector<int32_t> all = joined(sequence->tokens, more);
      const std::vector<float> logits = evaluate(*in, *sequence, more);
      const std::vector<float> expected = fresh_logits(all);
      double most = 0;
      for (size_t i = 0; i < logits.size(); ++i)
        most = std::max(most, std::fabs(static_cast<double>(logits[i]) - static_cast<double>(expected[i])));
      EXPECT_LT(most, 1e-4) << static_cast<int>(end);
    }
  });
}

TEST_F(StoresTest, ForksAndCutSequencesComputeWhatTheyLack) {
  for_each_model([&] {
    const auto in = context(*loaded_, reusing());
    Sequence* const sequence = open(*in);
    const std::vector<int32_t> prompt = tokens(150, 1), more = tokens(9, 2);
    (void)evaluate(*in, *sequence, prompt);
    for (const uint32_t kept : {150u, 128u, 100u, 3u}) {
      const auto text = joined({prompt.begin(), prompt.begin() + kept}, more);
      const Result<Sequence*> fork = in->fork(*sequence, kept);
      ASSERT_TRUE(fork.ok());
      EXPECT_EQ(evaluate(*in, **fork, more), fresh_logits(text)) << kept;
      in->close_sequence(*fork);
      ASSERT_TRUE(in->truncate(*sequence, kept).ok());
      EXPECT_EQ(evaluate(*in, *sequence, more), fresh_logits(text)) << kept;
      ASSERT_TRUE(in->truncate(*sequence, kept).ok());
    }
  });
}

TEST_F(StoresTest, SessionsHaveThem) {
  for_each_model([&] {
    const auto in = context(*loaded_, reusing());
    const std::vector<int32_t> prompt = tokens(77, 1), more = tokens(9, 2);
    const auto save = [&](Sequence& sequence) {
      std::vector<std::byte> bytes;
      const Result<void> saved =
          save_session(*in, sequence, SessionKv::kExact, "digest", [&](auto part) -> Result<void> {
            bytes.insert(bytes.end(), part.begin(), part.end());
            return {};
          });
      EXPECT_TRUE(saved.ok());
      return bytes;
    };
    const auto restore = [&](const std::vector<std::byte>& bytes) {
      const auto read = [&bytes](uint64_t at, std::span<std::byte> to) -> Result<void> {
        std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(at), to.size(), to.begin());
        return {};
      };
      const Result<Sequence*> restored = load_session(*in, "", "digest", {.size = bytes.size(), .read = read});
      EXPECT_TRUE(restored.ok());
      return *restored;
    };
    Sequence* const sequence = open(*in);
    (void)evaluate(*in, *sequence, prompt);
    Sequence* const copy = restore(save(*sequence));
    EXPECT_EQ(copy->computed, 77u);
    EXPECT_EQ(evaluate(*in, *copy, more), fresh_logits(joined(prompt, more)));
    // Its state is beyond what is kept: the last snapshot is saved.
    ASSERT_TRUE(in->truncate(*sequence, 70).ok());
    Sequence* const earlier = restore(save(*sequence));
    EXPECT_EQ(earlier->computed, in->cache().keeps_states() ? 64u : 70u);
    EXPECT_EQ(evaluate(*in, *earlier, more), fresh_logits(joined({prompt.begin(), prompt.begin() + 70}, more)));
  });
}

TEST_F(StoresTest, TiersHaveThem) {
  for_each_model([&] {
    ContextOptions options = reusing();
    options.cache.identity = "test";
    options.cache.store.ram_bytes = 64 << 20;
    options.cache.store.admit_at_use = 1;
    const auto in = context(*loaded_, options);
    const std::vector<int32_t> prompt = tokens(150, 1);
    const std::vector<float> first = logits_of(*in, prompt);
    const Result<bool> flushed = in->cache().flush(20);
    ASSERT_TRUE(flushed.ok() && *flushed);
    ASSERT_TRUE(in->cache().clear(false).ok());
    EXPECT_EQ(computed_for(*in, [&] { EXPECT_EQ(logits_of(*in, prompt), first); }), 150u - 128u);
    EXPECT_EQ(in->cache().stats().hit_pages[static_cast<size_t>(KvSource::kRam)], 4u);
    for (const uint32_t kept : {140u, 70u}) {  // the parts before were brought, too, and are not kept
      const auto text = joined({prompt.begin(), prompt.begin() + kept}, tokens(9, 2));
      EXPECT_EQ(logits_of(*in, text), fresh_logits(text)) << kept;
    }
  });
}

TEST_F(StoresTest, StatesCannotSlide) {
  for_each(recurrent_models(), [&] {
    const auto made = Context::create(*loaded_->model, {}, {.context_tokens = 256, .slide = true});
    ASSERT_FALSE(made.ok());
    EXPECT_NE(made.error().message.find("recurrent"), std::string::npos);
  });
}

TEST_F(StoresTest, BatchesAreAsAlone) {
  for_each_model([&] { check_batch(); });
}

TEST_F(StoresTest, WindowsTakeLittleMemory) {
  for_each(window_models(), [&] {
    ContextOptions options = reusing(16384);
    options.max_sequences = 1;
    const auto in = context(*loaded_, options);
    options.disable_kv_cache = true;
    const uint64_t whole = context(*loaded_, options)->kv_bytes();
    const std::vector<LayerSpec>& layers = loaded_->model->spec().layers;
    const auto windows = std::ranges::count_if(layers, [](const LayerSpec& l) { return l.attention.window > 0; });
    const double full = 1 - static_cast<double>(windows) / static_cast<double>(layers.size());
    EXPECT_LT(static_cast<double>(in->kv_bytes()), (full + 0.1) * static_cast<double>(whole));
  });
}

// Texts far longer than the window, with others between that take its pages: what is gone is computed again.
TEST_F(StoresTest, WhatAWindowHasPassedIsComputedAgain) {
  for_each(window_models(), [&] {
    ContextOptions options = reusing();
    options.max_sequences = 2;
    const auto in = context(*loaded_, options);
    const std::vector<int32_t> prompt = tokens(700, 1), more = tokens(9, 2);
    const std::vector<float> first = logits_of(*in, prompt);
    Sequence* const sequence = open(*in);
    EXPECT_LT(computed_for(*in, [&] { EXPECT_EQ(evaluate(*in, *sequence, prompt), first); }), 64u);
    EXPECT_EQ(first, fresh_logits(prompt));
    for (const uint32_t kept : {650u, 300u, 40u}) {
      const auto text = joined({prompt.begin(), prompt.begin() + kept}, more);
      ASSERT_TRUE(in->truncate(*sequence, kept).ok());
      EXPECT_EQ(evaluate(*in, *sequence, more), fresh_logits(text)) << kept;
      ASSERT_TRUE(in->truncate(*sequence, kept).ok());
    }
    EXPECT_EQ(evaluate(*in, *sequence, {prompt.begin() + 40, prompt.end()}), first);
    for (uint64_t i = 0; i < 6; ++i) {
      (void)logits_of(*in, tokens(400, 30 + i));
      EXPECT_EQ(logits_of(*in, prompt), first) << i;
    }
    EXPECT_EQ(computed_for(*in, [&] { (void)evaluate(*in, *sequence, more); }), 9u)
        << "an open sequence's window stays";
    EXPECT_EQ(in->cache().stats().scrubbed_pages, 0u);
    EXPECT_EQ(logits_of(*in, prompt, "another group"), first);
    EXPECT_GT(in->cache().stats().scrubbed_pages, 0u);
  });
}

// A context that slides goes on as one that keeps all pages of its window layers does.
TEST_F(StoresTest, WindowsSlide) {
  for_each(window_models(), [&] {
    ContextOptions options{.context_tokens = 512, .kv_type = KvType::kF32, .prefill_slice = 32, .slide = true};
    const auto in = context(*loaded_, options);
    Sequence* const sequence = open(*in);
    const std::vector<int32_t> prompt = tokens(400, 1);
    const std::vector<int32_t> text = generate(*in, *sequence, prompt, greedy_params(400));
    EXPECT_EQ(text.size(), 400u);
    EXPECT_GT(sequence->dropped, 0u);
    EXPECT_GT(sequence->kv.window.from, 4u) << "its windows are kept apart";
    options.max_sequences = 64;  // too many for that to pay
    const auto whole = context(*loaded_, options);
    Sequence* const other = open(*whole);
    EXPECT_EQ(generate(*whole, *other, prompt, greedy_params(400)), text);
    EXPECT_EQ(other->kv.window.to, 0u);
  });
}

}  // namespace pumice::test::stores_test
