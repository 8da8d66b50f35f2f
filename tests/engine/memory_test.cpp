// Out of device memory, wherever it strikes, is a status; the device and what runs on it stay usable.
#include <gtest/gtest.h>

#include "engine/context.h"
#include "support/engine_fixture.h"

namespace pumice::test::memory_test {

class EngineMemoryTest : public EngineTest {
 protected:
  void TearDown() override {
    if (!IsSkipped()) device().memory().set_limit(0);
    EngineTest::TearDown();
  }
  // Nothing more is given by the driver than is reserved now.
  void limit_to_now(uint64_t more = 1) { device().memory().set_limit(device().memory().reserved_bytes() + more); }
};

TEST_F(EngineMemoryTest, ContextTooLarge) {
  const SyntheticModel spec;
  const auto loaded = load(make_synthetic_model(spec));
  ASSERT_TRUE(loaded);
  const auto small = context(*loaded, {.context_tokens = 64});
  ASSERT_TRUE(small);
  const uint64_t before = device().memory().reserved_bytes();
  uint32_t refused = 0, accepted = 0;
  // Somewhere among pool, workspace and step buffers.
  for (const uint64_t more :
       {uint64_t{1}, uint64_t{1} << 20, uint64_t{16} << 20, uint64_t{100} << 20, uint64_t{300} << 20}) {
    device().memory().set_limit(before + more);
    auto made = Context::create(*loaded->model, {}, {.context_tokens = 1u << 18, .max_sequences = 4});
    if (made.ok()) {
      ++accepted;
    } else {
      ++refused;
      EXPECT_EQ(static_cast<int>(made.error().status), static_cast<int>(Status::kOutOfDeviceMemory))
          << made.error().message;
    }
    if (made.ok()) made->reset();
    EXPECT_EQ(device().memory().reserved_bytes(), before) << "nothing is left behind";
  }
  EXPECT_GE(refused, 2u);
  EXPECT_EQ(generate(*small, *open(*small), random_tokens(spec, 10, 1), greedy_params(5)).size(), 5u);
  device().memory().set_limit(0);
  EXPECT_TRUE(context(*loaded, {.context_tokens = 1u << 18, .max_sequences = 4}));
  EXPECT_GT(refused + accepted, 0u);
}

TEST_F(EngineMemoryTest, ModelTooLarge) {
  const std::vector<std::byte> bytes = make_synthetic_model(
      {.layers = 3, .width = 1024, .heads = 16, .kv_heads = 16, .ffn = 1024, .type = TensorType::kQ8_0});
  const Result<Gguf> file = Gguf::from_memory(bytes);
  ASSERT_TRUE(file.ok());
  limit_to_now();
  const uint64_t before = device().memory().reserved_bytes();
  // Fills the blocks that are reserved already, so that the model needs new ones.
  std::vector<vk::Buffer> fillers;
  for (uint64_t size = uint64_t{64} << 20; size >= 4096; size /= 2)
    for (auto buffer = device().create_buffer(size, vk::MemoryIntent::kDevice); buffer.ok();
         buffer = device().create_buffer(size, vk::MemoryIntent::kDevice))
      fillers.push_back(std::move(buffer).value());
  const Result<Model> refused = Model::load(kernels(), *file, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().status, Status::kOutOfDeviceMemory) << refused.error().message;
  fillers.clear();
  device().memory().set_limit(0);
  EXPECT_LE(device().memory().reserved_bytes(), before);
  EXPECT_TRUE(load(bytes)) << "with room it loads";
}

TEST_F(EngineMemoryTest, LoadingCanBeCancelled) {
  const std::vector<std::byte> bytes = make_synthetic_model({});
  const Result<Gguf> file = Gguf::from_memory(bytes);
  ASSERT_TRUE(file.ok());
  float last = 0;
  const Result<Model> cancelled = Model::load(kernels(), *file, [&](float fraction) {
    EXPECT_GE(fraction, last);
    last = fraction;
    return fraction > 0.5f;
  });
  ASSERT_FALSE(cancelled.ok());
  EXPECT_EQ(cancelled.error().status, Status::kCancelled);
  EXPECT_LT(last, 1.0f);
  const Result<Model> whole = Model::load(kernels(), *file, [&](float fraction) {
    last = fraction;
    return false;
  });
  EXPECT_TRUE(whole.ok());
  EXPECT_FLOAT_EQ(last, 1.0f);
}

TEST_F(EngineMemoryTest, OptionsOutOfRange) {
  const auto loaded = load(make_synthetic_model({}));
  ASSERT_TRUE(loaded);
  const auto status = [&](const ContextOptions& options) {
    const auto made = Context::create(*loaded->model, {}, options);
    return made.ok() ? Status::kOk : made.error().status;
  };
  EXPECT_EQ(status({.context_tokens = 0xffffffffu}), Status::kInvalidArgument);
  EXPECT_EQ(status({.context_tokens = 64, .max_sequences = 0}), Status::kInvalidArgument);
  EXPECT_EQ(status({.context_tokens = 64, .max_sequences = Context::kMaxSequences + 1}), Status::kInvalidArgument);
  EXPECT_EQ(status({.context_tokens = 64, .prefill_slice = 33}), Status::kInvalidArgument);
  EXPECT_EQ(status({.context_tokens = 64, .prefill_slice = 8192}), Status::kInvalidArgument);
  EXPECT_EQ(status({.context_tokens = 64, .steps_ahead = 65}), Status::kInvalidArgument);
  EXPECT_NE(status({.context_tokens = 1u << 24}), Status::kOk) << "keys of one layer beyond what can be bound";
  EXPECT_EQ(status({.context_tokens = 1}), Status::kOk);
  EXPECT_EQ(status({}), Status::kOk) << "the model's own context";
}

}  // namespace pumice::test::memory_test
