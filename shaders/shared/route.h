// route: of the experts of a mixture, those that each row takes, and their weights, from the router's logits.
//
// A choice is two words: the expert, and the bits of its weight. Probabilities are the softmax of all logits, their
// sigmoids, or (kRouteSelected) the softmax of the selected ones. The highest are selected, of equal ones the first; a
// bias (experts) takes part in that and not in the weight. Weights are divided by their sum where that is asked for,
// then multiplied by scale. Sources: Shazeer et al. 2017; DeepSeek-AI 2024 (bias of selection).
#ifndef PUMICE_SHARED_ROUTE_H
#define PUMICE_SHARED_ROUTE_H
#include "types.h"

SHARED_BEGIN
struct RoutePush {
  uint experts, used;
  uint logits_stride;  // in floats
  uint gating;         // kRoute…
  uint biased, normalised;
  float scale;
};
SHARED_CONST kRouteBindings = 3u;      // logits, bias, choices (rows, used)
SHARED_CONST kRouteMostExperts = 512u;
SHARED_CONST kRouteMostUsed = 32u;
SHARED_CONST kRouteSoftmax = 0u;
SHARED_CONST kRouteSigmoid = 1u;
SHARED_CONST kRouteSelected = 2u;
SHARED_CONST kRouteLeastSum = 0x388001aeu;  // bits of 6.1037e-5: no smaller sum is divided by
SHARED_END

#endif
