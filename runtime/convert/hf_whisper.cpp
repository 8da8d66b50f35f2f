// Whisper from a folder of Hugging Face, into whisper.cpp's file under OpenAI's names.
#include <algorithm>
#include <cmath>

#include "base/printable.h"
#include "convert/hf_folder.h"
#include "convert/sources.h"
#include "convert/whisper_plan.h"
#include "text/unicode.h"

namespace pumice {
namespace {

constexpr uint64_t kMostWhisperSize = 1 << 20;
constexpr uint64_t kMelBins201 = 201, kSampleRate = 16000;
constexpr uint64_t kMultilingual = 51865;  // tokens; English models have fewer
constexpr size_t kEnglishWords = 50256;    // a multilingual model has an empty one more

// Slaney's triangles of unit area: linear below 1 kHz, logarithmic above. (bands, bins)
std::vector<float> slaney_filters(uint32_t bands) {
  const double log_step = std::log(6.4) / 27, top = 15 + std::log(kSampleRate / 2.0 / 1000) / log_step;
  std::vector<double> edges(bands + 2);
  for (size_t i = 0; i < edges.size(); ++i) {
    const double mel = top * static_cast<double>(i) / (bands + 1.0);
    edges[i] = mel < 15 ? mel * 200 / 3 : 1000 * std::exp((mel - 15) * log_step);
  }
  std::vector<float> filters(bands * kMelBins201);
  for (size_t band = 0; band < bands; ++band)
    for (size_t bin = 0; bin < kMelBins201; ++bin) {
      const double frequency = kSampleRate / 2.0 * static_cast<double>(bin) / (kMelBins201 - 1);
      const double rising = (frequency - edges[band]) / (edges[band + 1] - edges[band]);
      const double falling = (edges[band + 2] - frequency) / (edges[band + 2] - edges[band + 1]);
      const double height = 2 / (edges[band + 2] - edges[band]);
      filters[band * kMelBins201 + bin] = static_cast<float>(std::max(0.0, std::min(rising, falling)) * height);
    }
  return filters;
}

class WhisperPlan {
 public:
  WhisperPlan(HfFolder& folder, const WhisperSizes& sizes) : folder_(folder), sizes_(sizes), width_(sizes.text_state) {}

  Result<std::vector<PlannedTensor>> tensors() {
    PUMICE_TRY(add("encoder.positional_embedding", "encoder.embed_positions.weight", {sizes_.audio_context, width_}));
    PUMICE_TRY(add_convolution("conv1", sizes_.mels));
    PUMICE_TRY(add_convolution("conv2", width_));
    for (uint32_t i = 0; i < sizes_.audio_layers; ++i) PUMICE_TRY(add_block("encoder", std::to_string(i)));
    PUMICE_TRY(add_norm("encoder.ln_post", "encoder.layer_norm"));
    PUMICE_TRY(add("decoder.positional_embedding", "decoder.embed_positions.weight", {sizes_.text_context, width_}));
    PUMICE_TRY(add("decoder.token_embedding.weight", "decoder.embed_tokens.weight", {sizes_.vocabulary, width_}));
    for (uint32_t i = 0; i < sizes_.text_layers; ++i) PUMICE_TRY(add_block("decoder", std::to_string(i)));
    PUMICE_TRY(add_norm("decoder.ln", "decoder.layer_norm"));
    return std::move(tensors_);
  }

 private:
  Result<void> add(const std::string& ours, const std::string& theirs, std::vector<uint64_t> shape) {
    PUMICE_ASSIGN(PlannedTensor tensor, folder_.tensor(ours, theirs, std::move(shape)));
    tensors_.push_back(std::move(tensor));
    return {};
  }
  Result<void> add_convolution(const std::string& name, uint64_t channels) {
    const std::string full = "encoder." + name;
    PUMICE_TRY(add(full + ".weight", full + ".weight", {width_, channels, 3}));
    PUMICE_TRY(add(full + ".bias", full + ".bias", {width_}));
    tensors_.back().sizes = {1, width_};
    return {};
  }
  Result<void> add_norm(const std::string& ours, const std::string& theirs) {
    PUMICE_TRY(add(ours + ".weight", theirs + ".weight", {width_}));
    return add(ours + ".bias", theirs + ".bias", {width_});
  }
  Result<void> add_linear(const std::string& ours, const std::string& theirs, uint64_t rows, uint64_t columns) {
    PUMICE_TRY(add(ours + ".weight", theirs + ".weight", {rows, columns}));
    return add(ours + ".bias", theirs + ".bias", {rows});
  }
  Result<void> add_attention(const std::string& ours, const std::string& theirs) {
    PUMICE_TRY(add_norm(ours + "_ln", theirs + "_layer_norm"));
    PUMICE_TRY(add_linear(ours + ".query", theirs + ".q_proj", width_, width_));
    PUMICE_TRY(add(ours + ".key.weight", theirs + ".k_proj.weight", {width_, width_}));  // has no bias
    PUMICE_TRY(add_linear(ours + ".value", theirs + ".v_proj", width_, width_));
    return add_linear(ours + ".out", theirs + ".out_proj", width_, width_);
  }
  Result<void> add_block(const std::string& side, const std::string& number) {
    const std::string block = side + ".blocks." + number + ".", layer = side + ".layers." + number + ".";
    PUMICE_TRY(add_attention(block + "attn", layer + "self_attn"));
    if (side == "decoder") PUMICE_TRY(add_attention(block + "cross_attn", layer + "encoder_attn"));
    PUMICE_TRY(add_norm(block + "mlp_ln", layer + "final_layer_norm"));
    PUMICE_TRY(add_linear(block + "mlp.0", layer + "fc1", 4 * width_, width_));
    return add_linear(block + "mlp.2", layer + "fc2", width_, 4 * width_);
  }

