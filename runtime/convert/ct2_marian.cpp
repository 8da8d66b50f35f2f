// Translation models from a folder of CTranslate2, as Argos and others have them.
#include <algorithm>
#include <cmath>

#include "base/printable.h"
#include "convert/ct2_file.h"
#include "convert/json.h"
#include "convert/marian_plan.h"
#include "convert/sentencepiece.h"
#include "convert/sources.h"
#include "convert/types.h"

namespace pumice {
namespace {

constexpr uint64_t kMostCt2Layers = 256, kMostCt2Width = 1 << 16, kUsualPositions = 512;
constexpr uint64_t kMostPositionValues = 1 << 28;
// Parts of the names of what these models do not have.
constexpr std::string_view kStrange[] = {"layernorm_embedding", "project_in", "alibi", "relative", "rotary", "noact",
                                         "scale_outputs",       "input_layer"};
constexpr const char* kActivations[] = {"relu", "gelu_tanh", "silu", "gelu", "gelu_quick"};  // by their numbers

class Ct2Plan {
 public:
  explicit Ct2Plan(const Ct2File& file) : file_(file) {}

  // A number of the model, or of one side of it.
  Result<double> setting(const std::string& side, const std::string& name, double usual) const {
    const Ct2Variable* variable = file_.find(side + "/" + name);
    if (!variable) variable = file_.find(name);
    if (!variable || variable->values() == 0 || variable->values() > 64) return usual;
    PUMICE_ASSIGN(const std::vector<float> values, file_.values(*variable));
    return static_cast<double>(values[0]);
  }

  std::string embedding(const std::string& side) const {
    const std::string one = side + "/embeddings/weight";
    return file_.find(one) ? one : side + "/embeddings_0/weight";
  }

  uint64_t layers(const std::string& side) const {
    uint64_t count = 0;
    while (count < kMostCt2Layers && file_.find(side + "/layer_" + std::to_string(count) + "/ffn/linear_0/weight"))
      ++count;
    return count;
  }

  // Rows first_row on of the variable `theirs`, which has `columns` (0: one dimension).
  Result<void> add(const std::string& ours, const std::string& theirs, uint64_t first_row, uint64_t rows,
                   uint64_t columns) {
    const Ct2Variable* variable = file_.find(theirs);
    if (!variable) return error(Status::kMalformed, "the variable %s is missing", theirs.c_str());
    const bool matrix = columns > 0;
    if (variable->shape.size() != (matrix ? 2 : 1) || variable->shape[0] < first_row + rows ||
        (matrix && variable->shape[1] != columns))
      return error(Status::kMalformed, "the variable %s has not the shape of this model", theirs.c_str());
    PlannedTensor tensor{.name = ours, .sizes = {rows}};
    if (matrix) tensor.sizes.insert(tensor.sizes.begin(), columns);
    const uint64_t row = std::max<uint64_t>(columns, 1);
    const uint64_t width = listed_type(variable->type).block_bytes;
    tensor.source = file_source(file_.input(), variable->type, variable->offset + first_row * row * width);
    PUMICE_TRY(add_divisors(theirs, *variable, first_row, rows, tensor.source));
    tensors_.push_back(std::move(tensor));
    return {};
  }

