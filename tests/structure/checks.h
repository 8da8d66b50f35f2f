// The project's layout rules as plain functions over a file's path and text, so that each can be shown to fail.
// Every function returns one line per problem; an empty list means that the rule holds.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace pumice::structure {

struct SourceFile {
  std::string path;  // from the root of the project, with '/'
  std::string text;
};

using Problems = std::vector<std::string>;

inline constexpr int kMaxFileLines = 400;
inline constexpr int kMaxFunctionLines = 60;
inline constexpr int kMaxLineLength = 120;  // characters

// Which modules of runtime/ a module may include directly; what those may include is allowed too.
const std::map<std::string, std::set<std::string>>& module_arrows();

// The arrows between modules, who may include the Vulkan headers, and that nothing includes tests.
Problems check_includes(const SourceFile& file);

// At most kMaxFileLines lines, unless the comment at the top says "flat table", "flat list" or "recipe".
Problems check_file_length(const SourceFile& file);

// At most kMaxLineLength characters a line, but for the texts of raw strings.
Problems check_line_lengths(const SourceFile& file);

// At most kMaxFunctionLines lines per function, unless a comment just above or inside it says so likewise.
// A heuristic on braces; made for formatted C, C++ and GLSL.
Problems check_function_lengths(const SourceFile& file);

// All parts of the kit of every kernel in variants.json exist.
Problems check_kits(const std::string& variants_json, const std::function<bool(const std::string&)>& exists);

// Every kit's header is included by what runs models (or, for benchmarks, by the wrapper of its shader alone): a kernel
// that no model uses does not exist. `files`: all sources.
Problems check_kernels_used(const std::string& variants_json, const std::vector<SourceFile>& files);

// What a device's type, vendor or driver version decides is decided in runtime/kernels/device_policy.cpp alone;
// runtime/vk reports them and runtime/api passes them on.
Problems check_device_policy(const SourceFile& file);

// Threads of the library are `Thread`s of runtime/base, which nothing that is thrown leaves. There is no promise: the
// destructor of a broken one allocates.
Problems check_threads(const SourceFile& file);

}  // namespace pumice::structure
