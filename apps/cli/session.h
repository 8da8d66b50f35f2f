// What most commands open: the Vulkan instance, a device, a model. With their command line options.
#pragma once

#include <CLI/CLI.hpp>
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pumice/pumice.hpp"

namespace pumice_cli {

// Registers a command; parsing it sets *action to what main() runs. The action returns the exit code or throws.
using Action = std::function<int()>;

struct DeviceFlags {
  std::string selector;
  bool no_subgroups = false;
  bool no_autotune = false;
  std::uint32_t host_layers = 0;
  std::string projector;  // of the model, see ImageFlags; empty: none
  bool pictures = false;  // there are some: without a projector, that beside the model is meant
  bool validate = false;
  bool quiet = false;
  bool verbose = false;
};

// Of the KV cache between texts; see PumiceCacheOptions.
struct CacheFlags {
  PumiceCacheOptions options = pumice_cache_options_init();  // but for what follows
  std::string policy = "adaptive", folder, redis_url, redis_ca_file, name_space = "default", secret_file;
  std::array<std::uint8_t, 32> secret{};
};

struct ContextFlags {
  std::uint32_t context_tokens = 0;
  std::string kv_type = "f16";
  std::string kv_type_k, kv_type_v;  // empty: kv_type
  bool kv_no_rotation = false;
  std::string record = "replay";
  bool no_kv_cache = false;
  std::uint32_t steps_ahead = 0;
  std::uint32_t prefill_slice = 0;
  std::uint32_t lookup_tokens = 0, draft_tokens = 8;
  std::string draft;  // a model; empty: none
  CacheFlags cache;
  PumiceContextOptions options() const;  // valid as long as the flags are, and unchanged
  std::string kv_name() const;           // "q8_0", or of keys and of values "q8_0/q4_0"
};

void add_model_flag(CLI::App* app, std::string* path);
// quiet: its names.
void add_verbosity_flags(CLI::App* app, DeviceFlags* flags, const char* quiet = "-q,--quiet");
void add_device_flags(CLI::App* app, DeviceFlags* flags, const char* quiet = "-q,--quiet");
CLI::Option* add_kv_type_flag(CLI::App* app, const std::string& name, std::string* type,
                              const std::string& description);
PumiceKvType kv_type_of(std::string_view name);  // one that the flag accepts
// with_size: with --ctx.
void add_context_flags(CLI::App* app, ContextFlags* flags, bool with_size);
void add_guess_flags(CLI::App* app, ContextFlags* flags);  // --lookup, --draft
void add_cache_flags(CLI::App* app, CacheFlags* flags);
void add_store_flags(CLI::App* app, CacheFlags* flags);   // of them those of RAM, disk and Redis
void add_source_flags(CLI::App* app, CacheFlags* flags);  // those of sources: --no-cache, the policy, RAM, disk, Redis
// The 32 bytes in the file; makes it if asked to. false: there is none. Throws Failure.
bool read_secret(const std::string& path, bool make, std::array<std::uint8_t, 32>* secret);
// Once the command line is parsed: reads the secret (makes one beside the folder where there is none) and fills in the
// options. Throws Failure.
void prepare_cache(CacheFlags* flags);

// A number within [low, high]; unlike CLI::Range it refuses "nan".
CLI::Validator finite_range(double low, double high);
// For names of files, folders and the like: an empty one would silently mean none.
CLI::Validator not_empty();
// For counts, whose conversion would let "-1" wrap around: every option that takes N, K, S or SIZE.
void refuse_negative_counts(CLI::App* app);

// What path_of_model() says, or the bundled model's path for an empty one. Throws Failure when there is none.
std::string model_path(const std::string& path);

// The library's messages: warnings and errors to standard error; all with -v.
class Messages {
 public:
  explicit Messages(const DeviceFlags& flags)
      : verbose_(flags.verbose), quiet_(flags.quiet), validate_(flags.validate) {}
  static void receive(void* self, PumiceLogLevel level, const char* text);
  // kExitInternal when --validate was given and something was reported as an error.
  int exit_code() const;

 private:
  bool verbose_, quiet_, validate_;
  std::atomic<int> errors_ = 0;
};

pumice::Instance open_instance(const DeviceFlags& flags, Messages* messages);

// Reads the tokenizer and metadata alone: needs no device.
pumice::Model open_vocabulary(const pumice::Instance& instance, const std::string& path);

// Opens the device that the flags name and says on standard error which it is. Throws Failure when there is none.
// cached: with the user's pipeline cache.
pumice::Device open_device(const pumice::Instance& instance, const DeviceFlags& flags, bool cached);

// Opens all three and says on standard error which device it is. Throws Failure or pumice::Error.
class Session {
 public:
  // messages must outlive the session; `context`: of the contexts to come.
  Session(const DeviceFlags& flags, Messages* messages, const std::string& path, const ContextFlags& context = {});

  const pumice::Instance& instance() const { return instance_; }
  const pumice::Device& device() const { return device_; }
  const pumice::Model& model() const { return *model_; }
  const std::string& path() const { return path_; }
  // The draft that the flags name, for a context that is made with the options and goes before it; empty: none.
  std::optional<pumice::Model> load_draft(const ContextFlags& flags, PumiceContextOptions* options) const;
  double load_ms() const { return load_ms_; }
  double warm_up_ms() const { return warm_up_ms_; }
  std::string device_name() const;
  std::string driver_name() const;
  std::string model_name() const;

 private:
  void load_model(const DeviceFlags& flags, const std::string& projector);
  void warm_up(const DeviceFlags& flags, const ContextFlags& context);

  std::string path_;
  pumice::Instance instance_;
  pumice::Device device_;
  std::optional<pumice::Model> model_;
  double load_ms_ = 0, warm_up_ms_ = 0;
};

// Appends the ids in pieces with a progress line, so that Ctrl-C works in between; gives the last token's logits.
std::vector<float> evaluate(pumice::Sequence& sequence, const std::vector<std::int32_t>& ids, std::size_t vocabulary,
                            bool quiet);

// Throws Failure(kExitContextTooSmall) with both numbers.
void check_prompt_fits(std::size_t prompt_tokens, std::uint32_t context_tokens);

// Milliseconds of a steady clock.
double now_ms();

}  // namespace pumice_cli
