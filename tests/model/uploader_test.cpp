// Uploader: uploads that outgrow its staging buffer, stacked tensors, and the rows of a slab.
#include "model/uploader.h"

#include <algorithm>

#include "format/device_layout.h"
#include "support/device_fixture.h"
#include "support/test_matrix.h"

namespace pumice::uploader_test {

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
  use(test::Mask::kDiscrete);
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

// Through staging and directly, with any number of threads, the words are those that repack_rows gives for the whole.
TEST_F(UploaderTest, EveryWayGivesTheSameWords) {
  constexpr uint32_t kCols = 512, kRows[] = {2048, 8, 333};
  for (const TensorType type : {TensorType::kF32, TensorType::kQ4_0, TensorType::kQ6_K, TensorType::kQ3_K}) {
    std::vector<std::vector<std::byte>> bytes;
    std::vector<GgufTensor> tensors;
    for (const uint32_t rows : kRows) bytes.push_back(test::random_blocks(type, uint64_t{rows} * kCols, rows));
    for (size_t i = 0; i < bytes.size(); ++i)
      tensors.push_back({.name = "w", .dims = {kCols, kRows[i], 1, 1}, .dim_count = 2, .type = type, .data = bytes[i]});
    std::vector<std::byte> stacked;
    for (const auto& part : bytes) stacked.insert(stacked.end(), part.begin(), part.end());
    const GgufTensor whole{
        .name = "w", .dims = {kCols, 2048 + 8 + 333, 1, 1}, .dim_count = 2, .type = type, .data = stacked};
    const DeviceLayout layout = device_layout_for(whole).value();
    std::vector<uint32_t> expected(layout.total_bytes() / 4);
    const size_t quants = layout.quant_plane_words(whole.rows());
    repack_rows(whole, 0, whole.rows(), layout, std::span(expected).first(quants), std::span(expected).subspan(quants));

    const GgufTensor* parts[] = {&tensors[0], &tensors[1], &tensors[2]};
    for (const test::Mask mask : {test::Mask::kNone, test::Mask::kDiscrete}) {
      use(mask);
      for (const uint32_t threads : {0u, 1u, 2u, 7u}) {
        auto uploader = Uploader::create(device(), {.threads = threads});
        ASSERT_TRUE(uploader.ok());
        auto first = uploader->upload_matrix(parts), second = uploader->upload_matrix(parts);
        ASSERT_TRUE(first.ok() && second.ok());
        ASSERT_TRUE(uploader->finish().ok());
        ASSERT_EQ(first->slabs.size(), 1u);
        EXPECT_EQ(first->slabs[0].buffer.mapped() == nullptr, !caps().mapped_device_memory);
        EXPECT_EQ(contents(first->slabs[0].buffer), expected) << tensor_type_name(type) << ", " << threads;
        EXPECT_EQ(contents(second->slabs[0].buffer), expected) << tensor_type_name(type) << ", " << threads;
      }
    }
  }
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

}  // namespace pumice::uploader_test
