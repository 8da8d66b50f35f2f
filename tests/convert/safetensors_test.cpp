// The table of a safetensors file: what a right one says, and what is refused.
#include "convert/safetensors.h"

#include <gtest/gtest.h>

#include "convert/folders.h"

namespace pumice::test::safetensors_test {

Result<Safetensors> read(const std::string& file) {
  return Safetensors::read(Input::of_memory(std::as_bytes(std::span(file))));
}

void expect_refused(const std::string& file, const std::string& part, Status status = Status::kMalformed) {
  const auto read_file = read(file);
  ASSERT_FALSE(read_file.ok()) << part;
  EXPECT_EQ(read_file.error().status, status) << part;
  EXPECT_NE(read_file.error().message.find(part), std::string::npos) << read_file.error().message;
}

SafetensorsWriter two_tensors() {
  SafetensorsWriter writer;
  writer.add("b.weight", {2, 3});
  writer.add_bytes("a.bias", "BF16", {4}, "12345678");
  writer.header["__metadata__"] = {{"format", "pt"}};
  return writer;
}

TEST(SafetensorsFile, HoldsWhatWasWritten) {
  const std::string file = two_tensors().finish();
  const auto made = read(file);
  ASSERT_TRUE(made.ok()) << made.error().message;
  ASSERT_EQ(made->tensors().size(), 2u);
  const SafeTensor* bias = made->find("a.bias");
  ASSERT_TRUE(bias);
  EXPECT_EQ(bias->type, TensorType::kBF16);
  EXPECT_EQ(bias->shape, std::vector<uint64_t>{4});
  EXPECT_EQ(bias->offset, file.size() - 8);
  EXPECT_EQ(made->find("b.weight")->bytes, 24u);
  EXPECT_FALSE(made->find("b"));
}

TEST(SafetensorsFile, EveryCutAndEveryByteMoreIsRefused) {
  const std::string file = two_tensors().finish();
  for (size_t size = 0; size < file.size(); ++size) EXPECT_FALSE(read(file.substr(0, size)).ok()) << size;
  EXPECT_FALSE(read(file + "x").ok());
}

TEST(SafetensorsFile, RefusesWrongHeaders) {
  const auto with_header = [](const std::string& header, size_t data) {
    const uint64_t length = header.size();
    return std::string(reinterpret_cast<const char*>(&length), 8) + header + std::string(data, 'x');
  };
  expect_refused(std::string(8, '\xff') + "{}", "a header of");
  expect_refused(with_header("[]", 0), "no JSON object");
  expect_refused(with_header(std::string(2000, '['), 0), "no JSON object");
  expect_refused(with_header(R"({"a": 3})", 4), "no dtype");
  const auto entry = [&](const std::string& dtype, const std::string& shape, const std::string& offsets, size_t data) {
    return with_header(
        R"({"a\n": {"dtype": ")" + dtype + R"(", "shape": )" + shape + R"(, "data_offsets": )" + offsets + "}}", data);
  };
  EXPECT_TRUE(read(entry("F32", "[2]", "[0, 8]", 8)).ok());
  expect_refused(entry("Q9", "[2]", "[0, 8]", 8), "of type Q9", Status::kUnsupported);
  expect_refused(entry("F32", "[2]", "[0, 12]", 12), "a\\n has another size");
  expect_refused(entry("F32", "[2]", "[8, 16]", 8), "offsets outside");
  expect_refused(entry("F32", "[2]", "[8, 0]", 8), "offsets outside");
  expect_refused(entry("F32", "[2]", "[4, 12]", 12), "a gap");
  expect_refused(entry("F32", "[2]", "[0, 8]", 9), "behind the last");
  expect_refused(entry("F32", "[-2]", "[0, 8]", 8), "size that is no number");
  expect_refused(entry("F32", "[2.0]", "[0, 8]", 8), "size that is no number");
  expect_refused(entry("F32", "[4294967296, 4294967296, 4]", "[0, 8]", 8), "product");
  expect_refused(entry("F32", "[1,1,1,1,1,1,1,1,1]", "[0, 4]", 4), "too many dimensions");
  expect_refused(with_header(R"({"a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]},
                                 "b": {"dtype": "U8", "shape": [4], "data_offsets": [2, 6]}})",
                             6),
                 "overlaps");
}

}  // namespace pumice::test::safetensors_test
