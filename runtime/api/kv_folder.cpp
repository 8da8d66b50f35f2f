// What lies in a cache folder.
#include <algorithm>

#include "api/handles.h"
#include "kv/tiers/disk_folder.h"
#include "kv/tiers/secret_file.h"
#include "kv/tiers/tiered_store.h"
#include "pumice/pumice_kv.h"

struct PumiceKvFolder {
  pumice::DiskFolder folder;
  pumice::LastError last_error;
};

using namespace pumice;

namespace {

PumiceKvFolderStats stats_of(const DiskFolder& folder) {
  PumiceKvFolderStats stats = pumice_kv_folder_stats_init();
  const FolderCounts& counts = folder.counts();
  stats.files = counts.files;
  stats.bytes = counts.bytes;
  stats.records = folder.records().size();
  for (const FolderRecord& record : folder.records()) {
    stats.value_bytes += record.header.value_bytes;
    stats.tokens += record.claim.tokens;
  }
  stats.erased_records = counts.erased_records;
  stats.damaged_records = counts.damaged_records;
  stats.damaged_places = counts.damaged_places;
  return stats;
}

PumiceKvRecord record_of(const FolderRecord& from) {
  PumiceKvRecord to = pumice_kv_record_init();
  copy_text(to_hex(from.header.key), to.key);
  copy_text(name_space_of(from.header), to.name_space);
  to.epoch = from.header.epoch;
  to.tokens = from.claim.tokens;
  to.bytes = from.header.value_bytes;
  to.written_at = from.header.written_at;
  to.uses = from.uses;
  to.compressed = from.claim.compressed ? 1 : 0;
  to.encrypted = from.claim.encrypted ? 1 : 0;
  return to;
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
  if (!folder) return PUMICE_INVALID_ARGUMENT;
  return guarded(&folder->last_error, [&]() -> Result<void> {
    PUMICE_TRY(check_struct(stats, "stats"));
    hand_out(stats_of(folder->folder), stats);
    return {};
  });
}

PumiceResult pumice_kv_folder_get_record(PumiceKvFolder* folder, uint64_t index, PumiceKvRecord* record) {
  if (!folder) return PUMICE_INVALID_ARGUMENT;
  return guarded(&folder->last_error, [&]() -> Result<void> {
    PUMICE_TRY(check_struct(record, "record"));
    const std::span<const FolderRecord> records = folder->folder.records();
    if (index >= records.size())
      return error(Status::kNotFound, "there is no record %llu; there are %zu", static_cast<unsigned long long>(index),
                   records.size());
    hand_out(record_of(records[index]), record);
    return {};
  });
}

PumiceResult pumice_kv_folder_verify(PumiceKvFolder* folder, const uint8_t* secret, PumiceProgressCallback progress,
                                     void* progress_user, PumiceKvVerification* verification) {
  if (!folder) return PUMICE_INVALID_ARGUMENT;
  return guarded(&folder->last_error, [&]() -> Result<void> {
    PUMICE_TRY(check_struct(verification, "verification"));
    Secret deployment, store;
    if (secret) {
      std::memcpy(deployment.data(), secret, deployment.size());
      store = store_secret(deployment);
    }
    PUMICE_ASSIGN(const FolderVerification found,
                  folder->folder.verify(secret ? &store : nullptr, [&](double fraction) {
                    return !progress || progress(progress_user, static_cast<float>(fraction)) == 0;
                  }));
    PumiceKvVerification made = pumice_kv_verification_init();
    made.records = found.records;
    made.bytes = found.bytes;
    made.damaged_records = found.damaged_records;
    made.damaged_places = found.damaged_places;
    made.not_genuine = found.not_genuine;
    hand_out(made, verification);
    return {};
  });
}

PumiceResult pumice_kv_folder_clear(PumiceKvFolder* folder) {
  if (!folder) return PUMICE_INVALID_ARGUMENT;
  return guarded(&folder->last_error, [&] { return folder->folder.clear(); });
}

}  // extern "C"
