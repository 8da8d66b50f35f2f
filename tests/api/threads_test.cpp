// Many threads on one context at once.
#include <gtest/gtest.h>

#include <atomic>
#include <pumice/pumice.hpp>
#include <thread>
#include <vector>

#include "support/slice.h"
#include "test_paths.h"

namespace pumice::test::threads_test {

std::vector<int32_t> prompt_of(const client::Model& model, int thread) {
  return model.tokenize("Once upon a time there lived a king who had " + std::to_string(thread + 2) +
                        " sons, and every one of them wished to go out into the wide world");
}

std::vector<int32_t> generate(const client::Context& context, const std::vector<int32_t>& prompt) {
  client::Sequence sequence(context);
  PumiceRequestOptions options = pumice_request_options_init();
  options.max_tokens = 24;
  options.ignore_eos = 1;
  client::Request request = sequence.submit(prompt, options);
  std::vector<int32_t> ids;
  for (const client::Chunk& chunk : request) ids.insert(ids.end(), chunk.ids, chunk.ids + chunk.count);
  return ids;
}

TEST(Threads, EightSubmitAtOnce) {
  PUMICE_SLICE(1);
  const client::Instance instance;
  uint32_t devices = 0;
  ASSERT_EQ(pumice_device_count(instance.get(), &devices), PUMICE_OK);
  if (devices == 0) GTEST_SKIP() << "no Vulkan device";
  const client::Device device(instance);
  const client::Model model(instance, device, PUMICE_MODELS_DIR "/storyteller-5m-Q4_K_M.gguf");
  constexpr int kThreads = 8;
  std::vector<std::vector<int32_t>> expected;
  PumiceContextOptions options = pumice_context_options_init();
  options.context_tokens = 1024;
  options.max_sequences = kThreads;
  {
    const client::Context alone(model, options);
    for (int i = 0; i < kThreads; ++i) expected.push_back(generate(alone, prompt_of(model, i)));
  }
  const client::Context context(model, options);
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      for (int round = 0; round < 2; ++round)
        if (generate(context, prompt_of(model, i)) == expected[static_cast<size_t>(i)]) ++right;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 2 * kThreads);
}

}  // namespace pumice::test::threads_test
