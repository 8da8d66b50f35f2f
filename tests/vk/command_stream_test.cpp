// CommandStream: barriers where operations depend on each other and nowhere else, replays, errors, the profiler, and
// the device's timeline.
#include "vk/command_stream.h"

#include <thread>

#include "shared/activation.h"
#include "support/device_fixture.h"
#include "support/product.h"

namespace pumice::vk::command_stream_test {

constexpr float kBase = 32;
constexpr uint32_t kCols = 64;  // 256 bytes, the largest alignment of a binding's offset
constexpr ActivationPush kProduct{.n = 1,
                                  .cols = kCols,
                                  .gate_stride = kCols,
                                  .up_stride = kCols,
                                  .y_stride = kCols,
                                  .gate_share = 1,
                                  .kind = 0,
                                  .gated = 1};

class CommandStreamTest : public test::DeviceTest {
 protected:
  BufferView floats(float value) { return buffer(std::vector<float>(kCols, value)); }
  // y = a * b, a of 32 or more.
  void multiply(CommandStream& stream, BufferView a, BufferView b, BufferView y) {
    test::product({kernels(), stream}, a, b, y, kCols);
  }
  CommandStream begun(bool profile = false) {
    auto stream = CommandStream::create(device(), profile);
    EXPECT_TRUE(stream.ok());
    stream->begin();
    return std::move(*stream);
  }
  void finish(CommandStream& stream) {
    const auto ended = stream.end();
    ASSERT_TRUE(ended.ok()) << ended.error().message;
    submit_and_wait(stream);
    expect_guards();
  }
  float value(BufferView view) { return read<float>(view)[kCols - 1]; }
};

TEST_F(CommandStreamTest, DependentDispatchesAreOrdered) {
  const BufferView base = floats(kBase), a = floats(0), b = floats(0), c = floats(0);
  CommandStream stream = begun();
  multiply(stream, base, base, a);
  EXPECT_EQ(stream.barriers(), 0u);
  multiply(stream, a, base, b);  // reads what was written
  EXPECT_EQ(stream.barriers(), 1u);
  multiply(stream, b, a, c);
  EXPECT_EQ(stream.barriers(), 2u);
  multiply(stream, base, base, a);  // writes what was read
  EXPECT_EQ(stream.barriers(), 3u);
  multiply(stream, base, a, b);
  multiply(stream, base, base, b);  // writes what was written
  EXPECT_EQ(stream.barriers(), 5u);
  EXPECT_EQ(stream.dispatches(), 6u);
  finish(stream);
  EXPECT_EQ(value(c), 0x1p25f);
  EXPECT_EQ(value(b), kBase * kBase);
}

TEST_F(CommandStreamTest, IndependentDispatchesAreNot) {
  const BufferView base = floats(kBase), a = floats(0), b = floats(0);
  auto both = device().create_buffer(2 * 4 * kCols, MemoryIntent::kShared);
  ASSERT_TRUE(both.ok());
  const BufferView low(*both, 0, 4 * kCols), high(*both, 4 * kCols, 4 * kCols);
  CommandStream stream = begun();
  multiply(stream, base, base, a);
  multiply(stream, base, base, b);
  multiply(stream, base, base, low);
  multiply(stream, base, base, high);  // another range of the same buffer
  EXPECT_EQ(stream.barriers(), 0u);
  multiply(stream, low, high, a);
  EXPECT_EQ(stream.barriers(), 1u);
  finish(stream);
  EXPECT_EQ(value(a), 0x1p20f);
}

TEST_F(CommandStreamTest, ColumnsOfAMatrixAreIndependent) {
  const BufferView base = floats(kBase), a = floats(0), matrix = floats(0);
  const auto columns = [&](uint64_t stride, uint64_t first, uint64_t end) {
    BufferView view = matrix;
    view.stride = stride, view.first_column = first, view.end_column = end;
    return view;
  };
  CommandStream stream = begun();
  multiply(stream, base, base, columns(32, 0, 8));
  multiply(stream, base, base, columns(32, 8, 24));
  multiply(stream, base, base, columns(32, 24, 32));
  EXPECT_EQ(stream.barriers(), 0u);
  multiply(stream, base, base, columns(32, 7, 9));
  EXPECT_EQ(stream.barriers(), 1u) << "columns that others have written";
  multiply(stream, base, base, columns(64, 0, 7));
  EXPECT_EQ(stream.barriers(), 2u) << "of rows that are none of the others'";
  multiply(stream, base, matrix, a);
  EXPECT_EQ(stream.barriers(), 3u) << "all of them";
  multiply(stream, base, base, columns(32, 0, 8));
  EXPECT_EQ(stream.barriers(), 4u) << "what was read";
  finish(stream);
}

TEST_F(CommandStreamTest, CopiesAndFillsAreOrderedToo) {
  const BufferView base = floats(kBase), a = floats(0), b = floats(0), c = floats(0);
  CommandStream stream = begun();
  stream.fill(a, std::bit_cast<uint32_t>(40.5f));
  multiply(stream, a, base, b);
  EXPECT_EQ(stream.barriers(), 1u);
  stream.copy(b, c);
  EXPECT_EQ(stream.barriers(), 2u);
  multiply(stream, c, base, a);
  EXPECT_EQ(stream.barriers(), 3u);
  finish(stream);
  EXPECT_EQ(value(a), 40.5f * kBase * kBase);
}

TEST_F(CommandStreamTest, IndirectCountsAreRead) {
  const BufferView base = floats(kBase), a = floats(0), counts = buffer(std::vector<uint32_t>{0, 0, 0});
  const auto pipeline = kernels().pipeline(ShaderKernel::kActivation, {}, false);
  ASSERT_TRUE(pipeline.ok());
  const BufferView bindings[] = {base, base, a};
  CommandStream stream = begun();
  stream.dispatch_indirect(**pipeline, push_bytes(kProduct), bindings, counts);
  stream.fill(counts, 1);
  EXPECT_EQ(stream.barriers(), 1u) << "the counts were read";
  finish(stream);
  EXPECT_EQ(value(a), 0) << "no workgroups";
  EXPECT_EQ(read<uint32_t>(counts)[2], 1u);
  submit_and_wait(stream);
  EXPECT_EQ(value(a), kBase * kBase);
}

// Some GPUs flush more for the counts than for what shaders read.
TEST_F(CommandStreamTest, OnlyCountsThatWereWrittenAreWaitedForAsCounts) {
  const BufferView base = floats(kBase), a = floats(0), b = floats(0);
  const BufferView counts = buffer(std::vector<uint32_t>{0, 0, 0}), others = buffer(std::vector<uint32_t>{1, 1, 1});
  const auto pipeline = kernels().pipeline(ShaderKernel::kActivation, {}, false);
  ASSERT_TRUE(pipeline.ok());
  CommandStream stream = begun();
  stream.fill(counts, 1);
  multiply(stream, base, base, a);
  multiply(stream, a, base, b);
  const BufferView known[] = {b, base, a};
  stream.dispatch_indirect(**pipeline, push_bytes(kProduct), known, others);
  EXPECT_EQ(stream.barriers(), 2u);
  EXPECT_EQ(stream.argument_barriers(), 0u);
  const BufferView bindings[] = {base, base, a};
  stream.dispatch_indirect(**pipeline, push_bytes(kProduct), bindings, counts);
  EXPECT_EQ(stream.barriers(), 3u);
  EXPECT_EQ(stream.argument_barriers(), 1u) << "the barriers between were for shaders alone";
  finish(stream);
  EXPECT_EQ(value(a), kBase * kBase);
}

TEST_F(CommandStreamTest, ReplaysSeeTheOnesBefore) {
  const BufferView one = floats(1), two = floats(2), power = floats(kBase), next = floats(0);
  CommandStream stream = begun();
  multiply(stream, power, two, next);
  multiply(stream, next, one, power);
  ASSERT_TRUE(stream.end().ok());
  uint64_t last = 0;
  for (int i = 0; i < 20; ++i) last = stream.submit().value();
  EXPECT_TRUE(device().wait(last).value());
  EXPECT_EQ(value(power), kBase * 0x1p20f);
  // Two in one submission, and recording anew.
  EXPECT_TRUE(device().wait(stream.submit(&stream).value()).value());
  EXPECT_EQ(value(power), kBase * 0x1p22f);
  stream.begin();
  multiply(stream, power, power, next);
  finish(stream);
  EXPECT_EQ(value(next), 0x1p54f);
}

TEST_F(CommandStreamTest, ManyDispatchesNeedManySets) {
  constexpr float kFactor = 1.0078125f;
  const BufferView factor = floats(kFactor), a = floats(0), b = floats(kBase);
  float expected = kBase;
  CommandStream stream = begun();
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 300; ++i) {
      multiply(stream, i % 2 ? a : b, factor, i % 2 ? b : a);
      expected *= kFactor;
    }
    finish(stream);
    EXPECT_EQ(value(b), expected);
    stream.begin();
  }
  EXPECT_TRUE(stream.end().ok());
}

