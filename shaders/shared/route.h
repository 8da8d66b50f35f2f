// route: of the experts of a mixture, those that each row takes, and their weights, from the router's logits.
//
// A choice is two words: the expert, and the bits of its weight. Probabilities are the softmax of all logits, their
// sigmoids, or (kRouteSelected) the softmax of the selected ones. The highest are selected, of equal ones the first; a
// bias (experts) takes part in that and not in the weight. With groups of experts, only those in the groups_used groups
// whose best two have the highest sums can be selected. Weights are divided by their sum where that is asked for, then
// multiplied by scale. Sources: Shazeer et al. 2017; DeepSeek-AI 2024 (bias of selection, groups).
#ifndef PUMICE_SHARED_ROUTE_H
#define PUMICE_SHARED_ROUTE_H
#include "types.h"

SHARED_BEGIN
struct RoutePush {
  uint experts, used;
  uint logits_stride;  // in floats
  uint gating;         // kRoute…
  uint biased, normalised;
  uint scaled;  // 1: weights are multiplied by the scale of their expert in the end
  uint groups, groups_used;  // groups of experts; 1: all are in one
  float scale;
};
SHARED_CONST kRouteBindings = 4u;      // logits, bias, choices (rows, used), scales
SHARED_CONST kRouteChoiceWords = 2u;
SHARED_CONST kRouteMostExperts = 512u;
SHARED_CONST kRouteMostUsed = 32u;
SHARED_CONST kRouteMostGroups = 64u;
SHARED_CONST kRouteSoftmax = 0u;
SHARED_CONST kRouteSigmoid = 1u;
SHARED_CONST kRouteSelected = 2u;
SHARED_CONST kRouteLeastSum = 0x388001aeu;  // bits of 6.1037e-5: no smaller sum is divided by
SHARED_END

#endif
