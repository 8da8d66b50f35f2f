#include "engine/context.h"

#include <algorithm>

namespace pumice {
namespace {

constexpr uint32_t kDefaultContext = 4096;

struct Resolved {
  ContextOptions options;
  PageShape shape;
  uint32_t pages = 0, highest_slice = 0;
};

// Fills in what options leave to choose. `cpu`: a software driver.
Result<Resolved> resolve(const ModelConfig& config, ContextOptions options, bool cpu) {
  if (options.context_tokens == 0) options.context_tokens = std::min(config.context_length, kDefaultContext);
  if (options.context_tokens > (1u << 24))
    return error(Status::kInvalidArgument, "a context of %u tokens is beyond 2^24", options.context_tokens);
  if (options.max_sequences == 0 || options.max_sequences > Context::kMaxSequences)
    return error(Status::kInvalidArgument, "%u sequences are outside 1 to %u", options.max_sequences,
                 Context::kMaxSequences);
  if (options.prefill_slice % kPageTokens != 0 || options.prefill_slice > 4096)
    return error(Status::kInvalidArgument, "a prefill slice of %u tokens is not a multiple of %u up to 4096",
                 options.prefill_slice, kPageTokens);
  if (options.steps_ahead > 64)
    return error(Status::kInvalidArgument, "%u steps ahead are beyond 64", options.steps_ahead);
  Resolved resolved;
  options.context_tokens = divide_up(options.context_tokens, kPageTokens) * kPageTokens;
  if (options.cache_tokens > (1u << 24) - options.context_tokens)
    return error(Status::kInvalidArgument, "a cache of %u tokens is beyond 2^24", options.cache_tokens);
  resolved.pages = options.context_tokens / kPageTokens + divide_up(options.cache_tokens, kPageTokens);
  if (options.steps_ahead == 0) options.steps_ahead = cpu ? 2 : 4;
  if (options.profile) options.steps_ahead = 1;  // times of a stream are read before it runs again
  resolved.highest_slice = options.prefill_slice ? options.prefill_slice : (cpu ? 128u : 512u);
  const KvFormat format = options.kv_format();
  PUMICE_TRY(check_kv_format(format, config.head_dim));
  resolved.shape = {.layers = config.layers,
                    .k_words = config.kv_heads * kv_words(format.k, config.head_dim),
                    .v_words = config.kv_heads * kv_words(format.v, config.head_dim)};
  resolved.options = options;
  return resolved;
}

// Makes slices no longer than what the device can bind of their activations.
Result<void> fit_slices(const ModelConfig& config, const vk::DeviceCaps& caps, Resolved& resolved) {
  const uint32_t widest = row_stride(std::max({config.width, config.qkv_width(), config.ffn_width}));
  const uint64_t most = caps.max_storage_range / (uint64_t{4} * widest);
  if (most < kPageTokens)
    return error(Status::kUnsupported, "rows of %u activations are too wide for this device's bindings of %llu KiB",
                 widest, static_cast<unsigned long long>(caps.max_storage_range >> 10));
  if (resolved.options.prefill_slice > most)
    return error(Status::kInvalidArgument,
                 "a prefill slice of %u tokens is too large for this device; use at most %llu",
                 resolved.options.prefill_slice, static_cast<unsigned long long>(most / kPageTokens * kPageTokens));
  while (resolved.highest_slice > most) resolved.highest_slice /= 2;
  return {};
}

}  // namespace

Result<ContextEstimate> Context::estimate(const ModelConfig& config, ContextOptions options) {
  PUMICE_ASSIGN(const Resolved resolved, resolve(config, options, false));
  const WorkspaceShape shape = StepRecorder::workspace_shape({.slots = resolved.options.max_sequences,
                                                              .context_tokens = resolved.options.context_tokens,
                                                              .slice_tokens = resolved.highest_slice});
  return ContextEstimate{page_bytes(resolved.shape) * resolved.pages, Workspace::bytes(config, shape)};
}

Result<std::unique_ptr<Context>> Context::create(const Model& model, std::vector<int32_t> stop_tokens,
                                                 ContextOptions options) {
  const bool cpu = model.kernels().caps().type == vk::DeviceType::kCpu;
  PUMICE_ASSIGN(Resolved resolved, resolve(model.config(), options, cpu));
  PUMICE_TRY(fit_slices(model.config(), model.kernels().caps(), resolved));
  PUMICE_TRY(check_slide(model.config(), resolved.options));
  std::unique_ptr<Context> context(new Context(model, resolved.options));
  context->stop_tokens_ = std::move(stop_tokens);
  context->highest_slice_ = resolved.highest_slice;
  context->slice_ = options.prefill_slice ? options.prefill_slice : std::min(resolved.highest_slice, 128u);
  vk::Device& device = model.kernels().device();
  PUMICE_ASSIGN(context->pool_, PagePool::create(device, resolved.shape, resolved.pages));
  PUMICE_ASSIGN(context->transfer_, PageTransfer::create(device, context->pool_, options.staged_transfers));
  PUMICE_ASSIGN(context->cache_, KvCache::create(context->pool_, context->transfer_, resolved.options.cache));
  PUMICE_ASSIGN(context->recorder_, StepRecorder::create(model, context->pool_,
                                                         {.kv = resolved.options.kv_format(),
                                                          .slots = resolved.options.max_sequences,
                                                          .context_tokens = resolved.options.context_tokens,
                                                          .slice_tokens = resolved.highest_slice,
                                                          .steps_ahead = resolved.options.steps_ahead,
                                                          .record_each_step = resolved.options.record_each_step,
                                                          .profile = resolved.options.profile,
                                                          .exact = resolved.options.exact}));
  context->sequences_.resize(resolved.options.max_sequences);
  return context;
}

Context::~Context() {
  // Buffers may go only when nothing uses them; a lost device uses nothing.
  const Result<bool> idle = model_.kernels().device().wait(model_.kernels().device().submissions());
  (void)idle;
}

Result<Sequence*> Context::open_sequence(std::string_view group) {
  for (uint32_t slot = 0; slot < sequences_.size(); ++slot) {
    if (sequences_[slot]) continue;
    sequences_[slot] = std::make_unique<Sequence>();
    sequences_[slot]->slot = slot;
    sequences_[slot]->kv = cache_->open(cache_->tenant(group));
    sequences_[slot]->kv.sealing = !options_.disable_kv_cache;  // which writes every page again in each step
    return sequences_[slot].get();
  }
  return error(Status::kOutOfDeviceMemory,
               "all %zu sequences of the context are in use; destroy one, or raise max_sequences", sequences_.size());
}

void Context::close_sequence(Sequence* sequence) {
  for (const std::shared_ptr<Request>& request : std::vector(active_))
    if (request->sequence == sequence) abandon(*request);
  release_pages(*sequence, 0);
  sequences_[sequence->slot].reset();
}

void Context::write_page_table(const Sequence& sequence, size_t from) {
  const std::vector<PageId>& pages = sequence.kv.pages;
  std::copy(pages.begin() + static_cast<ptrdiff_t>(from), pages.end(), recorder_.page_table(sequence.slot) + from);
}

void Context::write_token_log(const Sequence& sequence) {
  std::ranges::transform(sequence.tokens, recorder_.token_log(sequence.slot),
                         [](int32_t token) { return static_cast<uint32_t>(token); });
}

bool Context::reserve(Sequence& sequence, uint32_t tokens) {
  const size_t held = sequence.kv.pages.size();
  if (!cache_->reserve(sequence.kv, tokens)) return false;
  write_page_table(sequence, held);
  return true;
}

Error Context::no_room(uint32_t tokens) const {
  return error(Status::kContextFull, "no free page for %u tokens; destroy a sequence or make the context larger",
               tokens);
}

Result<void> Context::check_idle(const Sequence& sequence) const {
  if (!sequence.busy) return {};
  return error(Status::kInvalidArgument, "a request runs on the sequence; wait for it or cancel it first");
}

Result<void> Context::reserve_all(Sequence& sequence, uint32_t tokens) {
  if (reserve(sequence, tokens)) return {};
  return no_room(tokens);
}

void Context::release_pages(Sequence& sequence, uint32_t tokens) { cache_->shrink(sequence.kv, tokens); }

Result<void> Context::truncate(Sequence& sequence, uint32_t tokens) {
  PUMICE_TRY(check_idle(sequence));
  if (tokens > sequence.tokens.size())
    return error(Status::kInvalidArgument, "the sequence has %zu tokens, not %u", sequence.tokens.size(), tokens);
  sequence.tokens.resize(tokens);
  sequence.computed = std::min(sequence.computed, tokens);
  release_pages(sequence, tokens);
  return {};
}

Result<void> Context::check_tokens(const Sequence& sequence, std::span<const int32_t> ids) const {
  PUMICE_TRY(check_ids(sequence, ids));
  return check_room(sequence, ids.size());
}

Result<void> Context::check_ids(const Sequence& sequence, std::span<const int32_t> ids) const {
  PUMICE_TRY(check_idle(sequence));
  if (ids.empty()) return error(Status::kInvalidArgument, "there are no tokens to compute; give at least one");
  for (const int32_t id : ids)
    if (id < 0 || static_cast<uint32_t>(id) >= model_.config().vocabulary)
      return error(Status::kInvalidArgument, "token %d is outside the vocabulary of %u", id,
                   model_.config().vocabulary);
  return {};
}

Result<void> Context::check_room(const Sequence& sequence, size_t tokens) const {
  const size_t total = sequence.tokens.size() + tokens;
  if (total <= options_.context_tokens) return {};
  return error(Status::kContextFull,
               "%zu tokens do not fit a context of %u; shorten the prompt or make the context larger", total,
               options_.context_tokens);
}

Result<void> Context::evaluate(Sequence& sequence, std::span<const int32_t> ids, std::span<float> logits) {
  PUMICE_TRY(check_tokens(sequence, ids));
  const auto total = static_cast<uint32_t>(sequence.tokens.size() + ids.size());
  sequence.tokens.insert(sequence.tokens.end(), ids.begin(), ids.end());
  if (options_.disable_kv_cache) sequence.computed = 0;
  Result<void> entered = enter(sequence, true);
  if (entered) entered = reserve_all(sequence, total);
  if (entered) entered = fetch_now(sequence);
  if (!entered) {
    sequence.tokens.resize(total - ids.size());
    sequence.computed = std::min(sequence.computed, total - static_cast<uint32_t>(ids.size()));
    release_pages(sequence, sequence.computed);
    return entered;
  }
  uint64_t value = 0;
  PUMICE_TRY(cache_->scrub());
  while (sequence.computed < total) {
    const SlicePlan plan = plan_slice(sequence.computed, total, slice_);
    PUMICE_ASSIGN(value, recorder_.submit_slice(plan, sequence.tokens, sequence.slot,
                                                plan.last ? StepEnd::kLogits : StepEnd::kNothing));
    sequence.computed += plan.count;
    stats_.prefill_tokens += plan.count;
    ++stats_.submissions;
  }
  PUMICE_ASSIGN(const bool reached, model_.kernels().device().wait(value));
  PUMICE_CHECK(reached);
  std::copy_n(recorder_.logits(), std::min<size_t>(logits.size(), model_.config().vocabulary), logits.begin());
  cache_->seal(sequence.kv, sequence.tokens, total);
  write_page_table(sequence);
  return cache_->maintain();
}

Result<std::shared_ptr<Request>> Context::submit(Sequence& sequence, std::span<const int32_t> ids,
                                                 const GenerationParams& params) {
  PUMICE_TRY(check_ids(sequence, ids));
  PUMICE_TRY(slide_for_prompt(sequence, ids.size()));
  PUMICE_TRY(check_room(sequence, ids.size()));
  auto request = std::make_shared<Request>();
  request->sequence = &sequence;
  request->params = params;
  // Room for all that decoding will append: a step allocates nothing.
  const size_t asked = sequence.tokens.size() + ids.size() + params.max_tokens;
  sequence.tokens.reserve(params.max_tokens == 0 ? options_.context_tokens
                                                 : std::min<size_t>(asked, options_.context_tokens));
  sequence.kv.pages.reserve(divide_up(options_.context_tokens, kPageTokens));
  request->in_flight.reserve(options_.steps_ahead + 2);
  sequence.tokens.insert(sequence.tokens.end(), ids.begin(), ids.end());
  sequence.busy = true;
  request->prompt_tokens = static_cast<uint32_t>(ids.size());
  request->submitted = std::chrono::steady_clock::now();
  if (Result<void> prepared = prepare(*request); !prepared) {
    sequence.tokens.resize(sequence.tokens.size() - ids.size());
    sequence.busy = false;
    return std::move(prepared).error();
  }
  active_.push_back(request);
  return request;
}

}  // namespace pumice
