// EngineTest: a DeviceTest that loads models and runs requests on them. Thread rule: one thread at a time.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "engine/context.h"
#include "support/device_fixture.h"
#include "support/synthetic_model.h"

namespace pumice::test {

// Greedy, without penalties; max_tokens new tokens.
inline GenerationParams greedy_params(uint32_t max_tokens) {
  GenerationParams params;
  params.max_tokens = max_tokens;
  return params;
}

inline GenerationParams sampled_params(uint32_t max_tokens, uint64_t seed) {
  GenerationParams params = greedy_params(max_tokens);
  params.sampler.temperature = 0.9f;
  params.sampler.top_k = 40;
  params.sampler.top_p = 0.95f;
  params.sampler.seed_low = static_cast<uint32_t>(seed);
  params.sampler.seed_high = static_cast<uint32_t>(seed >> 32);
  return params;
}

struct LoadedModel {
  std::vector<std::byte> bytes;  // empty: from a file
  std::optional<Gguf> file;
  std::optional<Model> model;
};

class EngineTest : public DeviceTest {
 protected:
  std::unique_ptr<LoadedModel> load(Result<Gguf> file, std::vector<std::byte> bytes = {}) {
    auto loaded = std::make_unique<LoadedModel>();
    loaded->bytes = std::move(bytes);
    if (!file) {
      ADD_FAILURE() << file.error().message;
      return nullptr;
    }
    loaded->file = std::move(file).value();
    Result<Model> model = Model::load(kernels(), *loaded->file, {});
    if (!model) {
      ADD_FAILURE() << model.error().message;
      return nullptr;
    }
    loaded->model = std::move(model).value();
    return loaded;
  }
  std::unique_ptr<LoadedModel> load(std::vector<std::byte> bytes) {
    const std::span<const std::byte> view = bytes;  // moving the vector keeps the place of its bytes
    return load(Gguf::from_memory(view), std::move(bytes));
  }

  std::unique_ptr<Context> context(const LoadedModel& loaded, ContextOptions options, std::vector<int32_t> stops = {}) {
    Result<std::unique_ptr<Context>> made = Context::create(*loaded.model, std::move(stops), options);
    if (made) return std::move(made).value();
    ADD_FAILURE() << made.error().message;
    return nullptr;
  }

  Sequence* open(Context& in) {
    Result<Sequence*> opened = in.open_sequence();
    if (opened) return *opened;
    ADD_FAILURE() << opened.error().message;
    return nullptr;
  }

  std::shared_ptr<Request> submit(Context& in, Sequence& sequence, std::span<const int32_t> ids,
                                  const GenerationParams& params) {
    auto request = in.submit(sequence, ids, params);
    if (request) return *request;
    ADD_FAILURE() << request.error().message;
    return nullptr;
  }

  // Waits for the end and returns all ids that were not yet taken.
  std::vector<int32_t> finish(Context& in, Request& request) {
    std::vector<int32_t> ids;
    for (;;) {
      const Result<bool> changed = in.wait(request, 60000);
      EXPECT_TRUE(changed.ok() && *changed) << "the request does not end";
      ids.insert(ids.end(), request.generated.begin(), request.generated.end());
      request.generated.clear();
      if (request.status != RequestStatus::kRunning || !changed.ok() || !*changed) return ids;
    }
  }

  // Submits and finishes; `status`, where wanted, is how it ended.
  std::vector<int32_t> generate(Context& in, Sequence& sequence, std::span<const int32_t> ids,
                                const GenerationParams& params, RequestStatus* status = nullptr) {
    const std::shared_ptr<Request> request = submit(in, sequence, ids, params);
    if (!request) return {};
    std::vector<int32_t> generated = finish(in, *request);
    if (status)
      *status = request->status;
    else
      EXPECT_NE(request->status, RequestStatus::kFailed) << request->error.message;
    return generated;
  }

  std::vector<float> evaluate(Context& in, Sequence& sequence, std::span<const int32_t> ids) {
    std::vector<float> logits(vocabulary_, 0.0f);
    const Result<void> done = in.evaluate(sequence, ids, logits);
    EXPECT_TRUE(done.ok()) << (done.ok() ? "" : done.error().message);
    return logits;
  }

  // Logits after `ids` in a sequence of their own.
  std::vector<float> logits_of(Context& in, std::span<const int32_t> ids, std::string_view group = {}) {
    const Result<Sequence*> sequence = in.open_sequence(group);
    EXPECT_TRUE(sequence.ok());
    std::vector<float> logits = evaluate(in, **sequence, ids);
    in.close_sequence(*sequence);
    return logits;
  }

  static std::vector<int32_t> joined(std::vector<int32_t> a, const std::vector<int32_t>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  }

  // Number i of many prompts that begin as one of three texts does, for a while.
  static std::vector<int32_t> branching_prompt(std::mt19937& random, uint32_t vocabulary, int i) {
    constexpr uint32_t kLengths[] = {70, 200, 97};
    const size_t text = random() % 3;
    std::vector<int32_t> beginning = random_tokens(vocabulary, kLengths[text], 1 + text);
    beginning.resize(1 + random() % beginning.size());
    const size_t more = random() % 60;
    return joined(std::move(beginning), random_tokens(vocabulary, more, 100 + static_cast<uint64_t>(i) % 9));
  }

  uint32_t vocabulary_ = 0;  // of what evaluate() returns
};

}  // namespace pumice::test
