// The game, as a player starts it: in a window of Xvfb and without one, under the validation layer, killed and
// restored.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api/cli_support.h"
#include "support/slice.h"
#include "support/temporary_folder.h"
#include "test_paths.h"

namespace pumice::test::game_test {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kXvfb = "/usr/bin/Xvfb";

std::string game_path() {
#ifdef PUMICE_GAME
  return fs::is_regular_file(PUMICE_GAME) ? PUMICE_GAME : "";
#else
  return "";
#endif
}

std::string read_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// A screen that nobody sees.
class Screen {
 public:
  Screen() : name_(":" + std::to_string(200 + getpid() % 5000)), server_(CliProcess::of_program(kXvfb, arguments())) {
    for (int i = 0; i < 500 && !fs::exists(socket()); ++i) usleep(20'000);
  }
  ~Screen() {
    server_.send(SIGTERM);
    server_.wait();
  }
  bool shows() const { return fs::exists(socket()); }
  const std::string& name() const { return name_; }

 private:
  std::vector<std::string> arguments() const { return {name_, "-screen", "0", "640x480x24", "-nolisten", "tcp"}; }
  fs::path socket() const { return "/tmp/.X11-unix/X" + name_.substr(1); }
  std::string name_;
  CliProcess server_;
};

class Game : public testing::Test {
 protected:
  void SetUp() override {
    if (game_path().empty())
      GTEST_SKIP() << "the game was not built: -DPUMICE_BUILD_GAME=ON (SDL2, Dear ImGui, libpng)";
  }
  // env(1) becomes the game, so that signals reach it.
  CliProcess start(std::vector<std::string> options, const std::vector<std::string>& variables = {}) const {
    std::vector<std::string> words = {"XDG_CACHE_HOME=" + folder_.file("cache")};
    words.insert(words.end(), variables.begin(), variables.end());
    words.push_back(game_path());
    for (const char* option : {"--size", "320x200", "--fps", "0", "--budget", "50"}) words.emplace_back(option);
    words.insert(words.end(), options.begin(), options.end());
    return CliProcess::of_program("/usr/bin/env", words);
  }
  std::string file(const char* name) const { return folder_.file(name); }
  // What the game says of itself at its end.
  static json report(const CliResult& result) {
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return json::parse(result.out, nullptr, false);
  }

