// Damaged and hostile files: each is refused with the one line that says why.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "format/gguf_reader.h"
#include "support/gguf_writer.h"

namespace pumice::gguf_hostile_test {

using test::ByteWriter;
using test::GgufWriter;

std::string refusal(std::span<const std::byte> file) {
  const Result<Gguf> opened = Gguf::from_memory(file);
  if (opened.ok()) return "(accepted)";
  EXPECT_EQ(opened.error().message.find('\n'), std::string::npos);
  EXPECT_NE(opened.error().message.back(), '.');
  return opened.error().message;
}

std::string refusal(const GgufWriter& writer) { return refusal(writer.finish()); }

std::string refusal(const ByteWriter& writer) { return refusal(writer.bytes); }

GgufWriter one_tensor(GgufWriter::Tensor tensor) {
  GgufWriter w;
  w.tensor(std::move(tensor));
  return w;
}

GgufWriter with_value(GgufValueType type, const ByteWriter& encoded) {
  GgufWriter w;
  w.raw("key", type, encoded.bytes);
  return w;
}

constexpr uint32_t kF32 = 0;
const std::vector<std::byte> kFourBytes(4);

TEST(GgufHostile, Header) {
  GgufWriter w;
  w.magic = 0x20545450;
  EXPECT_EQ(refusal(w), "not a GGUF file: it starts with 50 54 54 20 instead of \"GGUF\"");
  w.magic = 0x67676a74;
  EXPECT_EQ(refusal(w), "this is a GGML file from before GGUF; convert the model to GGUF");
  w.magic = 0x46554747;
  w.version = 1;
  EXPECT_EQ(refusal(w), "this is a GGUF file of version 1, which is obsolete; convert the model again");
  w.version = 4;
  EXPECT_EQ(refusal(w), "GGUF version 4 is not supported (2 and 3 are); convert the model or update");
  w.version = 0;
  EXPECT_EQ(refusal(w), "GGUF version 0 is not supported (2 and 3 are); convert the model or update");
  w.version = 0x03000000;
  EXPECT_EQ(refusal(w), "this GGUF file is big-endian; convert it to little endian");
  w.version = 3;
  w.tensor_count = UINT64_MAX;
  EXPECT_EQ(refusal(w), "the header claims 18446744073709551615 tensors, more than a file of 32 bytes can hold");
  w.tensor_count = 0;
  w.entry_count = 1;
  EXPECT_EQ(refusal(w), "the header claims 1 metadata entries, more than a file of 32 bytes can hold");
  EXPECT_EQ(refusal(std::span<const std::byte>()),
            "the file is cut short or damaged: it ends inside the header (0 bytes in all); get it again");
}

TEST(GgufHostile, EveryTruncationOfAFile) {
  GgufWriter w;
  const std::string words[] = {"one", "two"};
  w.u32("a", 1).string("b", "text").strings("c", words).f32s("d", {1, 2}).boolean("e", true);
  w.tensor({"t", {8}, kF32, std::vector<std::byte>(32), {}});
  const std::vector<std::byte> file = w.finish();
  ASSERT_TRUE(Gguf::from_memory(file).ok());
  for (size_t size = 0; size < file.size(); ++size) {
    const std::vector<std::byte> cut(file.begin(), file.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_NE(refusal(cut), "(accepted)") << size;
  }
}

// Of a file whose beginning alone is in memory nothing behind it decides anything.
TEST(GgufHostile, OnlyWhatIsReadableIsRead) {
  GgufWriter w;
  const std::string words[] = {"one", "two"};
  w.u32("a", 1).string("b", "text").strings("c", words).f32s("d", {1, 2}).boolean("e", true);
  w.tensor({"t", {8}, kF32, std::vector<std::byte>(32), {}});
  const std::vector<std::byte> file = w.finish();
  size_t first = SIZE_MAX;  // with all metadata
  for (size_t readable = 0; readable <= file.size(); ++readable) {
    std::vector<std::byte> other = file;
    std::fill(other.begin() + static_cast<ptrdiff_t>(readable), other.end(), std::byte{0xff});
    const Result<GgufPart> whole = read_gguf_part(file, readable), part = read_gguf_part(other, readable);
    ASSERT_EQ(whole.ok(), part.ok()) << readable;
    if (part.ok()) {
      first = std::min(first, readable);
    } else {
      EXPECT_EQ(first, SIZE_MAX) << readable;
      EXPECT_EQ(whole.error().message, part.error().message);
    }
  }
  EXPECT_GT(first, file.size() / 2);
  EXPECT_LE(first, file.size() - 32) << "the tensor's data is not read";
  EXPECT_NE(read_gguf_part(file, 60).error().message.find("the first 60 bytes"), std::string::npos);
}

TEST(GgufHostile, Keys) {
  EXPECT_EQ(refusal(GgufWriter().u8("", 1)), "metadata key \"\" is not a name of 1 to 65535 printable bytes");
  EXPECT_EQ(refusal(GgufWriter().u8("a\nb", 1)), "metadata key \"a\\nb\" is not a name of 1 to 65535 printable bytes");
  EXPECT_EQ(refusal(GgufWriter().u8(std::string(65536, 'k'), 1)),
            "metadata key \"" + std::string(59, 'k') + "\"... is not a name of 1 to 65535 printable bytes");
  EXPECT_EQ(refusal(GgufWriter().u8("twin", 1).u8("other", 2).u8("twin", 3)), "metadata key \"twin\" occurs twice");
  ByteWriter endless;
  endless.put<uint32_t>(0x46554747).put<uint32_t>(3).put<uint64_t>(0).put<uint64_t>(1).put<uint64_t>(UINT64_MAX);
  EXPECT_EQ(refusal(endless.pad(64)),
            "the file is cut short or damaged: it ends inside a metadata key (64 bytes in all); get it again");
}

TEST(GgufHostile, Values) {
  EXPECT_EQ(refusal(with_value(static_cast<GgufValueType>(13), ByteWriter().put<uint64_t>(0))),
            "metadata \"key\" has the unknown type 13");
  EXPECT_EQ(refusal(with_value(GgufValueType::kBool, ByteWriter().put<uint8_t>(2))),
            "metadata \"key\" has a truth value that is neither 0 nor 1");
  EXPECT_EQ(refusal(with_value(GgufValueType::kString, ByteWriter().put<uint64_t>(UINT64_MAX - 8))),
            "the file is cut short or damaged: it ends inside metadata \"key\" (64 bytes in all); get it again");
  EXPECT_EQ(refusal(with_value(GgufValueType::kU64, ByteWriter().put<uint16_t>(0)).u8("x", 1)),
            "the file is cut short or damaged: it ends inside a metadata key (64 bytes in all); get it again")
      << "a short value shifts what follows";
}

TEST(GgufHostile, ArrayValues) {
  const auto array = [](uint32_t element, uint64_t count) {
    return with_value(GgufValueType::kArray, ByteWriter().put(element).put(count));
  };
  EXPECT_EQ(refusal(array(13, 1)), "metadata \"key\" has the unknown element type 13");
  EXPECT_EQ(refusal(array(4, UINT64_MAX)),
            "metadata \"key\" claims 18446744073709551615 elements, more than the rest of the file can hold");
  EXPECT_EQ(refusal(array(10, uint64_t{1} << 61)),  // times 8 bytes is 0 in 64 bits
            "metadata \"key\" claims 2305843009213693952 elements, more than the rest of the file can hold");
  EXPECT_EQ(refusal(array(8, 1000)), "metadata \"key\" claims 1000 elements, more than the rest of the file can hold");
  EXPECT_EQ(refusal(with_value(GgufValueType::kArray,
                               ByteWriter().put(GgufValueType::kString).put<uint64_t>(1).put<uint64_t>(1000))),
            "the file is cut short or damaged: it ends inside string array \"key\" (64 bytes in all); get it again");
  EXPECT_EQ(refusal(with_value(GgufValueType::kArray,
                               ByteWriter().put(GgufValueType::kBool).put<uint64_t>(2).put<uint16_t>(0x0301))),
            "metadata \"key\" has a truth value that is neither 0 nor 1");
}

TEST(GgufHostile, NestedArrays) {
  for (const int depth : {1, 4, 5, 10000}) {
    ByteWriter nested;
    for (int i = 1; i < depth; ++i) nested.put(GgufValueType::kArray).put<uint64_t>(1);
    nested.put(GgufValueType::kU8).put<uint64_t>(0);
    EXPECT_EQ(refusal(with_value(GgufValueType::kArray, nested)),
              depth <= 4 ? "(accepted)" : "metadata \"key\" has arrays nested deeper than 4");
  }
}

TEST(GgufHostile, AlignmentValues) {
  EXPECT_EQ(refusal(GgufWriter().u32("general.alignment", 0)), "general.alignment is 0, but must be a power of two");
  EXPECT_EQ(refusal(GgufWriter().u32("general.alignment", 48)), "general.alignment is 48, but must be a power of two");
  EXPECT_EQ(refusal(GgufWriter().u64("general.alignment", uint64_t{1} << 63)),
            "general.alignment is 9223372036854775808, but must be a power of two");
  EXPECT_EQ(refusal(GgufWriter().string("general.alignment", "32")),
            "general.alignment is \"32\", but must be a power of two");
  GgufWriter far;
  far.u32("general.alignment", uint32_t{1} << 31).tensor({"t", {1}, kF32, kFourBytes, {}});
  EXPECT_EQ(refusal(far),
            "the file is cut short or damaged: it ends inside the padding before the tensor data (128 bytes in all); "
            "get it again");
}

TEST(GgufHostile, TensorNames) {
  EXPECT_EQ(refusal(one_tensor({"", {1}, kF32, kFourBytes, {}})),
            "tensor name \"\" is not a name of 1 to 255 printable bytes");
  EXPECT_EQ(refusal(one_tensor({std::string(256, 'n'), {1}, kF32, kFourBytes, {}})),
            "tensor name \"" + std::string(59, 'n') + "\"... is not a name of 1 to 255 printable bytes");
  EXPECT_EQ(refusal(one_tensor({"t", {1}, kF32, kFourBytes, {}}).tensor({"t", {1}, kF32, kFourBytes, {}})),
            "tensor \"t\" occurs twice");
}

TEST(GgufHostile, TensorShapes) {
  const std::vector<std::byte> data(64);
  const auto shaped = [&data](std::vector<uint64_t> dims, uint32_t type = kF32) {
    return refusal(one_tensor({"t", std::move(dims), type, data, {}}));
  };
  EXPECT_EQ(shaped({}), "tensor \"t\" has 0 dimensions, but 1 to 4 are possible");
  EXPECT_EQ(shaped({1, 1, 1, 1, 1}), "tensor \"t\" has 5 dimensions, but 1 to 4 are possible");
  EXPECT_EQ(shaped({4, 0}), "tensor \"t\" has a dimension of 0");
  EXPECT_EQ(shaped({uint64_t{1} << 32, uint64_t{1} << 32}),
            "tensor \"t\" has dimensions (4294967296, 4294967296), whose product is too large");
  EXPECT_EQ(shaped({uint64_t{1} << 62}),
            "tensor \"t\" has dimensions (4611686018427387904), whose product is too large");
  EXPECT_EQ(shaped({uint64_t{1} << 61, 1, 8}),
            "tensor \"t\" has dimensions (2305843009213693952, 1, 8), whose product is too large");
  EXPECT_EQ(shaped({48}, 2), "tensor \"t\" has rows of 48 values, not a multiple of the 32 of a block of Q4_0");
  EXPECT_EQ(shaped({32}, 4), "tensor \"t\" has the unknown type 4; update, or quantise the model to another type");
  EXPECT_EQ(shaped({32}, 777), "tensor \"t\" has the unknown type 777; update, or quantise the model to another type");
  EXPECT_EQ(shaped({17}),
            "the data of tensor \"t\" (17) lies beyond the end of the file: the file is cut short or damaged");
}

TEST(GgufHostile, TensorOffsets) {
  const std::vector<std::byte> data(32);
  EXPECT_EQ(refusal(one_tensor({"t", {8}, kF32, data, 4})),
            "tensor \"t\" lies at offset 4, which is not aligned to 32 bytes");
  for (const uint64_t offset : {uint64_t{32}, uint64_t{1} << 40, UINT64_MAX - 31})
    EXPECT_EQ(refusal(one_tensor({"t", {8}, kF32, data, offset})),
              "the data of tensor \"t\" (8) lies beyond the end of the file: the file is cut short or damaged");
  GgufWriter overlapping = one_tensor({"a", {16}, kF32, std::vector<std::byte>(64), {}});
  overlapping.tensor({"b", {8}, kF32, data, 32});
  EXPECT_EQ(refusal(overlapping), "the data of tensors \"a\" and \"b\" overlap");
  GgufWriter same = one_tensor({"a", {8}, kF32, data, 0});
  same.tensor({"b", {8}, kF32, data, 0});
  EXPECT_EQ(refusal(same).substr(0, 19), "the data of tensors");
}

}  // namespace pumice::gguf_hostile_test
