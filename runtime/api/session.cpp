// Sessions.
#include <cstring>

#include "api/handles.h"
#include "base/file.h"
#include "engine/session_file.h"

namespace pumice {
namespace {

Result<void> save(SequenceObject& object, const PumiceSessionOptions& options) {
  ContextObject& owner = *object.context;
  PUMICE_ASSIGN(const std::string digest, digest_of(*owner.model));
  const auto kv = static_cast<SessionKv>(options.kv);
  if (!options.path) {
    return save_session(
        *owner.context, *object.sequence, kv, digest, [&](std::span<const std::byte> bytes) -> Result<void> {
          const int32_t failed =
              outside_turn(object, [&] { return options.write(options.write_user, bytes.data(), bytes.size()); });
          PUMICE_TRY(owner.last_error.check());  // another thread may have had its turn
          if (failed) return error(Status::kIo, "the session could not be written");
          return {};
        });
  }
  PUMICE_ASSIGN(NewFile file, NewFile::create(options.path));
  PUMICE_TRY(save_session(*owner.context, *object.sequence, kv, digest,
                          [&](std::span<const std::byte> bytes) { return file.write(bytes); }));
  return file.commit();
}

Result<Sequence*> load(ContextObject& owner, const PumiceSessionSource& from) {
  PUMICE_ASSIGN(const std::string digest, digest_of(*owner.model));
  const std::string_view group = from.group ? from.group : "";
  if (!from.path) {
    const std::span<const std::byte> bytes(static_cast<const std::byte*>(from.data), from.data_size);
    return load_session(*owner.context, group, digest,
                        {.size = bytes.size(), .read = [&](uint64_t at, std::span<std::byte> to) -> Result<void> {
                           std::memcpy(to.data(), bytes.data() + at, to.size());
                           return {};
                         }});
  }
  PUMICE_ASSIGN(const File file, File::open(from.path, FileAccess::kRead));
  PUMICE_ASSIGN(const uint64_t size, file.size());
  return load_session(*owner.context, group, digest, {.size = size, .read = [&](uint64_t at, std::span<std::byte> to) {
                                                        return file.read_at(at, to);
                                                      }});
}

}  // namespace
}  // namespace pumice

using namespace pumice;

extern "C" {

PumiceResult pumice_sequence_save(PumiceSequence* sequence, const PumiceSessionOptions* options) {
  if (!sequence) return PUMICE_INVALID_ARGUMENT;
  return guarded(sequence->object, [&](SequenceObject& object) -> Result<void> {
    PUMICE_ASSIGN(const PumiceSessionOptions given, taken(options, pumice_session_options_init(), "options"));
    if ((!given.path && !given.write) || given.kv < PUMICE_SESSION_EXACT || given.kv > PUMICE_SESSION_TOKENS)
      return invalid("session options");
    return save(object, given);
  });
}

PumiceResult pumice_sequence_load(PumiceContext* context, const PumiceSessionSource* source,
                                  PumiceSequence** sequence) {
  if (!context) return PUMICE_INVALID_ARGUMENT;
  return guarded(*context->object, [&]() -> Result<void> {
    PUMICE_ASSIGN(const PumiceSessionSource given, taken(source, pumice_session_source_init(), "source"));
    if (!sequence || (!given.path && !given.data)) return invalid("source or sequence");
    PUMICE_ASSIGN(Sequence* const loaded, load(*context->object, given));
    *sequence = sequence_handle(context->object, loaded);
    return {};
  });
}

}  // extern "C"
