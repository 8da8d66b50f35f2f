// add: sums of rows with strides of their own; exact.
#include "kernels/add.h"

#include "reference/add.h"
#include "reference/numerics.h"
#include "support/device_fixture.h"

namespace pumice::test {
namespace {

struct AddCase {
  uint32_t n, cols, a_stride, b_stride, y_stride;
};
constexpr AddCase kCases[] = {{1, 1, 1, 1, 1}, {1, 64, 64, 64, 64}, {3, 65, 65, 70, 67}, {17, 333, 340, 333, 350}};

class AddTest : public DeviceTest {
 protected:
  void check(const AddCase& c) {
    SCOPED_TRACE(::testing::Message() << c.n << " x " << c.cols);
    Generator random(c.cols);
    const auto a = random.normals(c.n * c.cols), b = random.normals(c.n * c.cols);
    const FloatRows y = nan_rows(c.n, c.y_stride);
    run([&](Recorder recorder) {
      add(recorder,
          {.a = rows(a, c.cols, c.a_stride), .b = rows(b, c.cols, c.b_stride), .y = y, .n = c.n, .cols = c.cols});
    });
    const auto actual = read_rows(y, c.n, c.cols);
    const auto verdict = reference::compare(actual, reference::add(a, b), 0.0);
    EXPECT_TRUE(verdict) << verdict;
    EXPECT_FALSE(reference::compare(actual, reference::add(a, a), 0.0)) << "the comparison cannot fail";
    drop_buffers();
  }
};

TEST_F(AddTest, AddsRows) {
  for (const AddCase& c : kCases) check(c);
}

}  // namespace
}  // namespace pumice::test
