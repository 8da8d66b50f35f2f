// The parts of Context and ContextMemory that take memory of the device, give it up, and take it anew.
#include "engine/context_memory.h"

#include <algorithm>
#include <utility>

namespace pumice {
namespace {

using Clock = std::chrono::steady_clock;

// By how much more than it must a pool shrinks, as memory comes in blocks.
constexpr uint64_t kPagesBlockBytes = uint64_t{4} << 20;
// After the pool's size has changed, until it grows because others have left room; texts are computed again then.
constexpr std::chrono::seconds kResizePause{1};

// Of a part of a picture.
uint32_t most_rows(const TowerSpec& tower) {
  if (tower.picture.sizing == PictureSpec::Sizing::kSmart) return tower.picture.most_rows;
  const uint32_t side = tower.picture.image_size / tower.patch / tower.merge;
  return side * side;
}

Result<void> check_pictures(const ModelSpec& spec, const TowerSpec& tower) {
  if (tower.deep.size() != spec.deepstack)
    return error(
        Status::kUnsupported,
        "the projector adds to %zu layers, the language model takes that in %u; give the one that came with it",
        tower.deep.size(), spec.deepstack);
  if (spec.embedding_skip || spec.learned_positions)
    return error(Status::kUnsupported, "a model of this architecture (%s) takes no pictures here",
                 spec.architecture.c_str());
  return {};
}

}  // namespace

StepRecorderOptions recorder_options(const ContextPlan& plan) {
  return {.kv = plan.options.kv_format(),
          .slots = plan.options.max_sequences,
          .context_tokens = plan.options.context_tokens,
          .slice_tokens = plan.highest_slice,
          .steps_ahead = plan.options.steps_ahead,
          .record_each_step = plan.options.record_each_step,
          .profile = plan.options.profile,
          .exact = plan.options.exact,
          .guesses = plan.options.most_guesses(),
          .adapters = plan.options.adapters};
}

Result<ContextPlan> plan_for(const Model& model, const ContextOptions& asked, const ContextTower& tower) {
  vk::Device& device = model.kernels().device();
  ContextOptions options = asked;
  if (tower.tower && model.spec().whole_pictures()) options.whole_rows = most_rows(tower.tower->spec());
  return plan_context(model.spec(), options, device.caps(), Context::room_on(device));
}

Result<std::unique_ptr<PictureEncoder>> encoder_of(const Model& model, const ContextTower& tower) {
  if (!tower.tower) return std::unique_ptr<PictureEncoder>();
  PUMICE_TRY(check_pictures(model.spec(), tower.tower->spec()));
  return std::make_unique<PictureEncoder>(*tower.tower, tower.fingerprint, model.spec());
}

StepPools ContextMemory::pools(const ContextPlan& plan) const {
  return {.pages = pages->pool, .states = states, .windows = windows, .windowed = plan.windowed};
}

Result<std::unique_ptr<ContextPages>> ContextMemory::plan_pages(vk::Device& device, const ContextPlan& plan,
                                                                uint32_t count, bool tiers) {
  auto made = std::make_unique<ContextPages>();
  PUMICE_ASSIGN(made->pool, PagePool::plan(device, plan.shape, count));
  if (!tiers) made->pool.distrust();
  made->transfer = PageTransfer(device, made->pool);
  KvCacheOptions cache = plan.options.cache;
  cache.log = &device.log();
  if (!tiers) cache.store = {};
  if (states.pages() > 0)
    cache.states = {.memory = &state_transfer, .sequences = plan.options.max_sequences, .snapshots = plan.snapshots};
  if (windows.pages() > 0)
    cache.windows = {.places = &windows, .memory = &window_transfer, .tokens = plan.window_tokens};
  PUMICE_ASSIGN(made->cache, KvCache::create(made->pool, made->transfer, cache));
  return made;
}

Result<std::unique_ptr<ContextMemory>> ContextMemory::create(const Model& model, const ContextPlan& plan, bool tiers) {
  vk::Device& device = model.kernels().device();
  auto memory = std::make_unique<ContextMemory>();
  if (!plan.states.region_words.empty()) {
    PUMICE_ASSIGN(memory->states, PagePool::create(device, plan.states, plan.places()));
    memory->state_transfer = PageTransfer(device, memory->states);
  }
  if (plan.window_places > 0) {
    PUMICE_ASSIGN(memory->windows, PagePool::create(device, plan.windows, plan.window_places));
    memory->window_transfer = PageTransfer(device, memory->windows);
  }
  PUMICE_ASSIGN(memory->pages, memory->plan_pages(device, plan, plan.pages, tiers));
  PUMICE_TRY(memory->pages->pool.fill(device));
  PUMICE_ASSIGN(memory->recorder, StepRecorder::create(model, memory->pools(plan), recorder_options(plan)));
  return memory;
}

ContextParts::ContextParts(const Model& model, const ContextPlan& plan, ContextMemory& memory, SequenceSlots& slots,
                           const std::vector<int32_t>& stop_tokens, ContextStats& stats, PictureEncoder* encoder,
                           Draft* draft)
    : pages(*memory.pages->cache, memory.recorder, slots, !plan.options.disable_kv_cache),
      sampling(memory.recorder, stop_tokens),
      sliding(plan.options, *memory.pages->cache, pages, sampling, memory.recorder, stats),
      table(plan.options, *memory.pages->cache, pages, slots),
      prefill(plan, *memory.pages->cache, pages, sampling, memory.recorder, stats, encoder),
      admission(plan, *memory.pages->cache, pages, stats),
      batch(plan.options, *memory.pages->cache, pages, sampling, sliding, admission, memory.recorder, stats),
      speculation(plan.options, *memory.pages->cache, pages, memory.recorder, stats, draft),
      scheduler(plan.options, {.model = model,
                               .device = model.kernels().device(),
                               .cache = *memory.pages->cache,
                               .pages = pages,
                               .sampling = sampling,
                               .prefill = prefill,
                               .batch = batch,
                               .speculation = speculation,
                               .admission = admission,
                               .recorder = memory.recorder,
                               .stats = stats}),
      evaluation(model, *memory.pages->cache, pages, prefill, memory.recorder, stats, !plan.options.disable_kv_cache) {}

// How many pages the pool may have beside all else that the device has. Other programs' needs leave it a part of them.
uint32_t Context::pages_allowed() const {
  constexpr uint32_t kPartForOthers = 4;
  const uint64_t reserved = device().memory().reserved_bytes(), limit = device().memory().limit();
  const uint64_t bytes = page_bytes(plan_.shape);
  const uint32_t now = pool().filled() ? pool().pages() : 0;
  const auto within = [&](uint64_t allowed, uint32_t least) {
    const uint64_t over = reserved > allowed ? (reserved - allowed + kPagesBlockBytes + bytes - 1) / bytes : 0;
    const uint64_t more = reserved > allowed ? 0 : (allowed - reserved) / bytes;
    return static_cast<uint32_t>(std::clamp<uint64_t>(now + more - std::min<uint64_t>(now, over), least, plan_.pages));
  };
  return std::min(within(limit != 0 ? limit : UINT64_MAX, 1),
                  within(device().memory_allowance(), divide_up(plan_.pages, kPartForOthers)));
}

bool Context::worth_resizing(uint32_t pages) const {
  const uint32_t now = pool().filled() ? pool().pages() : 0;
  if (pages <= now) return pages < now;
  const bool asked = device().memory().limit() != fitted_limit_;
  return (pages == plan_.pages || pages - now > now / 4) && (asked || Clock::now() - resized_ > kResizePause);
}

// One step, and what the pool needs to keep to its limit.
Result<bool> Context::advance(double host_seconds) {
  const uint32_t pages = pages_allowed();
  resizing_ = worth_resizing(pages);
  const uint64_t limit = device().memory().limit();
  const bool over = limit != 0 && device().memory().reserved_bytes() > limit;
  parts_->scheduler.hold(resizing_ || over || !pool().filled());
  PUMICE_ASSIGN(bool busy, parts_->scheduler.step(host_seconds));
  if (!resizing_) return busy;
  PUMICE_ASSIGN(const bool free, make_way());
  if (free) PUMICE_TRY(resize(pages));
  return busy;
}

// Whether nothing uses the pool's pages any more, and what the tiers are to have is on its way there.
Result<bool> Context::make_way() {
  constexpr int kSpillsOfAStep = 8;
  if (parts_->scheduler.oldest_in_flight() != 0) return false;
  for (const std::unique_ptr<Sequence>& sequence : slots_)
    if (sequence) parts_->pages.seal(*sequence);
  for (int i = 0; i < kSpillsOfAStep && !cache().spilled(); ++i) cache().maintain();
  return cache().spilled();
}

// What of it could not be computed again goes to the host's memory.
Result<void> Context::park(Sequence& sequence) {
  if (sequence.recomputable || sequence.parked || sequence.verified == 0) return {};
  ParkedPages parked{.computed = sequence.verified};
  PUMICE_ASSIGN(parked.beside, cache().read_beside(sequence.kv, sequence.slot, sequence.state_at, parked.computed));
  for (uint32_t i = 0; i < divide_up(parked.computed, kPageTokens); ++i) {
    PUMICE_ASSIGN(std::vector<std::byte> page, cache().read_page(sequence.kv.pages[i]));
    parked.pages.push_back(std::move(page));
  }
  if (parked.computed > 0) sequence.parked = std::make_unique<ParkedPages>(std::move(parked));
  return {};
}

// `exchange` puts the fresh cache in the old one's place, and `begin` goes on with it. Where that has no memory, all is
// as before, and `go_back` goes on with the old one.
template <typename Exchange, typename Begin, typename GoBack>
static void exchange_caches(KvCache& fresh, KvCache& old, Exchange exchange, Begin begin, GoBack go_back) {
  bool exchanged = false;
  try {
    fresh.adopt(old);
    exchange();
    exchanged = true;
    begin();
  } catch (...) {
    if (exchanged) {
      exchange();
      old.adopt(fresh);
    }
    go_back();
    throw;
  }
}

// The old pool goes before the new one comes; where there is no room for that, a smaller one does.
Result<void> Context::resize(uint32_t pages) {
  fitted_limit_ = device().memory().limit();
  resized_ = Clock::now();
  for (const std::unique_ptr<Sequence>& sequence : slots_)
    if (sequence) PUMICE_TRY(park(*sequence));
  device().settle(device().submissions());
  for (;;) {
    PUMICE_ASSIGN(std::unique_ptr<ContextPages> made, memory_->plan_pages(device(), plan_, pages, false));
    const auto active = parts_->scheduler.take_active();
    exchange_caches(*made->cache, cache(), [&] { std::swap(memory_->pages, made); }, [&] { begin_again(active); },
                    [&] { parts_->scheduler.go_on(active); });
    made.reset();
    const Result<void> filled = memory_->pages->pool.fill(device());
    if (filled) memory_->recorder.use(memory_->pools(plan_));
    if (filled || filled.error().status != Status::kOutOfDeviceMemory) return filled;
    if (pages == 1) return {};  // there is none now; later steps try again
    pages /= 2;
  }
}

// With an empty cache, and perhaps with another recorder: parts and sequences know nothing of the former pages.
void Context::begin_again(std::vector<std::shared_ptr<Request>> active) {
  auto parts = std::make_unique<ContextParts>(*model_, plan_, *memory_, slots_, stop_tokens_, stats_, encoder_.get(),
                                              draft_.get());
  std::vector<PageList> lists(slots_.size());
  for (size_t slot = 0; slot < slots_.size(); ++slot) {
    if (!slots_[slot]) continue;
    lists[slot] = cache().open(slots_[slot]->kv.tenant, slots_[slot]->adapters.identity);
    lists[slot].sealing = slots_[slot]->kv.sealing;
    lists[slot].pages.reserve(divide_up(plan_.options.context_tokens, kPageTokens));
  }
  // Until here nothing has changed.
  ++generation_;
  parts_ = std::move(parts);
  for (size_t slot = 0; slot < slots_.size(); ++slot) {
    Sequence* sequence = slots_[slot].get();
    if (!sequence) continue;
    lists[slot].pictures = std::move(sequence->kv.pictures);
    sequence->kv = std::move(lists[slot]);
    sequence->limit_computed(0);
    sequence->state_at = 0;
    sequence->computing = false;
  }
  parts_->scheduler.go_on(std::move(active));
}

Result<void> Context::rebind(const Model& model, const ContextTower& tower) {
  ContextOptions options = asked_;
  options.context_tokens = plan_.options.context_tokens;
  options.draft = nullptr;  // it is of the other device
  options.draft_guesses = 0;
  std::unique_ptr<Draft> draft;
  PUMICE_ASSIGN(ContextPlan plan, plan_for(model, options, tower));
  if (plan.options.max_sequences != plan_.options.max_sequences || plan.pages == 0)
    return error(Status::kUnsupported, "the model on the new device takes another context");
  PUMICE_ASSIGN(std::unique_ptr<PictureEncoder> encoder, encoder_of(model, tower));
  device().settle(device().submissions());
  PUMICE_ASSIGN(std::unique_ptr<ContextMemory> memory, ContextMemory::create(model, plan, false));
  const Model* other = &model;
  const auto exchange = [&] {
    std::swap(model_, other);
    std::swap(plan_, plan);
    std::swap(memory_, memory);
    std::swap(encoder_, encoder);
    std::swap(draft_, draft);
  };
  const auto active = parts_->scheduler.take_active();
  exchange_caches(*memory->pages->cache, cache(), exchange, [&] { begin_again(active); },
                  [&] { parts_->scheduler.go_on(active); });
  return {};
}

}  // namespace pumice
