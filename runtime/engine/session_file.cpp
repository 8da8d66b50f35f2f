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
          .bytes_beside = [&context](uint32_t computed) { return context.cache().bytes_beside(computed); },
          .value_bytes = value_bytes_of(context.options().kv_format())};
}

std::string identity_of(const Context& context, std::string_view digest) {
  return cache_identity(context.model().spec(), context.options().kv_format(), context.options().context_tokens,
                        digest);
}

}  // namespace

Result<void> save_session(Context& context, Sequence& sequence, SessionKv kv, std::string_view digest,
                          const SessionSink& sink) {
  PUMICE_TRY(check_idle(sequence));
  if (!sequence.pictures.empty())
    return error(Status::kUnsupported, "a sequence with pictures cannot be saved; cut it before the first of them");
  if (kv == SessionKv::kQ8 && !context.options().kv_format().plain())
    return error(Status::kUnsupported, "the cache is quantised already; save it as it is");
  const std::string identity = identity_of(context, digest);
  const SessionTarget target = target_of(context, digest, identity);
  uint32_t computed = kv == SessionKv::kTokens ? 0 : sequence.verified;
  PUMICE_ASSIGN(const std::vector<std::byte> beside,
                context.cache().read_beside(sequence.kv, sequence.slot, sequence.state_at, computed));
  SessionHeader header{.kv = kv,
                       .dropped = sequence.dropped,
                       .tokens = static_cast<uint32_t>(sequence.tokens.size()),
                       .computed = computed,
                       .digest_bytes = static_cast<uint32_t>(digest.size()),
                       .identity_bytes = static_cast<uint32_t>(identity.size()),
                       .value_bytes = target.value_bytes,
                       .page_bytes = target.page_bytes,
                       .bytes_beside = beside.size()};
  header.pages = session_pages(header.computed);
  header.stored_bytes = stored_page_bytes(kv, header.page_bytes, header.value_bytes);
  SessionWriter out(sink);
  PUMICE_TRY(out.header(header, target, sequence.tokens));
  for (uint32_t i = 0; i < header.pages; ++i) {
    PUMICE_ASSIGN(const std::vector<std::byte> page, context.cache().read_page(sequence.kv.pages[i]));
    PUMICE_TRY(out.page(header, page));
  }
  PUMICE_TRY(out.beside(beside));
  return out.finish();
}

Result<Sequence*> load_session(Context& context, std::string_view group, std::string_view digest,
                               const SessionSource& source) {
  const std::string identity = identity_of(context, digest);
  PUMICE_ASSIGN(SessionContent content, parse_session(source, target_of(context, digest, identity)));
  PUMICE_ASSIGN(std::vector<std::byte> beside, read_session_beside(source, content));
  uint32_t next = 0;
  return context.restore(group, {.tokens = std::move(content.tokens),
                                 .computed = content.computed,
                                 .dropped = content.dropped,
                                 .beside = std::move(beside),
                                 .next_page = [&] { return read_session_page(source, content, next++); }});
}

}  // namespace pumice
