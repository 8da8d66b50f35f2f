// The contract of the pumice program: exit codes, what goes to which stream, JSON, signals.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli_support.h"
#include "support/slice.h"

namespace pumice::test::cli_test {

using Json = nlohmann::json;

class Cli : public testing::Test {
 protected:
  void SetUp() override {
    if (cli_path().empty()) GTEST_SKIP() << "the pumice program was not built";
  }
};

bool has_device() {
  static const bool usable = [] {
    const Json list = Json::parse(run_cli({"devices", "--json"}).out, nullptr, false);
    if (!list.is_array()) return false;
    return std::any_of(list.begin(), list.end(), [](const Json& device) { return device.value("usable", false); });
  }();
  return usable;
}

class CliDevice : public Cli {
 protected:
  void SetUp() override {
    Cli::SetUp();
    if (!IsSkipped() && !has_device()) GTEST_SKIP() << "no usable Vulkan device";
  }
};

// Every error is one line "pumice: ..." on standard error and nothing on standard output.
void expect_failure(const CliResult& result, int exit_code) {
  EXPECT_EQ(result.exit_code, exit_code) << result.err;
  EXPECT_EQ(result.out, "");
  ASSERT_FALSE(result.err.empty());
  EXPECT_EQ(result.err.back(), '\n');
  const std::size_t last = result.err.rfind('\n', result.err.size() - 2);
  EXPECT_EQ(result.err.substr(last == std::string::npos ? 0 : last + 1).rfind("pumice: ", 0), 0u) << result.err;
}

std::filesystem::path temporary_file(const std::string& name, const std::string& content) {
  const std::filesystem::path path =
      std::filesystem::path(testing::TempDir()) / (std::to_string(getpid()) + "-" + name);
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

TEST_F(Cli, HelpAndVersion) {
  for (const char* command : {"run", "tokenize", "top", "perplexity", "bench", "devices", "inspect", "matrix"}) {
    const CliResult help = run_cli({command, "--help"});
    EXPECT_EQ(help.exit_code, 0);
    EXPECT_NE(help.out.find("--json"), std::string::npos) << command;
    EXPECT_EQ(help.err, "");
  }
  EXPECT_NE(run_cli({"--help"}).out.find("Exit codes"), std::string::npos);
  EXPECT_EQ(run_cli({"--version"}).out.rfind("pumice ", 0), 0u);
  const CliResult none = run_cli({});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_EQ(none.out, "");
}

TEST_F(Cli, RefusesWrongUsage) {
  expect_failure(run_cli({"--no-such-option"}), 2);
  expect_failure(run_cli({"run", "-p", "x", "-n", "-1"}), 2);
  expect_failure(run_cli({"run", "-p", "x", "--temp", "nan"}), 2);
  expect_failure(run_cli({"run", "-p", "x", "--top-p", "1.5"}), 2);
  expect_failure(run_cli({"run", "-p", "x", "--kv-type", "q9"}), 2);
  expect_failure(run_cli({"run", "-p", "x", "--kv-type-v", "q9"}), 2);
  expect_failure(run_cli({"run", "-p", "x", "-f", "y"}), 2);
  expect_failure(run_cli({"run", "words", "-p", "x"}), 2);
  expect_failure(run_cli({"run", "-p", "x", "-m", ""}), 2);
  expect_failure(run_cli({"run", "-p", "x", "--session", ""}), 2);
  // 2^64 - 1 as text, which wraps around to 1.
  expect_failure(run_cli({"run", "-p", "x", "-n", "-18446744073709551615"}), 2);
  for (const char* count : {"--seed", "--top-k", "--penalty-window", "--cache-ram", "--cache-epoch", "--steps-ahead"})
    expect_failure(run_cli({"run", "-p", "x", "-n", "1", count, "-1"}), 2);
  expect_failure(run_cli({"top", "-p", "x", "-k", "-1"}), 2);
  expect_failure(run_cli({"kv", "replay", "--trace", "x", "--pages", "-1"}), 2);
  expect_failure(run_cli({"bench", "-p", "12,"}), 2);
  expect_failure(run_cli({"bench", "-p", "0", "-n", "0"}), 2);
}

TEST_F(Cli, SaysWhichFileIsWrong) {
  const CliResult missing = run_cli({"inspect", "/nonexistent/model.gguf"});
  expect_failure(missing, 3);
  EXPECT_NE(missing.err.find("/nonexistent/model.gguf"), std::string::npos);
  expect_failure(run_cli({"run", "-f", "/nonexistent/prompt.txt"}), 3);
  expect_failure(run_cli({"tokenize", "-f", testing::TempDir()}), 3);
  const auto broken = temporary_file("broken.gguf", "GGUF but not really");
  expect_failure(run_cli({"inspect", broken.string()}), 6);
  std::filesystem::remove(broken);
}

TEST_F(Cli, TokenizesExactBytes) {
  EXPECT_EQ(run_cli({"tokenize", "--no-special", "-p", ""}).out, "\n");
  const std::string bytes("a\0\xff\r\n", 5);
  const auto file = temporary_file("bytes.txt", bytes);
  const CliResult from_file = run_cli({"tokenize", "--no-special", "--json", "-f", file.string()});
  const CliResult from_stdin = run_cli({"tokenize", "--no-special", "--json"}, bytes);
  EXPECT_EQ(from_file.exit_code, 0) << from_file.err;
  EXPECT_EQ(from_file.out, from_stdin.out);
  EXPECT_EQ(run_cli({"tokenize", "--no-special", "--json", "-f", "-"}, bytes).out, from_stdin.out);
  EXPECT_EQ(Json::parse(from_file.out)["ids"].size(), 3u) << "the line break at the end of a file does not count";
  std::filesystem::remove(file);
  EXPECT_EQ(run_cli({"tokenize", "--no-special"}, "a\n\n").out, run_cli({"tokenize", "--no-special", "-p", "a\n"}).out);
  const std::string plain = run_cli({"tokenize", "-p", "<|endoftext|>", "--no-special"}).out;
  EXPECT_EQ(run_cli({"tokenize", "-p", "<|endoftext|>"}).out, "4095 4095\n");
  EXPECT_EQ(plain.find("4095"), std::string::npos) << plain;
}

TEST_F(Cli, InspectsTheBundledModel) {
  const Json json = Json::parse(run_cli({"inspect", "--json"}).out);
  EXPECT_EQ(json["model"]["layers"], 6);
  EXPECT_EQ(json["tensors"].size(), 56u);
  EXPECT_NE(run_cli({"inspect", "--tensors"}).out.find("token_embd.weight"), std::string::npos);
}

TEST_F(Cli, ReportsAFullDisk) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"inspect"}, {"--help"}, {"tokenize", "-p", "x"}}) {
    expect_failure(run_cli(arguments, "", "/dev/full"), 5);
  }
}

