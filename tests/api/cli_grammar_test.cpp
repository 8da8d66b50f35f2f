// Replies in a form, on the command line.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "cli_support.h"
#include "support/temporary_folder.h"

namespace pumice::test::cli_grammar_test {

class CliGrammar : public ::testing::Test {
 protected:
  void SetUp() override {
    if (cli_path().empty()) GTEST_SKIP() << "the program was not built";
  }
  static CliResult run(std::vector<std::string> arguments) {
    std::vector<std::string> all = {"run", "-p", "Once upon a time", "-n", "80", "--seed", "3", "-q"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return CliProcess(all, "", nullptr).wait();
  }
  std::string file(const std::string& text) {
    const std::string path = folder_.file("source");
    std::ofstream(path) << text;
    return path;
  }
  TemporaryFolder folder_;
};

TEST_F(CliGrammar, RepliesHaveTheForm) {
  const CliResult chosen = run({"--choice", "up", "--choice", "down"});
  if (chosen.exit_code == 4) GTEST_SKIP() << "no usable Vulkan device";
  EXPECT_EQ(chosen.exit_code, 0) << chosen.err;
  EXPECT_TRUE(chosen.out == "up" || chosen.out == "down") << chosen.out;
  const CliResult object =
      run({"--json-schema", file(R"({"type":"object","properties":{"n":{"type":"integer","minimum":10,
      "maximum":12}},"required":["n"],"additionalProperties":false})")});
  const nlohmann::json reply = nlohmann::json::parse(object.out, nullptr, false);
  ASSERT_TRUE(reply.is_object()) << object.out << object.err;
  EXPECT_TRUE(reply["n"] >= 10 && reply["n"] <= 12) << object.out;
  EXPECT_EQ(run({"--regex", "a{5}b"}).out, "aaaaab");
  EXPECT_EQ(run({"--grammar", file("root ::= \"x\"{3} y\ny ::= \"!\"\n")}).out, "xxx!");
}

TEST_F(CliGrammar, WhatIsRefusedHasAPlace) {
  const CliResult refused = run({"--json-schema", file(R"({"properties":{"a":{"uniqueItems":true}}})")});
  if (refused.exit_code == 4) GTEST_SKIP() << "no usable Vulkan device";
  EXPECT_EQ(refused.exit_code, 6);
  EXPECT_NE(refused.err.find("/properties/a/uniqueItems"), std::string::npos) << refused.err;
  EXPECT_EQ(refused.out, "");
  EXPECT_EQ(run({"--grammar", file("root ::= \"x")}).exit_code, 6);
  const CliResult nowhere = run({"--json-schema", "/nowhere.json"});
  EXPECT_EQ(nowhere.exit_code, 3);
  EXPECT_NE(nowhere.err.find("cannot read the schema /nowhere.json"), std::string::npos) << nowhere.err;
  EXPECT_EQ(run({"--regex", "a", "--choice", "b"}).exit_code, 2);
}

}  // namespace pumice::test::cli_grammar_test
