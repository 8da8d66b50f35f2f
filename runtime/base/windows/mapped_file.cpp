// No section of the file: it would keep others from changing it, and a disk that fails would raise an exception.
#include "base/mapped_file.h"

#include "base/windows/text.h"

namespace pumice {

size_t MappedFile::page_bytes() {
  SYSTEM_INFO system;
  ::GetSystemInfo(&system);
  return system.dwPageSize;
}

Result<void> MappedFile::reserve(size_t size) {
  const void* const data = ::VirtualAlloc(nullptr, size, MEM_RESERVE, PAGE_NOACCESS);
  if (!data) return system_error(name(), "gets no addresses", ::GetLastError());
  data_ = static_cast<const std::byte*>(data);
  size_ = size;
  return {};
}

void MappedFile::release() { ::VirtualFree(const_cast<std::byte*>(data_), 0, MEM_RELEASE); }

Result<void> MappedFile::make_writable(std::span<std::byte> place) const {
  if (::VirtualAlloc(place.data(), place.size(), MEM_COMMIT, PAGE_READWRITE)) return {};
  return system_error(name(), "gets no memory", ::GetLastError());
}

void MappedFile::make_constant(std::span<std::byte> place) const {
  DWORD before = 0;
  ::VirtualProtect(place.data(), place.size(), PAGE_READONLY, &before);
}

Result<void> MappedFile::give_back(std::span<std::byte> place) const {
  ::VirtualFree(place.data(), place.size(), MEM_DECOMMIT);
  return {};
}

void MappedFile::will_need(size_t, size_t) const {}

}  // namespace pumice
