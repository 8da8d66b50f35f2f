// What the C interface shows of the cache of sources that translators and transcribers have.
#pragma once

#include "api/call_turn.h"
#include "api/handles.h"

namespace pumice {

// Calls body(cache) in a turn on the object; engine: of its members.
template <typename Object, typename Engine, typename Body>
PumiceResult with_source_cache(std::shared_ptr<Object> object, Engine Object::* engine, Body&& body) {
  return guarded(&object->last_error, [&]() -> Result<void> {
    PUMICE_TRY(CallTurn::check_none(object.get()));
    const CallTurn turn(object.get(), object->turn);
    return body(((*object).*engine)->cache());
  });
}

template <typename Object, typename Engine>
PumiceResult source_cache_stats(const std::shared_ptr<Object>& object, Engine Object::* engine,
                                PumiceCacheStats* stats) {
  return with_source_cache(object, engine, [&](const KvCache& cache) -> Result<void> {
    PUMICE_TRY(check_struct(stats, "stats"));
    hand_out(stats_of(cache), stats);
    return {};
  });
}

template <typename Object, typename Engine>
PumiceResult set_source_quota(const std::shared_ptr<Object>& object, Engine Object::* engine, const char* group,
                              uint32_t tokens) {
  return with_source_cache(object, engine, [&](KvCache& cache) -> Result<void> {
    cache.set_quota(cache.tenant(group ? group : ""), pages_of(tokens));
    return {};
  });
}

}  // namespace pumice
