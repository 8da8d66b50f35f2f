// Uploader: uploads that outgrow its staging buffer, stacked tensors, and the rows of a slab.
#include "model/uploader.h"

#include <algorithm>

#include "format/device_layout.h"
#include "support/device_fixture.h"
#include "support/test_matrix.h"

namespace pumice {
namespace {

class UploaderTest : public test::DeviceTest {
 protected:
  // Through the device, as the buffer may not be visible to the host.
  std::vector<uint32_t> contents(const vk::Buffer& from) {
    const vk::BufferView to = words(from.size() / 4);
    run([&](Recorder recorder) { recorder.stream.copy(from, to); });
    return read<uint32_t>(to);
  }
};

TEST_F(UploaderTest, BytesOfAnySize) {
  auto uploader = Uploader::create(device());
  ASSERT_TRUE(uploader.ok());
  std::vector<vk::Buffer> buffers;
  std::vector<std::vector<uint32_t>> expected;
  for (const uint32_t count : {1u, 1000u, 3000000u, 7u}) {
    expected.push_back(test::Generator(count).indices(count, 1u << 31));
    auto made = uploader->upload_bytes(std::as_bytes(std::span(expected.back())));
    ASSERT_TRUE(made.ok()) << made.error().message;
    buffers.push_back(std::move(*made));
  }
  ASSERT_TRUE(uploader->finish().ok());
  for (size_t i = 0; i < buffers.size(); ++i) EXPECT_EQ(contents(buffers[i]), expected[i]);
}

// The slabs, read back through the layout, hold the rows of the stacked tensors.
TEST_F(UploaderTest, SlabsHoldTheRows) {
  use(test::Mask::kSmallBindings);
  const test::TestMatrix matrix = test::make_matrix(device(), TensorType::kF32, 149, 70, 1, 40);
  ASSERT_GT(matrix.weights.slabs.size(), 1u);
  const DeviceLayout layout = device_layout(WeightType::kF32, 149, 70).value();
  uint32_t next = 0;
  for (const WeightSlab& slab : matrix.weights.slabs) {
    EXPECT_EQ(slab.first_row, next);
    EXPECT_LE(slab.buffer.size(), test::kSmallBinding);
    const auto words = contents(slab.buffer);
    std::vector<float> row(70);
    for (uint32_t r = 0; r < slab.rows; ++r) {
      unpack_row(layout, std::span(words).first(slab.scale_offset), std::span(words).subspan(slab.scale_offset), r,
                 row);
      EXPECT_TRUE(std::equal(row.begin(), row.end(), matrix.values.begin() + (slab.first_row + r) * 70));
    }
    next += slab.rows;
  }
  EXPECT_EQ(next, 149u);
}

TEST(RowsPerSlab, AreWholeGroupsWithinTheLimit) {
  vk::DeviceCaps caps;
  caps.max_allocation = uint64_t{1} << 40;
  for (const uint64_t limit : {uint64_t{16384}, uint64_t{1} << 27, uint64_t{1} << 32}) {
    caps.max_storage_range = limit;
    const DeviceLayout layout = device_layout(WeightType::kQ4_K, 100000, 512).value();
    const uint64_t rows = rows_per_slab(caps, layout);
    EXPECT_EQ(rows % kRowInterleave, 0u);
    EXPECT_LE(4 * (layout.quant_plane_words(rows) + layout.scale_plane_words(rows)), limit);
    EXPECT_GT(rows, 0u);
  }
}

}  // namespace
}  // namespace pumice
