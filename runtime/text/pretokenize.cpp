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

struct Preset {
  std::string_view name;
  const SplitRule* rules;
  size_t rule_count;
  bool ignores_merges = false;
  bool adds_bos = false;
};

template <size_t N>
constexpr Preset preset(std::string_view name, const SplitRule (&rules)[N], bool ignores_merges = false,
                        bool adds_bos = false) {
  return {name, rules, N, ignores_merges, adds_bos};
}

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
    preset("llama-bpe", kLlama3, true, true),
    preset("llama3", kLlama3, true, true),
    preset("llama-v3", kLlama3, true, true),
    preset("falcon3", kLlama3, true, true),
    preset("falcon-h1", kLlama3, true, true),
    preset("pixtral", kLlama3, true, true),
    preset("midm-2.0", kLlama3, true, true),
    preset("lfm2", kLlama3, true, true),
    preset("jina-v5-nano", kLlama3, true, true),
    preset("dbrx", kLlama3),
    preset("smaug-bpe", kLlama3),
    preset("glm4", kLlama3),
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
    preset("tekken", kTekken, true, true),
    preset("gpt-4o", kGpt4o),
    preset("llama4", kGpt4o),
    preset("kanana2", kGpt4o),
    preset("minimax-m2", kGpt4o),
    preset("deepseek-llm", kDeepseekLlm),
    preset("deepseek-coder", kDeepseekCoder),
    preset("deepseek-v3", kDeepseekV3),
    preset("hunyuan-dense", kDeepseekV3),
    preset("joyai-llm", kDeepseekV3),
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
    result.ignores_merges_ = p.ignores_merges;
    result.adds_bos_ = p.adds_bos;
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
