#include "model/step_list.h"

#include "kernels/argmax.h"
#include "kernels/sample.h"

namespace pumice {
namespace {

void list_step(Recorder recorder, const ListedModel& model, const StepShape& step) {
  PUMICE_CHECK(recorder.list);
  Workspace work;
  const std::vector<KvPages> pages(model.spec.layers.size(),
                                   KvPages{.format = model.kv, .k = {}, .v = {}, .page_table = {}});
  const std::vector<States> states(model.spec.layers.size());
  const StepContext context{
      .spec = model.spec, .weights = model.weights, .work = work, .pages = pages, .states = states, .step = step};
  if (model.spec.causal)
    record_step(recorder, context);
  else
    record_encoding(recorder, context);
}

}  // namespace

void list_decode(Recorder recorder, const ListedModel& model) {
  if (!model.spec.causal) return;
  const vk::BufferView arguments;
  list_step(recorder, model,
            {.n = 1, .one_sequence = false, .step_rows = {}, .decode_arguments = &arguments, .logit_count = 1});
  argmax(recorder, {.logits = {}, .cols = model.spec.vocabulary});
  sample(recorder, {.logits = {}, .cols = model.spec.vocabulary});
}

void list_prompt(Recorder recorder, const ListedModel& model, uint32_t n) {
  const AttentionTexts texts{.spans = {}, .count = 1, .longest = 1, .both_ways = true};
  if (model.spec.causal)
    list_step(recorder, model, {.n = n, .one_sequence = true, .step_rows = {}, .first_logit = n - 1, .logit_count = 1});
  else
    list_step(recorder, model, {.n = n, .texts = &texts, .exact = Exactness::kMany, .step_rows = {}});
}

std::set<uint32_t> list_adaptable(Recorder recorder, const ListedModel& model) {
  std::set<uint32_t> reached;
  if (model.spec.causal && model.spec.encoder.empty())
    list_step(recorder, model,
              {.n = 1, .one_sequence = true, .step_rows = {}, .logit_count = 1, .adaptable = &reached});
  return reached;
}

}  // namespace pumice