  HfFolder& folder_;
  const WhisperSizes& sizes_;
  const uint64_t width_;
  std::vector<PlannedTensor> tensors_;
};

Result<WhisperSizes> read_whisper_sizes(const HfFolder& folder) {
  WhisperSizes sizes;
  const auto read = [&](const char* key, uint64_t most, uint32_t& to) -> Result<void> {
    PUMICE_ASSIGN(const uint64_t number, folder.count(key, most));
    to = static_cast<uint32_t>(number);
    return {};
  };
  PUMICE_TRY(folder.expect("activation_function", {"gelu"}));
  PUMICE_TRY(read("vocab_size", kMostWhisperSize, sizes.vocabulary));
  PUMICE_TRY(read("max_source_positions", 1 << 16, sizes.audio_context));
  PUMICE_TRY(read("d_model", 1 << 14, sizes.audio_state));
  PUMICE_TRY(read("encoder_attention_heads", 1 << 10, sizes.audio_heads));
  PUMICE_TRY(read("encoder_layers", 1 << 10, sizes.audio_layers));
  PUMICE_TRY(read("max_target_positions", 1 << 16, sizes.text_context));
  PUMICE_TRY(read("decoder_attention_heads", 1 << 10, sizes.text_heads));
  PUMICE_TRY(read("decoder_layers", 1 << 10, sizes.text_layers));
  PUMICE_TRY(read("num_mel_bins", 1 << 10, sizes.mels));
  sizes.text_state = sizes.audio_state;
  if (sizes.audio_state % sizes.audio_heads != 0 || sizes.text_state % sizes.text_heads != 0)
    return error(Status::kMalformed, "the width of %u is no multiple of the heads", sizes.audio_state);
  if (!flag_member(folder.config(), "tie_word_embeddings").value_or(true))
    return error(Status::kUnsupported, "an output of its own (tie_word_embeddings false) is not Whisper's");
  return sizes;
}

// The ordinary tokens' bytes; special ones follow from the size of the vocabulary.
Result<std::vector<std::string>> read_words(const HfFolder& folder, uint32_t vocabulary) {
  PUMICE_ASSIGN(const Json ids, folder.read_json("vocab.json"));
  std::vector<std::string> words(std::min<size_t>(kEnglishWords + (vocabulary >= kMultilingual ? 1 : 0), vocabulary));
  std::vector<bool> seen(words.size());
  for (const auto& [name, number] : ids.members()) {
    const std::optional<uint64_t> id = count_of(number);
    if (!id) return error(Status::kMalformed, "vocab.json: the number of %s is none", printable(name).c_str());
    if (*id >= words.size()) continue;
    const std::optional<std::string> bytes = decode_alphabet(name);
    if (!bytes || seen[*id])
      return error(Status::kMalformed, "vocab.json: %s is no token of GPT-2's, or its number is there twice",
                   printable(name).c_str());
    seen[*id] = true;
    words[*id] = *bytes;
  }
  // The empty word of multilingual models need not be there.
  const auto missing = std::ranges::find(seen, false);
  if (missing != seen.end() && missing - seen.begin() != static_cast<ptrdiff_t>(kEnglishWords))
    return error(Status::kMalformed, "vocab.json has no token %td", missing - seen.begin());
  return words;
}

}  // namespace

Result<ConvertPlan> plan_hf_whisper(const std::string& path, ConvertType type) {
  PUMICE_ASSIGN(HfFolder folder, HfFolder::open(path, "model."));
  PUMICE_ASSIGN(const WhisperSizes sizes, read_whisper_sizes(folder));
  PUMICE_ASSIGN(const std::vector<std::string> words, read_words(folder, sizes.vocabulary));
  const std::vector<std::string_view> views(words.begin(), words.end());
  const std::vector<float> filters = slaney_filters(sizes.mels);
  ConvertPlan plan{.kind = "Whisper"};
  plan.whisper_head = whisper_head(sizes, type, std::as_bytes(std::span(filters)), views);
  PUMICE_ASSIGN(plan.tensors, WhisperPlan(folder, sizes).tensors());
  PUMICE_TRY(folder.check_all_used({"proj_out.weight"}));  // the token embedding once more
  PUMICE_TRY(choose_whisper_types(type, plan.tensors));
  return plan;
}

}  // namespace pumice