TEST_F(CommandStreamTest, ErrorsComeOutAtTheEnd) {
  const BufferView base = floats(kBase), a = floats(0);
  CommandStream stream = begun();
  const auto pipeline = kernels().pipeline(ShaderKernel::kActivation, {}, false);
  const BufferView bindings[] = {base, base, a};
  stream.dispatch(**pipeline, push_bytes(kProduct), bindings, {.x = 1, .y = caps().max_groups[1] + 1});
  stream.fail(error(Status::kInternal, "later"));
  multiply(stream, base, base, a);
  const auto ended = stream.end();
  ASSERT_FALSE(ended.ok());
  EXPECT_EQ(ended.error().status, Status::kUnsupported) << "the first error is kept";
  stream.begin();
  record({kernels(), stream}, {.shader = {}});
  EXPECT_EQ(stream.end().error().status, Status::kInternal);
  stream.begin();
  multiply(stream, base, base, a);
  finish(stream);
  EXPECT_EQ(value(a), kBase * kBase) << "usable again";
}

TEST_F(CommandStreamTest, BindingsBeyondTheLimitAreRefused) {
  use(test::Mask::kSmallBindings);
  const BufferView large = words(test::kSmallBinding / 4 + 1);
  CommandStream stream = begun();
  multiply(stream, large, floats(1), floats(1));
  EXPECT_EQ(stream.end().error().status, Status::kUnsupported);
}

