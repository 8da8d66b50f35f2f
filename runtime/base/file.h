// Files and folders of the system.
//
// Paths are UTF-8; on Windows as long as the file system takes them, and with either slash.
// Only regular files are opened: a pipe, a device or a folder under the name is refused at once and never waited for.
// Nothing raises SIGXFSZ: that a file may not grow is an error, as a full disk is. All messages name the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace pumice {

enum class FileAccess : uint32_t {
  kRead = 0,
  kUpdate = 1,  // read and write what is there
  kCreate = 2,  // read and write a new one, which only its owner may read; the name must be free
  kEnsure = 3,  // kUpdate, made if need be
};
enum class Links : uint32_t { kFollow = 0, kRefuse = 1 };  // of the last part of a path

// Move-only owner of an open file. Thread rule: read_at(), write_at() and size() from any number of threads; the rest
// alone.
class File {
 public:
  // Status::kNotFound: there is none. kCreate never follows links.
  static Result<File> open(const std::string& path, FileAccess access, Links links = Links::kFollow);

  File() = default;
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  bool is_open() const { return handle_ != kNoHandle; }
  const std::string& path() const { return path_; }
  intptr_t handle() const { return handle_; }  // the system's; for base alone

  Result<uint64_t> size() const;
  // All of `to`; Status::kIo where the file ends before.
  Result<void> read_at(uint64_t offset, std::span<std::byte> to) const;
  Result<void> write_at(uint64_t offset, std::span<const std::byte> from) const;
  Result<void> truncate(uint64_t size) const;
  Result<void> sync() const;
  // For this process alone until the file is closed, however the process ends. false: another has it.
  Result<bool> try_lock() const;

 private:
  friend class NewFile;

  static constexpr intptr_t kNoHandle = -1;
  void close();

  std::string path_;  // for messages
  intptr_t handle_ = kNoHandle;
};

// Who may read a new file. kOwner: what may tell what people wrote. kUsual: as the process makes files (umask).
enum class FileReaders { kOwner, kUsual };

// A file that appears under its name when it is whole, or never: written in the same folder, synced, renamed, the
// folder synced. What was there before stays until then. Move-only; thread rule: one thread.
class NewFile {
 public:
  // `path` is the name to be; what is there may be a file, and not a folder, a device or a pipe.
  static Result<NewFile> create(const std::string& path, FileReaders readers = FileReaders::kOwner);

  NewFile(NewFile&& other) noexcept = default;
  NewFile& operator=(NewFile&& other) = delete;
  ~NewFile();  // without a commit nothing is left

  Result<void> write(std::span<const std::byte> bytes);
  Result<void> commit();
  // Takes the name only if it is free; false: another was first, and this one is gone.
  Result<bool> commit_if_free();

 private:
  explicit NewFile(std::string path) : path_(std::move(path)) {}

  std::string path_, scratch_;
  File file_;
  uint64_t size_ = 0;
};

// Itself, and not a link to one.
bool is_regular_file(const std::string& path);
// Status::kNotFound: there is none.
Result<void> remove_file(const std::string& path);
// With its parents; those that are made are their owner's alone.
Result<void> make_folders(const std::string& path);
// The names in it, in no order. Status::kNotFound: there is no such folder.
Result<std::vector<std::string>> list_folder(const std::string& path);

}  // namespace pumice
