#include "text/pretokenize.h"

#include <iterator>
#include <string>
#include <utility>

#include "base/printable.h"
#include "text/split_rules.h"
#include "text/unicode.h"

namespace pumice {
namespace {

constexpr SplitRule kDefault[] = {split::punctuation, split::gpt2, split::numbers, split::three_digits};
constexpr SplitRule kGpt2[] = {split::gpt2};
constexpr SplitRule kLlama3[] = {split::llama3};
constexpr SplitRule kQwen2[] = {split::qwen2};
constexpr SplitRule kQwen35[] = {split::qwen35};
constexpr SplitRule kStarcoder[] = {split::number, split::gpt2};
constexpr SplitRule kFalcon[] = {split::punctuation_and_backtick, split::gpt2, split::three_digits};
constexpr SplitRule kTekken[] = {split::tekken};
constexpr SplitRule kGpt4o[] = {split::gpt4o};
constexpr SplitRule kDeepseekLlm[] = {split::newline,        split::spaced_cased_letters, split::spaced_deepseek_marks,
                                      split::trailing_space, split::east_asian,           split::numbers};
constexpr SplitRule kDeepseekCoder[] = {split::newline, split::spaced_letters, split::spaced_punctuation,
                                        split::east_asian, split::number};
constexpr SplitRule kDeepseekV3[] = {split::numbers_by_three, split::han_and_kana, split::deepseek_v3};
constexpr SplitRule kSpark[] = {split::number, split::han_and_kana, split::spark};
constexpr SplitRule kUfakzeka[] = {split::ufakzeka};
constexpr SplitRule kSeedCoder[] = {split::seed_coder};
constexpr SplitRule kMinicpm5[] = {split::numbers_by_three, split::llama3};
constexpr SplitRule kLaguna[] = {split::newline_runs, split::qwen2};
constexpr SplitRule kJais2[] = {split::jais2};
constexpr SplitRule kGraniteEmbed[] = {split::granite_embed};
constexpr SplitRule kTinyAya[] = {split::numbers_from_right, split::tiny_aya};
constexpr SplitRule kYoutu[] = {split::youtu_scripts, split::youtu};
constexpr SplitRule kKimiK2[] = {split::kimi_k2};
constexpr SplitRule kK2Horizon[] = {split::k2_horizon};
constexpr SplitRule kExaoneMoe[] = {split::exaone_moe};
constexpr SplitRule kAfmoe[] = {split::numbers_from_right, split::asian_scripts, split::deepseek_v3};
constexpr SplitRule kSuperbpe[] = {split::numbers, split::before_three_digits};
constexpr SplitRule kBloom[] = {split::bloom};
constexpr SplitRule kViking[] = {split::bloom, split::number};
constexpr SplitRule kChameleon[] = {split::sentinels, split::image_tokens, split::tabs_lines_and_blanks,
                                    split::number,    split::one_mark,     split::gpt2};
constexpr SplitRule kNewlineRuns[] = {split::newline_runs};
constexpr SplitRule kMarkedWords[] = {split::newline_runs, split::space_marks};
constexpr SplitRule kNotSpace[] = {split::not_space};

struct Preset {
  std::string_view name;
  const SplitRule* rules;
  size_t rule_count;
  PreTokenizer::Traits traits;
};

template <size_t N>
constexpr Preset preset(std::string_view name, const SplitRule (&rules)[N], PreTokenizer::Traits traits = {}) {
  return {name, rules, N, traits};
}

constexpr PreTokenizer::Traits kWholeWords = {.ignores_merges = true};
constexpr PreTokenizer::Traits kBos = {.adds_bos = true};
constexpr PreTokenizer::Traits kWholeWordsAndBos = {.ignores_merges = true, .adds_bos = true};
constexpr PreTokenizer::Traits kCharacters = {.characters = true, .escapes_spaces = true};
constexpr PreTokenizer::Traits kRawNames = {.characters = true};
constexpr PreTokenizer::Traits kMmbert = {
    .characters = true, .escapes_spaces = true, .whole_newlines = true, .marks_words = true};
constexpr PreTokenizer::Traits kGemma4 = {
    .adds_bos = true, .forces_bos = true, .characters = true, .escapes_spaces = true, .whole_newlines = true};

// The names that share a rule list differ only in the vocabularies they come with. A flat table.
constexpr Preset kPresets[] = {
    preset("default", kDefault),
    preset("gpt-2", kGpt2),
    preset("phi-2", kGpt2),
    preset("jina-es", kGpt2),
    preset("jina-de", kGpt2),
    preset("jina-v1-en", kGpt2),
    preset("jina-v2-es", kGpt2),
    preset("jina-v2-de", kGpt2),
    preset("jina-v2-code", kGpt2),
    preset("roberta-bpe", kGpt2),
    preset("gigachat", kGpt2),
    preset("a.x-4.0", kGpt2),
    preset("mellum", kGpt2),
    preset("modern-bert", kGpt2),
    preset("exaone4", kGpt2),
    preset("mpt", kGpt2),
    preset("olmo", kGpt2),
    preset("jais", kGpt2),
    preset("trillion", kGpt2),
    preset("granite-docling", kGpt2),
    preset("llama-bpe", kLlama3, kWholeWordsAndBos),
    preset("llama3", kLlama3, kWholeWordsAndBos),
    preset("llama-v3", kLlama3, kWholeWordsAndBos),
    preset("falcon3", kLlama3, kWholeWordsAndBos),
    preset("falcon-h1", kLlama3, kWholeWordsAndBos),
    preset("pixtral", kLlama3, kWholeWordsAndBos),
    preset("midm-2.0", kLlama3, kWholeWordsAndBos),
    preset("lfm2", kLlama3, kWholeWordsAndBos),
    preset("jina-v5-nano", kLlama3, kWholeWordsAndBos),
    preset("dbrx", kLlama3),
    preset("smaug-bpe", kLlama3),
    preset("glm4", kLlama3, kWholeWords),
    preset("chatglm-bpe", kLlama3),
    preset("qwen2", kQwen2),
    preset("deepseek-r1-qwen", kQwen2),
    preset("kormo", kQwen2),
    preset("f2llmv2", kQwen2),
    preset("megrez", kQwen2),
    preset("stablelm2", kQwen2),
    preset("hunyuan", kQwen2),
    preset("solar-open", kQwen2),
    preset("grok-2", kQwen2),
    preset("qwen35", kQwen35),
    preset("starcoder", kStarcoder),
    preset("refact", kStarcoder),
    preset("command-r", kStarcoder),
    preset("smollm", kStarcoder),
    preset("codeshell", kStarcoder),
    preset("exaone", kStarcoder),
    preset("minerva-7b", kStarcoder),
    preset("mellum2", kStarcoder),
    preset("falcon", kFalcon),
    preset("tekken", kTekken, kWholeWordsAndBos),
    preset("gpt-4o", kGpt4o),
    preset("llama4", kGpt4o),
    preset("kanana2", kGpt4o),
    preset("minimax-m2", kGpt4o),
    preset("deepseek-llm", kDeepseekLlm),
    preset("deepseek-coder", kDeepseekCoder),
    preset("deepseek-v3", kDeepseekV3),
    preset("hunyuan-dense", kDeepseekV3),
    preset("joyai-llm", kDeepseekV3),
    preset("hy_v4", kDeepseekV3),
    preset("bailingmoe", kQwen2),
    preset("bailingmoe2", kQwen2),
    preset("llada-moe", kQwen2),
    preset("glm5", kLlama3, kWholeWords),
    preset("talkie", kGpt4o),
    preset("seed-coder", kSeedCoder),
    preset("minicpm5", kMinicpm5, kWholeWords),
    preset("laguna", kLaguna),
    preset("jais-2", kJais2),
    preset("granite-embed-multi-97m", kGraniteEmbed, kWholeWords),
    preset("tiny_aya", kTinyAya),
    preset("cohere2moe", kTinyAya),
    preset("youtu", kYoutu, kWholeWords),
    preset("kimi-k2", kKimiK2),
    preset("k2-horizon", kK2Horizon),
    preset("exaone-moe", kExaoneMoe),
    preset("afmoe", kAfmoe),
    preset("spark2_5", kSpark),
    preset("ufakzeka", kUfakzeka),
    preset("superbpe", kSuperbpe),
    preset("bloom", kBloom),
    preset("poro-chat", kBloom),
    preset("gpt3-finnish", kBloom),
    preset("viking", kViking),
    preset("chameleon", kChameleon, kBos),
    preset("gemma4", kNewlineRuns, kGemma4),
    preset("granite-embed-multi-311m", kNewlineRuns, kGemma4),
    preset("mmbert", kMarkedWords, kMmbert),
    preset("sarvam-moe", kNewlineRuns, kCharacters),
    preset("whitespace", kNotSpace, kRawNames),
};

std::string known_names() {
  std::string names;
  for (const Preset& p : kPresets) {
    if (!names.empty()) names += ", ";
    names += p.name;
  }
  return names;
}

}  // namespace

TextUnits decode_units(std::string_view text) {
  TextUnits units;
  units.code_points.reserve(text.size());
  units.classes.reserve(text.size());
  units.offsets.reserve(text.size() + 1);
  for (size_t at = 0; at < text.size();) {
    const Utf8Unit unit = first_unit(text.substr(at, 4));
    units.code_points.push_back(unit.code_point);
    units.classes.push_back(char_class(unit.code_point));
    units.offsets.push_back(static_cast<uint32_t>(at));
    at += unit.state == Utf8State::kValid ? unit.length : 1;
  }
  units.offsets.push_back(static_cast<uint32_t>(text.size()));
  return units;
}

Result<PreTokenizer> PreTokenizer::create(std::string_view name) {
  if (name.empty()) name = "default";
  for (const Preset& p : kPresets) {
    if (p.name != name) continue;
    PreTokenizer result;
    result.rules_ = p.rules;
    result.rule_count_ = p.rule_count;
    result.traits_ = p.traits;
    return result;
  }
  const std::string shown = printable(name.substr(0, 64));
  return error(Status::kUnsupported, "unknown pre-tokenizer '%s' in tokenizer.ggml.pre; known are %s", shown.c_str(),
               known_names().c_str());
}

std::vector<uint32_t> PreTokenizer::split(std::string_view text) const {
  const TextUnits units = decode_units(text);
  std::vector<size_t> ends;
  if (units.size() > 0) ends.push_back(units.size());
  for (size_t r = 0; r < rule_count_; ++r) {
    std::vector<size_t> next;
    next.reserve(ends.size());
    size_t begin = 0;
    for (const size_t end : ends) {
      rules_[r](units, begin, end, next);
      begin = end;
    }
    ends = std::move(next);
  }
  std::vector<uint32_t> offsets(ends.size());
  for (size_t i = 0; i < ends.size(); ++i) offsets[i] = units.offsets[ends[i]];
  return offsets;
}

}  // namespace pumice
