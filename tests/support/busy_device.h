// BusyDevice: work in a device's queue that takes a while, so that what is submitted behind it is late.
//
// Where the device is fast a test that wants it late proves less; it never fails for it. Thread rule: one thread.
#pragma once

#include <gtest/gtest.h>

#include "vk/command_stream.h"
#include "vk/device.h"

namespace pumice::test {

class BusyDevice {
 public:
  explicit BusyDevice(vk::Device& device) : device_(device) {
    constexpr uint32_t kFills = 30;
    Result<vk::CommandStream> stream = vk::CommandStream::create(device);
    Result<vk::Buffer> buffer = device.create_buffer(32u << 20, vk::MemoryIntent::kDevice);
    if (!stream || !buffer) {
      ADD_FAILURE() << "no stream or buffer to keep the device busy with";
      return;
    }
    stream_ = std::move(stream).value();
    buffer_ = std::move(buffer).value();
    stream_.begin();
    for (uint32_t i = 0; i < kFills; ++i) stream_.fill(buffer_, i);  // one after the other, as they overlap
    EXPECT_TRUE(stream_.end().ok());
  }
  ~BusyDevice() { EXPECT_TRUE(device_.wait(last_).ok()); }
  BusyDevice(const BusyDevice&) = delete;
  BusyDevice& operator=(const BusyDevice&) = delete;

  void start() {
    if (!stream_) return;
    const Result<uint64_t> value = stream_.submit();
    ASSERT_TRUE(value.ok());
    last_ = *value;
  }

 private:
  vk::Device& device_;
  vk::CommandStream stream_;
  vk::Buffer buffer_;
  uint64_t last_ = 0;
};

}  // namespace pumice::test
