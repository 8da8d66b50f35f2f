// Every "never", "always", "impossible" and "cannot" of the README and of the public headers stands in
// docs/fault_model.md beside tests that exist.
#include <gtest/gtest.h>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "test_paths.h"

namespace pumice::structure::promises_test {

namespace fs = std::filesystem;

std::string read_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// One space between words, without the marks of comments and of emphasis.
std::string words_of(const std::string& text) {
  std::string words;
  for (const char c : std::regex_replace(text, std::regex(R"((^|\n)[ \t]*(//|/?\*+)|\*/|[`*])"), " ")) {
    const bool blank = std::isspace(static_cast<unsigned char>(c)) != 0;
    if (!blank)
      words += c;
    else if (!words.empty() && words.back() != ' ')
      words += ' ';
  }
  return words;
}

struct Promise {
  std::string phrase;
  std::vector<std::string> tests;
};

// Items: - "phrase": `Suite.Test`, `c.program`
std::vector<Promise> promises_in(const std::string& document) {
  std::vector<Promise> promises;
  const std::regex item(R"re(- "([^"]+)":((?:\s*`[^`]+`,?)+))re"), test(R"(`([\w/]+\.\w+)`)");
  const std::sregex_iterator end;
  for (std::sregex_iterator at(document.begin(), document.end(), item); at != end; ++at) {
    const std::string tests = (*at)[2];
    promises.push_back({words_of((*at)[1]), {}});
    for (std::sregex_iterator name(tests.begin(), tests.end(), test); name != end; ++name)
      promises.back().tests.push_back((*name)[1]);
  }
  return promises;
}

// The surroundings of each absolute word that no promise covers.
std::vector<std::string> uncovered(const std::string& words, const std::vector<Promise>& promises) {
  std::vector<bool> covered(words.size());
  for (const Promise& promise : promises)
    for (size_t at = words.find(promise.phrase); at != std::string::npos; at = words.find(promise.phrase, at + 1))
      std::fill_n(covered.begin() + static_cast<std::ptrdiff_t>(at), promise.phrase.size(), true);
  std::vector<std::string> places;
  const std::regex absolute(R"(\b(never|always|impossible|cannot)\b)", std::regex::icase);
  for (std::sregex_iterator at(words.begin(), words.end(), absolute); at != std::sregex_iterator(); ++at) {
    const auto place = static_cast<size_t>(at->position());
    if (!covered[place]) places.push_back(words.substr(place < 60 ? 0 : place - 60, 120));
  }
  return places;
}

// "Suite.Test" of the C++ tests and "c.program" of the C ones.
std::set<std::string> existing_tests() {
  std::set<std::string> names;
  const std::regex test(R"(\bTEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\))");
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(PUMICE_SOURCE_DIR) / "tests")) {
    const std::string file = entry.path().filename().string();
    if (file.ends_with("_test.c")) names.insert("c." + file.substr(0, file.size() - 2));
    if (!file.ends_with(".cpp")) continue;
    const std::string text = read_text(entry.path());
    for (std::sregex_iterator at(text.begin(), text.end(), test); at != std::sregex_iterator(); ++at)
      names.insert((*at)[1].str() + "." + (*at)[2].str());
  }
  return names;
}

TEST(Promises, StandBesideTheirTests) {
  const fs::path root = PUMICE_SOURCE_DIR;
  const std::vector<Promise> promises = promises_in(read_text(root / "docs/fault_model.md"));
  ASSERT_GT(promises.size(), 3u);
  const std::set<std::string> tests = existing_tests();
  for (const Promise& promise : promises) {
    EXPECT_FALSE(promise.tests.empty()) << promise.phrase;
    for (const std::string& test : promise.tests) EXPECT_TRUE(tests.contains(test)) << test;
  }
  for (const char* file :
       {"README.md", "include/pumice/pumice.h", "include/pumice/pumice.hpp", "include/pumice/pumice_kv.h",
        "include/pumice/pumice_vulkan.h"})
    for (const std::string& place : uncovered(words_of(read_text(root / file)), promises))
      ADD_FAILURE() << file << ": \"" << place << "\" is not in docs/fault_model.md";
}

TEST(Promises, WhatHasNoTestIsFound) {
  const std::vector<Promise> promises = promises_in("- \"is never late\": `Train.Arrives`,\n  `c.train_test`\n");
  ASSERT_EQ(promises.size(), 1u);
  EXPECT_EQ(promises[0].tests, (std::vector<std::string>{"Train.Arrives", "c.train_test"}));
  EXPECT_TRUE(uncovered(words_of("/* It is\n * never late. */"), promises).empty());
  EXPECT_EQ(uncovered("It is never early, and always late.", promises).size(), 2u);
}

}  // namespace pumice::structure::promises_test
