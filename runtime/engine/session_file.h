// Session files: a sequence with its tokens and, unless asked otherwise, its keys and values, for savegames.
//
// Layout, little-endian: magic, version, encoding, lengths, the model's digest, the cache identity (identity.h),
// tokens, then page after page, and last a BLAKE2b-256 of all that. A file is damaged or whole: nothing of it is used
// before the sum has been checked. It is not secret and not signed: whoever may change it may change the sequence, so
// pages that come from one are never shared with other sequences.
#pragma once

#include <functional>
#include <string>

#include "engine/context.h"

namespace pumice {

enum class SessionKv : uint32_t {
  kExact = 0,   // as it is: going on equals never having stopped
  kQ8 = 1,      // eight bits a value with a scale for every 32, for caches of f16 and f32: about half the size of f16
  kTokens = 2,  // none: computed again when the sequence goes on
};

using SessionSink = std::function<Result<void>(std::span<const std::byte>)>;

struct SessionSource {
  uint64_t size = 0;
  std::function<Result<void>(uint64_t offset, std::span<std::byte> to)> read;
};

// The sequence is idle. digest: of the model (model/digest.h).
Result<void> save_session(Context& context, Sequence& sequence, SessionKv kv, std::string_view digest,
                          const SessionSink& sink);
// A new sequence. kMalformed: damaged, or no session; kUnsupported: of another model; kContextFull: too long for the
// context. Keys and values of another type or layout are left out and will be computed again.
Result<Sequence*> load_session(Context& context, std::string_view group, std::string_view digest,
                               const SessionSource& source);

}  // namespace pumice
