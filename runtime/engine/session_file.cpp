#include "engine/session_file.h"

#include "engine/identity.h"

namespace pumice {
namespace {

uint32_t value_bytes_of(const KvFormat& format) {
  if (!format.plain()) return 1;
  return format.k == KvType::kF32 ? 4 : 2;
}

SessionTarget target_of(const Context& context, std::string_view digest, std::string_view identity) {
  return {.digest = digest,
          .identity = identity,
          .vocabulary = context.model().spec().vocabulary,
          .context_tokens = context.options().slide ? UINT32_MAX : context.options().context_tokens,
          .page_bytes = context.cache().page_bytes(),
          .state_bytes = context.cache().state_bytes(),
          .value_bytes = value_bytes_of(context.options().kv_format())};
}

std::string identity_of(const Context& context, std::string_view digest) {
  return cache_identity(context.model().spec(), context.options().kv_format(), context.options().context_tokens,
                        digest);
}

struct SavedState {
  uint32_t computed = 0;         // tokens whose pages are saved
  std::vector<std::byte> state;  // after them
};

// A sequence's own state may have taken in tokens that are not verified; then the last snapshot is saved.
Result<SavedState> state_of(Context& context, const Sequence& sequence, SessionKv kv) {
  SavedState saved{.computed = kv == SessionKv::kTokens ? 0 : sequence.verified};
  KvCache& cache = context.cache();
  if (!cache.keeps_states() || saved.computed == 0) return saved;
  if (sequence.state_at == saved.computed) {
    PUMICE_ASSIGN(saved.state, cache.read_state(sequence.slot));
    return saved;
  }
  PUMICE_ASSIGN(saved.state, cache.read_snapshot(sequence.kv, saved.computed));
  return saved;
}

}  // namespace

Result<void> save_session(Context& context, Sequence& sequence, SessionKv kv, std::string_view digest,
                          const SessionSink& sink) {
  PUMICE_TRY(check_idle(sequence));
  if (kv == SessionKv::kQ8 && !context.options().kv_format().plain())
    return error(Status::kUnsupported, "the cache is quantised already; save it as it is");
  const std::string identity = identity_of(context, digest);
  const SessionTarget target = target_of(context, digest, identity);
  PUMICE_ASSIGN(const SavedState saved, state_of(context, sequence, kv));
  SessionHeader header{.kv = kv,
                       .dropped = sequence.dropped,
                       .tokens = static_cast<uint32_t>(sequence.tokens.size()),
                       .computed = saved.computed,
                       .digest_bytes = static_cast<uint32_t>(digest.size()),
                       .identity_bytes = static_cast<uint32_t>(identity.size()),
                       .value_bytes = target.value_bytes,
                       .page_bytes = target.page_bytes,
                       .state_bytes = saved.state.size()};
  header.pages = session_pages(header.computed);
  header.stored_bytes = stored_page_bytes(kv, header.page_bytes, header.value_bytes);
  SessionWriter out(sink);
  PUMICE_TRY(out.header(header, target, sequence.tokens));
  for (uint32_t i = 0; i < header.pages; ++i) {
    PUMICE_ASSIGN(const std::vector<std::byte> page, context.cache().read_page(sequence.kv.pages[i]));
    PUMICE_TRY(out.page(header, page));
  }
  PUMICE_TRY(out.state(saved.state));
  return out.finish();
}

Result<Sequence*> load_session(Context& context, std::string_view group, std::string_view digest,
                               const SessionSource& source) {
  const std::string identity = identity_of(context, digest);
  PUMICE_ASSIGN(SessionContent content, parse_session(source, target_of(context, digest, identity)));
  PUMICE_ASSIGN(std::vector<std::byte> state, read_session_state(source, content));
  uint32_t next = 0;
  return context.restore(group, {.tokens = std::move(content.tokens),
                                 .computed = content.computed,
                                 .dropped = content.dropped,
                                 .state = std::move(state),
                                 .next_page = [&] { return read_session_page(source, content, next++); }});
}

}  // namespace pumice
