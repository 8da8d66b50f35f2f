// States of sequences: what each layer without attention keeps of the tokens so far, as floats. A place is a
// sequence's, by its slot, or holds a snapshot.
#ifndef PUMICE_SHARED_STATES_H
#define PUMICE_SHARED_STATES_H
#include "types.h"

SHARED_BEGIN
SHARED_CONST kMostSnapshots = 2u;  // of a step
SHARED_CONST kNoSnapshot = 0xffffffffu;
SHARED_END

#endif
