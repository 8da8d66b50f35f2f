#include "text/chat/built_in.h"

namespace pumice::chat {
namespace {

struct BuiltIn {
  const char* token;         // in the vocabulary; empty: any
  const char* architecture;  // empty: any
  const char* source;
};

// The system message, where there is one, stands before the first user's.
#define PUMICE_SYSTEM_FIRST                                                                 \
  "{%- if messages[0].role == 'system' %}{% set system = messages[0].content + '\\n\\n' %}" \
  "{% set messages = messages[1:] %}{% else %}{% set system = '' %}{% endif %}"

// A flat table; the first that fits counts.
constexpr BuiltIn kBuiltIn[] = {
    // ChatML: Qwen, Yi, SmolLM, Hermes and many others
    {"<|im_start|>", "",
     "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}"
     "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"},
    // Llama 3
    {"<|start_header_id|>", "",
     "{{ bos_token }}{% for m in messages %}{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\\n\\n' + m.content"
     " | trim + '<|eot_id|>' }}{% endfor %}"
     "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"},
    // Llama 4
    {"<|header_start|>", "",
     "{{ bos_token }}{% for m in messages %}{{ '<|header_start|>' + m.role + '<|header_end|>\\n\\n' + m.content | trim"
     " + '<|eot|>' }}{% endfor %}"
     "{% if add_generation_prompt %}{{ '<|header_start|>assistant<|header_end|>\\n\\n' }}{% endif %}"},
    // Gemma 1 to 3
    {"<start_of_turn>", "",
     "{{ bos_token }}" PUMICE_SYSTEM_FIRST
     "{% for m in messages %}{{ '<start_of_turn>' + ('model' if m.role == 'assistant' else m.role) + '\\n' }}"
     "{% if loop.first %}{{ system }}{% endif %}{{ m.content | trim + '<end_of_turn>\\n' }}{% endfor %}"
     "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}"},
    // Gemma 4
    {"<|turn>", "",
     "{{ bos_token }}{% for m in messages %}{{ '<|turn>' + ('model' if m.role == 'assistant' else m.role) + '\\n' +"
     " m.content | trim + '<turn|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|turn>model\\n' }}{% endif %}"},
    // gpt-oss
    {"<|channel|>", "",
     "{% for m in messages %}{{ '<|start|>' + m.role + ('<|channel|>final' if m.role == 'assistant' else '') +"
     " '<|message|>' + m.content + '<|end|>' }}{% endfor %}"
     "{% if add_generation_prompt %}{{ '<|start|>assistant' }}{% endif %}"},
    // Granite 3 and 4
    {"<|start_of_role|>", "",
     "{% for m in messages %}{{ '<|start_of_role|>' + m.role + '<|end_of_role|>' + m.content + '<|end_of_text|>\\n' }}"
     "{% endfor %}{% if add_generation_prompt %}{{ '<|start_of_role|>assistant<|end_of_role|>' }}{% endif %}"},
    // Command R
    {"<|START_OF_TURN_TOKEN|>", "",
     "{{ bos_token }}{% for m in messages %}{{ '<|START_OF_TURN_TOKEN|>' + {'system': '<|SYSTEM_TOKEN|>', 'user':"
     " '<|USER_TOKEN|>', 'assistant': '<|CHATBOT_TOKEN|>'}[m.role] + m.content | trim + '<|END_OF_TURN_TOKEN|>' }}"
     "{% endfor %}{% if add_generation_prompt %}{{ '<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>' }}{% endif %}"},
    // DeepSeek V2.5 to V3.1
    {"<｜Assistant｜>", "",
     "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}{{ m.content }}{% elif m.role == 'user' %}"
     "{{ '<｜User｜>' + m.content }}{% else %}{{ '<｜Assistant｜>' + m.content + eos_token }}{% endif %}{% endfor %}"
     "{% if add_generation_prompt %}{{ '<｜Assistant｜>' }}{% endif %}"},
    // GLM 4
    {"[gMASK]", "",
     "{{ '[gMASK]<sop>' }}{% for m in messages %}{{ '<|' + m.role + '|>\\n' + m.content }}{% endfor %}"
     "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"},
    // Phi 3
    {"<|end|>", "phi3",
     "{% for m in messages %}{{ '<|' + m.role + '|>\\n' + m.content + '<|end|>\\n' }}{% endfor %}"
     "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"},
    // Mistral with a system prompt of its own (V7), then without
    {"[SYSTEM_PROMPT]", "",
     "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}{{ '[SYSTEM_PROMPT]' + m.content +"
     " '[/SYSTEM_PROMPT]' }}{% elif m.role == 'user' %}{{ '[INST]' + m.content + '[/INST]' }}{% else %}"
     "{{ m.content + eos_token }}{% endif %}{% endfor %}"},
    {"[INST]", "",
     "{{ bos_token }}" PUMICE_SYSTEM_FIRST
     "{% for m in messages %}{% if m.role == 'user' %}{{ '[INST] ' }}{% if loop.last %}{{ system }}{% endif %}"
     "{{ m.content + '[/INST]' }}{% else %}{{ ' ' + m.content + eos_token }}{% endif %}{% endfor %}"},
    // Zephyr and TinyLlama, StableLM 2
    {"<|assistant|>", "",
     "{% for m in messages %}{{ '<|' + m.role + '|>\\n' + m.content + eos_token + '\\n' }}{% endfor %}"
     "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"},
};

#undef PUMICE_SYSTEM_FIRST

}  // namespace

std::string_view built_in_template(std::string_view architecture, const std::function<bool(std::string_view)>& has) {
  for (const BuiltIn& one : kBuiltIn) {
    const std::string_view family = one.architecture;
    if (has(one.token) && (family.empty() || family == architecture)) return one.source;
  }
  return {};
}

}  // namespace pumice::chat
