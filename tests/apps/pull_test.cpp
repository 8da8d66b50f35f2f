// `pumice pull` from a server that drops, corrupts, changes and refuses.
#include <gtest/gtest.h>

#include <filesystem>

#include "api/cli_support.h"
#include "apps/hub_server.h"
#include "apps/model_stores.h"
#include "common/repository.h"
#include "support/slice.h"

namespace pumice::test::pull_test {

namespace fs = std::filesystem;

class Pull : public ::testing::Test {
 protected:
  void SetUp() override {
    if (cli_path().empty()) GTEST_SKIP() << "the program was not built";
    if (run({"pull", "x"}).err.find("no libcurl") != std::string::npos) GTEST_SKIP() << "no libcurl";
    for (int i = 0; bytes_.size() < 300'000; ++i) bytes_ += "GGUF of " + std::to_string(i) + ", ";
    hub_.set_file("m-Q4_K_M.gguf", bytes_);
  }

  std::vector<std::string> words(std::vector<std::string> arguments) const {
    std::vector<std::string> all = {"HF_ENDPOINT=" + hub_.url(),
                                    "HF_HUB_CACHE=" + folder_.file("hub"),
                                    "HF_TOKEN=secret",
                                    "HOME=" + folder_.file("home"),
                                    "no_proxy=*",
                                    cli_path()};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
  }
  CliResult run(std::vector<std::string> arguments) const {
    return CliProcess::of_program("/usr/bin/env", words(std::move(arguments))).wait();
  }
  fs::path repository() const { return folder_.file("hub/models--org--m"); }
  std::string content(const std::string& file) const {
    const std::vector<char> read = read_file_bytes((repository() / "snapshots" / HubServer::kCommit / file).string());
    return {read.begin(), read.end()};
  }
  // Names in blobs/, parts included.
  std::vector<std::string> blobs() const {
    std::vector<std::string> names;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(repository() / "blobs", none))
      names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }
  std::string part() const { return sha256_of(bytes_) + ".pumice-part"; }