TEST_F(CommandStreamTest, ProfilesEveryDispatch) {
  const BufferView base = floats(kBase), a = floats(0), b = floats(0);
  CommandStream stream = begun(true);
  multiply(stream, base, base, a);
  multiply(stream, a, base, b);
  finish(stream);
  const auto operations = stream.profile();
  if (caps().timestamp_period_ns == 0) GTEST_SKIP() << "the device has no timestamps";
  ASSERT_EQ(operations.size(), 2u);
  for (const ProfiledOperation& operation : operations) {
    EXPECT_EQ(operation.name, "activation");
    EXPECT_EQ(operation.bytes, 12.0 * kCols);
    EXPECT_GE(operation.microseconds, 0);
    EXPECT_LT(operation.microseconds, 1e7);
  }
  EXPECT_TRUE(begun().profile().empty()) << "not asked for";
}

TEST_F(CommandStreamTest, TimelineWaits) {
  EXPECT_TRUE(device().wait(0).value());
  const uint64_t before = device().submissions();
  EXPECT_FALSE(device().wait(before + 1, 1000000).value()) << "nothing was submitted for it";
  EXPECT_FALSE(device().reached(before + 1).value());
  CommandStream stream = begun();
  ASSERT_TRUE(stream.end().ok());
  const uint64_t first = stream.submit().value(), second = stream.submit().value();
  EXPECT_EQ(first, before + 1);
  EXPECT_EQ(second, before + 2);
  EXPECT_TRUE(device().wait(second).value());
  EXPECT_TRUE(device().reached(first).value());
  EXPECT_EQ(device().submissions(), second);
}

