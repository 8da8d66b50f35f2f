// Names of devices, either slash, other programs that look on, and files for their owner alone.
#include "base/file.h"

#include <aclapi.h>
#include <gtest/gtest.h>
#include <sddl.h>
#include <windows.h>

#include <filesystem>
#include <thread>

#include "base/windows/text.h"
#include "support/temporary_folder.h"

namespace pumice::windows_file_test {

using test::TemporaryFolder;
using test::write_file;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

TEST(WindowsFile, DevicesAreRefused) {
  for (const char* name : {"NUL", "CON", R"(\\.\NUL)", R"(\\.\pipe\pumice)"}) {
    const Result<File> file = File::open(name, FileAccess::kRead);
    ASSERT_FALSE(file) << name;
    EXPECT_NE(file.error().message.find("a device"), std::string::npos) << file.error().message;
    EXPECT_FALSE(NewFile::create(name)) << name;
  }
}

TEST(WindowsFile, TakesEitherSlash) {
  const TemporaryFolder folder;
  ASSERT_TRUE(make_folders(folder.file("x\\y/z\\")));
  write_file(folder.file("x/y/a"), {'a'});
  EXPECT_TRUE(is_regular_file(folder.file("x\\y\\a")));
  EXPECT_TRUE(File::open(folder.file("x\\.\\y/../y\\a"), FileAccess::kRead));
}

TEST(WindowsFile, PathsAreUtf8) {
  EXPECT_EQ(File::open("a\xff", FileAccess::kRead).error().status, Status::kIo);
  EXPECT_EQ(utf8(wide("Grüße 世界 🌋")), "Grüße 世界 🌋");
}

// As a virus scanner does: without leave for others to remove what it reads.
TEST(WindowsFile, IsReplacedOnceOthersHaveLookedAtIt) {
  const TemporaryFolder folder;
  write_file(folder.file("a"), {'o', 'l', 'd'});
  NewFile file = NewFile::create(folder.file("a")).value();
  ASSERT_TRUE(file.write(bytes_of("new")));
  const std::wstring place = system_path(folder.file("a")).value();
  const HANDLE other = ::CreateFileW(place.c_str(), GENERIC_READ, FILE_SHARE_READ, nullptr, OPEN_EXISTING, 0, nullptr);
  ASSERT_NE(other, INVALID_HANDLE_VALUE);
  const std::jthread scanner([&] {
    ::Sleep(100);
    ::CloseHandle(other);
  });
  const Result<void> done = file.commit();
  EXPECT_TRUE(done) << done.error().message;
  const std::vector<char> bytes = test::read_file_bytes(folder.file("a"));
  EXPECT_EQ(std::string(bytes.begin(), bytes.end()), "new");
}

TEST(WindowsFile, WhatIsNotReplacedStays) {
  const TemporaryFolder folder;
  write_file(folder.file("a"), {'o', 'l', 'd'});
  const std::wstring place = system_path(folder.file("a")).value();
  const HANDLE other = ::CreateFileW(place.c_str(), GENERIC_READ, 0, nullptr, OPEN_EXISTING, 0, nullptr);
  ASSERT_NE(other, INVALID_HANDLE_VALUE);
  {
    NewFile file = NewFile::create(folder.file("a")).value();
    ASSERT_TRUE(file.write(bytes_of("new")));
    EXPECT_EQ(file.commit().error().status, Status::kIo);
  }
  ::CloseHandle(other);
  EXPECT_EQ(test::read_file_bytes(folder.file("a")), (std::vector<char>{'o', 'l', 'd'}));
  EXPECT_EQ(list_folder(folder.file("")).value().size(), 1u) << "nothing else is left";
}

TEST(WindowsFile, ALockKeepsNobodyFromReading) {
  const TemporaryFolder folder;
  write_file(folder.file("a"), {'a'});
  const File locked = File::open(folder.file("a"), FileAccess::kUpdate).value();
  ASSERT_TRUE(locked.try_lock().value());
  char byte = 0;
  const File other = File::open(folder.file("a"), FileAccess::kRead).value();
  EXPECT_TRUE(other.read_at(0, std::as_writable_bytes(std::span(&byte, 1))));
  EXPECT_EQ(byte, 'a');
}

TEST(WindowsFile, NewFilesAreTheirOwners) {
  const TemporaryFolder folder;
  NewFile file = NewFile::create(folder.file("a")).value();
  ASSERT_TRUE(file.commit());
  ASSERT_TRUE(make_folders(folder.file("x/y")));
  for (const char* name : {"a", "x"}) {
    const std::wstring place = system_path(folder.file(name)).value();
    PACL list = nullptr;
    PSECURITY_DESCRIPTOR descriptor = nullptr;
    ASSERT_EQ(::GetNamedSecurityInfoW(place.c_str(), SE_FILE_OBJECT, DACL_SECURITY_INFORMATION, nullptr, nullptr, &list,
                                      nullptr, &descriptor),
              DWORD{ERROR_SUCCESS});
    BYTE everyone[SECURITY_MAX_SID_SIZE];
    DWORD size = sizeof everyone;
    ASSERT_TRUE(::CreateWellKnownSid(WinWorldSid, nullptr, everyone, &size));
    for (DWORD i = 0; list && i < list->AceCount; ++i) {
      void* entry = nullptr;
      ASSERT_TRUE(::GetAce(list, i, &entry));
      const auto* const allowed = static_cast<const ACCESS_ALLOWED_ACE*>(entry);
      const bool all = ::EqualSid(const_cast<DWORD*>(&allowed->SidStart), everyone);
      EXPECT_FALSE(allowed->Header.AceType == ACCESS_ALLOWED_ACE_TYPE && all && allowed->Mask != 0) << name;
    }
    ::LocalFree(descriptor);
  }
}

}  // namespace pumice::windows_file_test