// One rule for all commands that read a text.
TEST_F(CliDevice, AFileIsReadAlikeByAllCommands) {
  const auto file = temporary_file("prompt.txt", "Once upon a time\n");
  const Json tokenized = Json::parse(run_cli({"tokenize", "--json", "-f", file.string()}).out)["ids"];
  EXPECT_EQ(tokenized, Json::parse(run_cli({"tokenize", "--json", "-p", "Once upon a time"}).out)["ids"]);
  EXPECT_EQ(tokenized, Json::parse(run_cli({"run", "--json", "-n", "1", "-f", file.string()}).out)["prompt_ids"]);
  EXPECT_EQ(tokenized, Json::parse(run_cli({"top", "--json", "-f", file.string()}).out)["prompt_ids"]);
  const CliResult scored = run_cli({"perplexity", "--json", "-f", file.string()});
  EXPECT_EQ(tokenized.size(), Json::parse(scored.out)["text_tokens"]) << scored.err;
  std::filesystem::remove(file);
}

// What the model's file recommends (repeat penalty 1.15, temperature 0.8) is the default, and flags win over it.
TEST_F(CliDevice, TheFileRecommendsTheSampling) {
  PUMICE_SLICE(3);
  const auto text = [](std::vector<std::string> flags) {
    std::vector<std::string> words = {"run", "-p", "Once upon a time", "-n", "24", "--seed", "5", "--no-autotune"};
    words.insert(words.end(), flags.begin(), flags.end());
    const CliResult result = run_cli(words);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.out;
  };
  const std::string recommended = text({});
  EXPECT_EQ(recommended, text({"--temp", "0.8", "--top-k", "40", "--top-p", "0.95", "--repeat-penalty", "1.15",
                               "--penalty-window", "64"}));
  EXPECT_NE(recommended, text({"--temp", "1", "--top-k", "0", "--top-p", "1", "--repeat-penalty", "1"}));
  const std::string greedy = text({"--greedy"});
  EXPECT_EQ(greedy, text({"--temp", "0"}));
  const std::string penalised = text({"--greedy", "--repeat-penalty", "1.15"});
  EXPECT_NE(greedy, penalised);
  EXPECT_EQ(penalised, text({"--temp", "0", "--repeat-penalty", "1.15"}));
  EXPECT_EQ(penalised, text({"--temp", "1e-30"})) << "a tiny temperature is not 0: the file's penalty stays";
}

