// pumice_faults: sweeps faults through a short life of the library.
//   pumice_faults [--seed N] [--slice I/N] [--minutes M] [--sample N] [--jobs N] [--only TEXT] [--state FILE] [--again]
//                 [--store whole|windows|states]   what the model's layers keep of a text; or of another kind:
//                 [--store encoder|translator|speech|pictures]
//   pumice_faults --self-test           whether a crash, a hang, a leak, … of the scenario itself is noticed
//   pumice_faults --point "POINT"       one point in this process (point.h says what a point is)
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>

#include "faults/hostile_redis.h"
#include "faults/own_code.h"
#include "faults/point.h"
#include "faults/sweep.h"
#include "faults/vulkan_faults.h"
#include "faults/worker.h"
#include "support/family_model.h"
#include "support/synthetic_model.h"
#include "support/temporary_folder.h"
#include "support/tower_model.h"
#include "support/translation_model.h"
#include "support/whisper_model.h"
#include "test_paths.h"

namespace pumice::faults {
namespace {

using Arguments = std::map<std::string, std::string>;

const std::string& value(const Arguments& arguments, const std::string& name, const std::string& otherwise) {
  const auto found = arguments.find(name);
  return found == arguments.end() ? otherwise : found->second;
}

// Empty with `unknown` set: not one of the options above.
Arguments parse(int argc, char** argv, std::string& unknown) {
  static const std::set<std::string> flags = {"--again", "--self-test"};
  static const std::set<std::string> valued = {"--seed",  "--slice",  "--minutes", "--sample", "--jobs",
                                               "--only",  "--store",  "--state",   "--point",  "--worker",
                                               "--model", "--folder", "--redis"};
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    if (flags.contains(argv[i]))
      arguments[argv[i]] = "yes";
    else if (valued.contains(argv[i]) && i + 1 < argc)
      arguments[argv[i]] = argv[i + 1], ++i;
    else
      return unknown = argv[i], Arguments();
  }
  return arguments;
}

// Few layers of 64, so that a life takes a fraction of a second on a software driver. Empty: no such store.
std::vector<std::byte> make_model(const std::string& store) {
  const auto window = [](test::GgufWriter& w, const std::string& p) { w.u32(p + "attention.sliding_window", 8); };
  const auto taps = [](test::GgufWriter& w, const std::string& p) { w.u32(p + "shortconv.l_cache", 3); };
  if (store == "whole") return test::make_synthetic_model({.layers = 2, .width = 64, .context = 512});
  if (store == "windows") return test::make_family_model({.architecture = "gpt-oss", .keys = window});
  if (store == "states")
    return test::make_family_model({.architecture = "lfm2", .keys = taps, .layer_kv_heads = {0, 2}});
  if (store == "encoder")
    return test::make_family_model(
        {.architecture = "bert",
         .keys = [](test::GgufWriter& w, const std::string& p) { w.boolean(p + "attention.causal", false); },
         .kv_heads = 4,
         .qkv_biases = true,
         .biases = true,
         .signs = {"token_types.weight"}});
  if (store == "translator") return test::make_translation_model({});
  if (store == "speech") return test::make_whisper_model({.text_context = 24, .audio_context = 100});
  if (store == "pictures") return test::make_picture_reader();
  return {};
}

std::string write_model(const std::string& path, const std::vector<std::byte>& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return path;
}

SweepOptions sweep_options(const Arguments& arguments, const std::string& folder) {
  SweepOptions options{.program = std::filesystem::read_symlink("/proc/self/exe"), .folder = folder};
  options.seed = std::strtoull(value(arguments, "--seed", "1").c_str(), nullptr, 10);
  const std::string slice = value(arguments, "--slice", "0/1");
  options.slice = std::strtoull(slice.c_str(), nullptr, 10);
  options.slices = std::max<uint64_t>(1, std::strtoull(slice.c_str() + slice.find('/') + 1, nullptr, 10));
  options.minutes = std::strtod(value(arguments, "--minutes", "0").c_str(), nullptr);
  options.sample = std::strtoull(value(arguments, "--sample", "1000").c_str(), nullptr, 10);
  options.jobs =
      std::max(1u, static_cast<unsigned>(std::strtoul(value(arguments, "--jobs", "2").c_str(), nullptr, 10)));
  options.only = value(arguments, "--only", "");
  options.state = value(arguments, "--state", "");
  options.again = arguments.contains("--again");
  return options;
}

// The layer, without Mesa's own, which reads what a failed call has not written; and a software driver with one
// thread, as there is a worker for each core.
void set_environment() {
  ::setenv("VK_LAYER_PATH", PUMICE_FAULT_LAYER_FOLDER, 1);
  ::setenv("VK_INSTANCE_LAYERS", kVulkanFaultLayer, 1);
  ::setenv("LP_NUM_THREADS", "1", 0);
  ::setenv("NODEVICE_SELECT", "1", 0);
  // For workers of a build with sanitizers. An absurd size is to be refused, as without them.
  ::setenv("ASAN_OPTIONS", "allocator_may_return_null=1", 0);
  ::setenv("LSAN_OPTIONS", "suppressions=" PUMICE_SOURCE_DIR "/tests/faults/lsan.supp:print_suppressions=0", 0);
}

int run(int argc, char** argv) {
  pumice_own_code_find();
  std::string unknown;
  const Arguments arguments = parse(argc, argv, unknown);
  if (!unknown.empty())
    return std::fprintf(stderr, "%s is not an option, or has no value; see tests/faults/main.cpp\n", unknown.c_str()),
           2;
  set_environment();
  if (arguments.contains("--worker"))
    return run_worker(
        {arguments.at("--model"), arguments.at("--folder"), arguments.at("--worker"), arguments.at("--redis")});
  const test::TemporaryFolder scratch;
  const std::vector<std::byte> bytes = make_model(value(arguments, "--store", "whole"));
  if (bytes.empty()) return std::fprintf(stderr, "--store is none of main.cpp's\n"), 2;
  const std::string model = write_model(scratch.file("model.gguf"), bytes);
  if (value(arguments, "--store", "") == "pictures")
    write_model(model + ".mmproj", test::make_tower_model({.projector = "mlp"}));
  if (arguments.contains("--point")) {
    const Point point = Point::parse(arguments.at("--point"));
    const HostileRedis redis(point.kind == "server" ? point.what : "");
    return run_point({model, scratch.file(""), point.memory, redis.url()}, arguments.at("--point"));
  }
  SweepOptions options = sweep_options(arguments, scratch.file(""));
  options.model = model;
  return arguments.contains("--self-test") ? run_self_test(options) : run_sweep(options);
}

}  // namespace
}  // namespace pumice::faults

int main(int argc, char** argv) { return pumice::faults::run(argc, argv); }
