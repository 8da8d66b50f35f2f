// A cache folder under other processes, which are this program again: one that is killed while it writes, and one that
// uses the folder at the same time. And on a disk that is full.
#include <gtest/gtest.h>
#include <windows.h>

#include <cstdlib>
#include <random>

#include "kv/tiers/disk_tier.h"
#include "kv/tiers/page_codec.h"
#include "support/kv_pages.h"
#include "support/temporary_folder.h"

namespace pumice::cache_folder_test {

constexpr size_t kPages = 200, kPayload = 30'000;
constexpr const char* kFolder = "PUMICE_TEST_CACHE_FOLDER";  // of the process that writes
constexpr const char* kFirst = "PUMICE_TEST_FIRST_PAGE";

PageCodec codec() { return PageCodec::create({.secret = test::secret_of(1), .name_space = "n"}).value(); }

Result<std::unique_ptr<DiskTier>> open_tier(const std::string& folder) {
  return DiskTier::create({.folder = folder, .limit_bytes = uint64_t{1} << 30, .name_space = "n"});
}

std::vector<std::vector<std::byte>> sealed(const std::vector<StoredPage>& text) {
  std::vector<std::vector<std::byte>> values;
  const PageCodec page_codec = codec();
  for (const StoredPage& page : text) values.push_back(page_codec.seal(test::loaded(page)).value());
  return values;
}

// What the other process does: tells how many pages it has written, until it is killed or done.
TEST(CacheFolder, DISABLED_Writer) {
  const auto text = test::make_text(kPages, kPayload, 1);
  const auto values = sealed(text);
  auto tier = open_tier(std::getenv(kFolder));
  ASSERT_TRUE(tier) << tier.error().message;
  const HANDLE out = ::GetStdHandle(STD_ERROR_HANDLE);  // GoogleTest's own words go to the other
  for (size_t i = std::strtoul(std::getenv(kFirst), nullptr, 10); i < kPages; ++i) {
    ASSERT_TRUE((*tier)->write(text[i].key, values[i]));
    const auto done = static_cast<uint32_t>(i + 1);
    DWORD wrote = 0;
    ASSERT_TRUE(::WriteFile(out, &done, sizeof done, &wrote, nullptr));
  }
}

class Writer {
 public:
  Writer(const std::string& folder, size_t first) {
    ::SetEnvironmentVariableA(kFolder, folder.c_str());
    ::SetEnvironmentVariableA(kFirst, std::to_string(first).c_str());
    SECURITY_ATTRIBUTES inherited{sizeof inherited, nullptr, TRUE};
    HANDLE theirs = nullptr;
    EXPECT_TRUE(::CreatePipe(&told_, &theirs, &inherited, 0));
    ::SetHandleInformation(told_, HANDLE_FLAG_INHERIT, 0);
    wchar_t program[MAX_PATH];
    ::GetModuleFileNameW(nullptr, program, MAX_PATH);
    std::wstring command = L"tests --gtest_also_run_disabled_tests --gtest_filter=CacheFolder.DISABLED_Writer";
    STARTUPINFOW startup{};
    startup.cb = sizeof startup;
    startup.dwFlags = STARTF_USESTDHANDLES;
    startup.hStdError = theirs;
    PROCESS_INFORMATION child{};
    EXPECT_TRUE(::CreateProcessW(program, command.data(), nullptr, nullptr, TRUE, 0, nullptr, nullptr, &startup,
                                 &child));
    ::CloseHandle(theirs);
    ::CloseHandle(child.hThread);
    process_ = child.hProcess;
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() {
    ::CloseHandle(told_);
    ::CloseHandle(process_);
  }

  // The pages that are written now, once they are this many or all.
  size_t wait_for(size_t pages) {
    uint32_t done = 0;
    for (DWORD got = 0; last_ < pages && ::ReadFile(told_, &done, sizeof done, &got, nullptr) && got == sizeof done;)
      last_ = done;
    return last_;
  }
  void kill() {
    ::TerminateProcess(process_, 9);
    ::WaitForSingleObject(process_, INFINITE);
  }

 private:
  HANDLE told_ = nullptr, process_ = nullptr;
  size_t last_ = 0;
};

// The pages that are found, one after the other; none of them may be wrong.
size_t count_found(DiskTier& tier, const std::vector<StoredPage>& text) {
  const PageCodec page_codec = codec();
  for (size_t i = 0; i < text.size(); ++i) {
    std::vector<std::byte> value;
    const Result<bool> found = tier.read(text[i].key, value, Tier::Deadline::max());
    EXPECT_TRUE(found);
    if (!found || !*found) return i;
    const Result<SharedBytes> payload = page_codec.open(std::move(value), test::wanted(text[i]));
    EXPECT_TRUE(payload && test::same_bytes(*payload, text[i].payload)) << "a torn record is offered";
  }
  return text.size();
}

TEST(CacheFolder, EveryWrittenRecordOutlivesItsProcess) {
  const auto text = test::make_text(kPages, kPayload, 1);
  std::mt19937 generator(1);
  const test::TemporaryFolder folder;
  size_t written = 0;
  for (int kill = 0; kill < 6; ++kill) {
    {
      Writer writer(folder.file("kv"), written);
      writer.wait_for(written + 1 + generator() % 20);
      ::Sleep(generator() % 3);
      writer.kill();
      written = std::max(written, writer.wait_for(kPages));
    }
    const auto tier = open_tier(folder.file("kv"));
    ASSERT_TRUE(tier) << tier.error().message;
    const size_t found = count_found(**tier, text);
    EXPECT_GE(found, written) << "a record that was written is gone, after kill " << kill;
    written = std::max(written, found);
  }
  EXPECT_GT(written, 6u) << "nothing was killed while it wrote";
}

TEST(CacheFolder, OneProcessAtATime) {
  const auto text = test::make_text(kPages, kPayload, 1);
  const test::TemporaryFolder folder;
  {
    Writer writer(folder.file("kv"), 0);
    ASSERT_GE(writer.wait_for(2), 2u);
    const auto second = open_tier(folder.file("kv"));
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find("another program uses this cache folder"), std::string::npos)
        << second.error().message;
    EXPECT_EQ(writer.wait_for(kPages), kPages) << "the first goes on";
    writer.kill();  // or it has ended
  }
  EXPECT_EQ(count_found(*open_tier(folder.file("kv")).value(), text), kPages);
}

// PUMICE_TEST_FULL_DISK: a folder on a disk of some hundred KB.
TEST(CacheFolder, AFullDiskLosesNothing) {
  const char* const place = std::getenv("PUMICE_TEST_FULL_DISK");
  if (!place) GTEST_SKIP() << "no small disk";
  const std::string folder = std::string(place) + "/kv";
  const auto text = test::make_text(kPages, kPayload, 1);
  const auto values = sealed(text);
  size_t written = 0;
  {
    const auto tier = open_tier(folder).value();
    for (Result<void> wrote; written < kPages && (wrote = tier->write(text[written].key, values[written])); ++written) {
    }
    ASSERT_LT(written, kPages) << "the disk is not small";
    EXPECT_EQ(count_found(*tier, text), written);
  }
  EXPECT_EQ(count_found(*open_tier(folder).value(), text), written);
}

}  // namespace pumice::cache_folder_test
