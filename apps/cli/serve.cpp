// `pumice serve`: models over HTTP, for clients of OpenAI's, Anthropic's and Ollama's interfaces.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "adapters.h"
#include "commands.h"
#include "common/system.h"
#include "interrupt.h"
#include "models.h"
#include "output.h"
#include "reply_flags.h"

#ifdef PUMICE_HAS_SERVE
#include "serve/http_server.h"
#endif

namespace pumice_cli {

#ifdef PUMICE_HAS_SERVE

namespace {

using pumice_serve::HttpOptions;
using pumice_serve::ServedModel;
using pumice_serve::ServiceOptions;

struct ServeFlags {
  std::vector<std::string> models, origins;
  std::string keys_file, log_file, preset, projector;
  HttpOptions http;
  DeviceFlags device;
  ContextFlags context;
  AdapterFlags adapters;
  bool stores = false;
  std::size_t most_loaded = 1;
  std::uint32_t parallel = 8;
  int grace = 10;
};

// "NAME=PATH", or what -m takes elsewhere: its name is then that of the file.
ServedModel served_model(const std::string& said) {
  const std::size_t equals = said.find('=');
  if (equals != std::string::npos && equals > 0 && !std::filesystem::exists(said))
    return {said.substr(0, equals), model_path(said.substr(equals + 1))};
  const std::string path = model_path(said);
  const bool named = !said.empty() && !std::filesystem::exists(said);
  return {named ? said : std::filesystem::path(path).stem().string(), path};
}

// Lines "NAME KEY [TOKENS]": whose texts are kept apart, what a request proves it by, and the most tokens that the KV
// cache keeps of them.
void read_keys(const std::string& path, HttpOptions& http, ServiceOptions& service) {
  std::ifstream file{std::filesystem::path(path)};
  if (!file) throw Failure(kExitNotFound, fmt::format("cannot read {}", printable(path)));
  std::size_t number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    std::istringstream words(line);
    std::string name, key, tokens, more;
    words >> name >> key >> tokens >> more;
    if (name.empty() || name[0] == '#') continue;
    const bool counts = tokens.empty() || (tokens.size() < 10 && tokens.find_first_not_of("0123456789") == tokens.npos);
    if (key.size() < 8 || !counts || !more.empty())
      throw Failure(kExitUsage, fmt::format("{}:{}: a line is NAME KEY [TOKENS], and a key has 8 characters or more",
                                            printable(path), number));
    http.keys.push_back({name, key});
    if (!tokens.empty()) service.worker.quotas[name] = static_cast<std::uint32_t>(std::stoul(tokens));
  }
  if (http.keys.empty()) throw Failure(kExitUsage, fmt::format("{} has no keys", printable(path)));
}

void open_log(const std::string& path, HttpOptions& http) {
  if (path.empty()) return;
  std::FILE* file = path == "-" ? stderr : pumice_apps::open_file(path, "a");
  if (!file) throw Failure(kExitIo, fmt::format("cannot write to {}", printable(path)));
  http.log = [file](const pumice_serve::Json& line) {
    std::fprintf(file, "%s\n", pumice_serve::text_of(line).c_str());
    std::fflush(file);
  };
}

void use_preset(const pumice_apps::Preset& preset, pumice_serve::WorkerOptions* options) {
  options->system = preset.system;
  options->defaults = {.temperature = preset.temperature,
                       .top_p = preset.top_p,
                       .min_p = preset.min_p,
                       .repeat_penalty = preset.repeat_penalty,
                       .frequency_penalty = preset.frequency_penalty,
                       .presence_penalty = preset.presence_penalty,
                       .top_k = preset.top_k,
                       .max_tokens = preset.max_tokens};
}

int serve(ServeFlags& flags) {
  Messages messages(flags.device);
  prepare_cache(&flags.context.cache);
  ServiceOptions options;
  for (const std::string& model : flags.models) options.models.push_back(served_model(model));
  if (options.models.empty()) options.models.push_back(served_model({}));
  options.models.front().projector = flags.projector;
  options.stores = flags.stores;
  options.most_loaded = flags.most_loaded;
  if (!flags.keys_file.empty()) read_keys(flags.keys_file, flags.http, options);
  open_log(flags.log_file, flags.http);
  if (flags.http.certificate.empty() != flags.http.private_key.empty())
    throw Failure(kExitUsage, "TLS takes both --tls-cert and --tls-key");
  if (!flags.preset.empty()) use_preset(preset_named(flags.preset), &options.worker);
  const pumice::Instance instance = open_instance(flags.device, &messages);
  for (const ServedModel& model : options.models) open_vocabulary(instance, model.path);  // a wrong one is told now
  for (const ScaledFile& file : files_of(flags.adapters)) {
    load_adapter(open_vocabulary(instance, options.models.front().path), file.path);
    options.worker.adapters.push_back({file.path, file.scale});
  }
  const pumice::Device device = open_device(instance, flags.device, true);
  options.worker.instance = &instance;
  options.worker.device = &device;
  options.worker.context = flags.context.options();
  options.worker.context.max_sequences = flags.parallel;
  if (!flags.context.draft.empty()) options.worker.draft = model_path(flags.context.draft);
  options.worker.context.draft_tokens = flags.context.draft_tokens;
  catch_interrupts();
  allow_after_interrupt(static_cast<unsigned>(flags.grace) + kUsualGraceSeconds);
  flags.http.origins = flags.origins;
  flags.http.grace = std::chrono::seconds(flags.grace);
  flags.http.ready = [&](std::uint16_t port) {
    note(fmt::format("listening on {}://{}:{}", flags.http.certificate.empty() ? "http" : "https",
                     flags.http.host.find(':') == std::string::npos ? flags.http.host : "[" + flags.http.host + "]",
                     port));
  };
  pumice_serve::Metrics metrics;
  pumice_serve::Service service(std::move(options), metrics);
  bool lost = false;
  flags.http.stopping = [&] { return interrupted() || (lost = lost || service.device_lost()); };
  try {
    pumice_serve::HttpServer(flags.http, service).run();
  } catch (const std::exception& error) {
    throw Failure(kExitIo, fmt::format("cannot serve on {}:{}: {}", flags.http.host, flags.http.port, error.what()));
  }
  service.stop();
  if (lost) throw Failure(kExitDeviceLost, "the device was lost: start the server again");
  return messages.exit_code();
}

void add_network_flags(CLI::App* command, ServeFlags* flags) {
  command->add_option("--host", flags->http.host, "the address to listen on (0.0.0.0: all)")->capture_default_str();
  command->add_option("--port", flags->http.port, "0: any free one; the first line of the log says which")
      ->capture_default_str();
  command
      ->add_option("--keys", flags->keys_file,
                   "a file of lines NAME KEY [TOKENS]: who may ask, each with a part of the KV cache of its own")
      ->type_name("FILE");
  command->add_option("--origin", flags->origins, "pages of this origin may ask, too (https://example.com)")
      ->type_name("ORIGIN");
  command->add_option("--tls-cert", flags->http.certificate, "a chain of certificates (PEM): https")->type_name("FILE");
  command->add_option("--tls-key", flags->http.private_key, "its private key (PEM)")->type_name("FILE");
  command->add_option("--connections", flags->http.most_connections, "most that are open at once")
      ->capture_default_str();
  command->add_option("--grace", flags->grace, "seconds that running replies have when the server stops")
      ->check(CLI::Range(0, 3600))
      ->capture_default_str();
  command->add_option("--log", flags->log_file, "a JSON line for each response goes there; -: standard error")
      ->type_name("FILE");
}

}  // namespace

