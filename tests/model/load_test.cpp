// Loading from files: files that change under it, memory that runs out, cancelling, and how much host memory it takes.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include "model/model.h"
#include "support/device_fixture.h"
#include "support/synthetic_model.h"
#include "support/temporary_folder.h"

namespace pumice::test::load_test {

constexpr uint64_t kMiB = uint64_t{1} << 20;

class LoadTest : public DeviceTest {
 protected:
  void TearDown() override {
    if (!IsSkipped()) device().memory().set_limit(0);
    DeviceTest::TearDown();
  }
  uint64_t reserved() { return device().memory().reserved_bytes(); }
  std::string write(const std::vector<std::byte>& bytes) {
    const auto* chars = reinterpret_cast<const char*>(bytes.data());
    write_file(path_, {chars, chars + bytes.size()});
    return path_;
  }
  // Header and holes: tensors of F16 zeros, `rows` rows of 4096 values each.
  std::string write_sparse(uint32_t tensors, uint64_t rows) {
    GgufWriter writer;
    const uint64_t bytes = rows * 4096 * 2;
    for (uint32_t i = 0; i < tensors; ++i)
      writer.tensor({.name = std::string("t") + std::to_string(i),
                     .dims = {4096, rows},
                     .type = static_cast<uint32_t>(TensorType::kF16),
                     .offset = i * bytes});
    const std::vector<std::byte> header = writer.finish();
    write(header);
    std::filesystem::resize_file(path_, header.size() + tensors * bytes);
    return path_;
  }