  TemporaryFolder folder_;
};

json savegame(const std::string& path) {
  constexpr size_t kHead = 24;
  const std::string bytes = read_text(path);
  std::uint64_t length = 0;
  if (bytes.size() < kHead) return {};
  std::memcpy(&length, bytes.data() + 8, sizeof length);
  return json::parse(bytes.substr(kHead, length), nullptr, false);
}

bool no_device(const CliResult& result) { return result.exit_code == 4; }

TEST_F(Game, PlaysInAWindowWithoutAMessageOfTheValidationLayer) {
  PUMICE_SLICE(2);
  if (!fs::exists(kXvfb)) GTEST_SKIP() << "Xvfb is not installed";
  const Screen screen;
  ASSERT_TRUE(screen.shows());
  const CliResult result = start({"--validate", "--frames", "300", "--chatty", "--overlay", "--screenshot",
                                  file("shot.png"), "--record", file("times.csv")},
                                 {"DISPLAY=" + screen.name()})
                               .wait();
  if (no_device(result)) GTEST_SKIP() << result.err;
  if (result.exit_code == 3) GTEST_SKIP() << result.err;  // no validation layer
  const json said = report(result);
  ASSERT_TRUE(said.is_object()) << result.out;
  EXPECT_EQ(said["frames"], 300);
  EXPECT_EQ(said["validation_messages"], 0);
  EXPECT_GT(said["decode_tokens"], 0);
  EXPECT_GT(said["objects"], 200);
  const std::string shot = read_text(file("shot.png"));
  EXPECT_EQ(shot.substr(1, 3), "PNG");
  EXPECT_GT(shot.size(), 20'000u);  // of 320 x 200: nothing that is of one colour
  const std::string times = read_text(file("times.csv"));
  EXPECT_EQ(std::count(times.begin(), times.end(), '\n'), 301);
}

TEST_F(Game, RemembersAfterItWasKilled) {
  PUMICE_SLICE(1);
  const std::string saved = file("game.save"), again = file("again.save");
  {
    CliProcess game = start({"--headless", "--frames", "1000000", "--chatty", "--save", saved, "--say",
                             "Gretel: My name is Rumpelstiltskin."});
    for (int i = 0; i < 6000 && !fs::exists(saved); ++i) {
      usleep(20'000);
      if (i % 50 == 0 && game.ended()) break;
    }
    if (!fs::exists(saved)) {
      const CliResult result = game.wait();
      if (no_device(result)) GTEST_SKIP() << result.err;
      FAIL() << result.err;
    }
    usleep(300'000);  // in the middle of something
    game.send(SIGKILL);
    EXPECT_EQ(game.wait().exit_code, 128 + SIGKILL);
  }
  const json before = savegame(saved);
  ASSERT_TRUE(before.is_object());
  const json& gretel = before["characters"][1];
  EXPECT_NE(gretel["lines"].dump().find("Rumpelstiltskin"), std::string::npos);
  ASSERT_GT(gretel["tokens"].size(), 50u);
  EXPECT_GT(gretel["session_bytes"], 1000);

  report(start({"--headless", "--frames", "1", "--load", saved, "--save", again}).wait());
  const json after = savegame(again);
  ASSERT_TRUE(after.is_object());
  for (size_t i = 0; i < 3; ++i)
    for (const char* what : {"tokens", "lines", "facts"})
      EXPECT_EQ(after["characters"][i][what], before["characters"][i][what]) << i << " " << what;

  // What was computed before is not computed again: of the prompt only what is new.
  const json said = report(
      start({"--headless", "--frames", "500", "--load", saved, "--save", again, "--say", "Gretel: What is my name?"})
          .wait());
  EXPECT_GT(said["decode_tokens"], 0);
  EXPECT_LT(said["prefill_tokens"], gretel["tokens"].size());
  EXPECT_NE(savegame(again)["characters"][1]["lines"].dump().find("Rumpelstiltskin"), std::string::npos);
}

#ifdef PUMICE_GAME_SHIM

std::vector<std::string> fault(const std::string& what) {
  return {"LD_PRELOAD=" PUMICE_GAME_SHIM, "PUMICE_GAME_FAULT=" + what};
}

TEST_F(Game, ALostDeviceEndsItWithItsCode) {
  PUMICE_SLICE(3);
  const CliResult result = start({"--headless", "--frames", "100000"}, fault("submit 60")).wait();
  if (no_device(result)) GTEST_SKIP() << result.err;
  EXPECT_EQ(result.exit_code, 9) << result.err;
  EXPECT_NE(result.err.find("the device was lost"), std::string::npos) << result.err;
}

// In the middle of a conversation: the model moves to the new device, and whoever speaks goes on.
TEST_F(Game, ALostDeviceIsReplaced) {
  PUMICE_SLICE(0);
  const std::string saved = file("game.save");
  const CliResult result =
      start({"--headless", "--frames", "1500", "--chatty", "--save", saved}, fault("lose " + saved)).wait();
  if (no_device(result)) GTEST_SKIP() << result.err;
  EXPECT_NE(result.err.find("going on with a new one"), std::string::npos) << result.err;
  const json said = report(result);
  ASSERT_TRUE(said.is_object()) << result.out;
  EXPECT_EQ(said["frames"], 1500);
  EXPECT_GT(said["whole_replies"], 1) << "the first one made the savegame";
}

TEST_F(Game, AWindowThatChangesItsSizeIsFollowed) {
  if (!fs::exists(kXvfb)) GTEST_SKIP() << "Xvfb is not installed";
  const Screen screen;
  ASSERT_TRUE(screen.shows());
  std::vector<std::string> variables = fault("present 9");
  variables.push_back("DISPLAY=" + screen.name());
  const CliResult result = start({"--validate", "--no-model", "--frames", "60"}, variables).wait();
  if (no_device(result) || result.exit_code == 3) GTEST_SKIP() << result.err;
  EXPECT_EQ(report(result)["validation_messages"], 0);
}

#endif

TEST_F(Game, SaysWhatIsWrong) {
  const std::string bad = file("bad.save");
  std::ofstream(bad) << "PUMGAME1 and then nothing of that kind";
  const CliResult damaged = start({"--headless", "--no-model", "--frames", "1", "--load", bad}).wait();
  if (no_device(damaged)) GTEST_SKIP() << damaged.err;
  EXPECT_EQ(damaged.exit_code, 6) << damaged.err;
  EXPECT_EQ(start({"--headless", "--no-model", "--frames", "1", "--load", file("none")}).wait().exit_code, 3);
  EXPECT_EQ(start({"--headless", "--frames", "1", "-m", bad}).wait().exit_code, 6);
  EXPECT_EQ(start({"--headless", "--frames", "1", "-m", file("none")}).wait().exit_code, 3);
  EXPECT_EQ(start({"--headless", "--seed", "x"}).wait().exit_code, 2);
  EXPECT_EQ(start({"--headless", "--no-model", "--frames", "1", "--save", "/nowhere/game.save"}).wait().exit_code, 5);
  EXPECT_EQ(start({"--headless", "--no-model", "--frames", "1", "-d", "no such device"}).wait().exit_code, 4);
  EXPECT_EQ(start({"--headless", "--no-model", "--frames", "1", "-d", "99"}).wait().exit_code, 4);
  const CliResult nothing =
      start({"--headless", "--no-model", "--frames", "1"}, {"VK_DRIVER_FILES=/dev/null", "VK_ICD_FILENAMES=/dev/null"})
          .wait();
  EXPECT_EQ(nothing.exit_code, 4) << nothing.err;
}

}  // namespace pumice::test::game_test
