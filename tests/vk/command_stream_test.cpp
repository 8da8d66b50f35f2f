// CommandStream: barriers where operations depend on each other and nowhere else, replays, errors, the profiler, and
// the device's timeline.
#include "vk/command_stream.h"

#include "kernels/add.h"
#include "support/device_fixture.h"

namespace pumice::vk {
namespace {

constexpr uint32_t kCols = 64;  // 256 bytes, the largest alignment of a binding's offset

class CommandStreamTest : public test::DeviceTest {
 protected:
  BufferView floats(float value) { return buffer(std::vector<float>(kCols, value)); }
  // y = a + b.
  void add_to(CommandStream& stream, BufferView a, BufferView b, BufferView y) {
    pumice::add({kernels(), stream}, {.a = {a, kCols}, .b = {b, kCols}, .y = {y, kCols}, .n = 1, .cols = kCols});
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
  const BufferView one = floats(1), a = floats(0), b = floats(0), c = floats(0);
  CommandStream stream = begun();
  add_to(stream, one, one, a);
  EXPECT_EQ(stream.barriers(), 0u);
  add_to(stream, a, one, b);  // reads what was written
  EXPECT_EQ(stream.barriers(), 1u);
  add_to(stream, b, a, c);
  EXPECT_EQ(stream.barriers(), 2u);
  add_to(stream, one, one, a);  // writes what was read
  EXPECT_EQ(stream.barriers(), 3u);
  add_to(stream, one, a, b);
  add_to(stream, one, one, b);  // writes what was written
  EXPECT_EQ(stream.barriers(), 5u);
  EXPECT_EQ(stream.dispatches(), 6u);
  finish(stream);
  EXPECT_EQ(value(c), 5);
  EXPECT_EQ(value(b), 2);
}

TEST_F(CommandStreamTest, IndependentDispatchesAreNot) {
  const BufferView one = floats(1), a = floats(0), b = floats(0);
  auto both = device().create_buffer(2 * 4 * kCols, MemoryIntent::kShared);
  ASSERT_TRUE(both.ok());
  const BufferView low(*both, 0, 4 * kCols), high(*both, 4 * kCols, 4 * kCols);
  CommandStream stream = begun();
  add_to(stream, one, one, a);
  add_to(stream, one, one, b);
  add_to(stream, one, one, low);
  add_to(stream, one, one, high);  // another range of the same buffer
  EXPECT_EQ(stream.barriers(), 0u);
  add_to(stream, low, high, a);
  EXPECT_EQ(stream.barriers(), 1u);
  finish(stream);
  EXPECT_EQ(value(a), 4);
}

TEST_F(CommandStreamTest, CopiesAndFillsAreOrderedToo) {
  const BufferView one = floats(1), a = floats(0), b = floats(0), c = floats(0);
  CommandStream stream = begun();
  stream.fill(a, std::bit_cast<uint32_t>(2.5f));
  add_to(stream, a, one, b);
  EXPECT_EQ(stream.barriers(), 1u);
  stream.copy(b, c);
  EXPECT_EQ(stream.barriers(), 2u);
  add_to(stream, c, one, a);
  EXPECT_EQ(stream.barriers(), 3u);
  finish(stream);
  EXPECT_EQ(value(a), 4.5f);
}

TEST_F(CommandStreamTest, IndirectCountsAreRead) {
  const BufferView one = floats(1), a = floats(0), counts = buffer(std::vector<uint32_t>{0, 0, 0});
  const auto pipeline = kernels().pipeline("add", {}, false);
  ASSERT_TRUE(pipeline.ok());
  const uint32_t push[] = {1, kCols, kCols, kCols, kCols};
  const BufferView bindings[] = {one, one, a};
  CommandStream stream = begun();
  stream.dispatch_indirect(**pipeline, std::as_bytes(std::span(push)), bindings, counts);
  stream.fill(counts, 1);
  EXPECT_EQ(stream.barriers(), 1u) << "the counts were read";
  finish(stream);
  EXPECT_EQ(value(a), 0) << "no workgroups";
  EXPECT_EQ(read<uint32_t>(counts)[2], 1u);
  submit_and_wait(stream);
  EXPECT_EQ(value(a), 2);
}

TEST_F(CommandStreamTest, ReplaysSeeTheOnesBefore) {
  const BufferView one = floats(1), zero = floats(0), sum = floats(0), next = floats(0);
  CommandStream stream = begun();
  add_to(stream, sum, one, next);
  add_to(stream, next, zero, sum);
  ASSERT_TRUE(stream.end().ok());
  const VkCommandBuffer commands = stream.handle();
  uint64_t last = 0;
  for (int i = 0; i < 20; ++i) last = device().submit({&commands, 1}).value();
  EXPECT_TRUE(device().wait(last).value());
  EXPECT_EQ(value(sum), 20);
  // Two in one submission, and recording anew.
  const VkCommandBuffer twice[] = {commands, commands};
  EXPECT_TRUE(device().wait(device().submit(twice).value()).value());
  EXPECT_EQ(value(sum), 22);
  stream.begin();
  add_to(stream, sum, sum, next);
  finish(stream);
  EXPECT_EQ(value(next), 44);
}

TEST_F(CommandStreamTest, ManyDispatchesNeedManySets) {
  const BufferView one = floats(1), a = floats(0), b = floats(0);
  CommandStream stream = begun();
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 300; ++i) add_to(stream, i % 2 ? a : b, one, i % 2 ? b : a);
    finish(stream);
    EXPECT_EQ(value(b), 300 * (round + 1));
    stream.begin();
  }
  EXPECT_TRUE(stream.end().ok());
}

TEST_F(CommandStreamTest, ErrorsComeOutAtTheEnd) {
  const BufferView one = floats(1), a = floats(0);
  CommandStream stream = begun();
  const auto pipeline = kernels().pipeline("add", {}, false);
  const uint32_t push[] = {1, kCols, kCols, kCols, kCols};
  const BufferView bindings[] = {one, one, a};
  stream.dispatch(**pipeline, std::as_bytes(std::span(push)), bindings, {.x = 1, .y = caps().max_groups[1] + 1});
  stream.fail(error(Status::kInternal, "later"));
  add_to(stream, one, one, a);
  const auto ended = stream.end();
  ASSERT_FALSE(ended.ok());
  EXPECT_EQ(ended.error().status, Status::kUnsupported) << "the first error is kept";
  stream.begin();
  record({kernels(), stream}, {.variant = "no_such_kernel"});
  EXPECT_EQ(stream.end().error().status, Status::kInternal);
  stream.begin();
  add_to(stream, one, one, a);
  finish(stream);
  EXPECT_EQ(value(a), 2) << "usable again";
}

TEST_F(CommandStreamTest, BindingsBeyondTheLimitAreRefused) {
  use(test::Mask::kSmallBindings);
  const BufferView large = words(test::kSmallBinding / 4 + 1);
  CommandStream stream = begun();
  add_to(stream, large, floats(1), floats(1));
  EXPECT_EQ(stream.end().error().status, Status::kUnsupported);
}

TEST_F(CommandStreamTest, ProfilesEveryDispatch) {
  const BufferView one = floats(1), a = floats(0), b = floats(0);
  CommandStream stream = begun(true);
  add_to(stream, one, one, a);
  add_to(stream, a, one, b);
  finish(stream);
  const auto operations = stream.profile();
  if (caps().timestamp_period_ns == 0) GTEST_SKIP() << "the device has no timestamps";
  ASSERT_EQ(operations.size(), 2u);
  for (const ProfiledOperation& operation : operations) {
    EXPECT_EQ(operation.name, "add");
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
  const VkCommandBuffer commands = stream.handle();
  const uint64_t first = device().submit({&commands, 1}).value(), second = device().submit({&commands, 1}).value();
  EXPECT_EQ(first, before + 1);
  EXPECT_EQ(second, before + 2);
  EXPECT_TRUE(device().wait(second).value());
  EXPECT_TRUE(device().reached(first).value());
  EXPECT_EQ(device().submissions(), second);
}

}  // namespace
}  // namespace pumice::vk
