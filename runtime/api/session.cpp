// Sessions.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "api/handles.h"
#include "base/mapped_file.h"
#include "engine/session_file.h"

namespace pumice {
namespace {

// A file that takes the place of another one when it is whole.
class NewFile {
 public:
  explicit NewFile(const char* path) : path_(path), scratch_(path_ + ".new") {}
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile() {
    if (file_ < 0) return;
    ::close(file_);
    ::unlink(scratch_.c_str());
  }

  Result<void> open() {
    file_ = ::open(scratch_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file_ < 0) return failed("cannot be made");
    return {};
  }
  Result<void> write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(file_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return failed("cannot be written");
      bytes = bytes.subspan(static_cast<size_t>(written));
    }
    return {};
  }
  Result<void> commit() {
    if (::fsync(file_) != 0) return failed("cannot be written");
    if (::rename(scratch_.c_str(), path_.c_str()) != 0) return failed("cannot be replaced");
    ::close(std::exchange(file_, -1));
    return {};
  }

 private:
  Error failed(const char* what) const {
    return error(Status::kIo, "%s %s: %s; the former file, if any, is as it was", path_.c_str(), what,
                 std::strerror(errno));
  }
  std::string path_, scratch_;
  int file_ = -1;
};

Result<void> save(SequenceObject& object, const PumiceSessionOptions& options) {
  ContextObject& owner = *object.context;
  PUMICE_ASSIGN(const std::string digest, digest_of(*owner.model));
  const auto kv = static_cast<SessionKv>(options.kv);
  if (!options.path) {
    return save_session(*owner.context, *object.sequence, kv, digest,
                        [&](std::span<const std::byte> bytes) -> Result<void> {
                          if (options.write(options.write_user, bytes.data(), bytes.size()) == 0) return {};
                          return error(Status::kIo, "the session could not be written");
                        });
  }
  NewFile file(options.path);
  PUMICE_TRY(file.open());
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
  PUMICE_ASSIGN(const MappedFile file, MappedFile::open(from.path));
  return load_session(
      *owner.context, group, digest,
      {.size = file.bytes().size(), .read = [&](uint64_t at, std::span<std::byte> to) { return file.read(at, to); }});
}

}  // namespace
}  // namespace pumice

using namespace pumice;

extern "C" {

PumiceResult pumice_sequence_save(PumiceSequence* sequence, const PumiceSessionOptions* options) {
  if (!sequence) return PUMICE_INVALID_ARGUMENT;
  return guarded(*sequence->object->context, [&]() -> Result<void> {
    if (!usable(options) || (!options->path && !options->write) || options->kv < PUMICE_SESSION_EXACT ||
        options->kv > PUMICE_SESSION_TOKENS)
      return invalid("session options");
    return save(*sequence->object, *options);
  });
}

PumiceResult pumice_sequence_load(PumiceContext* context, const PumiceSessionSource* source,
                                  PumiceSequence** sequence) {
  if (!context) return PUMICE_INVALID_ARGUMENT;
  return guarded(*context->object, [&]() -> Result<void> {
    if (!sequence || !usable(source) || (!source->path && !source->data)) return invalid("source or sequence");
    PUMICE_ASSIGN(Sequence* const loaded, load(*context->object, *source));
    *sequence = sequence_handle(context->object, loaded);
    return {};
  });
}

}  // extern "C"
