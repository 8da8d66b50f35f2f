// The pipeline cache file: a round trip; what is foreign, cut or damaged is ignored.
#include "vk/pipeline_cache.h"

#include "support/device_fixture.h"
#include "support/temporary_folder.h"

namespace pumice::vk::pipeline_cache_test {

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

DeviceCaps some_caps() {
  DeviceCaps caps;
  caps.vendor_id = 1, caps.device_id = 2, caps.driver_version = 3, caps.pipeline_cache_uuid[5] = 9;
  return caps;
}

TEST(PipelineCacheFile, RoundTrip) {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("cache");
  const auto data = bytes_of("what the driver gave");
  ASSERT_TRUE(write_pipeline_cache(path, some_caps(), data).ok());
  EXPECT_EQ(read_pipeline_cache(path, some_caps()), data);
  ASSERT_TRUE(write_pipeline_cache(path, some_caps(), bytes_of("more")).ok());
  EXPECT_EQ(read_pipeline_cache(path, some_caps()), bytes_of("more"));
  ASSERT_TRUE(write_pipeline_cache(path, some_caps(), {}).ok());
  EXPECT_TRUE(read_pipeline_cache(path, some_caps()).empty());
  const auto files = std::filesystem::directory_iterator(std::filesystem::path(path).parent_path());
  EXPECT_EQ(std::distance(begin(files), end(files)), 1) << "a temporary file was left behind";
}

TEST(PipelineCacheFile, OfAnotherDeviceIsIgnored) {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("cache");
  ASSERT_TRUE(write_pipeline_cache(path, some_caps(), bytes_of("data")).ok());
  for (int field = 0; field < 4; ++field) {
    DeviceCaps other = some_caps();
    if (field == 0) other.vendor_id = 7;
    if (field == 1) other.device_id = 7;
    if (field == 2) other.driver_version = 7;
    if (field == 3) other.pipeline_cache_uuid[15] = 7;
    EXPECT_TRUE(read_pipeline_cache(path, other).empty()) << field;
  }
}

TEST(PipelineCacheFile, DamagedIsIgnored) {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("cache");
  EXPECT_TRUE(read_pipeline_cache(path, some_caps()).empty()) << "missing";
  EXPECT_TRUE(read_pipeline_cache("", some_caps()).empty());
  ASSERT_TRUE(write_pipeline_cache(path, some_caps(), bytes_of("some data")).ok());
  const std::vector<char> whole = test::read_file_bytes(path);
  for (size_t i = 0; i < whole.size(); ++i) {
    std::vector<char> damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    test::write_file(path, damaged);
    EXPECT_TRUE(read_pipeline_cache(path, some_caps()).empty()) << "byte " << i;
    test::write_file(path, {whole.begin(), whole.begin() + static_cast<ptrdiff_t>(i)});
    EXPECT_TRUE(read_pipeline_cache(path, some_caps()).empty()) << "cut to " << i;
  }
  std::vector<char> longer = whole;
  longer.push_back(0);
  test::write_file(path, longer);
  EXPECT_TRUE(read_pipeline_cache(path, some_caps()).empty()) << "longer";
}

TEST(PipelineCacheFile, WritingFailsWithoutAFolder) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(write_pipeline_cache(folder.file("no/such/folder"), some_caps(), {}).error().status, Status::kIo);
}

using PipelineCacheTest = test::DeviceTest;

// A device writes it when it is destroyed, and a damaged one does not keep the next from working.
TEST_F(PipelineCacheTest, DevicesKeepTheirPipelines) {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("cache");
  auto& vulkan = test::TestVulkan::get();
  for (const bool damage : {false, true}) {
    auto own =
        Device::create(vulkan.instance(), vulkan.physical().handle, {.caps = caps(), .pipeline_cache_path = path});
    ASSERT_TRUE(own.ok()) << own.error().message;
    {
      Kernels own_kernels(**own);
      ASSERT_TRUE(own_kernels.pipeline(ShaderKernel::kActivation, {}, false).ok());
    }
    own->reset();
    EXPECT_FALSE(read_pipeline_cache(path, caps()).empty());
    if (!damage) test::write_file(path, {'p', 'u', 'm'});
  }
}

}  // namespace pumice::vk::pipeline_cache_test