  TemporaryFolder folder_;
  std::string path_ = folder_.file("model.gguf");
};

const SyntheticModel kModel{.width = 256, .heads = 4, .kv_heads = 4, .ffn = 1024, .type = TensorType::kQ8_0};

TEST_F(LoadTest, AFileCutShortIsAnError) {
  const std::vector<std::byte> bytes = make_synthetic_model(kModel);
  for (const Mask mask : {Mask::kNone, Mask::kDiscrete}) {
    use(mask);
    const uint64_t before = reserved();
    const Result<Gguf> file = Gguf::open(write(bytes));
    ASSERT_TRUE(file.ok());
    for (const double kept : {0.99, 0.7, 0.0}) {
      std::filesystem::resize_file(path_, static_cast<uintmax_t>(static_cast<double>(bytes.size()) * kept));
      const Result<Model> refused = Model::load(kernels(), *file, {});
      ASSERT_FALSE(refused.ok()) << kept;
      EXPECT_EQ(refused.error().status, Status::kIo) << refused.error().message;
      EXPECT_NE(refused.error().message.find("model.gguf"), std::string::npos) << refused.error().message;
      EXPECT_EQ(reserved(), before) << "nothing is left behind";
    }
    EXPECT_EQ(file->get_string("general.architecture"), "llama") << "metadata outlives the file's content";
    write(bytes);
    EXPECT_TRUE(Model::load(kernels(), *file, {}).ok()) << "whole again";
  }
}

// Whichever buffer it strikes, the staging ring's included.
TEST_F(LoadTest, OutOfDeviceMemoryAnywhere) {
  const Result<Gguf> file = Gguf::open(write_sparse(6, 3000));
  ASSERT_TRUE(file.ok());
  for (const Mask mask : {Mask::kNone, Mask::kDiscrete}) {
    use(mask);
    const uint64_t before = reserved();
    uint32_t refused = 0;
    for (uint64_t more = 1;; more = more < kMiB ? kMiB : more + 16 * kMiB) {
      device().memory().set_limit(before + more);
      Result<Uploader> uploader = Uploader::create(device(), {.file = &*file, .threads = 2});
      ASSERT_TRUE(uploader.ok());
      std::vector<WeightMatrix> made;
      Result<void> result;
      for (const GgufTensor& tensor : file->tensors()) {
        const GgufTensor* part = &tensor;
        Result<WeightMatrix> matrix = uploader->upload_matrix({&part, 1});
        if (!matrix) {
          result = matrix.error();
          break;
        }
        made.push_back(std::move(matrix).value());
      }
      if (result) result = uploader->finish();
      if (result) break;
      ++refused;
      EXPECT_EQ(result.error().status, Status::kOutOfDeviceMemory) << result.error().message;
      made.clear();
      EXPECT_EQ(reserved(), before) << "nothing is left behind";
      ASSERT_LT(more, 1024 * kMiB);
    }
    EXPECT_GE(refused, 5u);
    device().memory().set_limit(0);
    EXPECT_EQ(reserved(), before);
  }
}

TEST_F(LoadTest, CancelsSoonAndLeavesNothing) {
  const Result<Gguf> file = Gguf::open(write_sparse(4, 8192));
  ASSERT_TRUE(file.ok());
  for (const Mask mask : {Mask::kNone, Mask::kDiscrete}) {
    use(mask);
    const uint64_t before = reserved();
    for (const float at : {0.0f, 0.5f, 1.0f}) {
      Result<Uploader> uploader = Uploader::create(device(), {.file = &*file});
      ASSERT_TRUE(uploader.ok());
      std::vector<WeightMatrix> made;
      for (const GgufTensor& tensor : file->tensors()) {
        const GgufTensor* part = &tensor;
        Result<WeightMatrix> matrix = uploader->upload_matrix({&part, 1});
        ASSERT_TRUE(matrix.ok());
        made.push_back(std::move(matrix).value());
      }
      float last = 0;
      double cpu_seconds = 0;
      const auto cpu_now = [] {
        rusage use{};
        getrusage(RUSAGE_SELF, &use);
        return static_cast<double>(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
               1e-6 * static_cast<double>(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
      };
      const Result<void> cancelled = uploader->finish([&](float fraction) {
        EXPECT_GE(fraction, last);
        EXPECT_LE((fraction - last) * 256, 32) << "MiB from one call to the next";
        last = fraction;
        cpu_seconds = cpu_now();
        return fraction >= at;
      });
      cpu_seconds = cpu_now() - cpu_seconds;
      ASSERT_FALSE(cancelled.ok());
      EXPECT_EQ(cancelled.error().status, Status::kCancelled);
      EXPECT_LT(cpu_seconds, 0.1) << "processor time, as other programs may run";
      EXPECT_TRUE(uploader->finish().ok()) << "nothing is left to do";
      made.clear();
      EXPECT_EQ(reserved(), before) << "nothing is left behind";
    }
  }
}

// Highest resident memory since reset(), in bytes; 0 where the system does not tell.
struct HighWater {
  static void reset() { std::ofstream("/proc/self/clear_refs") << "5"; }
  static uint64_t read(const char* field) {
    std::ifstream in("/proc/self/status");
    std::string line;
    while (std::getline(in, line))
      if (line.starts_with(field)) return std::stoull(line.substr(line.find(':') + 1)) << 10;
    return 0;
  }
};

TEST_F(LoadTest, TakesLittleHostMemory) {
  const Result<Gguf> file = Gguf::open(write_sparse(12, 4096));
  ASSERT_TRUE(file.ok());
  const uint64_t file_bytes = file->file_bytes();
  ASSERT_GT(file_bytes, 384 * kMiB);
  for (const Mask mask : {Mask::kNone, Mask::kDiscrete}) {
    use(mask);
    // Whoever had the memory before must not lend it to us unseen.
    HighWater::reset();
    const uint64_t before = HighWater::read("VmRSS");
    if (before == 0 || HighWater::read("VmHWM") > before + 16 * kMiB) GTEST_SKIP() << "no high-water mark here";
    {
      Result<Uploader> uploader = Uploader::create(device(), {.file = &*file, .threads = 8});
      ASSERT_TRUE(uploader.ok());
      std::vector<WeightMatrix> made;
      for (const GgufTensor& tensor : file->tensors()) {
        const GgufTensor* part = &tensor;
        Result<WeightMatrix> matrix = uploader->upload_matrix({&part, 1});
        ASSERT_TRUE(matrix.ok());
        made.push_back(std::move(matrix).value());
      }
      ASSERT_TRUE(uploader->finish().ok());
      uint64_t device_bytes = 0;  // in host memory, on a device that has no other
      if (TestVulkan::get().physical().caps.type == vk::DeviceType::kCpu)
        for (const WeightMatrix& matrix : made) device_bytes += matrix.bytes();
      EXPECT_LT(HighWater::read("VmHWM"), before + device_bytes + kUploadHostBytes + 32 * kMiB);
    }
    // The same measure sees a mapping that is read.
    HighWater::reset();
    const uint64_t unread = HighWater::read("VmRSS");
    uint64_t sum = 0;
    for (const GgufTensor& tensor : file->tensors())
      for (size_t at = 0; at < tensor.data.size(); at += 4096) sum += std::to_integer<uint64_t>(tensor.data[at]);
    EXPECT_EQ(sum, 0u);
    if (mask == Mask::kNone) {
      EXPECT_GT(HighWater::read("VmHWM"), unread + 256 * kMiB);
    }
  }
}

TEST_F(LoadTest, TheEstimateIsWhatIsTaken) {
  for (const SyntheticModel& spec :
       {SyntheticModel{}, kModel, SyntheticModel{.biases = true}, SyntheticModel{.rope_factors = true},
        SyntheticModel{.separate_output = true}, SyntheticModel{.width = 256, .ffn = 512, .type = TensorType::kQ2_K}}) {
    const std::vector<std::byte> bytes = make_synthetic_model(spec);
    const Result<Gguf> file = Gguf::from_memory(bytes);
    ASSERT_TRUE(file.ok());
    const Result<Model> model = Model::load(kernels(), *file, {});
    ASSERT_TRUE(model.ok()) << model.error().message;
    EXPECT_EQ(estimate_weight_bytes(*file).value(), model->device_bytes());
  }
}

}  // namespace pumice::test::load_test
