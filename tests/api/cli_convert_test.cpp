// `pumice convert`: what it prints, its exit codes, and that a signal leaves no part of a file.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "api/cli_support.h"
#include "base/clock.h"
#include "format/gguf.h"
#include "support/slice.h"
#include "support/synthetic_model.h"
#include "support/temporary_folder.h"

namespace pumice::test::cli_convert_test {

class CliConvert : public testing::Test {
 protected:
  void SetUp() override {
    if (cli_path().empty()) GTEST_SKIP() << "the pumice program was not built";
    if (run_cli({"convert", "no-such-file", "out"}).err.find("PUMICE_CONVERT") != std::string::npos)
      GTEST_SKIP() << "built without conversion";
    write("in.gguf", make_synthetic_model({.layers = 2, .width = 384, .heads = 6, .ffn = 1024, .vocabulary = 2000}));
  }
  std::string file(const std::string& name) const { return folder_.file(name); }
  void write(const std::string& name, const std::vector<std::byte>& bytes) {
    std::ofstream(file(name), std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  size_t files() const { return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(file("")), {})); }

 private:
  TemporaryFolder folder_;
};

TEST_F(CliConvert, SaysWhatItMade) {
  const CliResult made = run_cli({"convert", file("in.gguf"), file("out.gguf"), "--type", "q8_0", "--json"});
  EXPECT_EQ(made.exit_code, 0) << made.err;
  const auto json = nlohmann::json::parse(made.out, nullptr, false);
  ASSERT_TRUE(json.is_object()) << made.out;
  EXPECT_EQ(json["kind"], "llama");
  EXPECT_EQ(json["bytes"], std::filesystem::file_size(file("out.gguf")));
  EXPECT_GT(json["converted_tensors"], 10);
  const CliResult words = run_cli({"convert", file("in.gguf"), file("out.gguf")});
  EXPECT_EQ(words.out, "");
  EXPECT_NE(words.err.find("llama, "), std::string::npos) << words.err;
  EXPECT_EQ(run_cli({"convert", file("in.gguf"), file("out.gguf"), "-q"}).err, "");
}

TEST_F(CliConvert, ExitCodes) {
  EXPECT_EQ(run_cli({"convert", file("none"), file("out.gguf")}).exit_code, 3);
  EXPECT_EQ(run_cli({"convert", file("in.gguf"), file("out.gguf"), "--type", "q3_k"}).exit_code, 2);
  EXPECT_EQ(run_cli({"convert", file("in.gguf")}).exit_code, 2);
  EXPECT_EQ(run_cli({"convert", file("in.gguf"), file("no/out.gguf")}).exit_code, 5);
  EXPECT_EQ(run_cli({"convert", file(""), file("out.gguf")}).exit_code, 6);  // no model folder
  write("text", std::vector<std::byte>(100, std::byte{'x'}));
  EXPECT_EQ(run_cli({"convert", file("text"), file("out.gguf")}).exit_code, 6);
  EXPECT_EQ(files(), 2u);
}

TEST_F(CliConvert, AnInterruptLeavesNothing) {
  PUMICE_SLICE(1);
  // Large enough that the signal comes in the midst of it.
  write("in.gguf", make_synthetic_model({.layers = 8, .width = 512, .ffn = 1536, .vocabulary = 4000}));
  CliProcess process({"convert", file("in.gguf"), file("out.gguf"), "--type", "q4_k"}, "", nullptr);
  while (files() < 2) usleep(1000);  // its temporary file
  process.send(SIGINT);
  const CliResult result = process.wait();
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_EQ(files(), 1u);
}

TEST_F(CliConvert, KilledAnywhereItLeavesNoPartOfAFile) {
  PUMICE_SLICE(0);
  const std::vector<std::string> arguments = {"convert", file("in.gguf"), file("out.gguf"), "--type", "q4_k"};
  const auto start = std::chrono::steady_clock::now();
  ASSERT_EQ(run_cli(arguments).exit_code, 0);
  const double whole = seconds_since(start);
  const auto bytes = std::filesystem::file_size(file("out.gguf"));
  constexpr int kPoints = 20;
  int cut = 0;
  for (int point = 0; point < kPoints; ++point) {
    std::filesystem::remove(file("out.gguf"));
    const bool former = point % 2 == 1;
    if (former) write("out.gguf", std::vector<std::byte>(10));
    CliProcess process(arguments, "", nullptr);
    usleep(static_cast<useconds_t>(1e6 * whole * point / kPoints));
    process.send(SIGKILL);
    const bool killed = process.wait().exit_code == 128 + SIGKILL;
    const bool there = std::filesystem::exists(file("out.gguf"));
    if (there && std::filesystem::file_size(file("out.gguf")) != 10) {
      EXPECT_EQ(std::filesystem::file_size(file("out.gguf")), bytes) << point;
      EXPECT_TRUE(Gguf::open(file("out.gguf")).ok()) << point;
    } else {
      EXPECT_TRUE(killed && there == former) << point;
      ++cut;
    }
  }
  EXPECT_GT(cut, kPoints / 4);
}

}  // namespace pumice::test::cli_convert_test
