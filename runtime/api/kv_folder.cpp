// What lies in a cache folder.
#include <algorithm>

#include "api/handles.h"
#include "kv/disk_folder.h"
#include "kv/secret_file.h"
#include "kv/tiered_store.h"
#include "pumice/pumice_kv.h"

struct PumiceKvFolder {
  pumice::DiskFolder folder;
  pumice::LastError last_error;
};

using namespace pumice;

namespace {

void write_stats(const DiskFolder& folder, PumiceKvFolderStats& stats) {
  const FolderCounts& counts = folder.counts();
  stats.files = counts.files;
  stats.bytes = counts.bytes;
  stats.records = folder.records().size();
  stats.value_bytes = stats.tokens = 0;
  for (const FolderRecord& record : folder.records()) {
    stats.value_bytes += record.header.value_bytes;
    stats.tokens += record.claim.tokens;
  }
  stats.erased_records = counts.erased_records;
  stats.damaged_records = counts.damaged_records;
  stats.damaged_places = counts.damaged_places;
}

void write_record(const FolderRecord& from, PumiceKvRecord& to) {
  copy_text(to_hex(from.header.key), to.key);
  copy_text(name_space_of(from.header), to.name_space);
  to.epoch = from.header.epoch;
  to.tokens = from.claim.tokens;
  to.bytes = from.header.value_bytes;
  to.written_at = from.header.written_at;
  to.uses = from.uses;
  to.compressed = from.claim.compressed ? 1 : 0;
  to.encrypted = from.claim.encrypted ? 1 : 0;
}

}  // namespace

extern "C" {

PumiceResult pumice_kv_secret_file(PumiceInstance* instance, const char* path, int32_t make, uint8_t* secret) {
  if (!instance) return PUMICE_INVALID_ARGUMENT;
  return guarded(&instance->object->last_error, [&]() -> Result<void> {
    if (!path || !secret) return invalid("path or secret");
    PUMICE_ASSIGN(const Secret read, secret_of_file(path, make != 0));
    std::memcpy(secret, read.data(), read.size());
    return {};
  });
}

PumiceResult pumice_kv_folder_open(PumiceInstance* instance, const char* path, PumiceKvFolder** folder) {
  if (!instance) return PUMICE_INVALID_ARGUMENT;
  return guarded(&instance->object->last_error, [&]() -> Result<void> {
    if (!path || !folder) return invalid("path or folder");
    PUMICE_ASSIGN(DiskFolder opened, DiskFolder::open(path));
    *folder = new PumiceKvFolder{std::move(opened), {}};
    return {};
  });
}

void pumice_kv_folder_destroy(PumiceKvFolder* folder) { delete folder; }

size_t pumice_kv_folder_error(const PumiceKvFolder* folder, char* buffer, size_t capacity) {
  return folder ? folder->last_error.copy(buffer, capacity) : copy_text("", buffer, capacity);
}

PumiceResult pumice_kv_folder_get_stats(PumiceKvFolder* folder, PumiceKvFolderStats* stats) {
  if (!folder || !usable(stats)) return PUMICE_INVALID_ARGUMENT;
  write_stats(folder->folder, *stats);
  return PUMICE_OK;
}

PumiceResult pumice_kv_folder_get_record(PumiceKvFolder* folder, uint64_t index, PumiceKvRecord* record) {
  if (!folder) return PUMICE_INVALID_ARGUMENT;
  return guarded(&folder->last_error, [&]() -> Result<void> {
    if (!usable(record)) return invalid("record is NULL or was not made by pumice_kv_record_init()");
    const std::span<const FolderRecord> records = folder->folder.records();
    if (index >= records.size())
      return error(Status::kNotFound, "there is no record %llu; there are %zu", static_cast<unsigned long long>(index),
                   records.size());
    write_record(records[index], *record);
    return {};
  });
}

PumiceResult pumice_kv_folder_verify(PumiceKvFolder* folder, const uint8_t* secret, PumiceProgressCallback progress,
                                     void* progress_user, PumiceKvVerification* verification) {
  if (!folder) return PUMICE_INVALID_ARGUMENT;
  return guarded(&folder->last_error, [&]() -> Result<void> {
    if (!usable(verification)) return invalid("verification is NULL or was not made by its _init() function");
    Secret deployment, store;
    if (secret) {
      std::memcpy(deployment.data(), secret, deployment.size());
      store = store_secret(deployment);
    }
    PUMICE_ASSIGN(const FolderVerification found,
                  folder->folder.verify(secret ? &store : nullptr, [&](double fraction) {
                    return !progress || progress(progress_user, static_cast<float>(fraction)) == 0;
                  }));
    verification->records = found.records;
    verification->bytes = found.bytes;
    verification->damaged_records = found.damaged_records;
    verification->damaged_places = found.damaged_places;
    verification->not_genuine = found.not_genuine;
    return {};
  });
}

PumiceResult pumice_kv_folder_clear(PumiceKvFolder* folder) {
  if (!folder) return PUMICE_INVALID_ARGUMENT;
  return guarded(&folder->last_error, [&] { return folder->folder.clear(); });
}

}  // extern "C"
