// A cache folder seen from outside, through the C interface and through the program.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "api/cli_support.h"
#include "kv/tiers/disk_record.h"
#include "kv/tiers/tiered_store.h"
#include "pumice/pumice_kv.h"
#include "support/kv_pages.h"
#include "support/temporary_folder.h"

namespace pumice::disk_folder_test {

constexpr size_t kPages = 5;

TieredStoreOptions options_of(const test::TemporaryFolder& folder) {
  return {.secret = store_secret(test::secret_of(1)),
          .disk_folder = folder.file("kv"),
          .disk_bytes = 64 << 20,
          .name_space = "shop",
          .epoch = 3,
          .admit_at_use = 1};
}

void fill(const test::TemporaryFolder& folder) {
  const auto store = TieredStore::create(options_of(folder)).value();
  for (const StoredPage& page : test::make_text(kPages, 5000, 1)) store->store(page);
  ASSERT_TRUE(store->flush(10));
}

std::string segment(const test::TemporaryFolder& folder) { return segment_path(folder.file("kv"), 1); }

void damage(const test::TemporaryFolder& folder, size_t at) {
  auto bytes = test::read_file_bytes(segment(folder));
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  test::write_file(segment(folder), bytes);
}

// The value of the first record lies behind its header; the second record begins at a multiple of the alignment.
constexpr size_t kInFirstValue = sizeof(RecordHeader) + 3000;

class KvFolder : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(pumice_instance_create(nullptr, &instance_), PUMICE_OK); }
  void TearDown() override {
    pumice_kv_folder_destroy(folder_);
    pumice_instance_destroy(instance_);
  }
  PumiceResult open() {
    pumice_kv_folder_destroy(folder_);
    folder_ = nullptr;
    return pumice_kv_folder_open(instance_, files_.file("kv").c_str(), &folder_);
  }
  PumiceKvVerification verify(const Secret* secret) {
    PumiceKvVerification found = pumice_kv_verification_init();
    EXPECT_EQ(pumice_kv_folder_verify(folder_, secret ? reinterpret_cast<const uint8_t*>(secret->data()) : nullptr,
                                      nullptr, nullptr, &found),
              PUMICE_OK);
    return found;
  }

  const test::TemporaryFolder files_;
  const Secret right_ = test::secret_of(1), wrong_ = test::secret_of(2);
  PumiceInstance* instance_ = nullptr;
  PumiceKvFolder* folder_ = nullptr;
};

TEST_F(KvFolder, StatsAndRecords) {
  EXPECT_EQ(open(), PUMICE_NOT_FOUND);
  fill(files_);
  ASSERT_EQ(open(), PUMICE_OK);
  PumiceKvFolderStats stats = pumice_kv_folder_stats_init();
  ASSERT_EQ(pumice_kv_folder_get_stats(folder_, &stats), PUMICE_OK);
  EXPECT_EQ(stats.records, kPages);
  EXPECT_EQ(stats.tokens, kPages * 32);
  EXPECT_EQ(stats.files, 1u);
  EXPECT_EQ(stats.bytes, std::filesystem::file_size(segment(files_)));
  EXPECT_EQ(stats.damaged_records + stats.damaged_places + stats.erased_records, 0u);
  PumiceKvRecord record = pumice_kv_record_init();
  ASSERT_EQ(pumice_kv_folder_get_record(folder_, 0, &record), PUMICE_OK);
  EXPECT_EQ(std::string(record.key), to_hex(test::make_text(1, 5000, 1)[0].key));
  EXPECT_STREQ(record.name_space, "shop");
  EXPECT_EQ(record.epoch, 3u);
  EXPECT_EQ(record.tokens, 32u);
  EXPECT_EQ(record.uses, 0u);
  EXPECT_EQ(pumice_kv_folder_get_record(folder_, kPages, &record), PUMICE_NOT_FOUND);
  record.size = 3;
  EXPECT_EQ(pumice_kv_folder_get_record(folder_, 0, &record), PUMICE_INVALID_ARGUMENT);
}

