#include "convert/convert.h"

#include <algorithm>

#include "base/printable.h"
#include "convert/hf_folder.h"
#include "convert/sources.h"
#include "convert/write.h"

namespace pumice {
namespace {

constexpr uint32_t kGgmlFile = 0x67676d6c;

Result<ConvertPlan> plan_folder(const std::string& path, const std::vector<std::string>& names, ConvertType type) {
  const auto has = [&](const char* name) { return std::ranges::find(names, name) != names.end(); };
  std::string kind;
  if (has("config.json")) {
    PUMICE_ASSIGN(const std::string text, read_text_file(path + "/config.json", 16 << 20));
    PUMICE_ASSIGN(const Json config, parse_json_object(text, path + "/config.json"));
    kind = text_member(config, "model_type").value_or("");
  }
  if (kind == "bert") return plan_hf_bert(path, type);
  if (kind == "marian") return plan_hf_marian(path, type);
  if (kind == "whisper") return plan_hf_whisper(path, type);
  if (!kind.empty())
    return error(Status::kUnsupported,
                 "%s holds a model of type \"%s\"; bert, marian and whisper are converted (for others, "
                 "llama.cpp's convert_hf_to_gguf.py makes a GGUF file)",
                 path.c_str(), printable(kind.substr(0, 64)).c_str());
  if (has("model.bin")) return plan_ct2_marian(path, type);
  return error(Status::kUnsupported, "%s is no model folder: it has no config.json with a model_type, and no model.bin",
               path.c_str());
}

Result<ConvertPlan> plan_file(const std::string& path, ConvertType type) {
  PUMICE_ASSIGN(const std::shared_ptr<const Input> input, Input::open(path));
  uint32_t magic = 0;
  if (input->size() >= sizeof magic) PUMICE_TRY(input->read(0, std::as_writable_bytes(std::span(&magic, 1))));
  if (magic == kGgmlFile) return plan_whisper_file(path, type);
  if (path.ends_with(".safetensors"))
    return error(Status::kUnsupported, "%s is a part of a model: give the folder, which has config.json, too",
                 path.c_str());
  PUMICE_ASSIGN(Gguf file, Gguf::open(path));
  return plan_gguf(std::make_shared<const Gguf>(std::move(file)), type);
}

}  // namespace

Result<ConvertOutcome> convert_model(const ConvertRequest& request) {
  Result<std::vector<std::string>> names = list_folder(request.source);
  PUMICE_ASSIGN(const ConvertPlan plan,
                names ? plan_folder(request.source, *names, request.type) : plan_file(request.source, request.type));
  ConvertOutcome outcome{.kind = plan.kind, .whisper = !plan.whisper_head.empty(), .tensors = plan.tensors.size()};
  for (const PlannedTensor& tensor : plan.tensors) outcome.converted_tensors += tensor.type != tensor.source.type;
  PUMICE_ASSIGN(outcome.bytes, write_model(plan, request.target, {.tell = request.progress}));
  return outcome;
}

}  // namespace pumice
