// The options of the KV cache between texts.
#include <fmt/format.h>

#include <filesystem>
#include <map>

#include "output.h"
#include "pumice/pumice_kv.h"
#include "session.h"

namespace pumice_cli {

namespace {

const std::map<std::string, PumiceCachePolicy> kPolicies = {
    {"adaptive", PUMICE_CACHE_ADAPTIVE}, {"lru", PUMICE_CACHE_LRU},       {"lfu", PUMICE_CACHE_LFU},
    {"random", PUMICE_CACHE_RANDOM},     {"s3fifo", PUMICE_CACHE_S3FIFO}, {"cost", PUMICE_CACHE_COST},
    {"learned", PUMICE_CACHE_LEARNED}};

CLI::Option* add_size(CLI::App* app, const char* name, std::uint64_t* bytes, const char* description) {
  return app->add_option(name, *bytes, description)
      ->transform(CLI::AsSizeValue(false).description(""))
      ->type_name("SIZE");
}

void add_policy_flag(CLI::App* app, CacheFlags* flags) {
  app->add_option("--cache-policy", flags->policy, "what is given up first")
      ->check(CLI::IsMember(kPolicies).description(""))
      ->type_name("adaptive|lru|lfu|random|s3fifo|cost|learned")
      ->capture_default_str()
      ->group("KV cache");
}

}  // namespace

bool read_secret(const std::string& path, bool make, std::array<std::uint8_t, 32>* secret) {
  const pumice::Instance instance;
  const PumiceResult code = pumice_kv_secret_file(instance.get(), path.c_str(), make ? 1 : 0, secret->data());
  if (code == PUMICE_OK) return true;
  if (code == PUMICE_NOT_FOUND && !make) return false;
  char text[512];
  pumice_instance_error(instance.get(), text, sizeof text);
  throw Failure(kExitNotFound, fmt::format("{}; name another file with --cache-secret", printable(text)));
}

void add_store_flags(CLI::App* app, CacheFlags* flags) {
  PumiceCacheOptions* options = &flags->options;
  add_size(app, "--cache-ram", &options->ram_bytes, "host memory behind it, such as 512M")->group("KV cache");
  app->add_option("--cache-dir", flags->folder, "a folder behind it, for the next runs too")
      ->check(not_empty())
      ->type_name("DIR")
      ->group("KV cache");
  add_size(app, "--cache-disk", &options->disk_bytes, "most that the folder may take (default: 4G)")->group("KV cache");
  app->add_option("--redis", flags->redis_url,
                  "a Redis or Valkey server behind it: redis://[user:password@]host[:port][/db]")
      ->type_name("URL")
      ->group("KV cache");
  app->add_option("--redis-ca", flags->redis_ca_file, "certificate of the authority, for rediss://")
      ->type_name("FILE")
      ->group("KV cache");
  app->add_option("--cache-namespace", flags->name_space, "of what is stored")
      ->capture_default_str()
      ->group("KV cache");
  app->add_option("--cache-epoch", options->epoch, "another number leaves everything stored behind")
      ->type_name("N")
      ->group("KV cache");
  app->add_option("--cache-secret", flags->secret_file, "32 bytes that protect what is stored (default: DIR/secret)")
      ->type_name("FILE")
      ->group("KV cache");
  app->add_option("--cache-admit", options->admit_at_use,
                  "uses before a page is stored on disk or in Redis (default: 2)")
      ->type_name("N")
      ->group("KV cache");
  app->add_flag("--cache-compress", options->compress, "compress what is stored")->group("KV cache");
  app->add_flag("--cache-encrypt", options->encrypt, "encrypt what is stored")->group("KV cache");
}

void add_cache_flags(CLI::App* app, CacheFlags* flags) {
  PumiceCacheOptions* options = &flags->options;
  app->add_flag("--no-prefix-cache", options->disable_reuse, "do not look for known beginnings of texts")
      ->group("KV cache");
  app->add_option("--cache-tokens", options->cache_tokens, "tokens of device memory for texts that have ended")
      ->check(CLI::Range(0u, 1u << 24).description(""))
      ->type_name("N")
      ->group("KV cache");
  add_policy_flag(app, flags);
  add_store_flags(app, flags);
  app->add_flag("--cache-exact", options->exact, "find only what gives the same bits again")->group("KV cache");
}

void add_source_flags(CLI::App* app, CacheFlags* flags) {
  app->add_flag("--no-cache", flags->options.disable_reuse, "compute every source")->group("KV cache");
  add_policy_flag(app, flags);
  add_store_flags(app, flags);
}

void prepare_cache(CacheFlags* flags) {
  PumiceCacheOptions& options = flags->options;
  options.policy = kPolicies.at(flags->policy);
  options.name_space = flags->name_space.c_str();
  options.disk_folder = flags->folder.empty() ? nullptr : flags->folder.c_str();
  options.redis_url = flags->redis_url.empty() ? nullptr : flags->redis_url.c_str();
  options.redis_ca_file = flags->redis_ca_file.empty() ? nullptr : flags->redis_ca_file.c_str();
  if (!options.disk_folder && !options.redis_url) return;
  std::string path = flags->secret_file;
  if (path.empty() && flags->folder.empty())
    throw Failure(kExitUsage, "--redis needs --cache-secret FILE, the same on all machines");
  if (path.empty()) {
    std::error_code problem;
    std::filesystem::create_directories(flags->folder, problem);
    if (problem)
      throw Failure(kExitNotFound,
                    fmt::format("cannot make the folder {}: {}", printable(flags->folder), problem.message()));
    path = (std::filesystem::path(flags->folder) / "secret").string();
  }
  (void)read_secret(path, true, &flags->secret);
  options.secret = flags->secret.data();
}

}  // namespace pumice_cli
