#include "engine/context_options.h"

#include <algorithm>

#include "kernels/device_policy.h"
#include "kernels/kv_shift.h"
#include "shared/step_params.h"

namespace pumice {
namespace {

constexpr uint32_t kUsualContext = 4096;

// Makes slices no longer than what the device can bind of their activations.
Result<void> fit_slices(const ModelSpec& spec, const vk::DeviceCaps& caps, ContextPlan& plan) {
  const uint32_t expert_rows = spec.most_used() * row_stride(spec.width);
  const uint32_t widest = row_stride(std::max({spec.width, spec.widest_projection(), spec.widest_ffn(), expert_rows}));
  const uint64_t most = caps.max_storage_range / (uint64_t{4} * widest);
  if (most < kPageTokens)
    return error(Status::kUnsupported, "rows of %u activations are too wide for this device's bindings of %llu KiB",
                 widest, static_cast<unsigned long long>(caps.max_storage_range >> 10));
  if (plan.options.prefill_slice > most)
    return error(Status::kInvalidArgument,
                 "a prefill slice of %u tokens is too large for this device; use at most %llu",
                 plan.options.prefill_slice, static_cast<unsigned long long>(most / kPageTokens * kPageTokens));
  while (plan.highest_slice > most) plan.highest_slice /= 2;
  if (plan.highest_slice < plan.options.whole_rows)
    return error(Status::kUnsupported, "pictures of %u rows are too large for this device, which computes %u at once",
                 plan.options.whole_rows, plan.highest_slice);
  return {};
}

// The regions of pages, with the pages of the layers that are `windowed` apart; empty: none is.
Result<void> shape_pages(const ModelSpec& spec, const KvFormat& format, const std::vector<bool>& windowed,
                         ContextPlan& plan) {
  plan.shape.region_words.clear();
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    const AttentionSpec& attention = spec.layers[i].attention;
    if (attention.own_kv_heads() == 0) continue;
    PUMICE_TRY(check_kv_format(format, attention.head_dim));
    PageShape& shape = !windowed.empty() && windowed[i] ? plan.windows : plan.shape;
    shape.region_words.push_back(attention.kv_heads * kv_words(format.k, attention.head_dim));
    shape.region_words.push_back(attention.kv_heads * kv_words(format.v, attention.head_dim));
  }
  if (plan.shape.region_words.empty()) plan.shape.region_words.push_back(1);  // pages have bytes
  return {};
}

void shape_states(const ModelSpec& spec, ContextPlan& plan) {
  for (const LayerSpec& layer : spec.layers)
    if (layer.recurrence.kind != RecurrenceKind::kNone)
      plan.states.region_words.push_back(layer.recurrence.state_floats());
}

// Layers whose keys and values nobody sees beyond a window that is shorter than the context; none where they are not
// kept apart in any case.
std::vector<bool> layers_with_windows(const ModelSpec& spec, const ContextOptions& options, uint32_t context_tokens) {
  std::vector<bool> windowed(spec.layers.size());
  if (spec.recurrent() || options.disable_kv_cache) return windowed;
  const auto short_window = [&](const AttentionSpec& attention) {
    return attention.window > 0 && attention.window < context_tokens;
  };
  for (size_t i = 0; i < windowed.size(); ++i) {
    const AttentionSpec& attention = spec.layers[i].attention;
    windowed[i] = attention.own_kv_heads() > 0 && short_window(attention);
  }
  for (const LayerSpec& layer : spec.layers)
    if (layer.attention.cache_layer && !short_window(layer.attention)) windowed[*layer.attention.cache_layer] = false;
  return windowed;
}

uint32_t longest_window(const ModelSpec& spec, const std::vector<bool>& windowed) {
  uint32_t longest = 0;
  for (size_t i = 0; i < windowed.size(); ++i)
    if (windowed[i]) longest = std::max(longest, spec.layers[i].attention.window);
  return longest;
}

// Each sequence has places for its window and a slice; one for every so many pages keeps what was computed before, for
// texts that begin alike.
constexpr uint32_t kPagesPerPlace = 16;
uint64_t places_in_use(const ContextPlan& plan, uint32_t window) {
  return plan.options.max_sequences * (divide_up(window + plan.highest_slice, kPageTokens) + uint64_t{2});
}

// Where a context slides, what is behind the dropped pages must be longer than the window.
Result<void> keep_windows_apart(const ModelSpec& spec, ContextPlan& plan) {
  plan.windowed.assign(spec.layers.size(), false);
  const ContextOptions& options = plan.options;
  const std::vector<bool> windowed = layers_with_windows(spec, options, options.context_tokens);
  const uint32_t window = longest_window(spec, windowed);
  const uint64_t places = places_in_use(plan, window) + plan.pages / kPagesPerPlace;
  const bool slides_short = options.slide && options.context_tokens / 2 < window + options.sink_tokens;
  if (window == 0 || places >= plan.pages || slides_short) return {};
  plan.windowed = windowed;
  plan.window_tokens = window;
  plan.window_places = static_cast<uint32_t>(places);
  return shape_pages(spec, options.kv_format(), windowed, plan);
}

// default_context() of pages as they will be.
Result<uint32_t> default_tokens(const ModelSpec& spec, const ContextPlan& plan, uint64_t room) {
  const auto whole = default_context(spec, page_bytes(plan.shape) / kPageTokens, room);
  const std::vector<bool> windowed = layers_with_windows(spec, plan.options, whole);
  const uint32_t window = longest_window(spec, windowed);
  if (window == 0) return whole;
  ContextPlan apart;
  PUMICE_TRY(shape_pages(spec, plan.options.kv_format(), windowed, apart));
  const uint64_t in_use = places_in_use(plan, window) * page_bytes(apart.windows);
  if (in_use >= room / 4) return whole;
  const uint64_t page = page_bytes(apart.shape) + page_bytes(apart.windows) / kPagesPerPlace;
  return std::max(whole, default_context(spec, page / kPageTokens, room - in_use));
}

// Snapshots take a quarter of what pages take, but enough for every sequence to be gone on with.
uint32_t snapshots_for(const ContextPlan& plan) {
  if (plan.states.region_words.empty()) return 0;
  constexpr uint64_t kFew = 4, kMany = 64;
  const uint64_t affordable = page_bytes(plan.shape) * plan.pages / 4 / page_bytes(plan.states);
  const uint64_t cached = plan.options.cache.reuse ? std::clamp(affordable, kFew, kMany) : 1;
  return static_cast<uint32_t>(plan.options.max_sequences + cached);
}

// The device binds the states of a layer at once.
void fit_snapshots(const vk::DeviceCaps& caps, ContextPlan& plan) {
  for (const uint32_t words : plan.states.region_words) {
    const uint64_t places = caps.max_storage_range / (uint64_t{4} * words);
    if (places < plan.places())
      plan.snapshots = static_cast<uint32_t>(places - std::min<uint64_t>(places, plan.options.max_sequences));
  }
}

Result<void> check_slide(const ModelSpec& spec, const ContextOptions& options) {
  if (!options.slide) return {};
  const uint32_t sinks = divide_up(options.sink_tokens, kPageTokens);
  if (options.context_tokens / kPageTokens < sinks + 2)
    return error(Status::kInvalidArgument,
                 "a context of %u tokens has no room to slide after %u sink tokens; make it %u tokens or larger",
                 options.context_tokens, options.sink_tokens, (sinks + 2) * kPageTokens);
  if (options.disable_kv_cache)
    return error(Status::kInvalidArgument, "a context cannot slide without its KV cache; stop when it is full instead");
  if (spec.recurrent())
    return error(
        Status::kUnsupported,
        "a model with recurrent layers cannot slide, as their states cannot be cut; stop when the context is full");
  const bool shifts = std::all_of(spec.layers.begin(), spec.layers.end(), [&](const LayerSpec& layer) {
    const RopeSpec& rope = spec.rope(layer);
    return rope.rotary == 0 || can_shift(options.kv_type, rope.pairs, rope.rotary);
  });
  if (spec.learned_positions)
    return error(Status::kUnsupported, "a model with learned positions cannot slide; stop when the context is full");
  if (!shifts)
    return error(
        Status::kUnsupported,
        "keys of type %s cannot be moved when the context slides; use f16 or f32 for keys (values may have any "
        "type) or stop when it is full",
        type_name(options.kv_type));
  return {};
}

}  // namespace

