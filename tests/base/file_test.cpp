// Files that appear whole or never, locks, folders and names, on every system.
#include "base/file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "support/temporary_folder.h"

namespace pumice::file_test {

using test::read_file_bytes;
using test::TemporaryFolder;
using test::write_file;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }
std::string text_at(const std::string& path) {
  const std::vector<char> bytes = read_file_bytes(path);
  return {bytes.begin(), bytes.end()};
}
std::vector<std::string> names_in(const TemporaryFolder& folder) {
  std::vector<std::string> names = list_folder(folder.file("")).value();
  std::ranges::sort(names);
  return names;
}

TEST(File, ReadsAndWritesInPlace) {
  const TemporaryFolder folder;
  const File file = File::open(folder.file("a"), FileAccess::kCreate).value();
  ASSERT_TRUE(file.write_at(3, bytes_of("def")));
  ASSERT_TRUE(file.write_at(0, bytes_of("abc")));
  EXPECT_EQ(file.size().value(), 6u);
  std::string got(4, ' ');
  ASSERT_TRUE(file.read_at(1, std::as_writable_bytes(std::span(got))));
  EXPECT_EQ(got, "bcde");
  EXPECT_EQ(file.read_at(3, std::as_writable_bytes(std::span(got))).error().status, Status::kIo) << "beyond the end";
  ASSERT_TRUE(file.truncate(2));
  EXPECT_EQ(text_at(folder.file("a")), "ab");
}

TEST(File, OneHolderOfALock) {
  const TemporaryFolder folder;
  const File second = File::open(folder.file("lock"), FileAccess::kEnsure).value();
  {
    const File first = File::open(folder.file("lock"), FileAccess::kEnsure).value();
    EXPECT_TRUE(first.try_lock().value());
    EXPECT_FALSE(second.try_lock().value());
  }
  EXPECT_TRUE(second.try_lock().value());
}

TEST(File, NamesAreOfAnyLanguageAndLength) {
  const TemporaryFolder folder;
  std::string path = folder.file("Grüße 世界 🌋");
  for (int i = 0; i < 8; ++i) path += "/" + std::string(60, static_cast<char>('a' + i));
  ASSERT_TRUE(make_folders(path));
  EXPECT_EQ(list_folder(folder.file("")).value(), std::vector<std::string>{"Grüße 世界 🌋"});
  NewFile file = NewFile::create(path + "/ü.bin").value();
  ASSERT_TRUE(file.write(bytes_of("new")));
  ASSERT_TRUE(file.commit());
  EXPECT_EQ(list_folder(path).value(), std::vector<std::string>{"ü.bin"});
  EXPECT_TRUE(is_regular_file(path + "/ü.bin"));
  EXPECT_EQ(File::open(path + "/ü.bin", FileAccess::kRead).value().size().value(), 3u);
  EXPECT_TRUE(remove_file(path + "/ü.bin"));
  EXPECT_FALSE(is_regular_file(path + "/ü.bin"));
}

TEST(File, FoldersAreRefused) {
  const TemporaryFolder folder;
  for (const FileAccess access : {FileAccess::kRead, FileAccess::kUpdate, FileAccess::kEnsure})
    EXPECT_NE(File::open(folder.file(""), access).error().message.find("a folder"), std::string::npos);
  EXPECT_FALSE(NewFile::create(folder.file("")));
  EXPECT_FALSE(NewFile::create(folder.file("none/a")));
  EXPECT_EQ(File::open(folder.file("none"), FileAccess::kRead).error().status, Status::kNotFound);
  EXPECT_EQ(File::open(folder.file("none/a"), FileAccess::kRead).error().status, Status::kNotFound);
  EXPECT_EQ(File::open("", FileAccess::kRead).error().status, Status::kNotFound);
}

TEST(NewFile, AppearsWhole) {
  const TemporaryFolder folder;
  write_file(folder.file("a"), {'o', 'l', 'd'});
  NewFile file = NewFile::create(folder.file("a")).value();
  ASSERT_TRUE(file.write(bytes_of("ne")));
  ASSERT_TRUE(file.write(bytes_of("w")));
  EXPECT_EQ(text_at(folder.file("a")), "old");
  ASSERT_TRUE(file.commit());
  EXPECT_EQ(text_at(folder.file("a")), "new");
  EXPECT_EQ(names_in(folder), (std::vector<std::string>{"a"}));
}

TEST(NewFile, LeavesNothingWithoutACommit) {
  const TemporaryFolder folder;
  {
    NewFile file = NewFile::create(folder.file("a")).value();
    ASSERT_TRUE(file.write(bytes_of("half")));
    EXPECT_EQ(names_in(folder).size(), 1u);
  }
  EXPECT_TRUE(names_in(folder).empty());
}

TEST(NewFile, OneOfManyIsFirst) {
  const TemporaryFolder folder;
  constexpr int kThreads = 8;
  std::vector<int> won(kThreads);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        NewFile file = NewFile::create(folder.file("a")).value();
        const std::string text(1000, static_cast<char>('a' + i));
        ASSERT_TRUE(file.write(bytes_of(text)));
        won[static_cast<size_t>(i)] = file.commit_if_free().value() ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(std::ranges::count(won, 1), 1);
  const auto winner = static_cast<char>('a' + (std::ranges::find(won, 1) - won.begin()));
  EXPECT_EQ(text_at(folder.file("a")), std::string(1000, winner));
  EXPECT_EQ(names_in(folder), (std::vector<std::string>{"a"}));
}

TEST(Folders, AreMadeWithTheirParents) {
  const TemporaryFolder folder;
  ASSERT_TRUE(make_folders(folder.file("x//y/z/")));
  ASSERT_TRUE(make_folders(folder.file("x/y")));
  write_file(folder.file("x/file"), {'f'});
  EXPECT_FALSE(make_folders(folder.file("x/file/deeper")));
  std::vector<std::string> names = list_folder(folder.file("x")).value();
  std::ranges::sort(names);
  EXPECT_EQ(names, (std::vector<std::string>{"file", "y"}));
  EXPECT_EQ(list_folder(folder.file("none")).error().status, Status::kNotFound);
  EXPECT_FALSE(list_folder(folder.file("x/file")));
  EXPECT_TRUE(remove_file(folder.file("x/file")));
  EXPECT_EQ(remove_file(folder.file("x/file")).error().status, Status::kNotFound);
}

}  // namespace pumice::file_test
