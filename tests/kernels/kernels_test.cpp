// Kernels: each pipeline is made once, and the reductions that suit a device.
#include "kernels/kernels.h"

#include <atomic>
#include <new>
#include <thread>

#include "kernels/device_policy.h"
#include "support/vulkan_double.h"

namespace pumice::kernels_test {

vk::DeviceCaps gpu_with(uint32_t subgroup, bool shuffle = true, bool fixed = true) {
  vk::DeviceCaps caps;
  caps.type = vk::DeviceType::kDiscrete;
  caps.subgroup_size = subgroup, caps.subgroup_shuffle = shuffle, caps.fixed_subgroup = fixed;
  caps.max_workgroup_invocations = 1024;
  return caps;
}

struct ReduceCase {
  vk::DeviceCaps caps;
  ShaderForm form;
  uint32_t workgroup;
  bool full;
};

TEST(ChooseReduce, OneFullSubgroupOrSharedMemory) {
  vk::DeviceCaps few = gpu_with(4);
  few.max_workgroup_invocations = 48;
  const ReduceCase cases[] = {{gpu_with(32), ShaderForm::kSubgroup, 32, true},
                              {gpu_with(64), ShaderForm::kSubgroup, 64, true},
                              {gpu_with(8), ShaderForm::kSubgroup, 8, true},
                              {gpu_with(4), ShaderForm::kShared, 64, false},
                              {gpu_with(32, false), ShaderForm::kShared, 64, false},
                              {gpu_with(32, true, false), ShaderForm::kShared, 64, false},
                              {gpu_with(24), ShaderForm::kShared, 64, false},
                              {few, ShaderForm::kShared, 32, false}};
  for (const ReduceCase& c : cases) {
    const ReduceChoice choice = choose_reduce(c.caps);
    EXPECT_EQ(choice.form, c.form) << c.caps.subgroup_size;
    EXPECT_EQ(choice.workgroup, c.workgroup) << c.caps.subgroup_size;
    EXPECT_EQ(choice.full_subgroups, c.full) << c.caps.subgroup_size;
  }
  vk::DeviceCaps intel = gpu_with(32);
  intel.vendor_id = 0x8086, intel.subgroup_size_control = true;
  intel.min_subgroup_size = 8, intel.max_subgroup_size = 32;
  EXPECT_EQ(choose_reduce(intel), (ReduceChoice{ShaderForm::kSubgroup, 16, true, 16}));
  intel.min_subgroup_size = intel.max_subgroup_size = 32, intel.subgroup_size_control = false;
  EXPECT_EQ(choose_reduce(intel), (ReduceChoice{ShaderForm::kSubgroup, 32, true, 0}));
  EXPECT_EQ(choose_wide_reduce(gpu_with(32)).workgroup, 1024u);
  vk::DeviceCaps cpu = gpu_with(8);
  cpu.type = vk::DeviceType::kCpu;
  EXPECT_EQ(choose_wide_reduce(cpu), (ReduceChoice{ShaderForm::kLockstep, 8, true, 0}));
}

using KernelsTest = test::DeviceTest;

TEST_F(KernelsTest, MakesEachPipelineOnce) {
  const uint32_t sizes[] = {16, 32};
  const auto a = kernels().pipeline({ShaderKernel::kRmsNorm, ShaderForm::kShared}, {sizes, 1}, false);
  const auto b = kernels().pipeline({ShaderKernel::kRmsNorm, ShaderForm::kShared}, {sizes + 1, 1}, false);
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_NE(*a, *b);
  EXPECT_EQ(*kernels().pipeline({ShaderKernel::kRmsNorm, ShaderForm::kShared}, {sizes, 1}, false), *a);
  EXPECT_EQ((*a)->name(), "rms_norm.shared");
  EXPECT_EQ(kernels().pipeline(Shader(), {}, false).error().status, Status::kInternal);
}

// How pipelines come to be: held back, counted, and made to fail.
std::atomic<int> making, made, throwing, failing, run;
std::atomic<bool> hold;

VKAPI_ATTR VkResult VKAPI_CALL make_badly(VkDevice device, VkPipelineCache cache, uint32_t count,
                                          const VkComputePipelineCreateInfo* info, const VkAllocationCallbacks* with,
                                          VkPipeline* pipelines) {
  ++making;
  hold.wait(true);
  if (throwing > 0 && throwing-- > 0) throw std::bad_alloc();
  if (failing > 0 && failing-- > 0) return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  ++made;
  return test::VulkanDouble::original<PFN_vkCreateComputePipelines>("vkCreateComputePipelines")(device, cache, count,
                                                                                                info, with, pipelines);
}

VKAPI_ATTR void VKAPI_CALL count_run(VkCommandBuffer commands, VkBuffer arguments, VkDeviceSize at) {
  ++run;
  test::VulkanDouble::original<PFN_vkCmdDispatchIndirect>("vkCmdDispatchIndirect")(commands, arguments, at);
}

class PipelineMakingTest : public test::VulkanDoubleTest {
 protected:
  void SetUp() override {
    test::VulkanDoubleTest::SetUp();
    making = made = throwing = failing = run = 0;
    hold = false;
    vulkan_.replace("vkCreateComputePipelines", make_badly);
    vulkan_.replace("vkCmdDispatchIndirect", count_run);
    start();
    if (device_) kernels_ = std::make_unique<Kernels>(*device_);
  }
  void TearDown() override {
    release();
    kernels_.reset();
    device_.reset();
    instance_.reset();
  }
  static PipelineKey key(uint32_t workgroup) {
    return {.shader = {ShaderKernel::kRmsNorm, ShaderForm::kShared}, .constants = {workgroup}};
  }
  static void release() {
    hold = false;
    hold.notify_all();
  }
  static void wait_for_makers(int count) {
    while (making < count) std::this_thread::yield();
  }
  bool prepared(std::initializer_list<PipelineKey> keys) {
    return kernels_->prepare(std::span(keys.begin(), keys.size()));
  }

