// Presets: files that a person wrote or damaged, and what is made of them.
#include "common/presets.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "support/temporary_folder.h"

namespace pumice::test::presets_test {

using pumice_apps::parse_preset;
using pumice_apps::Preset;

const Preset* named(const std::vector<Preset>& presets, const std::string& name) {
  for (const Preset& preset : presets)
    if (preset.name == name) return &preset;
  return nullptr;
}

TEST(Presets, WhatIsKeptComesBack) {
  const TemporaryFolder home;
  const std::string folder = home.file("config/presets");
  Preset mine{.name = "Meine Stimme", .system = "Be \"brief\".\n\xc3\xa4"};
  mine.temperature = 0.7f;
  mine.repeat_penalty = 1.1f;
  mine.top_k = 40;
  ASSERT_EQ(pumice_apps::save_preset(folder, mine), 0);
  const std::vector<Preset> all = pumice_apps::presets_in(folder);
  ASSERT_EQ(all.size(), 4u) << "three are built in";
  const Preset* back = named(all, mine.name);
  ASSERT_NE(back, nullptr);
  EXPECT_EQ(back->problem, "");
  EXPECT_EQ(back->system, mine.system);
  EXPECT_EQ(back->temperature, mine.temperature);
  EXPECT_EQ(back->repeat_penalty, mine.repeat_penalty);
  EXPECT_EQ(back->top_k, mine.top_k);
  EXPECT_FALSE(back->top_p) << "was not said";
  EXPECT_FALSE(back->built_in);
  std::ifstream file(folder + "/Meine Stimme.json");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_NE(text.find("\"temperature\": 0.7,"), std::string::npos) << text;
}

TEST(Presets, OnesOwnTakesThePlaceOfABuiltInOne) {
  const TemporaryFolder folder;
  ASSERT_EQ(named(pumice_apps::presets_in(folder.file(".")), "exact")->temperature, 0.0f);
  std::ofstream(folder.file("exact.json")) << R"({"temperature": 0.25})";
  const std::vector<Preset> all = pumice_apps::presets_in(folder.file("."));
  EXPECT_EQ(all.size(), 3u);
  EXPECT_EQ(named(all, "exact")->temperature, 0.25f);
  EXPECT_FALSE(named(all, "exact")->top_p);
}

TEST(Presets, FilesThatAreNoneSayWhyAndLeaveTheOthers) {
  const TemporaryFolder folder;
  std::ofstream(folder.file("good.json")) << R"({"top_k": 3})";
  std::ofstream(folder.file("bad.json")) << R"({"top_k": -3})";
  std::ofstream(folder.file("notes.txt")) << "no preset";
  std::ofstream(folder.file(".json")) << "{}";
  std::filesystem::create_directory(folder.file("folder.json"));
  std::filesystem::create_symlink(folder.file("nowhere"), folder.file("gone.json"));
  const std::vector<Preset> all = pumice_apps::presets_in(folder.file("."));
  EXPECT_EQ(all.size(), 3u + 4u);
  EXPECT_EQ(named(all, "good")->problem, "");
  EXPECT_NE(named(all, "bad")->problem.find("bad.json: 'top_k'"), std::string::npos) << named(all, "bad")->problem;
  EXPECT_FALSE(named(all, "bad")->top_k);
  EXPECT_NE(named(all, "folder")->problem, "");
  EXPECT_NE(named(all, "gone")->problem, "");
  for (const char* text : {"", "[]", "{", "7", R"({"temperature": "hot"})", R"({"temperature": 1e999})",
                           R"({"temperature": -1})", R"({"top_p": 1.5})", R"({"tempreature": 1})", R"({"system": 3})",
                           R"({"top_k": 4294967296})", R"({"top_k": 1.5})"})
    EXPECT_NE(parse_preset("x", text).problem, "") << text;
}

TEST(Presets, NoNameLeadsOutOfTheFolder) {
  for (const char* name : {"", "..", "../x", "a/b", " a", "a ", ".hidden", "a\nb", "a.json"})
    EXPECT_FALSE(pumice_apps::is_preset_name(name)) << name;
  EXPECT_FALSE(pumice_apps::is_preset_name(std::string(65, 'a')));
  EXPECT_TRUE(pumice_apps::is_preset_name("a-b_C 1"));
  const TemporaryFolder folder;
  EXPECT_NE(pumice_apps::save_preset(folder.file("."), {.name = "../x"}), 0);
  EXPECT_NE(pumice_apps::save_preset("", {.name = "x"}), 0);
}

}  // namespace pumice::test::presets_test
