// MappedFile: contents, moves, and everything that is no regular file.
#include "base/mapped_file.h"

#include <gtest/gtest.h>

#include "support/temporary_folder.h"

namespace pumice {
namespace {

std::string text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

TEST(MappedFile, HasTheBytes) {
  const test::TemporaryFolder folder;
  test::write_file(folder.file("a"), {'a', '\0', 'b'});
  auto file = MappedFile::open(folder.file("a"));
  ASSERT_TRUE(file.ok()) << file.error().message;
  EXPECT_EQ(text_of(*file), std::string("a\0b", 3));
}

TEST(MappedFile, MovesKeepTheMapping) {
  const test::TemporaryFolder folder;
  test::write_file(folder.file("a"), {'a', 'a'});
  test::write_file(folder.file("b"), {'b'});
  MappedFile first = MappedFile::open(folder.file("a")).value(), second = MappedFile::open(folder.file("b")).value();
  const std::byte* data = first.bytes().data();
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

TEST(MappedFile, ErrorsNameThePath) {
  const test::TemporaryFolder folder;
  const auto missing = MappedFile::open(folder.file("missing"));
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().status, Status::kNotFound);
  EXPECT_NE(missing.error().message.find("missing"), std::string::npos);
  EXPECT_EQ(MappedFile::open(folder.file("")).error().status, Status::kIo) << "a folder";
  EXPECT_EQ(MappedFile::open("/dev/null").error().status, Status::kIo) << "a device";
}

}  // namespace
}  // namespace pumice
