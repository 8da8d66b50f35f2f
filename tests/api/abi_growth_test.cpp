// The public headers only grow: what the first ones declare stands in today's as it was, and every struct has room to
// grow at its end.
#include <gtest/gtest.h>
#include <pumice/pumice.h>
#include <pumice/pumice_kv.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>

#include "test_paths.h"

namespace pumice::test::abi_growth_test {

struct Header {
  std::map<std::string, std::string> types;  // members of structs and enums, one space between words
  std::set<std::string> functions;
};

Header parse(std::string text) {
  text = std::regex_replace(text, std::regex(R"(/\*[^]*?\*/|#[^\n]*)"), " ");  // and no directives
  text = std::regex_replace(text, std::regex(R"(\s+)"), " ");
  Header header;
  const std::regex type(R"(typedef (?:struct|enum) (\w+) \{ ([^}]*?) ?\} \w+;)"), function(R"(PUMICE_API [^;]*;)");
  const std::sregex_iterator end;
  for (std::sregex_iterator at(text.begin(), text.end(), type); at != end; ++at) header.types[(*at)[1]] = (*at)[2];
  for (std::sregex_iterator at(text.begin(), text.end(), function); at != end; ++at) header.functions.insert(at->str());
  return header;
}

// Names what `now` lacks or has otherwise than `first`.
std::string broken(const Header& first, const Header& now) {
  std::string names;
  for (const auto& [name, members] : first.types) {
    const auto found = now.types.find(name);
    if (found == now.types.end() || !found->second.starts_with(members)) names += name + " ";
  }
  for (const std::string& function : first.functions)
    if (!now.functions.contains(function)) names += function + " ";
  return names;
}

std::string text_of(const std::string& path) {
  std::ifstream in(PUMICE_SOURCE_DIR + path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

TEST(AbiGrowth, TheHeadersOnlyGrow) {
  for (const std::string name : {"pumice.h", "pumice_kv.h"}) {
    const Header first = parse(text_of("/tests/api/abi/first/pumice/" + name));
    EXPECT_GE(first.types.size(), 5u);
    EXPECT_GE(first.functions.size(), 5u);
    EXPECT_EQ(broken(first, parse(text_of("/include/pumice/" + name))), "");
  }
}

TEST(AbiGrowth, WhatIsNotGrowthIsFound) {
  const std::string first = "typedef struct A { size_t size; int x; /* y; */ } A; PUMICE_API int f(int a);";
  const auto against = [&](const std::string& now) { return broken(parse(first), parse(now)); };
  EXPECT_EQ(against("typedef struct A { size_t size;\n int x; int z; } A; PUMICE_API int f(int a); int g(void);"), "");
  EXPECT_EQ(against("typedef struct A { size_t size; int z; int x; } A; PUMICE_API int f(int a);"), "A ");
  EXPECT_EQ(against("typedef struct A { size_t size; int x; } A; PUMICE_API int f(long a);"),
            "PUMICE_API int f(int a); ");
}

#if defined(__has_builtin)
#if __has_builtin(__builtin_clear_padding)
// A member that a later version puts into such padding would read what an older caller left there.
template <typename... T>
void expect_no_padding_at_the_end() {
  const auto last_byte = []<typename S>(S value) {
    std::memset(&value, 0xff, sizeof value);
    __builtin_clear_padding(&value);
    return reinterpret_cast<const unsigned char*>(&value)[sizeof value - 1];
  };
  int index = 0;
  const auto expect = [&](unsigned char last) { EXPECT_EQ(last, 0xff) << "input struct " << index++; };
  (expect(last_byte(T{})), ...);
}

TEST(AbiGrowth, InputStructsEndWithAMember) {
  expect_no_padding_at_the_end<PumiceInstanceOptions, PumiceDeviceOptions, PumicePipelineReportOptions,
                               PumiceModelOptions, PumiceWarmUpOptions, PumiceCacheOptions, PumiceContextOptions,
                               PumiceSessionOptions, PumiceSessionSource, PumiceScoreOptions, PumiceRequestOptions,
                               PumiceGrammarOptions, PumiceKvReplayOptions, PumiceConvertOptions>();
}
#endif
#endif

}  // namespace pumice::test::abi_growth_test
