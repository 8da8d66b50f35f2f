// What a context is made of: as asked for, and as it becomes for one model and device.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "kernels/device_policy.h"
#include "kv/kv_cache.h"
#include "kv/pages/page_pool.h"
#include "model/model.h"

namespace pumice {

constexpr uint32_t kMaxSequences = 1024;

struct ContextOptions {
  uint32_t context_tokens = 0;  // over all sequences; 0: see default_context()
  uint32_t max_sequences = 1;
  KvType kv_type = KvType::kF16;  // of keys, and of values where kv_type_v has none
  bool record_each_step = false;
  bool disable_kv_cache = false;  // every step computes its whole sequence again
  uint32_t prefill_slice = 0;     // 0: adapted to kSliceBudgetMs
  uint32_t steps_ahead = 0;       // 0: chosen by the device
  bool profile = false;
  std::optional<KvType> kv_type_v;  // of values; none: kv_type
  bool kv_rotation = true;          // see KvFormat
  uint32_t cache_tokens = 0;        // room in the pool beyond context_tokens, for texts that no sequence holds now
  // What is found in the cache changes no bit of what is computed after it. So pages that decoding filled are not found
  // again, as its rounding differs from prefill's, and prefill takes kernels that do not depend on the number of rows.
  bool exact = false;
  KvCacheOptions cache;
  uint32_t whole_rows = 0;    // of pictures that are computed as a whole: a slice has room for so many
  bool slide = false;         // a sequence whose context is full goes on without its oldest tokens …
  uint32_t sink_tokens = 32;  // … but with its first ones, in whole pages
  uint32_t guesses = 0;       // most tokens of a step that are guessed from the text; see Speculation
  const Model* draft = nullptr;  // a small one that guesses, too, on the same device; it outlives the context
  uint32_t draft_guesses = 0;    // most of it for a step
  uint32_t most_guesses() const { return std::max(guesses, draft_guesses); }
  bool guesses_must_pay = true;  // false: they are tried whether they are faster or not (to compare)
  std::vector<std::shared_ptr<const Adapter>> adapters;  // that sequences may take

  KvFormat kv_format() const { return {.k = kv_type, .v = kv_type_v.value_or(kv_type), .rotate = kv_rotation}; }
};

// With everything chosen that the options leave open.
struct ContextPlan {
  ContextOptions options;
  PageShape shape;
  uint32_t pages = 0;                // of the pool
  uint32_t highest_slice = 0;        // most tokens of a prefill slice
  PageShape states = {.tokens = 1};  // of recurrent layers; no regions: there are none
  uint32_t snapshots = 0;            // of states
  // Layers that see no further back than a window, where it pays to keep their pages apart; see window_store.h.
  std::vector<bool> windowed;  // by layer
  PageShape windows;           // no regions: there are none
  uint32_t window_tokens = 0, window_places = 0;

  uint32_t places() const { return options.max_sequences + snapshots; }
  uint64_t kv_bytes() const {
    return page_bytes(shape) * pages + page_bytes(states) * places() + page_bytes(windows) * window_places;
  }
};

// Tokens of a context for which nothing is asked: the model's, as far as its keys and values fit into a quarter of
// `room`, the bytes that the device has left; 4096 also where they take up to three quarters. Not so many that
// the model takes its table of rotation for long contexts, which answers worse to short ones. Room 0 is unknown: at
// most 4096.
uint32_t default_context(const ModelSpec& spec, uint64_t token_bytes, uint64_t room);

// The length of a context for which `asked` tokens are asked (0: the default with unknown room), in whole pages.
uint32_t context_tokens_for(const ModelSpec& spec, uint32_t asked);

// kInvalidArgument, kUnsupported: the options contradict themselves, the model or, where it is known, the device.
// room: see default_context().
Result<ContextPlan> plan_context(const ModelSpec& spec, const ContextOptions& options, const DevicePolicy& policy,
                                 uint64_t room = 0);
Result<ContextPlan> plan_context(const ModelSpec& spec, const ContextOptions& options, const vk::DeviceCaps& caps,
                                 uint64_t room = 0);

}  // namespace pumice
