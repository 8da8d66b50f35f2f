#include "text/control_names.h"

#include <algorithm>

#include "text/unicode.h"

namespace pumice {
namespace {

constexpr std::string_view kEndOfTurn[] = {
    "<|eot_id|>", "<|im_end|>", "<|end|>",       "<end_of_turn>",   "<end_of_utterance>",   "<EOT>",
    "_<EOT>",     "[EOT]",      "<|endoftext|>", "<|end_of_text|>", "<｜end▁of▁sentence｜>"};

// The last three rows part one file from the next in models trained on code.
constexpr std::string_view kEndOfGeneration[] = {"<|eot_id|>",
                                                 "<|im_end|>",
                                                 "<|end|>",
                                                 "<|return|>",
                                                 "<|call|>",
                                                 "<|calls|>",
                                                 "<|flush|>",
                                                 "<end_of_turn>",
                                                 "<|endoftext|>",
                                                 "</s>",
                                                 "<|eom_id|>",
                                                 "<EOT>",
                                                 "_<EOT>",
                                                 "[EOT]",
                                                 "[EOS]",
                                                 "<|end_of_text|>",
                                                 "<end_of_utterance>",
                                                 "<eos>",
                                                 "<turn|>",
                                                 "<|tool_response>",
                                                 "[e~[",
                                                 "<｜end▁of▁sentence｜>",
                                                 "<|content_model_end_sampling|>",
                                                 "<|fim_pad|>",
                                                 "<fim-pad>",
                                                 "<fim_pad>",
                                                 "<PAD>",
                                                 "[PAD]",
                                                 "<|fim_repo|>",
                                                 "<|repo_name|>",
                                                 "<fim-repo>",
                                                 "<REPO>",
                                                 "<reponame>",
                                                 "<|file_sep|>"};

constexpr std::string_view kFillInTheMiddle[] = {
    "<|fim_prefix|>",  "<fim-prefix>",  "<fim_prefix>",    "<｜fim▁begin｜>", "<PRE>",           "▁<PRE>",
    "<|code_prefix|>", "<|prefix|>",    "<|fim_suffix|>",  "<fim-suffix>",    "<fim_suffix>",    "<｜fim▁hole｜>",
    "<SUF>",           "▁<SUF>",        "<|code_suffix|>", "<|suffix|>",      "<|fim_middle|>",  "<fim-middle>",
    "<fim_middle>",    "<｜fim▁end｜>", "<MID>",           "▁<MID>",          "<|code_middle|>", "<|middle|>"};

constexpr std::string_view kShown[] = {"<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"};

// Not of the common form.
constexpr std::string_view kOthers[] = {
    // beginnings, ends and paddings
    "<bos>", "<pad>", "<mask>", "<BOS_TOKEN>", "<EOS_TOKEN>", "<UNK>", "[BOS]", "[UNK]", "[CLS]", "[SEP]", "[MASK]",
    "[gMASK]", "<sop>", "<eop>", "]~b]", "]~!b[",
    // roles
    "<start_of_turn>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]",
    "[MODEL_SETTINGS]", "[/MODEL_SETTINGS]", "<seed:bos>", "<seed:eos>",
    // tools
    "[TOOL_CALLS]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[TOOL_CONTENT]",
    "[ARGS]", "[CALL_ID]", "<tool_call>", "</tool_call>", "<tool_calls>", "</tool_calls>", "<tool_response>",
    "</tool_response>", "<tool_results>", "</tool_results>", "<tool_output>", "</tool_output>", "<tool_sep>",
    "<tool_list>", "</tool_list>", "<function_call>", "</function_call>", "<start_function_call>",
    "<end_function_call>", "<start_function_declaration>", "<end_function_declaration>", "<start_function_response>",
    "<end_function_response>", "<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>", "<minimax:tool_call>",
    "</minimax:tool_call>", "<seed:tool_call>", "</seed:tool_call>",
    // thoughts
    "<think>", "</think>", "<thinking>", "</thinking>", "<reasoning>", "</reasoning>", "[THINK]", "[/THINK]",
    "<seed:think>", "</seed:think>", "<seed:cot_budget_reflect>", "</seed:cot_budget_reflect>",
    // pictures and sounds
    "[IMG]", "[IMG_BREAK]", "[IMG_END]", "[AUDIO]", "[BEGIN_AUDIO]", "<image>", "<start_of_image>", "<end_of_image>",
    "<image_soft_token>", "<audio_soft_token>", "<start_of_audio>", "<end_of_audio>", "<fake_token_around_image>",
    "<global-img>",
    // files of code
    "[PREFIX]", "[MIDDLE]", "[SUFFIX]", "<file_sep>", "<repo_name>", "<filename>", "<gh_stars>", "<issue_start>",
    "<issue_comment>", "<issue_closed>", "<jupyter_start>", "<jupyter_text>", "<jupyter_code>", "<jupyter_output>",
    "<jupyter_script>", "<empty_output>", "<commit_before>", "<commit_msg>", "<commit_after>"};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Letters, digits and what parts words, with a letter among them.
bool is_word(std::string_view text) {
  bool letters = false;
  while (!text.empty()) {
    if (text.starts_with(kSpaceMark)) {
      text.remove_prefix(kSpaceMark.size());
      continue;
    }
    const char c = text.front();
    letters |= is_letter(c);
    if (!is_letter(c) && !(c >= '0' && c <= '9') && std::string_view("_- .:/").find(c) == std::string_view::npos)
      return false;
    text.remove_prefix(1);
  }
  return letters;
}

bool encloses_word(std::string_view name, std::string_view open, std::string_view close) {
  return name.size() > open.size() + close.size() && name.starts_with(open) && name.ends_with(close) &&
         is_word(name.substr(open.size(), name.size() - open.size() - close.size()));
}

template <size_t N>
bool among(const std::string_view (&names)[N], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

}  // namespace

std::span<const std::string_view> end_of_turn_names() { return kEndOfTurn; }
std::span<const std::string_view> end_of_generation_names() { return kEndOfGeneration; }
std::span<const std::string_view> fill_in_the_middle_names() { return kFillInTheMiddle; }
std::span<const std::string_view> shown_names() { return kShown; }

bool is_control_name(std::string_view name) {
  if (name.size() < 3 || (std::string_view("<[]_").find(name[0]) == std::string_view::npos && !name.starts_with("▁<")))
    return false;
  if (encloses_word(name, "<|", "|>") || encloses_word(name, "<｜", "｜>") || encloses_word(name, "<|", ">") ||
      encloses_word(name, "<", "|>"))
    return true;
  constexpr size_t kLongest = 40;  // of those that are listed
  if (name.size() > kLongest) return false;
  return among(kEndOfTurn, name) || among(kEndOfGeneration, name) || among(kFillInTheMiddle, name) ||
         among(kOthers, name);
}

}  // namespace pumice
