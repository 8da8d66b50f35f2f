// `pumice inspect`: what is in a GGUF file.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "output.h"

namespace pumice_cli {

namespace {

using Json = nlohmann::ordered_json;

struct InspectFlags {
  std::string file, model;
  DeviceFlags device;
  bool json = false, tensors = false;
};

std::vector<std::uint64_t> extents_of(const PumiceTensorInfo& tensor) {
  return {tensor.extents, tensor.extents + std::min(tensor.dimensions, 4u)};
}

Json info_json(const PumiceModelInfo& info) {
  return {{"architecture", info.architecture},
          {"name", info.name},
          {"weight_types", info.weight_types},
          {"layers", info.layers},
          {"width", info.width},
          {"heads", info.heads},
          {"kv_heads", info.kv_heads},
          {"head_dim", info.head_dim},
          {"ffn_width", info.ffn_width},
          {"vocabulary", info.vocabulary},
          {"context_length", info.context_length},
          {"parameters", info.parameters},
          {"file_bytes", info.file_bytes},
          {"bos_token", info.bos_token},
          {"eos_token", info.eos_token},
          {"has_weights", info.has_weights != 0}};
}

// Device memory with the default context; empty when the model cannot be run.
Json estimate_json(const pumice::Model& model) {
  if (!model.info().has_weights) return nullptr;
  try {
    const PumiceEstimate estimate = model.estimate(pumice_context_options_init());
    return {{"weights_bytes", estimate.weights_bytes},
            {"kv_bytes", estimate.kv_bytes},
            {"workspace_bytes", estimate.workspace_bytes}};
  } catch (const pumice::Error& error) {
    return {{"error", error.what()}};  // inspecting must work for models that this program cannot run
  }
}

// Written piece by piece: a file may have millions of entries.
class Writer {
 public:
  void add(const std::string& text) {
    text_ += text;
    if (text_.size() >= kPieceBytes) flush();
  }
  void flush() {
    write_stdout(text_);
    text_.clear();
  }

 private:
  static constexpr std::size_t kPieceBytes = 1 << 16;
  std::string text_;
};

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

template <typename Make>
void write_array(Writer& out, const char* name, std::uint64_t count, Make make) {
  out.add(fmt::format(",\n  \"{}\": [", name));
  for (std::uint64_t i = 0; i < count; ++i) out.add((i == 0 ? "\n    " : ",\n    ") + dump(make(i)));
  out.add(count == 0 ? "]" : "\n  ]");
}

void write_json(const pumice::Model& model, const std::string& path) {
  Writer out;
  out.add(fmt::format("{{\n  \"path\": {},\n  \"model\": {},\n  \"device_memory\": {}", dump(path),
                      dump(info_json(model.info())), dump(estimate_json(model))));
  write_array(out, "metadata", model.metadata_count(), [&](std::uint64_t i) -> Json {
    const PumiceMetadata entry = model.metadata(i);
    return {{"key", entry.key}, {"type", entry.type}, {"value", entry.value}};
  });
  write_array(out, "tensors", model.tensor_count(), [&](std::uint64_t i) -> Json {
    const PumiceTensorInfo tensor = model.tensor(i);
    return {{"name", tensor.name}, {"type", tensor.type}, {"shape", extents_of(tensor)}, {"bytes", tensor.bytes}};
  });
  out.add("\n}\n");
  out.flush();
}

std::string summary_text(const pumice::Model& model, const std::string& path) {
  const PumiceModelInfo info = model.info();
  std::string text = fmt::format("{}: {} \"{}\"", printable(path), printable(info.architecture), printable(info.name));
  if (!info.has_weights) return text + fmt::format(", a vocabulary of {} tokens without weights\n", info.vocabulary);
  text += fmt::format(", {:.2f} million parameters\n", static_cast<double>(info.parameters) / 1e6);
  text += fmt::format("  {} layers, width {}, {} heads of {} ({} for keys and values), feed-forward {}\n", info.layers,
                      info.width, info.heads, info.head_dim, info.kv_heads, info.ffn_width);
  text += fmt::format("  vocabulary {}, context {}, tensors {} ({})\n", info.vocabulary, info.context_length,
                      format_bytes(info.file_bytes), printable(info.weight_types));
  const Json memory = estimate_json(model);
  if (memory.contains("weights_bytes")) {
    text += fmt::format("  device memory: weights {}, KV cache {}, workspace {}\n",
                        format_bytes(memory["weights_bytes"].get<std::uint64_t>()),
                        format_bytes(memory["kv_bytes"].get<std::uint64_t>()),
                        format_bytes(memory["workspace_bytes"].get<std::uint64_t>()));
  } else if (memory.contains("error")) {
    text += fmt::format("  cannot be run here: {}\n", printable(memory["error"].get<std::string>()));
  }
  return text;
}

void write_tables(Writer& out, const pumice::Model& model, bool with_tensors) {
  out.add("\nmetadata\n");
  for (std::uint64_t i = 0; i < model.metadata_count(); ++i) {
    const PumiceMetadata entry = model.metadata(i);
    out.add(fmt::format("  {:<44} {:<16} {}\n", printable(entry.key), entry.type, printable(entry.value)));
  }
  if (!with_tensors) return out.add(fmt::format("\n{} tensors; --tensors lists them\n", model.tensor_count()));
  out.add("\ntensors\n");
  for (std::uint64_t i = 0; i < model.tensor_count(); ++i) {
    const PumiceTensorInfo tensor = model.tensor(i);
    out.add(fmt::format("  {:<44} {:<6} {:<20} {}\n", printable(tensor.name), tensor.type,
                        fmt::format("{}", fmt::join(extents_of(tensor), " x ")), format_bytes(tensor.bytes)));
  }
}

int inspect(const InspectFlags& flags) {
  Messages messages(flags.device);
  const pumice::Instance instance = open_instance(flags.device, &messages);
  const std::string path = model_path(flags.file.empty() ? flags.model : flags.file);
  const pumice::Model model = open_vocabulary(instance, path);
  if (flags.json) {
    write_json(model, path);
    return kExitOk;
  }
  Writer out;
  out.add(summary_text(model, path));
  write_tables(out, model, flags.tensors);
  out.flush();
  return kExitOk;
}

}  // namespace

void add_inspect_command(CLI::App* app, Action* action) {
  auto flags = std::make_shared<InspectFlags>();
  CLI::App* command = app->add_subcommand("inspect", "show a model file's metadata and tensors (needs no GPU)");
  auto* file = command->add_option("file", flags->file, "a GGUF file")->type_name("MODEL");
  command->add_option("-m,--model", flags->model, "the same")->type_name("MODEL")->excludes(file);
  command->add_flag("--tensors", flags->tensors, "list the tensors, too");
  command->add_flag("--json", flags->json, "one object with model, metadata and tensors");
  add_verbosity_flags(command, &flags->device);
  command->callback([=] { *action = [flags] { return inspect(*flags); }; });
}

}  // namespace pumice_cli
