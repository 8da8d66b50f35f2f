// DeviceTest itself: a wait that fails, fails its test and nothing else.
#include "support/device_fixture.h"

#include <gtest/gtest-spi.h>

#include "support/product.h"

namespace pumice::test::device_fixture_test {

class FailedWaitTest : public DeviceTest {
 protected:
  static constexpr uint32_t kCols = 64;
  Result<void> wait_for(uint64_t submission) override {
    return fails_ ? error(Status::kTimeout, "never finished") : DeviceTest::wait_for(submission);
  }
  void multiply() {
    product_ = words(kCols);
    run([&](Recorder recorder) {
      product(recorder, buffer(std::vector<float>(kCols, 32)), buffer(std::vector<float>(kCols, 2)), product_, kCols);
    });
  }
  bool fails_ = false;
  vk::BufferView product_;
};

TEST_F(FailedWaitTest, LeavesWhatMayBeInUseAlone) {
  const vk::Device* const given_up = &device();
  fails_ = true;
  ::testing::TestPartResultArray failures;
  {
    const ::testing::ScopedFakeTestPartResultReporter caught(&failures);
    multiply();
    EXPECT_EQ(read<float>(product_), std::vector<float>(kCols, 0));
  }
  ASSERT_GE(failures.size(), 1);
  EXPECT_STREQ(failures.GetTestPartResult(0).message(), "Failed\nnever finished");
  fails_ = false;
  use(Mask::kNone);
  EXPECT_NE(&device(), given_up);
  multiply();
  EXPECT_EQ(read<float>(product_), std::vector<float>(kCols, 64));
}

}  // namespace pumice::test::device_fixture_test
