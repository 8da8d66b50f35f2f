// The rules of the project's layout, checked on the whole source tree; and each check shown able to fail.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "structure/checks.h"
#include "test_paths.h"

namespace pumice::structure::structure_test {

namespace fs = std::filesystem;

std::string read_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::vector<SourceFile> source_files() {
  static const std::set<std::string> kinds = {".c", ".h", ".cpp", ".hpp", ".comp", ".glsl"};
  const fs::path root = PUMICE_SOURCE_DIR;
  std::vector<SourceFile> files;
  for (const char* folder : {"runtime", "include", "shaders", "apps", "tests", "cmake"}) {
    if (!fs::exists(root / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      if (!entry.is_regular_file() || !kinds.contains(entry.path().extension().string())) continue;
      files.push_back({entry.path().lexically_relative(root).generic_string(), read_text(entry.path())});
    }
  }
  return files;
}

std::string joined(const Problems& problems) {
  std::string text;
  for (const std::string& problem : problems) text += problem + "\n";
  return text;
}

template <typename Check>
void expect_all(Check check) {
  const std::vector<SourceFile> files = source_files();
  ASSERT_GT(files.size(), 10u) << "no sources found at " << PUMICE_SOURCE_DIR;
  for (const SourceFile& file : files) {
    const Problems problems = check(file);
    EXPECT_TRUE(problems.empty()) << joined(problems);
  }
}

size_t include_problems(const std::string& path, const std::string& line) {
  return check_includes({path, "#pragma once\n" + line + "\n"}).size();
}

std::string function_of_lines(int lines, const std::string& head = "int f(int x) {") {
  std::string text = head + "\n";
  for (int i = 0; i < lines - 2; ++i) text += "  if (x > 3) { x += 1; }  // }\n";
  return text + "}\n";
}

TEST(Structure, IncludesFollowTheLayers) { expect_all(check_includes); }
TEST(Structure, FilesAreShort) { expect_all(check_file_length); }
TEST(Structure, LinesAreShort) {
  expect_all([](const SourceFile& file) {
    const bool former = file.path.starts_with("tests/api/abi/");  // headers as they were published
    return former ? Problems() : check_line_lengths(file);
  });
}
TEST(Structure, FunctionsAreShort) { expect_all(check_function_lengths); }

TEST(Structure, KernelsAreCompleteKits) {
  const fs::path root = PUMICE_SOURCE_DIR;
  const Problems problems = check_kits(read_text(root / "shaders/variants.json"),
                                       [&](const std::string& path) { return fs::is_regular_file(root / path); });
  EXPECT_TRUE(problems.empty()) << joined(problems);
}

TEST(Structure, EveryKernelIsUsedByModels) {
  const Problems problems =
      check_kernels_used(read_text(fs::path(PUMICE_SOURCE_DIR) / "shaders/variants.json"), source_files());
  EXPECT_TRUE(problems.empty()) << joined(problems);
}

// What came in by a careless add: programs, archives, downloads. `size`: in bytes.
bool is_foreign(const std::string& path, uint64_t size) {
  static const std::set<std::string> kText = {
      "",       ".c",       ".h",    ".cpp", ".hpp",     ".comp", ".glsl", ".vert", ".frag", ".txt", ".sh",
      ".cmake", ".json",    ".py",   ".md",  ".csv",     ".in",   ".map",  ".supp", ".yml",  ".svg", ".ts",
      ".qml",   ".desktop", ".html", ".mjs", ".service", ".toml", ".rs",   ".cs",   ".typed"};
  constexpr uint64_t kPicture = 150 << 10;
  if (path.starts_with("models/")) return false;
  const std::string kind = fs::path(path).extension().string();
  return kind == ".png" ? !path.starts_with("docs/") || size > kPicture : !kText.contains(kind);
}

TEST(Structure, NothingForeignIsKept) {
  const fs::path root = PUMICE_SOURCE_DIR;
  if (!fs::exists(root / ".git")) GTEST_SKIP() << "not a clone: what is kept is not known";
  const auto close = [](FILE* pipe) { pclose(pipe); };
  const std::unique_ptr<FILE, decltype(close)> listed(
      popen(("git -C '" + root.string() + "' ls-files 2>/dev/null").c_str(), "r"), close);
  ASSERT_TRUE(listed);
  char line[4096];
  size_t count = 0;
  while (std::fgets(line, sizeof line, listed.get())) {
    const std::string path = std::string(line).substr(0, std::strlen(line) - 1);
    ++count;
    if (!fs::exists(root / path)) continue;
    EXPECT_FALSE(is_foreign(path, fs::file_size(root / path))) << path;
  }
  if (count == 0) GTEST_SKIP() << "git does not tell what is kept";
}

TEST(StructureChecks, ForeignFilesAreFound) {
  EXPECT_TRUE(is_foreign("engine-1.9.whl", 100));
  EXPECT_TRUE(is_foreign("tests/a.spv", 100));
  EXPECT_TRUE(is_foreign("docs/window.png", 1 << 20));
  EXPECT_FALSE(is_foreign("docs/window.png", 1 << 16));
  EXPECT_FALSE(is_foreign("models/a.gguf", 1 << 24));
}

TEST(Structure, DevicesAreToldApartInOnePlace) { expect_all(check_device_policy); }
TEST(Structure, ThreadsAreStartedInOnePlace) { expect_all(check_threads); }

TEST(StructureChecks, WrongIncludesAreFound) {
  EXPECT_EQ(include_problems("runtime/vk/device.h", "#include \"kernels/rms_norm.h\""), 1u);
  EXPECT_EQ(include_problems("runtime/base/log.cpp", "#include \"vk/device.h\""), 1u);
  EXPECT_EQ(include_problems("runtime/kv/index.cpp", "#include \"vk/memory.h\""), 1u);
  EXPECT_EQ(include_problems("runtime/kernels/rope.h", "#include <vulkan/vulkan.h>"), 1u);
  EXPECT_EQ(include_problems("runtime/text/bpe.cpp", "#include \"bpe.h\""), 1u);
  for (const char* header :
       {"unistd.h", "fcntl.h", "sys/mman.h", "csignal", "netinet/in.h", "pthread.h", "windows.h"}) {
    const std::string line = std::string("#include <") + header + ">";
    EXPECT_EQ(include_problems("runtime/kv/tiers/tier.cpp", line), 1u) << header;
    EXPECT_EQ(include_problems("runtime/base/file.cpp", line), 1u) << header;
    EXPECT_EQ(include_problems("runtime/base/posix/file.cpp", line), 0u) << header;
    EXPECT_EQ(include_problems("apps/cli/run.cpp", line), 1u) << header;
    EXPECT_EQ(include_problems("apps/common/system.cpp", line), 0u) << header;
  }
  EXPECT_EQ(include_problems("runtime/kv/tiers/tier.cpp", "#include <thread>"), 0u);
  EXPECT_EQ(include_problems("runtime/model/llama.cpp", "#include \"../tests/reference/rope.h\""), 1u);
  EXPECT_EQ(include_problems("runtime/model/llama.cpp", "#include <pumice/pumice.h>"), 1u);
  EXPECT_EQ(include_problems("apps/cli/main.cpp", "#include \"engine/session.h\""), 1u);
  EXPECT_EQ(include_problems("include/pumice/pumice.hpp", "#include \"base/result.h\""), 1u);
  EXPECT_EQ(include_problems("shaders/shared/rope.h", "#include <vector>"), 1u);
}

TEST(StructureChecks, RightIncludesPass) {
  EXPECT_EQ(include_problems("runtime/engine/session.h", "#include \"model/model.h\""), 0u);
  EXPECT_EQ(include_problems("runtime/engine/session.h", "#include \"base/result.h\""), 0u);
  EXPECT_EQ(include_problems("runtime/kv/pages/page_pool.h", "#include \"vk/memory.h\""), 0u);
  EXPECT_EQ(include_problems("runtime/kernels/rope.h", "#include \"shared/rope.h\""), 0u);
  EXPECT_EQ(include_problems("runtime/vk/functions.h", "#include <vulkan/vulkan_core.h>"), 0u);
  EXPECT_EQ(include_problems("runtime/api/api.cpp", "#include <pumice/pumice.h>"), 0u);
  EXPECT_EQ(include_problems("apps/cli/main.cpp", "#include \"cli/options.h\""), 0u);
}

TEST(StructureChecks, LongFilesAreFound) {
  const std::string lines(kMaxFileLines, '\n');
  EXPECT_EQ(check_file_length({"a.cpp", lines}).size(), 0u);
  EXPECT_EQ(check_file_length({"a.cpp", lines + "\n"}).size(), 1u);
  EXPECT_EQ(check_file_length({"a.cpp", "// A flat table of names.\n" + lines}).size(), 0u);
}

TEST(StructureChecks, LongLinesAreFound) {
  const std::string fits(kMaxLineLength, 'x'), wide = "\u00e4" + fits.substr(1), raw = "R\"a(" + fits + ")a\"";
  const auto count = [](const std::string& text) { return check_line_lengths({"runtime/vk/a.cpp", text}).size(); };
  EXPECT_EQ(count(fits + "\n" + wide + "\n"), 0u);
  EXPECT_EQ(count("x" + fits + "\n"), 1u);
  EXPECT_EQ(count(raw + "\n"), 0u);
  EXPECT_EQ(count("R\"(\n" + fits + "xx\n)\"\nx" + fits + "\n"), 1u);
}

TEST(StructureChecks, LongFunctionsAreFound) {
  EXPECT_EQ(check_function_lengths({"a.cpp", function_of_lines(kMaxFunctionLines)}).size(), 0u);
  const std::string body = function_of_lines(kMaxFunctionLines + 1);
  EXPECT_EQ(check_function_lengths({"a.cpp", body}).size(), 1u);
  EXPECT_EQ(check_function_lengths({"a.cpp", "namespace n {\nclass C {\n" + body + "};\n}\n"}).size(), 1u);
  EXPECT_EQ(check_function_lengths({"a.cpp", "const char* k = \"}{\";\nauto r = R\"({)\";\n" + body}).size(), 1u);
  EXPECT_EQ(check_function_lengths({"a.cpp", "// One recipe.\n" + body}).size(), 0u);
  const std::string table = function_of_lines(kMaxFunctionLines + 1, "constexpr int kTable[] = {");
  EXPECT_EQ(check_function_lengths({"a.cpp", table}).size(), 0u);
}

TEST(StructureChecks, IncompleteKitsAreFound) {
  const std::string list = R"({"kernels": [{"name": "rope", "source": "kernels/rope.comp"}]})";
  EXPECT_EQ(check_kits(list, [](const std::string&) { return true; }).size(), 0u);
  EXPECT_EQ(check_kits(list, [](const std::string& path) { return path != "tests/reference/rope.h"; }).size(), 1u);
  EXPECT_EQ(check_kits("{}", [](const std::string&) { return true; }).size(), 1u);
}

TEST(StructureChecks, UnusedKernelsAreFound) {
  const std::string list = R"({"kernels": [{"name": "rope", "source": "kernels/rope.comp"}]})";
  const std::string include = "#include \"kernels/rope.h\"\n";
  EXPECT_EQ(check_kernels_used(list, {{"runtime/model/step.cpp", include}}).size(), 0u);
  EXPECT_EQ(check_kernels_used(list, {{"runtime/kernels/catalogue.cpp", include}}).size(), 1u);
}

TEST(StructureChecks, QuestionsAboutTheDeviceAreFound) {
  for (const char* line : {"if (caps.type == vk::DeviceType::kCpu) return;", "return caps.vendor_id == 7;",
                           "return caps.driver_major > 3;"}) {
    EXPECT_EQ(check_device_policy({"runtime/engine/context.cpp", line}).size(), 1u);
    EXPECT_EQ(check_device_policy({"runtime/kernels/device_policy.cpp", line}).size(), 0u);
  }
}

TEST(StructureChecks, ThreadsAreFound) {
  for (const char* line : {"std::thread worker(work);", "std::vector<std::jthread> all;", "std::async(work);",
                           "std::promise<void> done;"}) {
    EXPECT_EQ(check_threads({"runtime/kv/tiers/worker.cpp", line}).size(), 1u);
    EXPECT_EQ(check_threads({"runtime/base/thread.cpp", line}).size(), 0u);
  }
  for (const char* line : {"std::thread::hardware_concurrency();", "std::this_thread::yield();"})
    EXPECT_EQ(check_threads({"runtime/kv/tiers/worker.cpp", line}).size(), 0u);
}

}  // namespace pumice::structure::structure_test