  // Several matrices of one width that lie one behind the other.
  Result<void> add_linear(const std::vector<std::string>& ours, const std::string& theirs, uint64_t rows,
                          uint64_t columns) {
    for (size_t i = 0; i < ours.size(); ++i) {
      PUMICE_TRY(add(ours[i] + ".weight", theirs + "/weight", i * rows, rows, columns));
      PUMICE_TRY(add(ours[i] + ".bias", theirs + "/bias", i * rows, rows, 0));
    }
    return {};
  }
  Result<void> add_norm(const std::string& ours, const std::string& theirs, uint64_t width) {
    PUMICE_TRY(add(ours + ".weight", theirs + "/gamma", 0, width, 0));
    return add(ours + ".bias", theirs + "/beta", 0, width, 0);
  }
  Result<void> add_layer(const std::string& side, const std::string& number, uint64_t width, uint64_t inner) {
    const bool decoder = side == "decoder";
    const std::string block = (decoder ? "dec.blk." : "enc.blk.") + number + ".", layer = side + "/layer_" + number;
    PUMICE_TRY(add_norm(block + "attn_norm", layer + "/self_attention/layer_norm", width));
    PUMICE_TRY(add_linear({block + "attn_q", block + "attn_k", block + "attn_v"}, layer + "/self_attention/linear_0",
                          width, width));
    PUMICE_TRY(add_linear({block + "attn_o"}, layer + "/self_attention/linear_1", width, width));
    if (decoder) {
      PUMICE_TRY(add_norm(block + "cross_attn_norm", layer + "/attention/layer_norm", width));
      PUMICE_TRY(add_linear({block + "cross_attn_q"}, layer + "/attention/linear_0", width, width));
      PUMICE_TRY(
          add_linear({block + "cross_attn_k", block + "cross_attn_v"}, layer + "/attention/linear_1", width, width));
      PUMICE_TRY(add_linear({block + "cross_attn_o"}, layer + "/attention/linear_2", width, width));
    }
    PUMICE_TRY(add_norm(block + "ffn_norm", layer + "/ffn/layer_norm", width));
    PUMICE_TRY(add_linear({block + "ffn_up"}, layer + "/ffn/linear_0", inner, width));
    return add_linear({block + "ffn_down"}, layer + "/ffn/linear_1", width, inner);
  }
  void add(PlannedTensor tensor) { tensors_.push_back(std::move(tensor)); }

  bool same(const Ct2Variable& a, const Ct2Variable& b) const {
    if (a.offset == b.offset) return true;
    if (a.shape != b.shape || a.type != b.type) return false;
    std::vector<std::byte> one(1 << 20), other(1 << 20);
    for (uint64_t at = 0; at < a.bytes; at += one.size()) {
      const size_t count = static_cast<size_t>(std::min<uint64_t>(one.size(), a.bytes - at));
      if (!file_.input()->read(a.offset + at, std::span(one).first(count)) ||
          !file_.input()->read(b.offset + at, std::span(other).first(count)) ||
          std::memcmp(one.data(), other.data(), count) != 0)
        return false;
    }
    return true;
  }

  Result<void> check_known() const {
    for (const auto& [name, variable] : file_.variables())
      for (const std::string_view part : kStrange)
        if (name.find(part) != std::string::npos && variable.values() > 0 && variable.values() < 64) {
          PUMICE_ASSIGN(const std::vector<float> values, file_.values(variable));
          if (std::ranges::any_of(values, [](float value) { return value != 0; }))
            return error(Status::kUnsupported, "the variable %s is set, which is not supported",
                         printable(name).c_str());
        } else if (name.find(part) != std::string::npos && variable.values() >= 64) {
          return error(Status::kUnsupported, "the variable %s is not one that is supported", printable(name).c_str());
        }
    return {};
  }

  std::vector<PlannedTensor> take() { return std::move(tensors_); }

 private:
  // Integers have a scale for each row, or one.
  Result<void> add_divisors(const std::string& theirs, const Ct2Variable& variable, uint64_t first_row, uint64_t rows,
                            TensorSource& source) const {
    if (variable.type != TensorType::kI8 && variable.type != TensorType::kI16) {
      if (variable.type == TensorType::kI32)
        return error(Status::kUnsupported, "the variable %s is of integers", theirs.c_str());
      return {};
    }
    const Ct2Variable* scale = file_.find(theirs + "_scale");
    if (!scale || scale->type != TensorType::kF32 || (scale->values() != 1 && scale->values() < first_row + rows))
      return error(Status::kMalformed, "the scales of %s are missing or too few", theirs.c_str());
    PUMICE_ASSIGN(std::vector<float> all, file_.values(*scale));
    if (all.size() == 1) {
      source.divisors = std::move(all);
    } else {
      const auto begin = all.begin() + static_cast<ptrdiff_t>(first_row);
      source.divisors.assign(begin, begin + static_cast<ptrdiff_t>(rows));
    }
    return {};
  }

