#include "base/file.h"

#include "base/windows/text.h"
// after the system's types
#include <sddl.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "base/random.h"

namespace pumice {
namespace {

constexpr int kNameTries = 16;
constexpr DWORD kMostAtOnce = 1u << 30;
// Programs that look at every new file, such as virus scanners, have it open for some milliseconds.
constexpr int kBusyTries = 100, kBusyMs = 10;
constexpr auto kFileRenameInfoEx = static_cast<FILE_INFO_BY_HANDLE_CLASS>(22);  // of Windows 10 1607
constexpr uint64_t kLockedByte = INT64_MAX - 1;  // locks keep others from reading and writing: one that no file has

HANDLE of(intptr_t handle) { return reinterpret_cast<HANDLE>(handle); }

Error not_a_file(const std::string& path, const char* kind) {
  return error(Status::kIo, "%s is not a regular file but %s", path.c_str(), kind);
}

bool is_folder(DWORD attributes) {
  return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
}

// The access of this user and of nobody else; inherited by what a folder holds.
class OwnerAlone {
 public:
  OwnerAlone() {
    HANDLE token = nullptr;
    alignas(TOKEN_USER) char user[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
    DWORD size = 0;
    wchar_t* name = nullptr;
    if (::OpenProcessToken(::GetCurrentProcess(), TOKEN_QUERY, &token) &&
        ::GetTokenInformation(token, TokenUser, user, sizeof user, &size) &&
        ::ConvertSidToStringSidW(reinterpret_cast<TOKEN_USER*>(user)->User.Sid, &name)) {
      const std::wstring text = L"D:P(A;OICI;FA;;;" + std::wstring(name) + L")";
      ::ConvertStringSecurityDescriptorToSecurityDescriptorW(text.c_str(), SDDL_REVISION_1, &descriptor_, nullptr);
    }
    ::LocalFree(name);
    if (token) ::CloseHandle(token);
    attributes_ = {.nLength = sizeof attributes_, .lpSecurityDescriptor = descriptor_, .bInheritHandle = FALSE};
  }
  OwnerAlone(const OwnerAlone&) = delete;
  OwnerAlone& operator=(const OwnerAlone&) = delete;
  ~OwnerAlone() { ::LocalFree(descriptor_); }

  // Null where the system does not say who its user is: nothing is to be made then.
  SECURITY_ATTRIBUTES* get() { return descriptor_ ? &attributes_ : nullptr; }

 private:
  PSECURITY_DESCRIPTOR descriptor_ = nullptr;
  SECURITY_ATTRIBUTES attributes_{};
};

// File::kNoHandle: GetLastError() says why. Others may read, write, rename and remove it meanwhile, as elsewhere.
intptr_t open_file(const std::wstring& path, FileAccess access, Links links, DWORD more, FileReaders readers) {
  const bool creates = access == FileAccess::kCreate || access == FileAccess::kEnsure;
  std::optional<OwnerAlone> owner;
  if (creates && readers == FileReaders::kOwner && !owner.emplace().get()) {
    ::SetLastError(ERROR_ACCESS_DENIED);
    return -1;
  }
  const DWORD rights = more | GENERIC_READ | (access == FileAccess::kRead ? 0 : GENERIC_WRITE);
  const DWORD how = access == FileAccess::kCreate ? CREATE_NEW : creates ? OPEN_ALWAYS : OPEN_EXISTING;
  const bool itself = links == Links::kRefuse || access == FileAccess::kCreate;
  const HANDLE file = ::CreateFileW(path.c_str(), rights, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                                    owner ? owner->get() : nullptr, how,
                                    FILE_ATTRIBUTE_NORMAL | (itself ? FILE_FLAG_OPEN_REPARSE_POINT : 0), nullptr);
  return reinterpret_cast<intptr_t>(file);
}

OVERLAPPED at(uint64_t offset) {
  OVERLAPPED place{};
  place.Offset = static_cast<DWORD>(offset);
  place.OffsetHigh = static_cast<DWORD>(offset >> 32);
  return place;
}

// With the name that others see until now, or without it; also while they have the old file open, where the file system
// is able to do that.
bool rename_open(HANDLE file, const std::wstring& to, bool replace) {
  const size_t bytes = to.size() * sizeof(wchar_t);
  std::vector<char> buffer(sizeof(FILE_RENAME_INFO) + bytes);
  auto* const order = reinterpret_cast<FILE_RENAME_INFO*>(buffer.data());
  order->Flags = FILE_RENAME_FLAG_POSIX_SEMANTICS | (replace ? FILE_RENAME_FLAG_REPLACE_IF_EXISTS : 0);
  order->FileNameLength = static_cast<DWORD>(bytes);
  std::memcpy(order->FileName, to.data(), bytes);
  return ::SetFileInformationByHandle(file, kFileRenameInfoEx, order, static_cast<DWORD>(buffer.size()));
}

bool rename_closed(const std::wstring& from, const std::wstring& to, bool replace) {
  const DWORD flags = MOVEFILE_WRITE_THROUGH | (replace ? MOVEFILE_REPLACE_EXISTING : 0);
  for (int tries = 0;; ++tries) {
    if (::MoveFileExW(from.c_str(), to.c_str(), flags)) return true;
    const DWORD reason = ::GetLastError();
    if ((reason != ERROR_ACCESS_DENIED && reason != ERROR_SHARING_VIOLATION) || tries == kBusyTries ||
        is_folder(::GetFileAttributesW(to.c_str())))
      return false;
    ::Sleep(kBusyMs);
    ::SetLastError(reason);
  }
}

// False: another has the name, which is only given where it is free. The file that has no name in the end is gone.
Result<bool> take_name(File file, const std::string& scratch, const std::string& path, bool replace) {
  PUMICE_ASSIGN(const std::wstring from, system_path(scratch));
  PUMICE_ASSIGN(const std::wstring to, system_path(path));
  Result<void> synced = file.sync();
  if (synced && rename_open(of(file.handle()), to, replace)) {
    PUMICE_TRY(file.sync());  // the name, too
    return true;
  }
  DWORD reason = ::GetLastError();
  file = {};
  // An older system, or its file system.
  const bool other_way =
      reason == ERROR_INVALID_PARAMETER || reason == ERROR_NOT_SUPPORTED || reason == ERROR_INVALID_FUNCTION;
  if (synced && other_way) {
    if (rename_closed(from, to, replace)) return true;
    reason = ::GetLastError();
  }
  ::DeleteFileW(from.c_str());
  if (!synced) return std::move(synced).error();
  if (!replace && (reason == ERROR_ALREADY_EXISTS || reason == ERROR_FILE_EXISTS)) return false;
  return system_error(path, replace ? "cannot be replaced" : "cannot be made", reason);
}

Result<void> make_folder(std::wstring path, const std::string& said) {
  while (path.ends_with(L'\\')) path.pop_back();
  const DWORD attributes = ::GetFileAttributesW((path + L'\\').c_str());
  if (is_folder(attributes)) return {};
  const size_t end = path.rfind(L'\\');
  if (end == std::wstring::npos || end < std::wstring_view(LR"(\\?\C:)").size())
    return error(Status::kIo, "the folder %s cannot be made: there is no such drive", said.c_str());
  PUMICE_TRY(make_folder(path.substr(0, end), said));
  OwnerAlone owner;
  if (owner.get() && ::CreateDirectoryW(path.c_str(), owner.get())) return {};
  const DWORD reason = ::GetLastError();
  if (is_folder(::GetFileAttributesW(path.c_str()))) return {};
  return error(Status::kIo, "the folder %s cannot be made: %s", said.c_str(), system_text(reason).c_str());
}

}  // namespace

Result<File> File::open(const std::string& path, FileAccess access, Links links) {
  PUMICE_ASSIGN(const std::wstring place, system_path(path));
  File file;
  file.path_ = path;
  file.handle_ = open_file(place, access, links, 0, FileReaders::kOwner);
  if (!file.is_open()) {
    const DWORD reason = ::GetLastError();
    if (is_folder(::GetFileAttributesW(place.c_str()))) return not_a_file(path, "a folder");
    const bool missing = reason == ERROR_FILE_NOT_FOUND || reason == ERROR_PATH_NOT_FOUND;
    if (missing && access != FileAccess::kCreate)
      return error(Status::kNotFound, "%s does not exist; check the path", path.c_str());
    return system_error(path, "cannot be opened", reason);
  }
  if (::GetFileType(of(file.handle_)) != FILE_TYPE_DISK) return not_a_file(path, "a device");
  BY_HANDLE_FILE_INFORMATION info{};
  if (!::GetFileInformationByHandle(of(file.handle_), &info))
    return system_error(path, "cannot be examined", ::GetLastError());
  if ((info.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0 && links == Links::kRefuse)
    return not_a_file(path, "a symbolic link");
  return file;
}

void File::close() { ::CloseHandle(of(handle_)); }

Result<uint64_t> File::size() const {
  LARGE_INTEGER size{};
  if (!::GetFileSizeEx(of(handle_), &size)) return system_error(path_, "cannot be examined", ::GetLastError());
  return static_cast<uint64_t>(size.QuadPart);
}

Result<void> File::read_at(uint64_t offset, std::span<std::byte> to) const {
  while (!to.empty()) {
    OVERLAPPED place = at(offset);
    DWORD got = 0;
    const auto wanted = static_cast<DWORD>(std::min<size_t>(to.size(), kMostAtOnce));
    if (!::ReadFile(of(handle_), to.data(), wanted, &got, &place) && ::GetLastError() != ERROR_HANDLE_EOF)
      return system_error(path_, "cannot be read", ::GetLastError());
    if (got == 0)
      return error(Status::kIo, "%s ends at byte %llu, earlier than when it was opened; load it again", path_.c_str(),
                   static_cast<unsigned long long>(offset));
    to = to.subspan(got);
    offset += got;
  }
  return {};
}

Result<void> File::write_at(uint64_t offset, std::span<const std::byte> from) const {
  while (!from.empty()) {
    OVERLAPPED place = at(offset);
    DWORD wrote = 0;
    const auto wanted = static_cast<DWORD>(std::min<size_t>(from.size(), kMostAtOnce));
    const bool written = ::WriteFile(of(handle_), from.data(), wanted, &wrote, &place);
    if (!written || wrote == 0)
      return system_error(path_, "cannot be written", written ? ERROR_DISK_FULL : ::GetLastError());
    from = from.subspan(wrote);
    offset += wrote;
  }
  return {};
}

Result<void> File::truncate(uint64_t size) const {
  FILE_END_OF_FILE_INFO end{};
  end.EndOfFile.QuadPart = static_cast<LONGLONG>(size);
  if (::SetFileInformationByHandle(of(handle_), FileEndOfFileInfo, &end, sizeof end)) return {};
  return system_error(path_, "cannot be cut", ::GetLastError());
}

Result<void> File::sync() const {
  if (::FlushFileBuffers(of(handle_))) return {};
  return system_error(path_, "cannot be written", ::GetLastError());
}

Result<bool> File::try_lock() const {
  OVERLAPPED place = at(kLockedByte);
  if (::LockFileEx(of(handle_), LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &place)) return true;
  const DWORD reason = ::GetLastError();
  if (reason == ERROR_LOCK_VIOLATION || reason == ERROR_IO_PENDING) return false;
  return system_error(path_, "cannot be locked", reason);
}

Result<NewFile> NewFile::create(const std::string& path, FileReaders readers) {
  PUMICE_ASSIGN(const std::wstring place, system_path(path));
  if (is_folder(::GetFileAttributesW(place.c_str()))) return not_a_file(path, "a folder");
  NewFile made(path);
  SplitMix names(static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count()) ^
                 static_cast<uint64_t>(::GetCurrentProcessId()) << 40);
  made.file_.path_ = path;  // first: once the file is open nothing may throw past its owner
  for (int tries = 0; !made.file_.is_open() && tries < kNameTries; ++tries) {
    char suffix[32];
    std::snprintf(suffix, sizeof suffix, ".%08x.tmp", static_cast<unsigned>(names.next()));
    made.scratch_ = path + suffix;
    const std::wstring scratch = place + wide(suffix);
    made.file_.handle_ = open_file(scratch, FileAccess::kCreate, Links::kRefuse, DELETE, readers);
    if (!made.file_.is_open() && ::GetLastError() != ERROR_FILE_EXISTS) break;
  }
  if (made.file_.is_open()) return made;
  return error(Status::kIo, "%s cannot be made: %s", path.c_str(), system_text(::GetLastError()).c_str());
}

NewFile::~NewFile() {
  if (!file_.is_open()) return;
  file_ = {};
  static_cast<void>(remove_file(scratch_));
}

Result<void> NewFile::commit() {
  PUMICE_ASSIGN([[maybe_unused]] const bool taken, take_name(std::move(file_), scratch_, path_, true));
  return {};
}

Result<bool> NewFile::commit_if_free() { return take_name(std::move(file_), scratch_, path_, false); }

bool is_regular_file(const std::string& path) {
  const Result<std::wstring> place = system_path(path);
  const DWORD attributes = place ? ::GetFileAttributesW(place->c_str()) : INVALID_FILE_ATTRIBUTES;
  return attributes != INVALID_FILE_ATTRIBUTES &&
         (attributes & (FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_REPARSE_POINT | FILE_ATTRIBUTE_DEVICE)) == 0;
}

Result<void> remove_file(const std::string& path) {
  PUMICE_ASSIGN(const std::wstring place, system_path(path));
  if (::DeleteFileW(place.c_str())) return {};
  return system_error(path, "cannot be removed", ::GetLastError());
}

Result<void> make_folders(const std::string& path) {
  PUMICE_ASSIGN(std::wstring place, system_path(path));
  return make_folder(std::move(place), path);
}

Result<std::vector<std::string>> list_folder(const std::string& path) {
  PUMICE_ASSIGN(const std::wstring place, system_path(path));
  WIN32_FIND_DATAW entry;
  const HANDLE found = ::FindFirstFileExW((place + (place.ends_with(L'\\') ? L"*" : L"\\*")).c_str(), FindExInfoBasic,
                                          &entry, FindExSearchNameMatch, nullptr, 0);
  if (found == INVALID_HANDLE_VALUE) {
    const DWORD reason = ::GetLastError();
    const bool missing = ::GetFileAttributesW(place.c_str()) == INVALID_FILE_ATTRIBUTES;
    if (missing) return error(Status::kNotFound, "%s: there is no such folder", path.c_str());
    return system_error(path, "cannot be read", reason == ERROR_PATH_NOT_FOUND ? ERROR_DIRECTORY : reason);
  }
  const std::unique_ptr<void, BOOL (*)(HANDLE)> owner(found, [](HANDLE handle) { return ::FindClose(handle); });
  std::vector<std::string> names;
  do {
    const std::wstring_view name = entry.cFileName;
    if (name != L"." && name != L"..") names.push_back(utf8(name));
  } while (::FindNextFileW(found, &entry));
  const DWORD reason = ::GetLastError();
  if (reason != ERROR_NO_MORE_FILES) return system_error(path, "cannot be read", reason);
  return names;
}

}  // namespace pumice
