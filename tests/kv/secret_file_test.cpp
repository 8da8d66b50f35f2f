// Secrets in files: whole or not there, and one for all who ask at once.
#include "kv/tiers/secret_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "support/temporary_folder.h"

namespace pumice::secret_file_test {

using test::TemporaryFolder;

TEST(SecretFile, IsMadeOnceAndKept) {
  const TemporaryFolder folder;
  EXPECT_EQ(secret_of_file(folder.file("secret"), false).error().status, Status::kNotFound);
  const Secret made = secret_of_file(folder.file("secret"), true).value();
  EXPECT_NE(made, Secret{});
  EXPECT_EQ(secret_of_file(folder.file("secret"), true).value(), made);
  EXPECT_EQ(secret_of_file(folder.file("secret"), false).value(), made);
  struct stat info{};
  ASSERT_EQ(::stat(folder.file("secret").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST(SecretFile, WhatIsNoSecretIsRefused) {
  const TemporaryFolder folder;
  for (const size_t size : {size_t{0}, size_t{31}, size_t{33}}) {
    test::write_file(folder.file("secret"), std::vector<char>(size, 's'));
    EXPECT_EQ(secret_of_file(folder.file("secret"), true).error().status, Status::kMalformed) << size;
  }
  ASSERT_EQ(::mkfifo(folder.file("pipe").c_str(), 0600), 0);
  EXPECT_EQ(secret_of_file(folder.file("pipe"), true).error().status, Status::kIo);
  EXPECT_FALSE(secret_of_file(folder.file("none/secret"), true));
}

// Every process writes what it was given; all must be alike, and the file's.
TEST(SecretFile, ProcessesThatRaceGetTheSame) {
  constexpr int kProcesses = 8, kRounds = 20;
  for (int round = 0; round < kRounds; ++round) {
    const TemporaryFolder folder;
    int gate[2], results[2];
    ASSERT_EQ(::pipe(gate), 0);
    ASSERT_EQ(::pipe(results), 0);
    for (int i = 0; i < kProcesses; ++i) {
      const pid_t child = ::fork();
      ASSERT_GE(child, 0);
      if (child > 0) continue;
      char go;
      ::close(gate[1]);
      const bool ended = ::read(gate[0], &go, 1) == 0;  // when the parent closes its end
      const Result<Secret> secret = secret_of_file(folder.file("secret"), true);
      const bool told = ended && secret && ::write(results[1], secret->data(), secret->size()) == 32;
      ::_exit(told ? 0 : 1);
    }
    ::close(gate[0]);
    ::close(gate[1]);
    ::close(results[1]);
    const Secret none{};
    Secret first{}, next;
    int count = 0;
    for (; ::read(results[0], next.data(), next.size()) == 32; ++count) {
      if (count == 0) first = next;
      EXPECT_EQ(next, first);
    }
    ::close(results[0]);
    for (int i = 0; i < kProcesses; ++i) ::wait(nullptr);
    EXPECT_EQ(count, kProcesses);
    EXPECT_NE(first, none);
    EXPECT_EQ(secret_of_file(folder.file("secret"), false).value(), first);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.file("")), {}), 1) << "nothing else is left";
  }
}

}  // namespace pumice::secret_file_test
