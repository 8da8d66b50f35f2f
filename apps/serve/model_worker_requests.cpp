// The part of ModelWorker that makes prompts, pictures, options and grammars of what is asked.
#include <fmt/format.h>

#include <random>
#include <utility>

#include "common/system.h"
#include "serve/model_worker.h"

namespace pumice_serve {

namespace {

constexpr std::size_t kKeptGrammars = 16;

}  // namespace

pumice::ChatPrompt ModelWorker::prompt_of(const Generation& task) const {
  if (!task.chat()) {
    if (!task.ids.empty()) return {{}, task.ids};
    return {task.prompt, model_->tokenize(task.prompt, PUMICE_TOKENIZE_ADD_SPECIAL)};
  }
  if (!chat_) throw ApiError(400, fmt::format("{} does not converse: {}", options_.name, chat_problem_), "model");
  const std::string messages = text_of(task.messages);
  PumiceChatRenderOptions options = pumice_chat_render_options_init();
  options.messages = {messages.data(), messages.size()};
  options.tools = {task.tools.data(), task.tools.size()};
  options.variables = {task.variables.data(), task.variables.size()};
  options.thinking = task.thinking;
  options.add_generation_prompt = task.continue_last ? 0 : 1;
  options.continue_final_message = task.continue_last ? 1 : 0;
  options.now = pumice_apps::local_seconds();
  options.picture_mark = {task.pictures.mark.data(), task.pictures.mark.size()};
  return chat_->render(options);
}

PumiceRequestOptions ModelWorker::options_of(const Generation& task, std::uint32_t reply) const {
  PumiceRequestOptions options = recommended_;
  const auto set = [&](auto Sampling::* member, auto& to) {
    if (options_.defaults.*member) to = *(options_.defaults.*member);
    if (task.sampling.*member) to = *(task.sampling.*member);
  };
  set(&Sampling::temperature, options.temperature);
  set(&Sampling::top_p, options.top_p);
  set(&Sampling::min_p, options.min_p);
  set(&Sampling::top_k, options.top_k);
  set(&Sampling::repeat_penalty, options.repeat_penalty);
  set(&Sampling::frequency_penalty, options.frequency_penalty);
  set(&Sampling::presence_penalty, options.presence_penalty);
  set(&Sampling::max_tokens, options.max_tokens);
  options.biases = task.biases.data();
  options.bias_count = task.biases.size();
  options.log_probabilities = task.log_probabilities ? 1 : 0;
  options.top_tokens = task.top_tokens;
  options.seed = task.sampling.seed ? *task.sampling.seed + reply : std::random_device()();
  return options;
}

// Compiling may take longer than a step, and clients send the same ones again and again.
std::shared_ptr<pumice::Grammar> ModelWorker::grammar_of(const Generation& task) {
  const bool calls = !task.tools.empty() && task.tool_choice != PUMICE_TOOLS_NONE;
  if (!task.grammar && !calls) return nullptr;
  const std::string key = task.grammar ? fmt::format("{}:{}", static_cast<int>(task.grammar->kind), task.grammar->text)
                                       : fmt::format("tools {} {} {}:{}", static_cast<int>(task.tool_choice),
                                                     task.one_call, task.tool_name, task.tools);
  for (auto it = grammars_.begin(); it != grammars_.end(); ++it)
    if (it->first == key) {
      grammars_.splice(grammars_.begin(), grammars_, it);
      return it->second;
    }
  std::shared_ptr<pumice::Grammar> made;
  if (task.grammar) {
    made = std::make_shared<pumice::Grammar>(*model_, task.grammar->kind, task.grammar->text);
  } else {
    PumiceChatGrammarOptions options = pumice_chat_grammar_options_init();
    options.tools = {task.tools.data(), task.tools.size()};
    options.choice = task.tool_choice;
    options.one_call = task.one_call ? 1 : 0;
    options.name = {task.tool_name.data(), task.tool_name.size()};
    try {
      made = std::make_shared<pumice::Grammar>(chat_->grammar(options));
    } catch (const pumice::Error& error) {  // without it, calls come as the model was taught to write them
      if (error.code() != PUMICE_UNSUPPORTED || task.tool_choice == PUMICE_TOOLS_REQUIRED) throw;
      return nullptr;
    }
  }
  grammars_.emplace_front(key, made);
  if (grammars_.size() > kKeptGrammars) grammars_.pop_back();
  return made;
}

std::vector<float> ModelWorker::scales_of(const Generation& task) const {
  std::vector<float> scales;
  for (const ServedAdapter& adapter : options_.adapters) scales.push_back(task.sampling.adapters ? 0 : adapter.scale);
  if (!task.sampling.adapters) return scales;
  for (const auto& [id, scale] : *task.sampling.adapters) {
    if (id >= scales.size())
      throw ApiError(400, fmt::format("there is no adapter {} of {}; it has {}", id, options_.name, scales.size()),
                     "lora");
    scales[id] = scale;
  }
  return scales;
}

std::vector<std::int32_t> ModelWorker::append_pictures(pumice::Sequence& sequence, const pumice::ChatPrompt& prompt,
                                                       const Generation& task) const {
  if (prompt.pictures.size() != task.pictures.files.size())
    throw ApiError(400, "the model's template leaves out messages with pictures", "messages");
  auto at = prompt.ids.begin();
  for (std::size_t i = 0; i < task.pictures.files.size(); ++i) {
    const auto place = prompt.ids.begin() + static_cast<std::ptrdiff_t>(prompt.pictures[i]);
    if (at != place) sequence.append(std::vector<std::int32_t>(at, place));
    const std::string& file = task.pictures.files[i];
    PumiceImage image = pumice_image_init();
    image.file = file.data();
    image.file_size = file.size();
    sequence.append(image);
    at = place;
  }
  if (at == prompt.ids.end()) throw ApiError(400, "there must be some text behind the last picture", "messages");
  return {at, prompt.ids.end()};
}

}  // namespace pumice_serve
