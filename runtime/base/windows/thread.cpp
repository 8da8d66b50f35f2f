#include <process.h>

#include <memory>

#include "base/thread_system.h"
#include "base/windows/text.h"

namespace pumice::thread_system {
namespace {

struct Start {
  void (*entry)(void*) noexcept;
  void* argument;
};

unsigned __stdcall enter(void* start) {
  const std::unique_ptr<Start> mine(static_cast<Start*>(start));
  mine->entry(mine->argument);
  return 0;
}

}  // namespace

Result<uintptr_t> start(const char* name, void (*entry)(void*) noexcept, void* argument) {
  auto start = std::make_unique<Start>(Start{entry, argument});
  const uintptr_t thread = ::_beginthreadex(nullptr, 0, enter, start.get(), 0, nullptr);
  if (thread == 0) return error(Status::kOutOfHostMemory, "the system starts no more threads: close other programs");
  static_cast<void>(start.release());
  // Windows 10 1607 and newer.
  using SetDescription = HRESULT(WINAPI*)(HANDLE, PCWSTR);
  static const auto describe = reinterpret_cast<SetDescription>(
      reinterpret_cast<void*>(::GetProcAddress(::GetModuleHandleW(L"kernel32.dll"), "SetThreadDescription")));
  if (describe) describe(reinterpret_cast<HANDLE>(thread), wide(name).c_str());
  return thread;
}

void join(uintptr_t thread) {
  ::WaitForSingleObject(reinterpret_cast<HANDLE>(thread), INFINITE);
  detach(thread);
}

void detach(uintptr_t thread) { ::CloseHandle(reinterpret_cast<HANDLE>(thread)); }

}  // namespace pumice::thread_system
