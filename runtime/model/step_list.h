// What steps of a model take, listed instead of recorded.
#pragma once

#include <set>

#include "model/step.h"

namespace pumice {

struct ListedModel {
  const ModelSpec& spec;
  const DecoderWeights& weights;
  KvFormat kv;
};

// `recorder` has a list. Of one token of each of several sequences, with what draws the next ones; an encoder: nothing.
void list_decode(Recorder recorder, const ListedModel& model);
// Of `n` tokens of one sequence, or of one text of an encoder.
void list_prompt(Recorder recorder, const ListedModel& model, uint32_t n);
// The matrices to which steps of the model add adapters, by Projection::adaptable; of an encoder none.
std::set<uint32_t> list_adaptable(Recorder recorder, const ListedModel& model);

}  // namespace pumice