uint32_t default_context(const ModelSpec& spec, uint64_t token_bytes, uint64_t room) {
  uint64_t most = spec.context_length;
  for (const RopeSpec& rope : spec.ropes)
    if (!rope.long_radians.empty()) most = std::min<uint64_t>(most, std::max(rope.original_context, kPageTokens));
  uint64_t tokens = kUsualContext;
  if (room != 0) {
    const uint64_t whole = room / std::max<uint64_t>(token_bytes, 1);
    tokens = std::max(whole / 4, std::min<uint64_t>(kUsualContext, whole / 4 * 3));
  }
  // Never so few that nothing can be said.
  tokens = std::max<uint64_t>(tokens / kPageTokens, 8) * kPageTokens;
  return static_cast<uint32_t>(std::min(tokens, most));
}

uint32_t context_tokens_for(const ModelSpec& spec, uint32_t asked) {
  return divide_up(asked ? asked : default_context(spec, 1, 0), kPageTokens) * kPageTokens;
}

Result<ContextPlan> plan_context(const ModelSpec& spec, const ContextOptions& asked, const DevicePolicy& policy,
                                 uint64_t room) {
  ContextOptions options = asked;
  if (!spec.causal)
    return error(Status::kUnsupported,
                 "the model (%s) is an encoder: it makes vectors of texts (pumice_embed) and writes none",
                 spec.architecture.c_str());
  if (!spec.encoder.empty())
    return error(Status::kUnsupported, "the model (%s) %s: it goes on with no text (%s)", spec.architecture.c_str(),
                 spec.encoder[0].sound_bands ? "transcribes" : "translates",
                 spec.encoder[0].sound_bands ? "pumice_transcribe" : "pumice_translate");
  if (options.most_guesses() > kMostGuesses)
    return error(Status::kInvalidArgument, "%u guesses a step are too many; use at most %u", options.most_guesses(),
                 kMostGuesses);
  if (options.context_tokens > (1u << 24))
    return error(Status::kInvalidArgument, "a context of %u tokens is beyond 2^24", options.context_tokens);
  if (spec.learned_positions && options.context_tokens > spec.context_length)
    return error(Status::kInvalidArgument, "a context of %u tokens is longer than the model's table of %u positions",
                 options.context_tokens, spec.context_length);
  if (spec.whole_context != 0 && options.context_tokens > spec.whole_context)
    return error(Status::kUnsupported,
                 "in a context of %u tokens this model chooses among the keys, which is not supported; use at most %u",
                 options.context_tokens, spec.whole_context);
  if (options.max_sequences == 0 || options.max_sequences > kMaxSequences)
    return error(Status::kInvalidArgument, "%u sequences are outside 1 to %u", options.max_sequences, kMaxSequences);
  if (options.prefill_slice % kPageTokens != 0 || options.prefill_slice > 4096)
    return error(Status::kInvalidArgument, "a prefill slice of %u tokens is not a multiple of %u up to 4096",
                 options.prefill_slice, kPageTokens);
  if (options.steps_ahead > 64)
    return error(Status::kInvalidArgument, "%u steps ahead are beyond 64", options.steps_ahead);
  if (options.steps_ahead == 0) options.steps_ahead = policy.steps_ahead;
  if (options.profile) options.steps_ahead = 1;  // times of a stream are read before it runs again
  ContextPlan plan{.options = options,
                   .highest_slice = options.prefill_slice ? options.prefill_slice : policy.prefill_slice};
  plan.highest_slice = std::max(plan.highest_slice, divide_up(options.whole_rows, kPageTokens) * kPageTokens);
  PUMICE_TRY(shape_pages(spec, options.kv_format(), {}, plan));
  shape_states(spec, plan);
  uint32_t& tokens = plan.options.context_tokens;
  if (tokens == 0) {
    PUMICE_ASSIGN(tokens, default_tokens(spec, plan, room));
  }
  tokens = context_tokens_for(spec, tokens);
  if (options.cache_tokens > (1u << 24) - tokens)
    return error(Status::kInvalidArgument, "a cache of %u tokens is beyond 2^24", options.cache_tokens);
  plan.pages = tokens / kPageTokens + divide_up(options.cache_tokens, kPageTokens);
  plan.snapshots = snapshots_for(plan);
  PUMICE_TRY(keep_windows_apart(spec, plan));
  return plan;
}

Result<ContextPlan> plan_context(const ModelSpec& spec, const ContextOptions& options, const vk::DeviceCaps& caps,
                                 uint64_t room) {
  PUMICE_ASSIGN(ContextPlan plan, plan_context(spec, options, device_policy(caps), room));
  PUMICE_TRY(fit_slices(spec, caps, plan));
  fit_snapshots(caps, plan);
  PUMICE_TRY(check_slide(spec, plan.options));
  return plan;
}

}  // namespace pumice