TEST_F(KvFolder, VerifyFindsDamage) {
  fill(files_);
  ASSERT_EQ(open(), PUMICE_OK);
  EXPECT_EQ(verify(nullptr).records, kPages);
  EXPECT_EQ(verify(nullptr).damaged_records, 0u);
  EXPECT_EQ(verify(&right_).not_genuine, 0u);
  EXPECT_EQ(verify(&wrong_).not_genuine, kPages);
  damage(files_, kInFirstValue);
  EXPECT_EQ(verify(nullptr).damaged_records, 1u);
  EXPECT_EQ(verify(&right_).damaged_records, 1u);
  EXPECT_EQ(verify(&right_).not_genuine, 0u);
  damage(files_, 9);  // in the header
  EXPECT_EQ(verify(nullptr).damaged_places, 1u);
  EXPECT_EQ(verify(nullptr).records, kPages - 1);
  const auto stop = [](void*, float) -> int32_t { return 1; };
  PumiceKvVerification found = pumice_kv_verification_init();
  EXPECT_EQ(pumice_kv_folder_verify(folder_, nullptr, stop, nullptr, &found), PUMICE_CANCELLED);
}

// Whoever can write to the folder can make the checksums fit, but not the tag.
TEST_F(KvFolder, VerifyFindsIntentWithTheSecret) {
  fill(files_);
  auto bytes = test::read_file_bytes(segment(files_));
  RecordHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  bytes[kInFirstValue] ^= 1;
  const std::span value(reinterpret_cast<const std::byte*>(bytes.data()) + sizeof header, header.value_bytes);
  const RecordCommit commit = make_commit(header, value);
  std::memcpy(bytes.data() + sizeof header + header.value_bytes, &commit, sizeof commit);
  test::write_file(segment(files_), bytes);
  ASSERT_EQ(open(), PUMICE_OK);
  EXPECT_EQ(verify(nullptr).damaged_records, 0u);
  EXPECT_EQ(verify(&right_).not_genuine, 1u);
}

TEST_F(KvFolder, ClearRefusesAFolderInUse) {
  fill(files_);
  test::write_file(files_.file("kv/secret"), std::vector<char>(32, 'x'));
  ASSERT_EQ(open(), PUMICE_OK);
  auto store = TieredStore::create(options_of(files_)).value();
  EXPECT_EQ(pumice_kv_folder_clear(folder_), PUMICE_UNSUPPORTED);
  store.reset();
  EXPECT_EQ(pumice_kv_folder_clear(folder_), PUMICE_OK);
  EXPECT_FALSE(std::filesystem::exists(segment(files_)));
  EXPECT_TRUE(std::filesystem::exists(files_.file("kv/secret")));
}

test::CliResult run_kv(const std::string& command, const test::TemporaryFolder& files, bool json = false) {
  std::vector<std::string> arguments{"kv", command, "--dir", files.file("kv")};
  if (json) arguments.emplace_back("--json");
  return test::run_cli(arguments);
}

TEST(KvFolderProgram, StatsListVerifyClear) {
  if (test::cli_path().empty()) GTEST_SKIP() << "no program in this build";
  const test::TemporaryFolder files;
  EXPECT_EQ(run_kv("stats", files).exit_code, 3);
  fill(files);
  const auto stats = run_kv("stats", files, true);
  EXPECT_EQ(stats.exit_code, 0);
  EXPECT_EQ(nlohmann::json::parse(stats.out).at("records"), kPages);
  const auto list = run_kv("list", files, true);
  ASSERT_EQ(list.exit_code, 0) << list.err;
  const auto records = nlohmann::json::parse(list.out);
  ASSERT_EQ(records.size(), kPages);
  EXPECT_EQ(records[0].at("namespace"), "shop");
  EXPECT_EQ(records[0].at("key"), to_hex(test::make_text(1, 5000, 1)[0].key));
  EXPECT_NE(run_kv("list", files).out.find("shop"), std::string::npos);
  EXPECT_EQ(run_kv("verify", files).exit_code, 0);
  std::vector<char> secret(32, 0);
  secret[0] = 1;
  test::write_file(files.file("kv/secret"), secret);
  const auto full = run_kv("verify", files, true);
  EXPECT_EQ(full.exit_code, 0) << full.err;
  EXPECT_EQ(nlohmann::json::parse(full.out).at("with_secret"), true);
  damage(files, kInFirstValue);
  const auto damaged = run_kv("verify", files);
  EXPECT_EQ(damaged.exit_code, 6);
  EXPECT_NE(damaged.err.find("pumice kv clear --dir"), std::string::npos) << "it must say what to do";
  EXPECT_EQ(run_kv("clear", files).exit_code, 0);
  EXPECT_EQ(nlohmann::json::parse(run_kv("stats", files, true).out).at("records"), 0);
}

}  // namespace pumice::disk_folder_test
