#include "engine/session_file.h"

#include <algorithm>

#include "engine/adapters.h"
#include "engine/identity.h"
#include "engine/picture_encoder.h"

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

// Of as many tokens as can be gone on from; none of a picture that is computed as a whole is among the last of them.
Result<std::vector<std::byte>> read_beside(Context& context, const Sequence& sequence, uint32_t& computed) {
  for (;;) {
    computed = sequence.edge(computed);
    PUMICE_ASSIGN(std::vector<std::byte> beside,
                  context.cache().read_beside(sequence.kv, sequence.slot, sequence.state_at, computed));
    if (sequence.edge(computed) == computed) return beside;
  }
}

Error no_place(size_t index) {
  return error(Status::kMalformed, "the session's picture %zu is not where its tokens are; start a new one", index + 1);
}

// The pictures as the model's tower sees them, at the tokens that stand for them.
Result<std::vector<SequencePicture>> place_pictures(Context& context, SessionContent& content) {
  if (content.pictures.empty()) return std::vector<SequencePicture>();
  const PictureEncoder* const encoder = context.pictures();
  if (!encoder)
    return error(Status::kUnsupported,
                 "the session has pictures, and the model sees none without its projector; load it with that");
  const std::vector<int32_t>& tokens = content.tokens;
  if (tokens.size() > context.options().context_tokens)
    return error(Status::kContextFull,
                 "the session has %zu tokens and pictures, the context room for %u; make the "
                 "context larger",
                 tokens.size(), context.options().context_tokens);
  std::vector<SequencePicture> placed;
  size_t at = 0;
  const auto take_text = [&](size_t end) {
    for (; at < end; ++at)
      if (tokens[at] < 0 || static_cast<uint32_t>(tokens[at]) >= context.model().spec().vocabulary) return false;
    return true;
  };
  const bool whole = context.model().spec().whole_pictures();
  for (size_t i = 0; i < content.pictures.size(); ++i) {
    PUMICE_ASSIGN(auto made, encoder->content(std::move(content.pictures[i].picture)));
    const uint32_t first = content.pictures[i].first;
    const std::vector<int32_t> rows = picture_tokens(*made);
    if (first < at || first > tokens.size() || rows.size() > tokens.size() - first || !take_text(first) ||
        !std::equal(rows.begin(), rows.end(), tokens.begin() + first) ||
        (whole && (rows.size() > context.options().whole_rows ||
                   (content.computed > first && content.computed < first + rows.size()))))
      return no_place(i);
    at += rows.size();
    placed.push_back({.first = first, .content = std::move(made)});
  }
  if (!take_text(tokens.size())) return no_place(placed.size());
  return placed;
}

}  // namespace

Result<void> save_session(Context& context, Sequence& sequence, SessionKv kv, std::string_view digest,
                          const SessionSink& sink) {
  context.settle_cancelled(sequence);
  PUMICE_TRY(check_idle(sequence));
  if (kv == SessionKv::kQ8 && !context.options().kv_format().plain())
    return error(Status::kUnsupported, "the cache is quantised already; save it as it is");
  PUMICE_TRY(context.unpark(sequence));
  const std::string identity = identity_of(context, digest);
  const std::string& adapters = sequence.adapters.identity;
  SessionTarget target = target_of(context, digest, identity);
  target.adapters = adapters;
  uint32_t computed = kv == SessionKv::kTokens ? 0 : sequence.verified;
  PUMICE_ASSIGN(const std::vector<std::byte> beside, read_beside(context, sequence, computed));
  SessionHeader header{.version = sequence.pictures.empty() ? SessionHeader::kVersion : SessionHeader::kWithPictures,
                       .kv = kv,
                       .dropped = sequence.dropped,
                       .tokens = static_cast<uint32_t>(sequence.tokens.size()),
                       .computed = computed,
                       .digest_bytes = static_cast<uint32_t>(digest.size()),
                       .identity_bytes = static_cast<uint32_t>(identity.size() + adapters.size()),
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
  for (const SequencePicture& picture : sequence.pictures)
    PUMICE_TRY(out.picture(picture.first, picture.content->picture));
  return out.finish();
}

Result<Sequence*> load_session(Context& context, std::string_view group, std::string_view digest,
                               const SessionSource& source) {
  const std::string identity = identity_of(context, digest);
  PUMICE_ASSIGN(SessionContent content, parse_session(source, target_of(context, digest, identity)));
  Result<SequenceAdapters> adapters = find_adapters(context.options().adapters, content.adapters);
  if (!adapters) return error(adapters.error().status, "the session: %s", adapters.error().message.c_str());
  PUMICE_ASSIGN(std::vector<SequencePicture> pictures, place_pictures(context, content));
  PUMICE_ASSIGN(std::vector<std::byte> beside, read_session_beside(source, content));
  uint32_t next = 0;
  return context.restore(group, {.tokens = std::move(content.tokens),
                                 .adapters = std::move(adapters).value(),
                                 .pictures = std::move(pictures),
                                 .whole_pictures = context.model().spec().whole_pictures(),
                                 .computed = content.computed,
                                 .dropped = content.dropped,
                                 .beside = std::move(beside),
                                 .next_page = [&] { return read_session_page(source, content, next++); }});
}

}  // namespace pumice