void add_serve_command(CLI::App* app, Action* action) {
  auto flags = std::make_shared<ServeFlags>();
  CLI::App* command = app->add_subcommand("serve", "models over HTTP, for OpenAI's, Anthropic's and Ollama's clients");
  command->footer(
      "\nPaths: /v1/chat/completions, /v1/completions, /v1/responses, /v1/embeddings, /v1/models, "
      "/v1/messages,\n/api/chat, /api/generate, /api/embed, /api/tags, /metrics, /health; a chat at /\n");
  command->add_option("-m,--model", flags->models, "a model as of 'run', or NAME=MODEL; may be given several times")
      ->type_name("MODEL");
  command->add_option("--mmproj", flags->projector, "the first model's projector, with which it sees pictures")
      ->check(not_empty())
      ->type_name("FILE");
  add_adapter_flag(command, &flags->adapters);
  command->add_flag("--stores", flags->stores, "also what 'pumice models' lists");
  command->add_option("--models", flags->most_loaded, "most that are loaded at once")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command->add_option("--parallel", flags->parallel, "most replies that are generated at once")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command
      ->add_option("--preset", flags->preset,
                   "balanced, exact, lively, or one of yours: for requests that do not say it otherwise")
      ->type_name("NAME");
  add_network_flags(command, flags.get());
  add_device_flags(command, &flags->device);
  add_context_flags(command, &flags->context, true);
  add_guess_flags(command, &flags->context);
  add_cache_flags(command, &flags->context.cache);
  refuse_negative_counts(command);
  command->callback([=] { *action = [flags] { return serve(*flags); }; });
}

#else

void add_serve_command(CLI::App*, Action*) {}  // built without Boost

#endif

}  // namespace pumice_cli