TEST_F(CliDevice, AnswersEvenWhenTheSessionCannotBeSaved) {
  const CliResult result =
      run_cli({"run", "-p", "Once upon", "-n", "4", "--greedy", "--json", "--session", "/nonexistent/folder/file"});
  EXPECT_EQ(result.exit_code, 5) << result.err;
  EXPECT_EQ(Json::parse(result.out)["ids"].size(), 4u);
  EXPECT_NE(result.err.find("/nonexistent/folder/file"), std::string::npos) << result.err;
}

TEST_F(Cli, NothingSteersTheTerminal) {
  const std::string evil =
      "a\x1b[31m\xc2\x9b"
      "2J\xe2\x80\xae\xff"
      "b\r\x7f";
  const auto harmless = [](const std::string& shown) {
    for (const std::string bad : {"\x1b", "\xc2\x9b", "\xe2\x80\xae", "\xff", "\x7f"})
      EXPECT_EQ(shown.find(bad), std::string::npos) << shown;
    EXPECT_EQ(shown.find("\rb"), std::string::npos);
  };
  // In a file's name, told as an error; and as the text of tokens, in JSON.
  const CliResult missing = run_cli_on_terminal({"inspect", "/nonexistent/" + evil});
  EXPECT_EQ(missing.exit_code, 3);
  harmless(missing.out);
  EXPECT_NE(missing.out.find("/nonexistent/a"), std::string::npos) << missing.out;
  const CliResult json = run_cli_on_terminal({"tokenize", "--no-special", "--json", "-p", evil});
  EXPECT_EQ(json.exit_code, 0);
  harmless(json.out);
  EXPECT_TRUE(Json::accept(json.out)) << json.out;
}

TEST_F(CliDevice, GeneratesTheSameTextForTheSameSeed) {
  const CliResult first = run_cli({"run", "-p", "Once upon a time", "-n", "12", "--seed", "7", "-q", "--no-autotune"});
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_EQ(first.err, "");
  EXPECT_FALSE(first.out.empty());
  EXPECT_EQ(first.out.find("Once upon a time"), std::string::npos);
  EXPECT_EQ(run_cli({"Once", "upon", "a", "time", "-n", "12", "--seed", "7", "--no-autotune"}).out, first.out);
  EXPECT_EQ(run_cli({"Once upon a time", "-n", "12", "--seed", "7", "--no-autotune"}).out, first.out);
  EXPECT_EQ(run_cli({"run", "-n", "12", "--seed", "7", "--no-autotune"}, "Once upon a time\n").out, first.out);
  const CliResult other = run_cli({"run", "-p", "Once upon a time", "-n", "12", "--seed", "8", "--temp", "1.5"});
  EXPECT_NE(other.out, first.out);
}

