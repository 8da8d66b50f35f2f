// MappedFile: contents, moves, and everything that is no regular file.
#include "base/mapped_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <vector>

#include "support/temporary_folder.h"

namespace pumice::mapped_file_test {

std::string text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

TEST(MappedFile, HasTheBytes) {
  const test::TemporaryFolder folder;
  test::write_file(folder.file("a"), {'a', '\0', 'b'});
  auto file = MappedFile::open(folder.file("a"));
  ASSERT_TRUE(file.ok()) << file.error().message;
  ASSERT_TRUE(file->hold(3));
  EXPECT_EQ(text_of(*file), std::string("a\0b", 3));
}

TEST(MappedFile, MovesKeepTheMapping) {
  const test::TemporaryFolder folder;
  test::write_file(folder.file("a"), {'a', 'a'});
  test::write_file(folder.file("b"), {'b'});
  MappedFile first = MappedFile::open(folder.file("a")).value(), second = MappedFile::open(folder.file("b")).value();
  const std::byte* data = first.bytes().data();
  ASSERT_TRUE(first.hold(2));
  second = std::move(first);
  EXPECT_EQ(second.bytes().data(), data);
  const MappedFile third(std::move(second));
  EXPECT_EQ(text_of(third), "aa");
  EXPECT_TRUE(second.bytes().empty());  // NOLINT: a moved-from file is empty
}

TEST(MappedFile, EmptyFilesAreEmpty) {
  const test::TemporaryFolder folder;
  test::write_file(folder.file("empty"), {});
  auto file = MappedFile::open(folder.file("empty"));
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE(file->bytes().empty());
}

TEST(MappedFile, LargerThanTheAddressSpaceIsRefused) {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("large");
  constexpr uint64_t kSize = (uint64_t{5} << 30) + 1;  // cut to 32 bits it is a small file
  test::write_file(path, {'a'});
  std::error_code sparse;
  std::filesystem::resize_file(path, kSize, sparse);
  if (sparse) GTEST_SKIP() << sparse.message();
  const auto file = MappedFile::open(path);
  if constexpr (sizeof(size_t) < 8) {
    ASSERT_FALSE(file.ok());
    EXPECT_EQ(file.error().status, Status::kOutOfHostMemory);
  } else {
    ASSERT_TRUE(file.ok()) << file.error().message;
    EXPECT_EQ(file->bytes().size(), kSize);
  }
}

// Pages of the file differ from each other, and the last is not whole.
std::vector<char> some_pages() {
  std::vector<char> bytes(5 * 4096 + 100);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7 + i / 4096);
  return bytes;
}

TEST(MappedFile, ReadsWithoutTheMapping) {
  const test::TemporaryFolder folder;
  const std::vector<char> bytes = some_pages();
  test::write_file(folder.file("a"), bytes);
  const MappedFile file = MappedFile::open(folder.file("a")).value();
  file.will_need(0, bytes.size());
  std::vector<std::byte> part(9000);
  ASSERT_TRUE(file.read(4000, part).ok());
  EXPECT_EQ(std::memcmp(part.data(), bytes.data() + 4000, part.size()), 0);
  EXPECT_TRUE(file.read(bytes.size(), {}).ok());

  std::filesystem::resize_file(folder.file("a"), 12000);
  EXPECT_TRUE(file.read(4000, std::span(part).first(8000)).ok());
  const Result<void> cut = file.read(4000, part);
  ASSERT_FALSE(cut.ok());
  EXPECT_EQ(cut.error().status, Status::kIo);
  EXPECT_NE(cut.error().message.find("12000"), std::string::npos) << cut.error().message;
}

TEST(MappedFile, HeldBytesSurviveTheFile) {
  const test::TemporaryFolder folder;
  const std::vector<char> bytes = some_pages();
  test::write_file(folder.file("a"), bytes);
  const auto same = [&](const MappedFile& file, size_t count) {
    return std::memcmp(file.bytes().data(), bytes.data(), count) == 0;
  };
  MappedFile file = MappedFile::open(folder.file("a")).value();
  const std::byte* place = file.bytes().data();
  for (const size_t held : {size_t{5000}, bytes.size(), size_t{1}, size_t{0}, size_t{1} << 30, size_t{8000}}) {
    ASSERT_TRUE(file.hold(held).ok());
    EXPECT_EQ(file.bytes().data(), place);
    EXPECT_TRUE(same(file, std::min(held, bytes.size()))) << held;
  }
  std::filesystem::resize_file(folder.file("a"), 0);
  EXPECT_TRUE(same(file, 8192)) << "whole pages are held";
  MappedFile late = MappedFile::open(folder.file("a")).value();
  EXPECT_TRUE(late.hold(100).ok()) << "an empty file";

  test::write_file(folder.file("b"), bytes);
  MappedFile cut = MappedFile::open(folder.file("b")).value();
  std::filesystem::resize_file(folder.file("b"), 100);
  EXPECT_EQ(cut.hold(5000).error().status, Status::kIo);
}

TEST(MappedFile, ErrorsNameThePath) {
  const test::TemporaryFolder folder;
  const auto missing = MappedFile::open(folder.file("missing"));
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().status, Status::kNotFound);
  EXPECT_NE(missing.error().message.find("missing"), std::string::npos);
  EXPECT_EQ(MappedFile::open(folder.file("")).error().status, Status::kIo) << "a folder";
  if (std::filesystem::exists("/dev/null")) {
    EXPECT_EQ(MappedFile::open("/dev/null").error().status, Status::kIo) << "a device";
  }
}

}  // namespace pumice::mapped_file_test
