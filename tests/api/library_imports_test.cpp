// The library takes nothing from the C library that ends, asks or changes the process of its host.
#include <gtest/gtest.h>
#include <stdio.h>

#include <memory>
#include <set>
#include <sstream>
#include <string>

#include "test_paths.h"

namespace pumice::test::library_imports_test {

#ifdef PUMICE_LIBRARY
std::set<std::string> imports_of(const std::string& library) {
  const std::string command = "nm -D --undefined-only --without-symbol-versions '" + library + "' 2>/dev/null";
  const std::unique_ptr<FILE, int (*)(FILE*)> nm(popen(command.c_str(), "r"), pclose);
  std::string text;
  char buffer[4096];
  for (size_t got; nm && (got = fread(buffer, 1, sizeof buffer, nm.get())) > 0;) text.append(buffer, got);
  std::istringstream words(text);
  std::set<std::string> names;
  for (std::string word; words >> word;) names.insert(word);
  return names;
}

TEST(LibraryImports, NothingThatEndsOrAsksTheProcess) {
  const std::set<std::string> imports = imports_of(PUMICE_LIBRARY);
  if (!imports.contains("malloc") && !imports.contains("_Znwm")) GTEST_SKIP() << "nm(1) is not here";
  for (const char* name :
       {"abort",         "exit",   "_exit",     "_Exit",     "quick_exit", "kill",   "raise", "__assert_fail", "getenv",
        "secure_getenv", "setenv", "putenv",    "signal",    "sigaction",  "printf", "puts",  "putchar",       "perror",
        "stdout",        "stderr", "_ZSt4cout", "_ZSt4cerr", "syslog",     "system", "fork",  "execve"})
    EXPECT_FALSE(imports.contains(name)) << name;
}
#endif

}  // namespace pumice::test::library_imports_test
