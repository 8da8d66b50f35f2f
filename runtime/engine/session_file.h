// Session files: a sequence with its tokens and, unless asked otherwise, its keys and values, for savegames.
//
// session_format.h has the layout. Nothing of a file is used before all of it has been proven. It is not secret and not
// signed: whoever may change it may change the sequence, so pages that come from one are never shared with other
// sequences.
#pragma once

#include "engine/context.h"
#include "engine/session_format.h"

namespace pumice {

// The sequence is idle. digest: of the model (model/digest.h).
Result<void> save_session(Context& context, Sequence& sequence, SessionKv kv, std::string_view digest,
                          const SessionSink& sink);
// A new sequence. kMalformed: damaged, or no session; kUnsupported: of another model; kContextFull: too long for the
// context. Keys and values of another type or layout are left out and will be computed again.
Result<Sequence*> load_session(Context& context, std::string_view group, std::string_view digest,
                               const SessionSource& source);

}  // namespace pumice