TEST_F(CliDevice, RunJsonHasTheWholeStory) {
  const CliResult result = run_cli(
      {"run", "-p", "Once upon a time", "-n", "8", "--greedy", "--json", "--stats", "--profile", "--no-autotune"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json json = Json::parse(result.out);
  for (const char* key : {"model", "device", "seed", "prompt_ids", "ids", "text", "finish_reason", "timings"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_EQ(json["ids"].size(), 8u);
  EXPECT_EQ(json["finish_reason"], "length");
  EXPECT_EQ(json["prompt_ids"][0], 4095);
  EXPECT_TRUE(json["profile"].is_array());
  const CliResult text = run_cli({"run", "-p", "Once upon a time", "-n", "8", "--greedy", "-q", "--no-autotune"});
  EXPECT_EQ(text.out, json["text"].get<std::string>());
}

TEST_F(CliDevice, KvTypesOfKeysAndOfValues) {
  const auto bytes = [](std::vector<std::string> flags) {
    std::vector<std::string> words = {"run", "-p", "Once upon a time", "-n", "4", "--greedy", "--json", "--stats"};
    words.insert(words.end(), flags.begin(), flags.end());
    const CliResult result = run_cli(words);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return Json::parse(result.out)["context"]["kv_bytes_per_token"].get<uint64_t>();
  };
  const uint64_t f16 = bytes({});
  EXPECT_EQ(bytes({"--kv-type", "q8_0"}) * 256, f16 * 136);
  EXPECT_EQ(bytes({"--kv-type", "q4_0", "--kv-no-rotation"}) * 256, f16 * 72);
  EXPECT_EQ(bytes({"--kv-type", "q4_0", "--kv-type-k", "q8_0"}) * 256, f16 * 104);
  EXPECT_EQ(bytes({"--kv-type-v", "q8_0"}) * 256, f16 * 196);
}

TEST_F(CliDevice, ZeroTokensComputeThePromptOnly) {
  const CliResult text = run_cli({"run", "-p", "Once upon", "-n", "0"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_EQ(text.out, "");
  const Json json = Json::parse(run_cli({"run", "-p", "Once upon", "-n", "0", "--json"}).out);
  EXPECT_TRUE(json["ids"].empty());
  EXPECT_GT(json["timings"]["prompt_tokens"], 0);
}

TEST_F(CliDevice, AcceptsEmptyAndInvalidText) {
  EXPECT_EQ(run_cli({"run", "-p", "", "-n", "2"}).exit_code, 0);  // from the begin token
  expect_failure(run_cli({"run", "-p", "", "-n", "2", "--no-special"}), 2);
  const CliResult invalid = run_cli({"run", "-n", "2"}, "ab\xff\xfe");
  EXPECT_EQ(invalid.exit_code, 0);
  EXPECT_NE(invalid.err.find("not valid UTF-8 at byte 2"), std::string::npos) << invalid.err;
}

TEST_F(CliDevice, RefusesWhatDoesNotFit) {
  const CliResult device = run_cli({"run", "-p", "x", "--device", "no device has this name"});
  expect_failure(device, 4);
  EXPECT_NE(device.err.find("pumice devices"), std::string::npos);
  std::string story;
  for (int i = 0; i < 500; ++i) story += "Once upon a time there was a king. ";
  const CliResult longer = run_cli({"run", "-n", "2"}, story);
  expect_failure(longer, 7);
  EXPECT_NE(longer.err.find("512"), std::string::npos);
  EXPECT_NE(longer.err.find("--ctx"), std::string::npos);
}

TEST_F(CliDevice, SlidesOverAFullContext) {
  PUMICE_SLICE(1);
  const std::vector<std::string> arguments = {"run",           "-p",  "Once upon a time", "-n",       "300",
                                              "--ctx",         "128", "--ignore-eos",     "--greedy", "--json",
                                              "--no-autotune", "-q"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), arguments.begin(), arguments.end());
    return run_cli(more);
  };
  const Json stopped = Json::parse(with({}).out);
  EXPECT_EQ(stopped["finish_reason"], "context");
  EXPECT_EQ(stopped["dropped_tokens"], 0);
  const Json slid = Json::parse(with({"--when-full", "slide"}).out);
  EXPECT_EQ(slid["finish_reason"], "length");
  EXPECT_EQ(slid["ids"].size(), 300u);
  EXPECT_GT(slid["dropped_tokens"], 300 + 5 - 129);
  EXPECT_LE(slid["context"]["pages_used"], 4);
  expect_failure(with({"--when-full", "slide", "--sinks", "65"}), 2);
  expect_failure(with({"--when-full", "slide", "--kv-type", "q8_0"}), 6);
}

TEST_F(CliDevice, ReportsUnwritableOutput) {
  expect_failure(run_cli({"run", "-p", "Once", "-n", "4"}, "", "/dev/full"), 5);
  expect_failure(run_cli({"run", "-p", "Once", "-n", "4", "--json"}, "", "/dev/full"), 5);
}

TEST_F(CliDevice, TopIsALogSoftmax) {
  const CliResult result = run_cli({"top", "-p", "Once upon a", "-k", "4096", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json json = Json::parse(result.out);
  ASSERT_EQ(json["top"].size(), 4096u);
  double sum = 0, last = 0;
  for (const Json& candidate : json["top"]) {
    const double logprob = candidate["logprob"];
    EXPECT_LE(logprob, last);
    last = logprob;
    sum += std::exp(logprob);
  }
  EXPECT_NEAR(sum, 1, 1e-9);
  EXPECT_EQ(json["top"][0]["text"], " time");
}

// Sends the signal once text appears, and checks that what was generated is kept.
TEST_F(CliDevice, AnInterruptEndsTheTextNicely) {
  for (const int signal_number : {SIGINT, SIGTERM}) {
    CliProcess process({"run", "-p", "Once", "-n", "1000000", "--ctx", "20000", "--ignore-eos"}, "", nullptr);
    for (int i = 0; i < 3000 && process.written() == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    process.send(signal_number);
    const CliResult result = process.wait();
    EXPECT_EQ(result.exit_code, signal_number == SIGINT ? 130 : 143) << result.err;
    EXPECT_FALSE(result.out.empty());
  }
  CliProcess process({"run", "-p", "Once", "-n", "1000000", "--ctx", "20000", "--ignore-eos", "--json"}, "", nullptr);
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  process.send(SIGINT);
  const CliResult result = process.wait();
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_EQ(Json::parse(result.out)["finish_reason"], "cancelled");
}

#ifdef PUMICE_HANG_SHIM
// A device or a driver that hangs: the call of the library never returns. One signal ends the program, and what it had
// written stays.
TEST_F(CliDevice, OneSignalEndsTheProgramThatHangs) {
  PUMICE_SLICE(2);
  for (const char* call : {"pumice_request_wait", "pumice_request_destroy", "pumice_context_destroy"}) {
    CliProcess process = CliProcess::of_program(
        "/usr/bin/env", {std::string("LD_PRELOAD=") + PUMICE_HANG_SHIM, std::string("PUMICE_HANG=") + call, cli_path(),
                         "run", "-p", "Once", "-n", "100", "--ctx", "256", "--ignore-eos"});
    process.wait_for_error("hangs in");
    process.send(SIGTERM);
    const CliResult result = process.wait();
    EXPECT_EQ(result.exit_code, 143) << result.err;
    EXPECT_NE(result.err.find("the program ends without it"), std::string::npos) << result.err;
    EXPECT_FALSE(result.out.empty());
  }
}
#endif

// A pipe without a writer as the prompt's file.
TEST_F(Cli, ASignalEndsTheWaitForAPrompt) {
  const std::string fifo = temporary_file("fifo", "").string();
  std::filesystem::remove(fifo);
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  CliProcess process({"run", "-f", fifo}, "", nullptr);
  // Whenever it comes: before the handler is there it ends the program likewise.
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  process.send(SIGINT);
  const CliResult result = process.wait();
  EXPECT_EQ(result.exit_code, 130) << result.err;
  std::filesystem::remove(fifo);
}

}  // namespace pumice::test::cli_test
