// `pumice top`: the most likely next tokens after a text.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include "adapters.h"
#include "commands.h"
#include "images.h"
#include "input.h"
#include "interrupt.h"
#include "output.h"

namespace pumice_cli {

namespace {

using Json = nlohmann::ordered_json;

struct TopFlags {
  std::string model;
  DeviceFlags device;
  ContextFlags context;
  ImageFlags images;
  AdapterFlags adapters;
  PromptFlags prompt;
  std::uint32_t count = 5;
  bool json = false;
};

struct Candidate {
  std::int32_t id;
  double logprob;
};

// Log-softmax in double precision; the best `count`, equal ones by id. Throws Failure for logits that are not finite.
std::vector<Candidate> best_tokens(const std::vector<float>& logits, std::size_t count) {
  const bool finite = std::all_of(logits.begin(), logits.end(), [](float x) { return std::isfinite(x); });
  if (!finite) throw Failure(kExitInternal, "the device computed logits that are not finite: try another --device");
  const double peak = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - peak);
  const double log_total = peak + std::log(sum);
  std::vector<std::int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  count = std::min(count, order.size());
  const auto logit_of = [&](std::int32_t id) { return logits[static_cast<std::size_t>(id)]; };
  std::partial_sort(
      order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
      [&](std::int32_t a, std::int32_t b) { return logit_of(a) != logit_of(b) ? logit_of(a) > logit_of(b) : a < b; });
  std::vector<Candidate> best;
  for (std::size_t i = 0; i < count; ++i) best.push_back({order[i], logit_of(order[i]) - log_total});
  return best;
}

// "" for ids beyond the tokenizer's: some models have more rows of logits than tokens.
std::string text_of(const pumice::Model& model, std::int32_t id) {
  try {
    return model.token_text(id);
  } catch (const pumice::Error&) {
    return {};
  }
}

void print_table(const pumice::Model& model, const std::vector<Candidate>& best) {
  std::string table = fmt::format("{:>8}{:>12}{:>9}  {}\n", "id", "logprob", "p", "text");
  for (const Candidate& candidate : best) {
    const Json text = text_of(model, candidate.id);
    table += fmt::format("{:>8}{:>12.6f}{:>8.2f}%  {}\n", candidate.id, candidate.logprob,
                         100 * std::exp(candidate.logprob), text.dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  write_stdout(table);
}

void print_top(const TopFlags& flags, Messages* messages) {
  const std::string text = read_prompt(flags.prompt);
  const Session session(flags.device, messages, flags.model, flags.context);
  const pumice::Model& model = session.model();
  const Adapters adapters(model, flags.adapters);
  PumiceContextOptions options = flags.context.options();
  adapters.add_to(&options);
  pumice::Context context(model, options);
  pumice::Sequence sequence(context);
  adapters.choose(sequence);
  std::vector<ImageUse> images;
  const std::vector<std::int32_t> ids =
      flags.images.files.empty()
          ? tokenize_prompt(model, text, flags.prompt, flags.device.quiet)
          : append_images(model, sequence, text, flags.prompt, flags.images, flags.device.quiet, &images);
  check_prompt_fits(sequence.info().tokens + ids.size(), context.stats().context_tokens);
  const std::vector<Candidate> best =
      best_tokens(evaluate(sequence, ids, model.info().vocabulary, flags.device.quiet), flags.count);
  throw_if_interrupted();
  if (flags.json) {
    Json rows = Json::array();
    for (const Candidate& candidate : best) {
      rows.push_back({{"id", candidate.id}, {"logprob", candidate.logprob}, {"text", text_of(model, candidate.id)}});
    }
    const Json json = {
        {"model", session.model_name()}, {"device", session.device_name()}, {"prompt_ids", ids}, {"top", rows}};
    write_stdout(json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
  } else {
    print_table(model, best);
  }
}

int top(const TopFlags& flags) {
  catch_interrupts();
  Messages messages(flags.device);
  print_top(flags, &messages);
  return messages.exit_code();  // after the session has ended: that may have its messages, too
}

}  // namespace

void add_top_command(CLI::App* app, Action* action) {
  auto flags = std::make_shared<TopFlags>();
  CLI::App* command = app->add_subcommand("top", "print the most likely next tokens after a text");
  command->footer(std::string("\nLog-probabilities are natural. ") + kPromptHelp);
  add_model_flag(command, &flags->model);
  add_image_flags(command, &flags->images);
  add_adapter_flag(command, &flags->adapters);
  add_prompt_flags(command, &flags->prompt, true);
  command->add_option("-k,--count", flags->count, "how many")
      ->check(CLI::Range(1u, 1u << 24).description(""))
      ->type_name("K")
      ->capture_default_str();
  command->add_flag("--json", flags->json, "an object with prompt_ids and top (id, logprob, text)");
  add_context_flags(command, &flags->context, true);
  add_device_flags(command, &flags->device);
  command->callback([=] {
    if (!flags->images.files.empty() && !flags->prompt.ids.empty())
      throw CLI::ValidationError("--image goes with a text, not with --ids");
    flags->device.projector = flags->images.projector;
    flags->device.pictures = !flags->images.files.empty();
    *action = [flags] { return top(*flags); };
  });
}

}  // namespace pumice_cli