// Parts end between dispatches, and where one takes longer than a part may, between its workgroups.
TEST_F(CommandStreamTest, PartsAreAsShortAsAskedFor) {
  use(test::Mask::kNewCompiler);  // a device of its own, of which nothing is known
  constexpr uint32_t kMany = 1 << 18;
  constexpr double kNothing = 1e-6;  // microseconds
  const BufferView a = buffer(std::vector<float>(kMany, kBase)), b = buffer(std::vector<float>(kMany, 2.0f));
  const BufferView x = buffer(std::vector<float>(kMany, 0.0f)), y = buffer(std::vector<float>(kMany, 0.0f));
  CommandStream stream = begun();
  ASSERT_TRUE(stream.end().ok());
  const auto record = [&](double longest) {
    stream.begin({.timed = true, .longest = longest, .apart = true});
    test::product({kernels(), stream}, a, b, x, kMany);
    test::product({kernels(), stream}, x, b, y, kMany);
    test::product({kernels(), stream}, y, b, x, kMany);
    ASSERT_TRUE(stream.end().ok());
  };
  const auto run = [&] {
    device().hold();
    const uint64_t last = stream.submit().value();
    while (device().release(1e9).value().held > 0) std::this_thread::yield();
    EXPECT_TRUE(device().wait(last).value());
    (void)device().release(1e9).value();  // notes times
    EXPECT_EQ(read<float>(x), std::vector<float>(kMany, kBase * 8));
  };
  record(0);
  EXPECT_EQ(stream.parts(), 1u);
  EXPECT_TRUE(stream.improvable({.timed = true, .longest = kNothing, .apart = true}));
  run();
  record(kNothing);
  EXPECT_EQ(stream.parts(), 3u) << "nothing is known of the dispatches";
  EXPECT_FALSE(stream.improvable({.timed = true, .longest = kNothing, .apart = true})) << "nor will be before they run";
  run();
  EXPECT_TRUE(stream.improvable({.timed = true, .longest = kNothing, .apart = true}));
  record(kNothing);
  const bool pieces = device().caps().type == DeviceType::kCpu;
  EXPECT_EQ(stream.parts(), pieces ? 3u * 64 : 3u);
  EXPECT_FALSE(stream.improvable({.timed = true, .longest = kNothing, .apart = true}));
  run();
  record(1e9);
  EXPECT_EQ(stream.parts(), 1u) << "all of it fits";
  run();
  ASSERT_TRUE(device().release_all().ok());
  expect_guards();
}

// 20 steps in three parts each; what is not let go is not run.
TEST_F(CommandStreamTest, PartsGoAsTheyAreLetGo) {
  use(test::Mask::kSmallBindings);  // a device of its own, of which nothing is known
  const BufferView one = floats(1), two = floats(2), power = floats(kBase), next = floats(0);
  CommandStream stream = begun();
  ASSERT_TRUE(stream.end().ok());
  stream.begin({.timed = true});
  multiply(stream, power, two, next);
  stream.cut();
  multiply(stream, next, two, power);
  stream.cut();
  multiply(stream, power, one, next);
  ASSERT_TRUE(stream.end().ok());
  ASSERT_EQ(stream.parts(), 3u);
  EXPECT_TRUE(device().wait(stream.submit().value()).value());
  EXPECT_EQ(value(power), kBase * 0x1p2f);

  device().hold();
  const uint64_t before = device().submissions(), last = stream.submit().value();
  EXPECT_EQ(last, before + 3);
  EXPECT_EQ(device().release(0).value().held, 3u);
  EXPECT_FALSE(device().reached(before + 1).value());
  for (uint64_t part = before + 1; part <= last; ++part) {  // their times are not known: one takes the whole frame
    const Device::Released released = device().release(1000).value();
    EXPECT_EQ(released.chunks, 1u);
    EXPECT_EQ(released.held, last - part);
    EXPECT_TRUE(device().wait(part).value());
    if (part < last) {
      EXPECT_FALSE(device().reached(part + 1).value());
    }
  }
  EXPECT_EQ(value(power), kBase * 0x1p4f);
  (void)stream.submit().value();
  EXPECT_EQ(device().release(1e9).value().chunks, 3u) << "their times are known";
  EXPECT_TRUE(device().wait(stream.submit().value()).value()) << "who waits lets go";
  EXPECT_EQ(value(power), kBase * 0x1p8f);
  const uint64_t held = stream.submit().value();
  ASSERT_TRUE(device().release_all().ok());
  EXPECT_FALSE(device().paced());
  EXPECT_TRUE(device().wait(held).value());
  EXPECT_EQ(value(power), kBase * 0x1p10f);
}

}  // namespace pumice::vk::command_stream_test
