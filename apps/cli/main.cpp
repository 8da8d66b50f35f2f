// pumice: the command-line program. Uses the public C interface alone.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <new>
#include <string>
#include <vector>

#include "commands.h"
#include "common/start.h"
#include "common/system.h"
#include "interrupt.h"
#include "output.h"
#include "session.h"

namespace pumice_cli {

namespace {

constexpr const char* kDescription =
    "Pumice runs language models on any Vulkan GPU (or on the CPU through a software Vulkan driver).\n"
    "\n"
    "  pumice \"Once upon a time\"                 continue a text with the bundled model\n"
    "  pumice run -m MODEL -p TEXT -n 64 --stats   with a model of yours (GGUF), and with figures\n"
    "  pumice run --greedy --json -p TEXT          always the same answer, as JSON\n"
    "  pumice chat -m MODEL                        converse with a model\n"
    "  pumice models                               what -m knows by name\n"
    "  pumice devices                              what it can run on\n"
    "  pumice embed -m MODEL -f FILE --json        vectors of texts, for search\n"
    "  pumice transcribe -m MODEL.bin SOUND         what is said in a sound\n"
    "  pumice bench -m MODEL -p 128 -n 32          how fast that is\n"
    "\n"
    "The text goes to standard output, everything else to standard error.";

constexpr const char* kCommands[] = {"run",        "tokenize", "top",     "perplexity", "bench", "devices",
                                     "inspect",    "matrix",   "kv",      "embed",      "rank",  "translate",
                                     "transcribe", "render",   "convert", "models",     "chat",  "pull",
                                     "serve"};

// Those that open a device; the others answer without touching Vulkan.
constexpr const char* kDeviceCommands[] = {"run",   "top",  "perplexity", "bench",      "devices", "matrix",
                                           "embed", "rank", "translate",  "transcribe", "models",  "chat",
                                           "serve"};

// `pumice TEXT...` and `pumice -p TEXT` mean `pumice run ...`.
std::vector<std::string> with_default_command(int argc, char** argv) {
  std::vector<std::string> arguments = pumice_apps::program_arguments(argc, argv);
  if (arguments.empty()) return arguments;
  const std::string& first = arguments.front();
  const bool own_option = first == "-h" || first == "--help" || first == "--version";
  const bool command = std::find(std::begin(kCommands), std::end(kCommands), first) != std::end(kCommands);
  if (!own_option && !command) arguments.insert(arguments.begin(), "run");
  return arguments;
}

int fail(int code, std::string_view message) {
  note(message);
  return code;
}

int run_program(int argc, char** argv) {
  CLI::App app(kDescription, "pumice");
  app.set_version_flag("--version", std::string("pumice ") + pumice_version(), "print the version");
  app.set_help_flag("-h,--help", "print this help; 'pumice COMMAND --help' for a command's");
  app.footer(std::string("\n") + kExitCodeHelp);
  app.require_subcommand(1);
  Action action;
  add_run_command(&app, &action);
  add_tokenize_command(&app, &action);
  add_top_command(&app, &action);
  add_perplexity_command(&app, &action);
  add_bench_command(&app, &action);
  add_devices_command(&app, &action);
  add_inspect_command(&app, &action);
  add_matrix_command(&app, &action);
  add_kv_command(&app, &action);
  add_embed_command(&app, &action);
  add_rank_command(&app, &action);
  add_translate_command(&app, &action);
  add_transcribe_command(&app, &action);
  add_render_command(&app, &action);
  add_convert_command(&app, &action);
  add_models_command(&app, &action);
  add_chat_command(&app, &action);
  add_serve_command(&app, &action);
  add_pull_command(&app, &action);
  refuse_negative_counts(&app);
  std::vector<std::string> arguments = with_default_command(argc, argv);
  if (arguments.empty()) {
    write_stderr(app.help());
    return kExitUsage;
  }
  try {
    std::reverse(arguments.begin(), arguments.end());  // what CLI11 expects of a vector
    app.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    write_stdout(app.help());  // of the chosen command, if any
    return kExitOk;
  } catch (const CLI::CallForVersion& version) {
    write_stdout(std::string(version.what()) + "\n");
    return kExitOk;
  } catch (const CLI::ParseError& error) {
    const auto chosen = app.get_subcommands();
    return fail(kExitUsage, fmt::format("{}; see 'pumice {}--help'", printable(error.what()),
                                        chosen.empty() ? "" : chosen.front()->get_name() + " "));
  }
  const CLI::App* chosen = app.get_subcommands().front();
  const CLI::Option* environment = chosen->get_option_no_throw("--environment");  // asks what would be set
  const bool device = std::find(std::begin(kDeviceCommands), std::end(kDeviceCommands), chosen->get_name()) !=
                      std::end(kDeviceCommands);
  if (device && !(environment && environment->count() > 0)) pumice_apps::restart_as_devices_ask(argv);
  return action();
}

}  // namespace

}  // namespace pumice_cli

int main(int argc, char** argv) {
  using namespace pumice_cli;
  pumice_apps::prepare_streams();
  try {
    return run_program(argc, argv);
  } catch (const Failure& failure) {
    return fail(failure.code() == kExitInterrupted ? interrupt_exit_code() : failure.code(), failure.what());
  } catch (const pumice::Error& error) {
    return fail(error.code() == PUMICE_CANCELLED ? interrupt_exit_code() : exit_code_of(error.code()), error.what());
  } catch (const std::bad_alloc&) {
    return fail(kExitOutOfMemory, "out of memory: close other programs or use a smaller model or --ctx");
  } catch (const std::exception& error) {
    return fail(kExitInternal, fmt::format("internal error: {}", printable(error.what())));
  }
}
