// `pumice convert`: a model file or folder in another type, as a GGUF file (Whisper: whisper.cpp's).
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "input.h"
#include "interrupt.h"
#include "output.h"

namespace pumice_cli {

namespace {

const std::map<std::string, PumiceConvertType> kTypes = {{"f16", PUMICE_CONVERT_F16},
                                                         {"f32", PUMICE_CONVERT_F32},
                                                         {"q8_0", PUMICE_CONVERT_Q8_0},
                                                         {"q4_0", PUMICE_CONVERT_Q4_0},
                                                         {"q4_k", PUMICE_CONVERT_Q4_K}};

struct ConvertFlags {
  std::string source, target, type = "f16";
  DeviceFlags device;
  bool json = false;
};

PumiceConvertInfo run_conversion(const ConvertFlags& flags, const pumice::Instance& instance) {
  int shown = -1;
  try {
    const PumiceConvertInfo info =
        pumice::convert(instance, flags.source, flags.target, kTypes.at(flags.type), [&](float fraction) {
          const int percent = static_cast<int>(100 * fraction);
          if (!flags.device.quiet && percent != shown) show_progress(fmt::format("converting {}%", shown = percent));
          return !interrupted();
        });
    show_progress("");
    return info;
  } catch (const pumice::Error& error) {
    show_progress("");
    // A source that can be read is not what could not be written.
    if (error.code() == PUMICE_IO && std::ifstream(std::filesystem::path(flags.source)).good())
      throw Failure(kExitIo, error.what());
    throw;
  }
}

int convert(ConvertFlags& flags) {
  catch_interrupts();
  Messages messages(flags.device);
  const pumice::Instance instance = open_instance(flags.device, &messages);
  const double start = now_ms();
  const PumiceConvertInfo info = run_conversion(flags, instance);
  const double seconds = (now_ms() - start) / 1000;
  if (flags.json) {
    const nlohmann::ordered_json json = {{"kind", info.kind},
                                         {"tensors", info.tensors},
                                         {"converted_tensors", info.converted_tensors},
                                         {"bytes", info.bytes},
                                         {"seconds", seconds}};
    write_stdout(json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  } else if (!flags.device.quiet) {
    note(fmt::format("{}: {}, {} tensors ({} of another type now), {}, in {:.1f} s", flags.target, info.kind,
                     info.tensors, info.converted_tensors, format_bytes(info.bytes), seconds));
  }
  return messages.exit_code();
}

}  // namespace

void add_convert_command(CLI::App* app, Action* action) {
  auto flags = std::make_shared<ConvertFlags>();
  CLI::App* command = app->add_subcommand("convert", "a model file or folder in another type (needs no GPU)");
  command->footer(
      "\nSOURCE is a GGUF file, whisper.cpp's .bin, a folder of Hugging Face with a bert, marian or whisper model\n"
      "(config.json, model.safetensors, the tokenizer's files), or a folder of CTranslate2 with a translation model.\n"
      "TARGET becomes a GGUF file, of Whisper's models one of whisper.cpp, once all of it is written. Norms, biases\n"
      "and the like keep their type; q4_k is what llama.cpp calls Q4_K_M.\n");
  command->add_option("source", flags->source, "what there is")->required()->type_name("SOURCE");
  command->add_option("target", flags->target, "the file to be")->required()->type_name("TARGET");
  command->add_option("--type", flags->type, "of most matrices")
      ->check(CLI::IsMember(kTypes).description(""))
      ->type_name("f16|f32|q8_0|q4_0|q4_k")
      ->capture_default_str();
  command->add_flag("--json", flags->json, "what was made, as one JSON object");
  add_verbosity_flags(command, &flags->device);
  command->callback([=] { *action = [flags] { return convert(*flags); }; });
}

}  // namespace pumice_cli
