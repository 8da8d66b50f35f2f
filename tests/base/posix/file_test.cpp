// Pipes, devices, links, modes and the limit of a file's size.
#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "support/temporary_folder.h"

namespace pumice::posix_file_test {

using test::read_file_bytes;
using test::TemporaryFolder;
using test::write_file;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }
std::string text_at(const std::string& path) {
  const std::vector<char> bytes = read_file_bytes(path);
  return {bytes.begin(), bytes.end()};
}

TEST(File, OnlyRegularFilesAreOpened) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo(folder.file("pipe").c_str(), 0600), 0);
  for (const FileAccess access : {FileAccess::kRead, FileAccess::kUpdate, FileAccess::kEnsure}) {
    // Nobody is at the pipe's other end: without care this would wait for ever.
    const Result<File> pipe = File::open(folder.file("pipe"), access);
    ASSERT_FALSE(pipe);
    EXPECT_NE(pipe.error().message.find("a pipe"), std::string::npos) << pipe.error().message;
    EXPECT_NE(File::open("/dev/null", access).error().message.find("a device"), std::string::npos);
  }
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

TEST(NewFile, OthersReadWhatTheyMay) {
  const TemporaryFolder folder;
  const mode_t before = ::umask(022);
  for (const auto& [readers, mode] : {std::pair{FileReaders::kOwner, 0600u}, std::pair{FileReaders::kUsual, 0644u}}) {
    NewFile file = NewFile::create(folder.file("a"), readers).value();
    ASSERT_TRUE(file.commit());
    struct stat info{};
    ASSERT_EQ(::stat(folder.file("a").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, mode);
  }
  ::umask(before);
}

TEST(NewFile, TakesOnlyNamesOfFiles) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo(folder.file("pipe").c_str(), 0600), 0);
  EXPECT_FALSE(NewFile::create(folder.file("pipe")));
  EXPECT_FALSE(NewFile::create("/dev/null"));
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

TEST(Folders, AreTheirOwners) {
  const TemporaryFolder folder;
  ASSERT_TRUE(make_folders(folder.file("x/y/z")));
  struct stat info{};
  ASSERT_EQ(::stat(folder.file("x/y/z").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

}  // namespace pumice::posix_file_test
