// `pumice transcribe` as a user meets it: what it prints, how it reads a pipe, how it ends.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/cli_support.h"
#include "support/temporary_folder.h"
#include "support/whisper_model.h"

namespace pumice::test::transcribe_cli_test {

using Json = nlohmann::json;

class TranscribeCliTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (cli_path().empty()) GTEST_SKIP() << "the program was not built";
    const std::vector<std::byte> model = make_whisper_model({.text_context = 32});
    const auto* bytes = reinterpret_cast<const char*>(model.data());
    write_file(model_, {bytes, bytes + model.size()});
  }
  CliResult run(std::vector<std::string> arguments, const std::string& input = "") const {
    arguments.insert(arguments.begin(), {"transcribe", "-m", model_, "-q"});
    return CliProcess(arguments, input, nullptr).wait();
  }

  const TemporaryFolder folder_;
  const std::string model_ = folder_.file("tiny.bin");
};

// 16-bit samples, as a pipe has them.
std::string raw(double seconds) {
  std::string bytes;
  for (const float sample : made_up_sound(seconds, 4)) {
    const auto value = static_cast<int>(sample * 32767);
    bytes += static_cast<char>(value);
    bytes += static_cast<char>(value >> 8);
  }
  return bytes;
}

TEST_F(TranscribeCliTest, ReadsAPipe) {
  const CliResult one = run({"--json", "--greedy", "--no-timestamps", "-"}, raw(3));
  if (one.exit_code == 4) GTEST_SKIP() << "no device";
  ASSERT_EQ(one.exit_code, 0) << one.err;
  const Json json = Json::parse(one.out);
  EXPECT_EQ(json["language"], "en");
  EXPECT_EQ(json["complete"], true);
  EXPECT_NEAR(json["duration"].get<double>(), 3000, 20);
  ASSERT_EQ(json["segments"].size(), 1u);
  EXPECT_EQ(json["segments"][0]["text"], json["text"]);
  EXPECT_FALSE(json["segments"][0]["ids"].empty());
  EXPECT_EQ(json["statistics"]["encoded_windows"], 1);
  const CliResult srt = run({"--srt", "--greedy", "--no-timestamps", "-"}, raw(3));
  EXPECT_EQ(srt.out.rfind("1\n00:00:00,000 --> 00:00:", 0), 0u) << srt.out;
  const CliResult nothing = run({"--vtt", "-"}, "");
  EXPECT_EQ(nothing.exit_code, 0);
  EXPECT_EQ(nothing.out, "WEBVTT\n\n");
}

TEST_F(TranscribeCliTest, SaysWhatIsWrong) {
  if (run({"--greedy", "-"}, "").exit_code == 4) GTEST_SKIP() << "no device";
  EXPECT_EQ(run({folder_.file("nowhere.wav")}).exit_code, 3);
  const std::string text = folder_.file("text.wav");
  write_file(text, {'t', 'e', 'x', 't'});
  EXPECT_EQ(run({text}).exit_code, 6);
  EXPECT_EQ(run({"--language", "de", "-"}).exit_code, 2);
  EXPECT_EQ(run({"--language", "xx", "-"}).exit_code, 2);
  EXPECT_EQ(run({"--translate", "-"}).exit_code, 2);
  EXPECT_EQ(run({"--srt", "-", text}).exit_code, 2);
  EXPECT_EQ(run({"--words", "-"}).exit_code, 2);
  EXPECT_EQ(run({}).exit_code, 2);
}

}  // namespace pumice::test::transcribe_cli_test