  TemporaryFolder folder_;
  HubServer hub_;
  std::string bytes_;
};

TEST_F(Pull, CutAtFiftyPointsItComesWhole) {
  PUMICE_SLICE(3);
  std::vector<HubServer::Fault> cuts;
  for (std::size_t i = 0; i < 50; ++i) cuts.push_back({.cut_after = i * 97 % 5000 + 1});
  hub_.add_faults(cuts);
  const CliResult pulled = run({"pull", "org/m"});
  ASSERT_EQ(pulled.exit_code, 0) << pulled.err;
  EXPECT_EQ(content("m-Q4_K_M.gguf"), bytes_);
  EXPECT_EQ(blobs(), std::vector<std::string>{sha256_of(bytes_)});
  EXPECT_TRUE(pulled.out.ends_with("m-Q4_K_M.gguf\n")) << pulled.out;
  EXPECT_GE(hub_.requests_with("range"), 50u);
  EXPECT_GE(hub_.requests_with("if-range"), 50u);
  for (const HubServer::Request& request : hub_.requests())
    EXPECT_EQ(request.headers.contains("authorization"), !request.path.starts_with("/cdn/")) << request.path;
}

TEST_F(Pull, StoppedOrKilledItGoesOnWhereItWas) {
  PUMICE_SLICE(2);
  for (const int signal : {SIGINT, SIGKILL}) {
    hub_.add_faults({{.cut_after = 100'000, .stall = true}});
    CliProcess process = CliProcess::of_program("/usr/bin/env", words({"pull", "org/m"}));
    std::error_code none;
    for (int i = 0; i < 1000 && (fs::file_size(repository() / "blobs" / part(), none) < 100'000 || none); ++i)
      usleep(10'000);
    process.send(signal);
    EXPECT_EQ(process.wait().exit_code, signal == SIGINT ? 130 : 128 + SIGKILL);
    EXPECT_EQ(blobs(), std::vector<std::string>{part()});
    EXPECT_EQ(fs::file_size(repository() / "blobs" / part()), 100'000u);
    const std::size_t before = hub_.requests_with("range");
    ASSERT_EQ(run({"pull", "org/m"}).exit_code, 0);
    EXPECT_EQ(content("m-Q4_K_M.gguf"), bytes_);
    EXPECT_GT(hub_.requests_with("range"), before);
    fs::remove_all(repository());
  }
}

TEST_F(Pull, WhatIsCorruptIsThrownAway) {
  hub_.add_faults({{.corrupt = true}});
  const CliResult pulled = run({"pull", "org/m"});
  EXPECT_EQ(pulled.exit_code, 11);
  EXPECT_NE(pulled.err.find("SHA-256"), std::string::npos) << pulled.err;
  EXPECT_TRUE(blobs().empty());
  EXPECT_FALSE(fs::exists(repository() / "refs"));
  EXPECT_EQ(run({"pull", "org/m"}).exit_code, 0);
}

TEST_F(Pull, AFileThatChangesMeanwhileIsTold) {
  const std::string other = "GGUF" + std::string(300'000, 'x');
  hub_.add_faults({{.cut_after = 50'000, .after = [&](HubServer& hub) { hub.set_file("m-Q4_K_M.gguf", other); }}});
  const CliResult pulled = run({"pull", "org/m"});
  EXPECT_EQ(pulled.exit_code, 11);
  EXPECT_NE(pulled.err.find("changed"), std::string::npos) << pulled.err;
  EXPECT_TRUE(blobs().empty());
  EXPECT_EQ(run({"pull", "org/m"}).exit_code, 0);
  EXPECT_EQ(content("m-Q4_K_M.gguf"), other);
}

TEST_F(Pull, ErrorsOfTheServerSayWhatToDo) {
  hub_.fail_metadata(404);
  EXPECT_EQ(run({"pull", "org/m"}).exit_code, 3);
  hub_.fail_metadata(401);
  EXPECT_NE(run({"pull", "org/m"}).err.find("HF_TOKEN"), std::string::npos);
  hub_.fail_metadata(200);
  hub_.add_faults({{.status = 500}});
  const CliResult failed = run({"pull", "org/m", "--retries", "0"});
  EXPECT_EQ(failed.exit_code, 11);
  EXPECT_NE(failed.err.find("500"), std::string::npos) << failed.err;
  hub_.add_faults({{.status = 503}});
  EXPECT_EQ(run({"pull", "org/m"}).exit_code, 0) << "tried again";
  EXPECT_EQ(run({"pull", "org"}).exit_code, 2);
  EXPECT_EQ(run({"pull", "../m"}).exit_code, 2);
}

TEST_F(Pull, AServerWithoutRangesIsAskedForTheWhole) {
  hub_.add_faults({{.cut_after = 70'000, .no_ranges = true}, {.no_ranges = true}});
  ASSERT_EQ(run({"pull", "org/m"}).exit_code, 0);
  EXPECT_EQ(content("m-Q4_K_M.gguf"), bytes_);
}

TEST_F(Pull, AFullDiskKeepsThePart) {
  std::vector<std::string> limited = words({"pull", "org/m"});
  limited.back() = "ulimit -f 100; exec \"$0\" pull org/m";
  limited[limited.size() - 2] = "-c";
  limited[limited.size() - 3] = "/bin/sh";
  limited.push_back(cli_path());
  const CliResult full = CliProcess::of_program("/usr/bin/env", limited).wait();
  EXPECT_EQ(full.exit_code, 5) << full.err;
  EXPECT_NE(full.err.find("make room"), std::string::npos) << full.err;
  EXPECT_EQ(blobs(), std::vector<std::string>{part()});
  ASSERT_EQ(run({"pull", "org/m"}).exit_code, 0);
  EXPECT_EQ(content("m-Q4_K_M.gguf"), bytes_);
}

TEST_F(Pull, TypesAndPartsAreChosenByName) {
  const std::string model = ModelStores::small_model(1);
  hub_.set_file("q8/m-Q8_0-00001-of-00002.gguf", model);
  hub_.set_file("q8/m-Q8_0-00002-of-00002.gguf", model + "2");
  hub_.set_file("m-F32.gguf", model);
  hub_.set_file("mmproj-m-F16.gguf", model);
  const CliResult list = run({"pull", "org/m", "--list"});
  EXPECT_EQ(std::count(list.out.begin(), list.out.end(), '\n'), 3) << list.out;
  ASSERT_EQ(run({"pull", "org/m:q8_0"}).exit_code, 0);
  EXPECT_EQ(content("q8/m-Q8_0-00001-of-00002.gguf"), model);
  EXPECT_EQ(content("q8/m-Q8_0-00002-of-00002.gguf"), model + "2");
  ASSERT_EQ(run({"pull", "org/m:F32"}).exit_code, 0);
  EXPECT_EQ(run({"inspect", "-m", "org/m:F32"}).exit_code, 0);
  const CliResult none = run({"pull", "org/m:Q2_K"});
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_NE(none.err.find("F32, Q4_K_M, Q8_0"), std::string::npos) << none.err;
}

TEST_F(Pull, AProjectorComesWithTheModel) {
  const std::string model = ModelStores::small_model(1), projector = ModelStores::small_model(2);
  hub_.set_file("m-Q4_K_M.gguf", model);
  hub_.set_file("mmproj-m-BF16.gguf", bytes_);
  hub_.set_file("mmproj-m-F16.gguf", projector);
  ASSERT_EQ(run({"pull", "org/m", "--no-mmproj"}).exit_code, 0);
  EXPECT_EQ(blobs().size(), 1u);
  const CliResult pulled = run({"pull", "org/m"});
  ASSERT_EQ(pulled.exit_code, 0) << pulled.err;
  EXPECT_EQ(std::count(pulled.out.begin(), pulled.out.end(), '\n'), 1) << pulled.out;
  EXPECT_EQ(content("mmproj-m-F16.gguf"), projector);
  EXPECT_EQ(blobs().size(), 2u);
  const nlohmann::json listed = nlohmann::json::parse(run({"models", "--json"}).out, nullptr, false);
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_NE(listed[0].value("projector", "").find("mmproj-m-F16.gguf"), std::string::npos);
  // It is the one that a picture is shown to: this one is none.
  const CliResult shown = run({"run", "-m", "org/m", "-p", "x", "--image", "/dev/null"});
  if (shown.exit_code == 4) GTEST_SKIP() << "no usable Vulkan device";
  EXPECT_EQ(shown.exit_code != 0 && shown.err.find("mmproj") != std::string::npos, true) << shown.err;
}

TEST_F(Pull, NoNameOfAServerLeadsOutside) {
  for (const char* name : {"../../../evil.gguf", "/tmp/evil.gguf", "a//evil.gguf", "a/./evil.gguf"}) {
    hub_.set_file(name, bytes_);
    EXPECT_EQ(run({"pull", "org/m"}).exit_code, 11) << name;
    EXPECT_FALSE(fs::exists(repository()));
    const nlohmann::json file = {{"rfilename", name}, {"lfs", {{"sha256", std::string(64, 'a')}, {"size", 1}}}};
    const nlohmann::json all = {{"sha", HubServer::kCommit}, {"siblings", {file}}};
    EXPECT_FALSE(pumice_apps::parse_repository(all.dump())) << name;
  }
  EXPECT_FALSE(pumice_apps::parse_repository(R"({"sha": "../../x", "siblings": []})"));
  EXPECT_FALSE(pumice_apps::parse_repository("[]"));
}

}  // namespace pumice::test::pull_test
