// `pumice chat` with the bundled model, piped and on a terminal.
#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <regex>

#include "api/cli_support.h"
#include "common/conversation.h"
#include "common/digest.h"
#include "support/slice.h"
#include "support/temporary_folder.h"

namespace pumice::test::chat_cli_test {

using pumice_apps::Conversation;

// The program on a terminal, with a person who types.
class Terminal {
 public:
  explicit Terminal(const std::vector<std::string>& arguments) {
    std::vector<std::string> words = {cli_path()};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    winsize size = {.ws_row = 24, .ws_col = 60, .ws_xpixel = 0, .ws_ypixel = 0};
    pid_ = forkpty(&screen_, nullptr, nullptr, &size);
    if (pid_ != 0) return;
    execv(argv[0], argv.data());
    _exit(127);
  }
  ~Terminal() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    close(screen_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void type(const std::string& text) {
    ASSERT_EQ(write(screen_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  // Until this has been shown since the last call.
  bool shows(const std::string& text) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    while (std::chrono::steady_clock::now() < end) {
      if (const std::size_t at = fresh_.find(text); at != std::string::npos) {
        seen_ += fresh_.substr(0, at + text.size());
        fresh_.erase(0, at + text.size());
        return true;
      }
      pollfd ready{.fd = screen_, .events = POLLIN, .revents = 0};
      char buffer[4096];
      if (poll(&ready, 1, 100) != 1) continue;
      const ssize_t got = read(screen_, buffer, sizeof buffer);
      if (got <= 0) break;
      fresh_.append(buffer, static_cast<size_t>(got));
    }
    ADD_FAILURE() << "not shown: " << text << "\nbut: " << seen_ << "|" << fresh_;
    return false;
  }
  int wait() {
    int status = 0;
    char buffer[4096];
    for (int silent = 0;;) {
      pollfd ready{.fd = screen_, .events = POLLIN, .revents = 0};
      if (poll(&ready, 1, 1000) == 0) {
        // A Ctrl-D that came while a reply still ran was the end of a line.
        if (++silent % 5 == 0) (void)!write(screen_, "\x04", 1);
      } else if (read(screen_, buffer, sizeof buffer) <= 0) {
        break;
      }
    }
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_ = -1;
  int screen_ = -1;
  std::string seen_, fresh_;
};

class ChatCli : public ::testing::Test {
 protected:
  void SetUp() override {
    if (cli_path().empty()) GTEST_SKIP() << "the program was not built";
    if (run("").exit_code == 4) GTEST_SKIP() << "no usable Vulkan device";
  }
  static CliResult run(const std::string& input, std::vector<std::string> more = {}) {
    std::vector<std::string> all = {"chat", "-n", "12", "--ctx", "512", "--greedy"};
    all.insert(all.end(), more.begin(), more.end());
    return run_cli(all, input);
  }
  Conversation saved(const std::string& name) const {
    const std::vector<char> bytes = read_file_bytes(folder_.file(name));
    const auto read = Conversation::parse({bytes.begin(), bytes.end()});
    EXPECT_TRUE(read);
    return read ? *read : Conversation();
  }
  TemporaryFolder folder_;
};

TEST_F(ChatCli, ALineIsATurn) {
  const CliResult result = run("Once upon a time\nThen Tom\n\n");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(std::count(result.out.begin(), result.out.end(), '\n'), 2) << result.out;
  EXPECT_NE(result.err.find("not taught to converse"), std::string::npos) << result.err;
  EXPECT_EQ(run("Once upon a time\n").out, result.out.substr(0, result.out.find('\n') + 1));
}

TEST_F(ChatCli, TheBeginningOfAConversationIsComputedOnce) {
  const CliResult result = run("Once upon a time\n/stats\nThen Tom\n/stats\nAnd the dog\n/stats\n");
  const std::regex row(R"(last prompt +(\d+) tokens, (\d+) of them)");
  std::vector<std::pair<int, int>> prompts;
  for (std::sregex_iterator at(result.err.begin(), result.err.end(), row); at != std::sregex_iterator(); ++at)
    prompts.emplace_back(std::stoi((*at)[1]), std::stoi((*at)[2]));
  ASSERT_EQ(prompts.size(), 3u) << result.err;
  for (std::size_t i = 1; i < prompts.size(); ++i) {
    EXPECT_GT(prompts[i].first, prompts[i - 1].first);
    EXPECT_GE(prompts[i].second, prompts[i - 1].first) << "all of the prompt before";
    EXPECT_LE(prompts[i].first - prompts[i].second, 8) << "the new text alone";
  }
}

TEST_F(ChatCli, WhatIsSavedSurvivesBeingKilled) {
  const std::string file = folder_.file("talk.json");
  {
    Terminal terminal({"chat", "-n", "12", "--ctx", "512", "--greedy", "--no-history", "--file", file});
    ASSERT_TRUE(terminal.shows(">>> "));
    terminal.type("Once upon a time\r");
    ASSERT_TRUE(terminal.shows("tokens/s"));
    ASSERT_TRUE(terminal.shows(">>> "));
  }  // killed
  EXPECT_EQ(saved("talk.json").turns(), 1u);
  const CliResult more = run("And then\n/edit 1 Long ago\n/regenerate\n/branch\n", {"--file", file});
  EXPECT_EQ(more.exit_code, 0) << more.err;
  EXPECT_EQ(saved("talk.json").branches(), 3u);
  EXPECT_NE(more.out.find("* 3: 2 messages"), std::string::npos) << more.out;
  const CliResult other = run("/load " + file + "\n/save " + folder_.file("copy.json") + "\n");
  EXPECT_EQ(saved("copy.json").branches(), saved("talk.json").branches());
  EXPECT_EQ(saved("copy.json").messages(), saved("talk.json").messages());
  EXPECT_EQ(other.out, "");
}

// Of the last row of /stats: the tokens of the prompt, and those that were computed.
std::pair<int, int> last_prompt(const std::string& err) {
  const std::regex row(R"((\d+) tokens, +(\d+) of them computed, first token after \d)");
  std::pair<int, int> last = {-1, -1};
  for (std::sregex_iterator at(err.begin(), err.end(), row); at != std::sregex_iterator(); ++at)
    last = {std::stoi((*at)[1]), std::stoi((*at)[2])};
  return last;
}

class KeptChat : public ChatCli {
 protected:
  void SetUp() override {
    ChatCli::SetUp();
    if (IsSkipped()) return;
    ASSERT_EQ(run("Once upon a time\nThen Tom went home\n", {"--file", file()}).exit_code, 0);
    json_ = text_of(file());
    kv_ = text_of(file() + ".kv");
    ASSERT_FALSE(kv_.empty());
    expected_ = run("Once upon a time\nThen Tom went home\nAnd the dog\n").out;
    expected_ = expected_.substr(expected_.rfind('\n', expected_.size() - 2) + 1);
  }
  // How the chat goes on with these files, and in *prompt the tokens of its prompt and those that were computed.
  CliResult go_on(const std::string& json, const std::string& kv, std::pair<int, int>* prompt) {
    put(file(), json);
    put(file() + ".kv", kv);
    CliResult result = run("And the dog\n/stats\n", {"--file", file()});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.out, expected_);
    *prompt = last_prompt(result.err);
    EXPECT_GT(prompt->first, 30) << result.err;
    return result;
  }
  std::string json_with(const std::string& kv) const {
    auto conversation = Conversation::parse(json_);
    conversation->set_kv_digest(pumice_apps::digest_of(kv));
    return conversation->json();
  }
  static void put(const std::string& path, const std::string& text) { write_file(path, {text.begin(), text.end()}); }
  static std::string text_of(const std::string& path) {
    const std::vector<char> bytes = read_file_bytes(path);
    return {bytes.begin(), bytes.end()};
  }
  std::string file() const { return folder_.file("talk.json"); }
  std::string json_, kv_, expected_;
};

TEST_F(KeptChat, GoesOnWithoutReadingItAgain) {
  PUMICE_SLICE(3);
  std::pair<int, int> prompt;
  const CliResult result = go_on(json_, kv_, &prompt);
  EXPECT_LE(prompt.second, 8) << "the new text alone: " << result.err;
  EXPECT_EQ(run("/load " + file() + "\nAnd then\n/stats\n", {"--no-kv-file"}).exit_code, 0);
  EXPECT_EQ(run("One\n", {"--file", folder_.file("other.json"), "--no-kv-file"}).exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(folder_.file("other.json.kv")));
}

TEST_F(KeptChat, IsRightWhateverLiesBesideIt) {
  PUMICE_SLICE(0);
  std::pair<int, int> prompt;
  std::string damaged = kv_;
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
  EXPECT_NE(go_on(json_, damaged, &prompt).err.find("not what was kept"), std::string::npos);
  EXPECT_EQ(prompt.first, prompt.second) << "all of it is read";
  EXPECT_NE(go_on(json_with(damaged), damaged, &prompt).err.find("of no use here"), std::string::npos);
  EXPECT_EQ(prompt.first, prompt.second);
  for (const std::string& foreign : {std::string("garbage"), kv_.substr(0, kv_.size() / 2)}) {
    EXPECT_NE(go_on(json_with(foreign), foreign, &prompt).err.find("of no use here"), std::string::npos);
    EXPECT_EQ(prompt.first, prompt.second);
  }
  // Of another conversation, and yet with the digest that is expected: what both begin with is of use.
  ASSERT_EQ(run("Once upon a hill\n", {"--file", folder_.file("other.json")}).exit_code, 0);
  const std::string other = text_of(folder_.file("other.json.kv"));
  go_on(json_with(other), other, &prompt);
  EXPECT_GT(prompt.second, prompt.first / 2);
  put(file(), json_);
  std::filesystem::remove(file() + ".kv");
  const CliResult gone = run("And the dog\n", {"--file", file()});
  EXPECT_EQ(gone.out, expected_);
  EXPECT_NE(gone.err.find("read again"), std::string::npos) << gone.err;
}

TEST_F(ChatCli, APresetSaysHowRepliesAre) {
  const std::string before = std::getenv("XDG_CONFIG_HOME") ? std::getenv("XDG_CONFIG_HOME") : "";
  setenv("XDG_CONFIG_HOME", folder_.file("config").c_str(), 1);
  const std::string in = folder_.file("config/pumice/presets");
  std::filesystem::create_directories(in);
  std::ofstream(in + "/short.json") << R"({"max_tokens": 3, "temperature": 0, "system": "Once there was a fox."})";
  const auto chat = [](const std::string& input, std::vector<std::string> more) {
    more.insert(more.begin(), {"chat", "--ctx", "512", "--seed", "1"});
    return run_cli(more, input);
  };
  const CliResult given = chat("He\n/stats\n/system\n", {"--preset", "short"});
  EXPECT_EQ(given.exit_code, 0) << given.err;
  EXPECT_NE(given.err.find("3 tokens in"), std::string::npos) << given.err;
  EXPECT_NE(given.err.find("system: Once there was a fox."), std::string::npos) << given.err;
  const CliResult chosen = chat("/preset short\nHe\n/preset save mine\n/preset\n/preset none\n", {});
  EXPECT_EQ(chosen.out.substr(0, given.out.size()), given.out) << chosen.err;
  EXPECT_NE(chosen.out.find("mine "), std::string::npos) << chosen.out;
  EXPECT_NE(chosen.err.find("no preset none: there are balanced, exact, lively, mine, short"), std::string::npos)
      << chosen.err;
  EXPECT_EQ(chat("He\n", {"--preset", "mine"}).out, given.out);
  EXPECT_NE(chat("He\n", {"--preset", "mine", "-n", "6"}).out, given.out) << "the command line goes before";
  EXPECT_EQ(chat("He\n", {"--preset", "none"}).exit_code, 3);
  std::ofstream(in + "/bad.json") << R"({"max_tokens": -3})";
  EXPECT_EQ(chat("He\n", {"--preset", "bad"}).exit_code, 6);
  if (before.empty())
    unsetenv("XDG_CONFIG_HOME");
  else
    setenv("XDG_CONFIG_HOME", before.c_str(), 1);
}

TEST_F(ChatCli, CommandsThatAreWrongSayHow) {
  const CliResult result = run(
      "/nothing\n/load /nowhere\n/save\n/branch 7\n/json {\"uniqueItems\":true}\n/think maybe\n/regenerate\n/edit\n");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "");
  for (const char* said : {"no command /nothing", "cannot read /nowhere", "/save FILE", "/branch lists", "/uniqueItems",
                           "on, off or auto", "no reply yet", "/edit TEXT"})
    EXPECT_NE(result.err.find(said), std::string::npos) << said << "\n" << result.err;
  EXPECT_EQ(run("x\n", {"--file", "/nowhere/talk.json"}).exit_code, 5);
  EXPECT_EQ(run("x\n", {"--tools", "/nowhere/tools.json"}).exit_code, 3);
}

TEST_F(ChatCli, RepliesAreJsonWhereTheyShould) {
  const CliResult result =
      run("/json {\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"boolean\"}},\"required\":[\"n\"],"
          "\"additionalProperties\":false}\nA number\n");
  const auto json = nlohmann::json::parse(result.out, nullptr, false);
  EXPECT_TRUE(json.is_object() && json.contains("n")) << result.out << result.err;
}

TEST_F(ChatCli, ToolsAreCalledAsTheTemplateSpellsCalls) {
  PUMICE_SLICE(2);
  const auto file = [&](const char* name, const std::string& text) {
    std::ofstream(folder_.file(name)) << text;
    return folder_.file(name);
  };
  const std::string source =
      file("template",
           "{% for m in messages %}{{ m.content }}{% for c in m.tool_calls or [] %}<tool_call>{\"name\": \""
           "{{ c.function.name }}\", \"arguments\": {{ c.function.arguments | tojson }}}</tool_call>"
           "{% endfor %}\n{% endfor %}");
  const std::string tools =
      file("tools", R"([{"type":"function","function":{"name":"wait","parameters":{"type":"object","properties":
      {"long":{"type":"boolean"}},"required":["long"],"additionalProperties":false}}},
      {"type":"function","function":{"name":"go"}}])");
  const auto called = [&](const char* choice) {
    const CliResult result = run_cli({"chat", "-n", "200", "--ctx", "1024", "--greedy", "--template", source, "--tools",
                                      tools, "--tool-choice", choice},
                                     "Wait for me\n/result done\n");
    const std::string first = result.out.substr(0, result.out.find('\n'));
    const nlohmann::json call = nlohmann::json::parse(first, nullptr, false);
    return call.is_object() ? call.value("name", "") : "none: " + result.out + result.err;
  };
  EXPECT_EQ(called("wait"), "wait");
  EXPECT_EQ(called("go"), "go");
  EXPECT_EQ(run_cli({"chat", "--template", source, "--tools", tools, "--tool-choice", "stop"}, "x\n").exit_code, 2);
  EXPECT_EQ(run_cli({"chat", "--tools", tools}, "x\n").exit_code, 6) << "the bundled model has no form for calls";
  EXPECT_EQ(run_cli({"chat", "--template", "/nowhere/template"}, "x\n").exit_code, 3);
}

