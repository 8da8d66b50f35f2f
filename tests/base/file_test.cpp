// Files: what is opened and what is refused, files that appear whole or never, and limits that are errors.
#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
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

TEST(File, OnlyRegularFilesAreOpened) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo(folder.file("pipe").c_str(), 0600), 0);
  for (const FileAccess access : {FileAccess::kRead, FileAccess::kUpdate, FileAccess::kEnsure}) {
    // Nobody is at the pipe's other end: without care this would wait for ever.
    const Result<File> pipe = File::open(folder.file("pipe"), access);
    ASSERT_FALSE(pipe);
    EXPECT_NE(pipe.error().message.find("a pipe"), std::string::npos) << pipe.error().message;
    EXPECT_NE(File::open(folder.file(""), access).error().message.find("a folder"), std::string::npos);
    EXPECT_NE(File::open("/dev/null", access).error().message.find("a device"), std::string::npos);
  }
  EXPECT_EQ(File::open(folder.file("none"), FileAccess::kRead).error().status, Status::kNotFound);
  EXPECT_EQ(File::open("", FileAccess::kRead).error().status, Status::kNotFound);
}

TEST(File, LinksAreFollowedOnlyIfAllowed) {
  const TemporaryFolder folder;
  write_file(folder.file("a"), {'x'});
  ASSERT_EQ(::symlink("a", folder.file("link").c_str()), 0);
  EXPECT_TRUE(File::open(folder.file("link"), FileAccess::kRead));
  const Result<File> refused = File::open(folder.file("link"), FileAccess::kRead, Links::kRefuse);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("a symbolic link"), std::string::npos) << refused.error().message;
  EXPECT_FALSE(File::open(folder.file("link"), FileAccess::kCreate)) << "a new file must be new";
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

// SIGXFSZ has its default effect here, the end of the process, and is not blocked.
TEST(File, ASizeLimitIsAnError) {
  const TemporaryFolder folder;
  const File file = File::open(folder.file("a"), FileAccess::kCreate).value();
  Result<NewFile> whole = NewFile::create(folder.file("b"));
  ASSERT_TRUE(whole);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 1000;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::vector<std::byte> much(2000);
  const Result<void> written = file.write_at(0, much), beyond = file.write_at(1000, much), cut = file.truncate(3000),
                     added = whole->write(much);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  for (const Result<void>* result : {&written, &beyond, &cut, &added}) {
    ASSERT_FALSE(*result);
    EXPECT_EQ(result->error().status, Status::kIo);
  }
  sigset_t now;
  pthread_sigmask(SIG_SETMASK, nullptr, &now);
  EXPECT_EQ(sigismember(&now, SIGXFSZ), 0) << "the caller's mask must be as it was";
  sigpending(&now);
  EXPECT_EQ(sigismember(&now, SIGXFSZ), 0);
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
  struct stat info {};
  ASSERT_EQ(::stat(folder.file("a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST(NewFile, OthersReadWhatTheyMay) {
  const TemporaryFolder folder;
  const mode_t before = ::umask(022);
  for (const auto& [readers, mode] : {std::pair{FileReaders::kOwner, 0600u}, std::pair{FileReaders::kUsual, 0644u}}) {
    NewFile file = NewFile::create(folder.file("a"), readers).value();
    ASSERT_TRUE(file.commit());
    struct stat info {};
    ASSERT_EQ(::stat(folder.file("a").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, mode);
  }
  ::umask(before);
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

TEST(NewFile, TakesOnlyNamesOfFiles) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo(folder.file("pipe").c_str(), 0600), 0);
  EXPECT_FALSE(NewFile::create(folder.file("pipe")));
  EXPECT_FALSE(NewFile::create(folder.file("")));
  EXPECT_FALSE(NewFile::create("/dev/null"));
  EXPECT_FALSE(NewFile::create(folder.file("none/a")));
}

// What lies under names near the file's is not touched, whoever put it there.
TEST(NewFile, FollowsNoLink) {
  const TemporaryFolder folder;
  write_file(folder.file("victim"), {'v'});
  ASSERT_EQ(::symlink("victim", folder.file("a").c_str()), 0);
  for (const char* name : {"a.new", "a.tmp"}) ASSERT_EQ(::symlink("victim", folder.file(name).c_str()), 0);
  NewFile file = NewFile::create(folder.file("a")).value();
  ASSERT_TRUE(file.write(bytes_of("new")));
  ASSERT_TRUE(file.commit());
  EXPECT_EQ(text_at(folder.file("victim")), "v");
  EXPECT_EQ(text_at(folder.file("a")), "new");
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

TEST(Folders, AreMadeForTheirOwner) {
  const TemporaryFolder folder;
  ASSERT_TRUE(make_folders(folder.file("x//y/z/")));
  ASSERT_TRUE(make_folders(folder.file("x/y")));
  struct stat info {};
  ASSERT_EQ(::stat(folder.file("x/y/z").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
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
