// The command line options that several commands share; declared in session.h.
#include <cmath>
#include <map>
#include <set>

#include "session.h"

namespace pumice_cli {

CLI::Validator finite_range(double low, double high) {
  const auto check = [low, high](std::string& text) -> std::string {
    double value = 0;
    if (CLI::detail::lexical_cast(text, value) && std::isfinite(value) && value >= low && value <= high) return {};
    return "'" + text + "' is not a number from " + CLI::detail::to_string(low) + " to " + CLI::detail::to_string(high);
  };
  return CLI::Validator(check, "");
}

CLI::Validator not_empty() {
  return CLI::Validator(
      [](std::string& text) { return text.empty() ? std::string("the name is empty") : std::string(); }, "");
}

void refuse_negative_counts(CLI::App* app) {
  const CLI::Validator not_negative(
      [](std::string& text) { return text.starts_with('-') ? "'" + text + "' is negative" : std::string(); }, "");
  for (CLI::App* command : app->get_subcommands(nullptr)) refuse_negative_counts(command);
  static const std::set<std::string> counts = {"N", "K", "S", "SIZE"};
  for (CLI::Option* option : app->get_options())
    if (counts.contains(option->get_type_name())) option->transform(not_negative);
}

void add_model_flag(CLI::App* app, std::string* path) {
  app->add_option("-m,--model", *path,
                  "a GGUF file, a folder with one, or a name that 'pumice models' lists (default: the bundled "
                  "storyteller model)")
      ->check(not_empty())
      ->type_name("MODEL");
}

void add_verbosity_flags(CLI::App* app, DeviceFlags* flags, const char* quiet) {
  app->add_flag(quiet, flags->quiet, "say nothing on standard error but errors");
  app->add_flag("-v,--verbose", flags->verbose, "say more on standard error");
}

void add_device_flags(CLI::App* app, DeviceFlags* flags, const char* quiet) {
  app->add_option("--device", flags->selector, "an index, a UUID or part of a name; see 'pumice devices'")
      ->type_name("SEL");
  app->add_flag("--no-subgroups", flags->no_subgroups, "use the shaders without subgroup arithmetic");
  app->add_flag("--no-autotune", flags->no_autotune,
                "use the default shader variants, not those that were measured to be fastest");
  app->add_option("--host-layers", flags->host_layers,
                  "layers whose weights stay in the host's memory (default: those that the device has no memory for)")
      ->type_name("N");
  app->add_flag("--validate", flags->validate,
                "run with the Vulkan validation layer; exit code 1 if it reports anything");
  add_verbosity_flags(app, flags, quiet);
}

namespace {

const std::map<std::string, PumiceKvType, std::less<>> kKvTypes = {
    {"f16", PUMICE_KV_F16}, {"f32", PUMICE_KV_F32}, {"q8_0", PUMICE_KV_Q8_0}, {"q4_0", PUMICE_KV_Q4_0}};

}  // namespace

CLI::Option* add_kv_type_flag(CLI::App* app, const std::string& name, std::string* type,
                              const std::string& description) {
  return app->add_option(name, *type, description)
      ->check(CLI::IsMember(kKvTypes).description(""))
      ->type_name("f16|f32|q8_0|q4_0");
}

PumiceKvType kv_type_of(std::string_view name) { return kKvTypes.find(name)->second; }

void add_context_flags(CLI::App* app, ContextFlags* flags, bool with_size) {
  if (with_size) {
    app->add_option("--ctx", flags->context_tokens,
                    "tokens of context (default: the model's, as far as a quarter of a GPU's free memory holds them)")
        ->check(CLI::Range(1u, 1u << 20).description(""))
        ->type_name("N");
  }
  add_kv_type_flag(app, "--kv-type", &flags->kv_type, "type of the KV cache")->capture_default_str();
  add_kv_type_flag(app, "--kv-type-k", &flags->kv_type_k, "of its keys (default: --kv-type)");
  add_kv_type_flag(app, "--kv-type-v", &flags->kv_type_v, "of its values (default: --kv-type)");
  app->add_flag("--kv-no-rotation", flags->kv_no_rotation,
                "q8_0 and q4_0 without the rotation that halves their error (for comparison)");
  app->add_flag("--no-kv-cache", flags->no_kv_cache, "compute the whole text again for each token (for comparison)");
  app->add_option("--record", flags->record, "record the decode step's commands once, or for each step")
      ->check(CLI::IsMember({"replay", "each-step"}).description(""))
      ->type_name("replay|each-step")
      ->capture_default_str();
  app->add_option("--steps-ahead", flags->steps_ahead, "decode steps in flight (default: by device)")->type_name("N");
  app->add_option("--prefill-slice", flags->prefill_slice,
                  "prompt tokens of one submission, a multiple of 32 (default: by device)")
      ->type_name("N");
}

void add_guess_flags(CLI::App* app, ContextFlags* flags) {
  app->add_option("--draft", flags->draft,
                  "a smaller model of the same vocabulary (as of -m) that guesses what comes, while that is faster")
      ->check(not_empty())
      ->type_name("MODEL");
  app->add_option("--draft-tokens", flags->draft_tokens, "most tokens a step that it guesses")
      ->check(CLI::Range(1u, 15u).description(""))
      ->type_name("N")
      ->capture_default_str();
  app->add_option("--lookup", flags->lookup_tokens,
                  "guess up to N tokens a step from what the text says already, while that is faster (default: 0)")
      ->check(CLI::Range(0u, 15u).description(""))
      ->type_name("N");
}

PumiceContextOptions ContextFlags::options() const {
  PumiceContextOptions options = pumice_context_options_init();
  options.context_tokens = context_tokens;
  options.kv_type = kv_type_of(kv_type_k.empty() ? kv_type : kv_type_k);
  options.kv_type_v = kv_type_of(kv_type_v.empty() ? kv_type : kv_type_v);
  options.disable_kv_rotation = kv_no_rotation ? 1 : 0;
  options.record_mode = record == "each-step" ? PUMICE_RECORD_EACH_STEP : PUMICE_RECORD_REPLAY;
  options.disable_kv_cache = no_kv_cache ? 1 : 0;
  options.steps_ahead = steps_ahead;
  options.prefill_slice = prefill_slice;
  options.lookup_tokens = lookup_tokens;
  options.cache = &cache.options;
  return options;
}

std::string ContextFlags::kv_name() const {
  const std::string& k = kv_type_k.empty() ? kv_type : kv_type_k;
  const std::string& v = kv_type_v.empty() ? kv_type : kv_type_v;
  return (k == v ? k : k + "/" + v) + (kv_no_rotation ? " not rotated" : "");
}

}  // namespace pumice_cli