  const Ct2File& file_;
  std::vector<PlannedTensor> tensors_;
};

// A token a line, or a list in JSON; of one side, or of both.
Result<Pieces> read_vocabulary(const std::string& folder, const std::string& side) {
  std::vector<std::string> texts;
  for (const std::string& stem : {side + "_vocabulary", std::string("shared_vocabulary")}) {
    const std::string path = folder + "/" + stem;
    if (Result<std::string> text = read_text_file(path + ".json", 64 << 20); text) {
      PUMICE_ASSIGN(const Json json, parse_json_object("{\"tokens\":" + *text + "}", path + ".json"));
      const Json::Array* tokens = array_member(json, "tokens");
      for (const Json& token : tokens ? *tokens : Json::Array())
        texts.push_back(token.is_string() ? token.as_string() : "");
    } else if (Result<std::string> lines = read_text_file(path + ".txt", 64 << 20); lines) {
      while (lines->ends_with('\n')) lines->pop_back();
      for (size_t at = 0; at <= lines->size();) {
        const size_t end = std::min(lines->find('\n', at), lines->size());
        texts.push_back(lines->substr(at, end - at));
        at = end + 1;
      }
    }
    if (!texts.empty()) break;
  }
  if (texts.empty())
    return error(Status::kNotFound, "%s has no %s_vocabulary.txt or .json, and no shared_vocabulary", folder.c_str(),
                 side.c_str());
  if (std::ranges::find(texts, "<unk>") == texts.end()) texts.push_back("<unk>");  // as the library does
  Pieces pieces;
  pieces.space_prefix = pieces.remove_spaces = false;
  for (std::string& text : texts) {
    const bool control = text == "<blank>" || text == "<s>" || text == "</s>" || text == "<pad>";
    const PieceKind kind = text == "<unk>" ? PieceKind::kUnknown : control ? PieceKind::kControl : PieceKind::kNormal;
    pieces.add(std::move(text), 0, kind);
  }
  return pieces;
}

Result<uint64_t> id_of(const Pieces& pieces, const std::string& token) {
  const auto found = std::ranges::find(pieces.texts, token);
  if (found == pieces.texts.end())
    return error(Status::kMalformed, "the vocabulary has no %s", printable(token).c_str());
  return static_cast<uint64_t>(found - pieces.texts.begin());
}

struct Ct2Vocabularies {
  Pieces source, target;
  bool same = false;
  Json settings = Json::object();
  std::string end = "</s>", begin = "<s>";
};

Result<Ct2Vocabularies> read_vocabularies(const std::string& folder) {
  Ct2Vocabularies all;
  PUMICE_ASSIGN(all.source, read_vocabulary(folder, "source"));
  PUMICE_ASSIGN(all.target, read_vocabulary(folder, "target"));
  if (Result<std::string> text = read_text_file(folder + "/config.json", 1 << 20); text) {
    PUMICE_ASSIGN(all.settings, parse_json_object(*text, folder + "/config.json"));
  }
  all.begin = text_member(all.settings, "bos_token").value_or("<s>");
  all.end = text_member(all.settings, "eos_token").value_or("</s>");
  return all;
}

Result<void> write_tokenizer(const Ct2Vocabularies& all, GgufMetadata& to) {
  to.string("tokenizer.ggml.model", "t5");
  to.string("tokenizer.ggml.pre", "default");
  all.target.write("tokenizer.ggml.", to);
  if (!all.same) {
    all.source.write("tokenizer.ggml.source.", to);
    std::vector<int32_t> ids(all.source.texts.size());
    for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int32_t>(i);
    to.numbers("tokenizer.ggml.source.ids", std::span<const int32_t>(ids));
    PUMICE_ASSIGN(const uint64_t end, id_of(all.source, all.end));
    PUMICE_ASSIGN(const uint64_t unknown, id_of(all.source, "<unk>"));
    to.u32("tokenizer.ggml.source.eos_token_id", end);
    to.u32("tokenizer.ggml.source.unknown_token_id", unknown);
  }
  PUMICE_ASSIGN(const uint64_t begin, id_of(all.target, all.begin));
  PUMICE_ASSIGN(const uint64_t end, id_of(all.target, all.end));
  PUMICE_ASSIGN(const uint64_t unknown, id_of(all.target, "<unk>"));
  to.u32("tokenizer.ggml.bos_token_id", begin);
  to.u32("tokenizer.ggml.eos_token_id", end);
  to.u32("tokenizer.ggml.unknown_token_id", unknown);
  to.boolean("tokenizer.ggml.add_bos_token", flag_member(all.settings, "add_source_bos").value_or(false));
  to.boolean("tokenizer.ggml.add_eos_token", flag_member(all.settings, "add_source_eos").value_or(false));
  to.boolean("tokenizer.ggml.add_space_prefix", false);
  to.boolean("tokenizer.ggml.remove_extra_whitespaces", false);
  return {};
}

std::string folder_name(std::string folder) {
  while (folder.ends_with('/')) folder.pop_back();
  return folder.substr(folder.rfind('/') + 1);
}

// The settings, but for positions.
Result<MarianSettings> read_ct2_settings(const Ct2File& file, const Ct2Plan& plan,
                                         const Ct2Vocabularies& vocabularies) {
  const Ct2Variable* words = file.find(plan.embedding("encoder"));
  const Ct2Variable* inner = file.find("encoder/layer_0/ffn/linear_0/bias");
  const Ct2Variable* decoder_inner = file.find("decoder/layer_0/ffn/linear_0/bias");
  MarianSettings settings;
  settings.layers = plan.layers("encoder");
  settings.decoder_layers = plan.layers("decoder");
  if (!words || words->shape.size() != 2 || words->shape[1] == 0 || words->shape[1] > kMostCt2Width || !inner ||
      inner->shape.size() != 1 || inner->shape[0] == 0 || !decoder_inner || decoder_inner->shape.size() != 1 ||
      decoder_inner->shape[0] == 0)
    return error(Status::kUnsupported, "this is not a model with an encoder and a decoder of CTranslate2");
  settings.width = words->shape[1];
  settings.inner = inner->shape[0];
  settings.decoder_inner = decoder_inner->shape[0];
  PUMICE_ASSIGN(const double activation, plan.setting("encoder", "activation", 0));
  if (!(activation >= 0) || activation >= static_cast<double>(std::size(kActivations)))
    return error(Status::kUnsupported, "activation %g is not supported", activation);
  settings.activation = kActivations[static_cast<size_t>(activation)];
  PUMICE_ASSIGN(const double heads, plan.setting("encoder", "num_heads", 8));
  PUMICE_ASSIGN(const double zero_start, plan.setting("decoder", "start_from_zero_embedding", 0));
  PUMICE_ASSIGN(const double pre_norm, plan.setting("encoder", "pre_norm", 1));
  if (!(heads >= 1) || heads > static_cast<double>(settings.width))
    return error(Status::kMalformed, "a model of %g heads", heads);
  if (zero_start != 0)
    return error(Status::kUnsupported,
                 "the decoder starts from zeros, which no token has: convert the model's Hugging Face folder instead");
  settings.heads = settings.decoder_heads = static_cast<uint64_t>(heads);
  settings.norm_first = pre_norm != 0;
  settings.epsilon = number_member(vocabularies.settings, "layer_norm_epsilon").value_or(1e-5);
  settings.embedding_scale = std::sqrt(static_cast<double>(settings.width));
  // A flag in some files, the factor itself in others.
  if (const Ct2Variable* scale = file.find("encoder/scale_embeddings"); scale && scale->values() == 1) {
    PUMICE_ASSIGN(const std::vector<float> value, file.values(*scale));
    if (scale->type != TensorType::kI8 || value[0] == 0) settings.embedding_scale = static_cast<double>(value[0]);
  }
  const std::string start = text_member(vocabularies.settings, "decoder_start_token").value_or(vocabularies.begin);
  PUMICE_ASSIGN(settings.start_token, id_of(vocabularies.target, start));
  return settings;
}

Result<void> add_ct2_tensors(const Ct2File& file, const Ct2Vocabularies& vocabularies, MarianSettings& settings,
                             Ct2Plan& plan) {
  const uint64_t width = settings.width, sources = vocabularies.source.texts.size();
  const uint64_t targets = vocabularies.target.texts.size();
  if (vocabularies.same) {
    PUMICE_TRY(plan.add("token_embd.weight", plan.embedding("encoder"), 0, targets, width));
  } else {
    PUMICE_TRY(plan.add("enc.token_embd.weight", plan.embedding("encoder"), 0, sources, width));
    PUMICE_TRY(plan.add("dec.token_embd.weight", plan.embedding("decoder"), 0, targets, width));
  }
  if (const Ct2Variable* table = file.find("encoder/position_encodings/encodings")) {
    if (table->shape.size() != 2 || table->shape[1] != width || table->shape[0] == 0 ||
        table->values() > kMostPositionValues)
      return error(Status::kMalformed, "the table of positions has not the width of the model");
    settings.positions = table->shape[0];
    PUMICE_ASSIGN(std::vector<float> values, file.values(*table));
    plan.add(float_tensor("position_embd.weight", {width, settings.positions}, std::move(values)));
  } else {
    settings.positions = kUsualPositions;
    plan.add(float_tensor("position_embd.weight", {width, settings.positions},
                          sine_positions(settings.positions, width, 1, static_cast<double>(width) / 2 - 1)));
  }
  for (uint64_t i = 0; i < settings.layers; ++i)
    PUMICE_TRY(plan.add_layer("encoder", std::to_string(i), width, settings.inner));
  if (file.find("encoder/layer_norm/gamma")) PUMICE_TRY(plan.add_norm("enc.output_norm", "encoder/layer_norm", width));
  for (uint64_t i = 0; i < settings.decoder_layers; ++i)
    PUMICE_TRY(plan.add_layer("decoder", std::to_string(i), width, settings.decoder_inner));
  if (file.find("decoder/layer_norm/gamma")) PUMICE_TRY(plan.add_norm("dec.output_norm", "decoder/layer_norm", width));
  const Ct2Variable* head = file.find("decoder/projection/weight");
  const Ct2Variable* words = file.find(plan.embedding("decoder"));
  if (head && words && !plan.same(*head, *words))
    PUMICE_TRY(plan.add("output.weight", "decoder/projection/weight", 0, targets, width));
  return plan.add("output.bias", "decoder/projection/bias", 0, targets, 0);
}

}  // namespace

Result<ConvertPlan> plan_ct2_marian(const std::string& folder, ConvertType type) {
  PUMICE_ASSIGN(std::shared_ptr<const Input> input, Input::open(folder + "/model.bin"));
  Result<Ct2File> read = Ct2File::read(std::move(input));
  if (!read) return error(read.error().status, "%s/model.bin: %s", folder.c_str(), read.error().message.c_str());
  const Ct2File& file = *read;
  if (!file.spec().empty() && !file.spec().starts_with("Transformer"))
    return error(Status::kUnsupported, "%s is a %s of CTranslate2; only translation models (TransformerSpec) are read",
                 folder.c_str(), printable(file.spec()).c_str());
  Ct2Plan tensors(file);
  PUMICE_TRY(tensors.check_known());
  PUMICE_ASSIGN(Ct2Vocabularies vocabularies, read_vocabularies(folder));
  PUMICE_ASSIGN(MarianSettings settings, read_ct2_settings(file, tensors, vocabularies));
  settings.name = folder_name(folder);
  const Ct2Variable* source_words = file.find(tensors.embedding("encoder"));
  const Ct2Variable* target_words = file.find(tensors.embedding("decoder"));
  vocabularies.same = source_words && target_words && vocabularies.source.texts == vocabularies.target.texts &&
                      tensors.same(*source_words, *target_words);
  ConvertPlan plan{.kind = "marian"};
  PUMICE_TRY(add_ct2_tensors(file, vocabularies, settings, tensors));
  write_marian_settings(settings, plan.metadata);
  PUMICE_TRY(write_tokenizer(vocabularies, plan.metadata));
  plan.tensors = tensors.take();
  finish_gguf(plan, {.architecture = "marian", .layers = settings.layers}, type);
  return plan;
}

}  // namespace pumice