  std::unique_ptr<Kernels> kernels_;
};

TEST_F(PipelineMakingTest, AnExceptionLeavesNoPipelineThatIsBeingMade) {
  if (IsSkipped()) return;
  throwing = 1;
  EXPECT_THROW((void)kernels_->pipeline(key(16)), std::bad_alloc);
  EXPECT_EQ(kernels_->pipeline_count(), 0u);
  EXPECT_TRUE(kernels_->pipeline(key(16)).ok());
  EXPECT_EQ(kernels_->pipeline_count(), 1u);
}

TEST_F(PipelineMakingTest, WhoWaitsForAMakerThatFailsMakesItItself) {
  if (IsSkipped()) return;
  hold = true;
  throwing = 1;
  std::thread first([&] { EXPECT_THROW((void)kernels_->pipeline(key(16)), std::bad_alloc); });
  wait_for_makers(1);
  std::thread second([&] { EXPECT_TRUE(kernels_->pipeline(key(16)).ok()); });
  release();
  first.join();
  second.join();
  EXPECT_EQ(made, 1);
}

TEST_F(PipelineMakingTest, PrepareNeverWaitsAndMakesEachOnce) {
  if (IsSkipped()) return;
  hold = true;
  EXPECT_TRUE(prepared({}));
  EXPECT_FALSE(prepared({key(16), key(32)}));
  wait_for_makers(1);
  EXPECT_FALSE(prepared({key(32), key(16), key(64)}));
  release();
  while (!prepared({key(16), key(32), key(64)})) std::this_thread::yield();
  EXPECT_EQ(made, 3);
  EXPECT_TRUE(kernels_->pipeline(key(64)).ok());
  EXPECT_EQ(made, 3);
}

// So that the first use of what is prepared does not wait for a compiler either.
TEST_F(PipelineMakingTest, WhatIsPreparedHasRunWhereDriversCompileThen) {
  if (IsSkipped()) return;
  const bool late = device_policy(device_->caps()).compiles_when_run;
  EXPECT_EQ(late, device_->caps().type == vk::DeviceType::kCpu);
  ASSERT_TRUE(kernels_->pipeline(key(64)).ok());
  EXPECT_EQ(run, 0);
  while (!prepared({key(16), key(32)})) std::this_thread::yield();
  EXPECT_EQ(run, late ? 2 : 0);
}

TEST_F(PipelineMakingTest, WhatCannotBePreparedIsToldByPipeline) {
  if (IsSkipped()) return;
  failing = 2;
  while (!prepared({key(16)})) std::this_thread::yield();
  const auto refused = kernels_->pipeline(key(16));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().status, Status::kOutOfDeviceMemory);
  EXPECT_TRUE(kernels_->pipeline(key(16)).ok()) << "it is tried again";
}

TEST_F(PipelineMakingTest, WhatAThreadThrowsDoesNotLeaveIt) {
  if (IsSkipped()) return;
  throwing = 1;
  while (!prepared({key(16), key(32)})) std::this_thread::yield();
  EXPECT_TRUE(kernels_->pipeline(key(16)).ok() && kernels_->pipeline(key(32)).ok());
}

TEST_F(PipelineMakingTest, PipelineTakesOverWhatIsOnlyWanted) {
  if (IsSkipped()) return;
  hold = true;
  EXPECT_FALSE(prepared({key(16), key(32)}));
  wait_for_makers(1);  // the thread's, of one of them
  std::thread caller([&] { EXPECT_TRUE(kernels_->pipeline(key(16)).ok() && kernels_->pipeline(key(32)).ok()); });
  release();
  caller.join();
  EXPECT_EQ(made, 2);
}

TEST_F(PipelineMakingTest, DestructionWaitsForWhatIsBeingMadeAndForNoMore) {
  if (IsSkipped()) return;
  hold = true;
  EXPECT_FALSE(prepared({key(16), key(32), key(64)}));
  wait_for_makers(1);
  std::thread destroyer([&] { kernels_.reset(); });
  release();
  destroyer.join();
  EXPECT_LE(made, 3);
}

}  // namespace pumice::kernels_test