TEST_F(ChatCli, CtrlCStopsTheReplyAndNotTheProgram) {
  Terminal terminal({"chat", "--ctx", "2048", "--temp", "1", "--seed", "3", "--no-history", "-q"});
  ASSERT_TRUE(terminal.shows(">>> "));
  terminal.type("\x03");
  ASSERT_TRUE(terminal.shows("Ctrl-D ends"));
  ASSERT_TRUE(terminal.shows(">>> "));
  terminal.type("Once upon a time there was a\r");
  ASSERT_TRUE(terminal.shows("there was a"));
  usleep(1'500'000);
  terminal.type("\x03");
  ASSERT_TRUE(terminal.shows(">>> ")) << "either stopped, or its end had come";
  terminal.type("\x1b[200~two\nlines\x1b[201~");  // pasted
  ASSERT_TRUE(terminal.shows("lines"));
  terminal.type("\x03");
  ASSERT_TRUE(terminal.shows(">>> "));
  terminal.type("\x04");
  EXPECT_EQ(terminal.wait(), 0);
}

// A Ctrl-C empties the terminal's queue, and so takes keys back that the program has been told of.
TEST_F(ChatCli, CtrlCAtThePromptIsNeverLost) {
  Terminal terminal({"chat", "--ctx", "512", "--no-history", "-q"});
  ASSERT_TRUE(terminal.shows(">>> "));
  for (int i = 0; i < 60; ++i) {
    terminal.type("a\xc3\xa4");
    usleep(static_cast<useconds_t>(i * 37 % 400));
    terminal.type("\x03");
    ASSERT_TRUE(terminal.shows(">>> ")) << i;
  }
  terminal.type("\x04");
  EXPECT_EQ(terminal.wait(), 0);
}

}  // namespace pumice::test::chat_cli_test
