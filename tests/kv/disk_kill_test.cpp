// A process that writes to a cache folder is killed at a random moment, again and again: every record whose write had
// returned is found, and no wrong byte is ever returned.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <random>

#include "kv/tiers/disk_tier.h"
#include "kv/tiers/page_codec.h"
#include "support/kv_pages.h"
#include "support/temporary_folder.h"

namespace pumice::disk_kill_test {

constexpr size_t kPages = 400, kPayload = 30'000;

PageCodec codec() { return PageCodec::create({.secret = test::secret_of(1), .name_space = "n"}).value(); }

Result<std::unique_ptr<DiskTier>> open_tier(const test::TemporaryFolder& folder) {
  return DiskTier::create({.folder = folder.file("kv"), .limit_bytes = uint64_t{1} << 30, .name_space = "n"});
}

// Tells through the pipe how many pages it has written, until it is killed or done.
[[noreturn]] void write_pages(const test::TemporaryFolder& folder, const std::vector<std::vector<std::byte>>& values,
                              const std::vector<StoredPage>& text, size_t first, int pipe) {
  auto tier = open_tier(folder);
  for (size_t i = first; tier && i < text.size(); ++i) {
    if (!(*tier)->write(text[i].key, values[i])) break;
    const auto done = static_cast<uint32_t>(i + 1);
    if (::write(pipe, &done, sizeof done) != sizeof done) break;
  }
  ::_exit(0);
}

TEST(DiskKill, EveryWrittenRecordIsFoundAndNoneIsWrong) {
  const char* const asked = std::getenv("PUMICE_TEST_KILLS");
  const int kills = asked ? std::atoi(asked) : 20;
  const PageCodec page_codec = codec();
  const auto text = test::make_text(kPages, kPayload, 1);
  std::vector<std::vector<std::byte>> values;
  for (const StoredPage& page : text) values.push_back(page_codec.seal(test::loaded(page)).value());
  std::mt19937 generator(1);
  const auto random = [&](uint32_t below) { return static_cast<uint32_t>(generator() % below); };
  auto folder = std::make_unique<test::TemporaryFolder>();
  size_t written = 0, torn = 0, segments_before = 1;
  for (int kill = 0; kill < kills; ++kill) {
    if (written >= kPages) {
      folder = std::make_unique<test::TemporaryFolder>();
      written = 0;
      segments_before = 1;
    }
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) write_pages(*folder, values, text, written, pipe[1]);
    ::close(pipe[1]);
    uint32_t done = 0;
    // The moment: some microseconds after some page.
    const uint32_t pages = static_cast<uint32_t>(written) + random(12);
    while (done < pages && ::read(pipe[0], &done, sizeof done) == sizeof done) {
    }
    ::usleep(random(2000));
    ::kill(child, SIGKILL);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    while (::read(pipe[0], &done, sizeof done) == sizeof done) {
    }
    ::close(pipe[0]);
    written = std::max<size_t>(written, done);
    auto tier = open_tier(*folder);
    ASSERT_TRUE(tier) << tier.error().message;
    for (size_t i = 0; i < kPages; ++i) {
      std::vector<std::byte> value;
      const Result<bool> found = (*tier)->read(text[i].key, value, Tier::Deadline::max());
      ASSERT_TRUE(found);
      if (!*found) {
        ASSERT_GE(i, written) << "a record that was written is gone, after kill " << kill;
        break;
      }
      const Result<SharedBytes> payload = page_codec.open(std::move(value), test::wanted(text[i]));
      ASSERT_TRUE(payload) << "a torn record is offered, after kill " << kill;
      ASSERT_TRUE(test::same_bytes(*payload, text[i].payload));
      written = std::max(written, i + 1);  // whole, though the child did not live to tell
    }
    const std::vector<SegmentName> segments = list_segments(folder->file("kv")).value();
    torn += segments.size() > segments_before ? 1 : 0;
    segments_before = segments.size();
  }
  RecordProperty("torn", static_cast<int>(torn));
}

}  // namespace pumice::disk_kill_test
