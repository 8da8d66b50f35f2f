// A driver's compiler that takes its time: steps go on without waiting for it.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "engine/context.h"
#include "support/engine_fixture.h"
#include "support/vulkan_double.h"

namespace pumice::test::slow_compiler_test {

std::atomic<bool> hold;
std::atomic<int> made_by_steps;
std::atomic<std::thread::id> stepping;

VKAPI_ATTR VkResult VKAPI_CALL make_late(VkDevice device, VkPipelineCache cache, uint32_t count,
                                         const VkComputePipelineCreateInfo* info, const VkAllocationCallbacks* with,
                                         VkPipeline* pipelines) {
  if (stepping.load() == std::this_thread::get_id())
    ++made_by_steps;
  else
    hold.wait(true);
  return VulkanDouble::original<PFN_vkCreateComputePipelines>("vkCreateComputePipelines")(device, cache, count, info,
                                                                                          with, pipelines);
}

class SlowCompilerTest : public VulkanDoubleTest {
 protected:
  void SetUp() override {
    VulkanDoubleTest::SetUp();
    hold = false;
    made_by_steps = 0;
    vulkan_.replace("vkCreateComputePipelines", make_late);
    start();
  }
  static void let_go() {
    hold = false;
    hold.notify_all();
  }
  struct LetGo {  // also when a test ends early
    ~LetGo() { let_go(); }
  };
};

TEST_F(SlowCompilerTest, NoStepWaitsForIt) {
  if (IsSkipped()) return;
  const SyntheticModel spec;
  const std::vector<std::byte> bytes = make_synthetic_model(spec);
  const Result<Gguf> file = Gguf::from_memory(bytes);
  ASSERT_TRUE(file);
  Kernels kernels(*device_);
  const Result<Model> model = Model::load(kernels, *file, {});
  ASSERT_TRUE(model);
  const auto context = Context::create(*model, {}, {.context_tokens = 256});
  ASSERT_TRUE(context);
  const Result<Sequence*> sequence = (*context)->open_sequence();
  ASSERT_TRUE(sequence);
  const LetGo at_the_end;
  hold = true;
  const auto request = (*context)->submit(**sequence, random_tokens(spec, 40, 1), greedy_params(3));
  ASSERT_TRUE(request);
  stepping = std::this_thread::get_id();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE((*context)->step());
    ASSERT_EQ((*request)->status, RequestStatus::kRunning) << (*request)->error.message;
    ASSERT_TRUE((*request)->generated.empty());
  }
  EXPECT_EQ(made_by_steps, 0);
  let_go();
  while ((*request)->status == RequestStatus::kRunning) ASSERT_TRUE((*context)->step());
  EXPECT_EQ(made_by_steps, 0);
  EXPECT_EQ((*request)->generated.size(), 3u) << (*request)->error.message;
}

}  // namespace pumice::test::slow_compiler_test
