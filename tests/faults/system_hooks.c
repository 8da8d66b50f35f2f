#define _GNU_SOURCE
#undef _FILE_OFFSET_BITS /* would make open() another name of open64(); both are wanted here */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "faults/own_code.h"
#include "faults/system_faults.h"

static atomic_int counting, armed_call = -1, armed_code, armed_sticky, hits;
static _Atomic int64_t countdown, seen[PUMICE_SYSTEM_CALL_COUNT];

void pumice_system_faults_arm(int call, int64_t at, int code, int sticky) {
  armed_code = code;
  armed_sticky = sticky;
  hits = 0;
  countdown = at;
  counting = 1;
  armed_call = call;
}
void pumice_system_faults_disarm(void) {
  armed_call = -1;
  counting = 0;
}
void pumice_system_faults_count(int on) {
  for (int i = 0; on && i < PUMICE_SYSTEM_CALL_COUNT; ++i) seen[i] = 0;
  counting = on;
}
int pumice_system_faults_hits(void) { return hits; }
int64_t pumice_system_faults_seen(int call) { return seen[call]; }

/* What the call is to fail with; 0: it is not to fail. */
static int fault(int call, const void* caller) {
  if (!atomic_load_explicit(&counting, memory_order_relaxed)) return 0;
  if (armed_call >= 0 && armed_call != call) return 0;
  const int kept = errno;
  PumiceCallStack stack;
  const int own = pumice_own_code_calls(caller, &stack);
  errno = kept;
  if (!own) return 0;
  seen[call]++;
  if (armed_call != call) return 0;
  const int64_t left = countdown--;
  if (left != 1 && !(left < 1 && armed_sticky)) return 0;
  hits++;
  return armed_code;
}

/* Whoever calls for himself knows that he waits for a disk; the tier's threads wait for all. */
static void hang(int call) {
  char name[16] = "";
  pthread_getname_np(pthread_self(), name, sizeof name);
  while (!strncmp(name, "kv-disk", 7) && armed_call == call) usleep(1000);
}

#define NEXT(name) ((__typeof__(&name))next(&next_##name, #name))
static void* next(_Atomic(void*)* kept, const char* name) {
  void* found = *kept;
  if (!found) *kept = found = dlsym(RTLD_NEXT, name);
  return found;
}

/* name, result, what it returns on failure, parameters, arguments */
#define HOOK_AS(call, name, Result, bad, parameters, arguments)              \
  static _Atomic(void*) next_##name;                                         \
  Result name parameters {                                                   \
    const int code = fault(PUMICE_CALL_##call, __builtin_return_address(0)); \
    if (code) return errno = code, bad;                                      \
    return NEXT(name) arguments;                                             \
  }
#define HOOK(name, Result, bad, parameters, arguments) HOOK_AS(name, name, Result, bad, parameters, arguments)

/* With a count of bytes that may be done in part; `fewer` are the arguments for half of them. */
#define HOOK_BYTES_AS(call, name, parameters, arguments, size, fewer)        \
  static _Atomic(void*) next_##name;                                         \
  ssize_t name parameters {                                                  \
    const int code = fault(PUMICE_CALL_##call, __builtin_return_address(0)); \
    if (code == PUMICE_FAULT_ZERO) return 0;                                 \
    if (code == PUMICE_FAULT_SHORT && (size) > 1) return NEXT(name) fewer;   \
    if (code == PUMICE_FAULT_HANG) hang(PUMICE_CALL_##call);                 \
    if (code > 0 && code < PUMICE_FAULT_SHORT) return errno = code, -1;      \
    return NEXT(name) arguments;                                             \
  }
#define HOOK_BYTES(name, parameters, arguments, size, fewer) \
  HOOK_BYTES_AS(name, name, parameters, arguments, size, fewer)

HOOK_BYTES(read, (int f, void* p, size_t n), (f, p, n), n, (f, p, n / 2))
HOOK_BYTES(write, (int f, const void* p, size_t n), (f, p, n), n, (f, p, n / 2))
HOOK_BYTES(pread, (int f, void* p, size_t n, off_t at), (f, p, n, at), n, (f, p, n / 2, at))
HOOK_BYTES_AS(pread, pread64, (int f, void* p, size_t n, off64_t at), (f, p, n, at), n, (f, p, n / 2, at))
HOOK_BYTES(pwrite, (int f, const void* p, size_t n, off_t at), (f, p, n, at), n, (f, p, n / 2, at))
HOOK_BYTES_AS(pwrite, pwrite64, (int f, const void* p, size_t n, off64_t at), (f, p, n, at), n, (f, p, n / 2, at))
HOOK_BYTES(readv, (int f, const struct iovec* v, int n), (f, v, n), n, (f, v, n / 2))
HOOK_BYTES(writev, (int f, const struct iovec* v, int n), (f, v, n), n, (f, v, n / 2))
HOOK_BYTES(send, (int f, const void* p, size_t n, int flags), (f, p, n, flags), n, (f, p, n / 2, flags))
HOOK_BYTES(recv, (int f, void* p, size_t n, int flags), (f, p, n, flags), n, (f, p, n / 2, flags))

HOOK(fopen, FILE*, NULL, (const char* path, const char* mode), (path, mode))
HOOK_AS(fopen, fopen64, FILE*, NULL, (const char* path, const char* mode), (path, mode))
HOOK(fdopen, FILE*, NULL, (int f, const char* mode), (f, mode))
HOOK(fwrite, size_t, 0, (const void* p, size_t size, size_t n, FILE* f), (p, size, n, f))
HOOK(fflush, int, EOF, (FILE * f), (f))
HOOK(fsync, int, -1, (int f), (f))
HOOK(fdatasync, int, -1, (int f), (f))
HOOK(ftruncate, int, -1, (int f, off_t size), (f, size))
HOOK_AS(ftruncate, ftruncate64, int, -1, (int f, off64_t size), (f, size))
HOOK(lseek, off_t, -1, (int f, off_t at, int from), (f, at, from))
HOOK_AS(lseek, lseek64, off64_t, -1, (int f, off64_t at, int from), (f, at, from))
HOOK(fstat, int, -1, (int f, struct stat* s), (f, s))
HOOK(stat, int, -1, (const char* path, struct stat* s), (path, s))
HOOK(lstat, int, -1, (const char* path, struct stat* s), (path, s))
HOOK(fstatat, int, -1, (int f, const char* path, struct stat* s, int flags), (f, path, s, flags))
HOOK_AS(fstat, fstat64, int, -1, (int f, struct stat64* s), (f, s))
HOOK_AS(stat, stat64, int, -1, (const char* path, struct stat64* s), (path, s))
HOOK_AS(lstat, lstat64, int, -1, (const char* path, struct stat64* s), (path, s))
HOOK_AS(fstatat, fstatat64, int, -1, (int f, const char* path, struct stat64* s, int flags), (f, path, s, flags))
HOOK(rename, int, -1, (const char* from, const char* to), (from, to))
HOOK(renameat, int, -1, (int f, const char* from, int t, const char* to), (f, from, t, to))
HOOK(link, int, -1, (const char* from, const char* to), (from, to))
HOOK(linkat, int, -1, (int f, const char* from, int t, const char* to, int flags), (f, from, t, to, flags))
HOOK(unlink, int, -1, (const char* path), (path))
HOOK(unlinkat, int, -1, (int f, const char* path, int flags), (f, path, flags))
HOOK(mkdir, int, -1, (const char* path, mode_t mode), (path, mode))
HOOK(mkdirat, int, -1, (int f, const char* path, mode_t mode), (f, path, mode))
HOOK(opendir, DIR*, NULL, (const char* path), (path))
HOOK(fdopendir, DIR*, NULL, (int f), (f))
HOOK(readdir, struct dirent*, NULL, (DIR * d), (d))
HOOK_AS(readdir, readdir64, struct dirent64*, NULL, (DIR * d), (d))
HOOK(flock, int, -1, (int f, int how), (f, how))
HOOK(mmap, void*, MAP_FAILED, (void* p, size_t n, int prot, int flags, int f, off_t at), (p, n, prot, flags, f, at))
HOOK_AS(mmap, mmap64, void*, MAP_FAILED, (void* p, size_t n, int prot, int flags, int f, off64_t at),
        (p, n, prot, flags, f, at))
HOOK(mprotect, int, -1, (void* p, size_t n, int prot), (p, n, prot))
HOOK(socket, int, -1, (int domain, int type, int protocol), (domain, type, protocol))
HOOK(getsockopt, int, -1, (int f, int level, int name, void* p, socklen_t* n), (f, level, name, p, n))
HOOK(setsockopt, int, -1, (int f, int level, int name, const void* p, socklen_t n), (f, level, name, p, n))
HOOK(eventfd, int, -1, (unsigned value, int flags), (value, flags))
HOOK(pipe2, int, -1, (int files[2], int flags), (files, flags))

/* Those whose failure is no -1 with errno, whose work is done although they fail, or whose parameters vary. */

static _Atomic(void*) next_connect, next_poll, next_getaddrinfo, next_pthread_create, next_close, next_fclose,
    next_open, next_openat, next_fcntl;

int connect(int f, const struct sockaddr* address, socklen_t size) {
  const int code = fault(PUMICE_CALL_connect, __builtin_return_address(0));
  return code ? (errno = code, -1) : NEXT(connect)(f, address, size);
}
int poll(struct pollfd* files, nfds_t count, int timeout) {
  const int code = fault(PUMICE_CALL_poll, __builtin_return_address(0));
  if (code == PUMICE_FAULT_ZERO) return NEXT(poll)(NULL, 0, timeout < 0 || timeout > 50 ? 50 : timeout);
  return code ? (errno = code, -1) : NEXT(poll)(files, count, timeout);
}
int getaddrinfo(const char* host, const char* port, const struct addrinfo* hints, struct addrinfo** list) {
  const int code = fault(PUMICE_CALL_getaddrinfo, __builtin_return_address(0));
  return code ? code : NEXT(getaddrinfo)(host, port, hints, list);
}
int pthread_create(pthread_t* thread, const pthread_attr_t* with, void* (*run)(void*), void* user) {
  const int code = fault(PUMICE_CALL_pthread_create, __builtin_return_address(0));
  return code ? code : NEXT(pthread_create)(thread, with, run, user);
}
int close(int f) {
  const int code = fault(PUMICE_CALL_close, __builtin_return_address(0));
  const int result = NEXT(close)(f);
  return code ? (errno = code, -1) : result;
}
int fclose(FILE* f) {
  const int code = fault(PUMICE_CALL_fclose, __builtin_return_address(0));
  const int result = NEXT(fclose)(f);
  return code ? (errno = code, EOF) : result;
}

static mode_t mode_of(int flags, va_list more) { return flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; }

static int open_file(const void* caller, const char* path, int flags, mode_t mode) {
  const int code = fault(PUMICE_CALL_open, caller);
  return code ? (errno = code, -1) : NEXT(open)(path, flags, mode);
}
static int open_file_at(const void* caller, int folder, const char* path, int flags, mode_t mode) {
  const int code = fault(PUMICE_CALL_openat, caller);
  return code ? (errno = code, -1) : NEXT(openat)(folder, path, flags, mode);
}
#define OPEN(name, call, parameters, ...)                               \
  int name parameters {                                                 \
    va_list more;                                                       \
    va_start(more, flags);                                              \
    const mode_t mode = mode_of(flags, more);                           \
    va_end(more);                                                       \
    return call(__builtin_return_address(0), __VA_ARGS__, flags, mode); \
  }
OPEN(open, open_file, (const char* path, int flags, ...), path)
OPEN(open64, open_file, (const char* path, int flags, ...), path)
OPEN(openat, open_file_at, (int folder, const char* path, int flags, ...), folder, path)
OPEN(openat64, open_file_at, (int folder, const char* path, int flags, ...), folder, path)

int fcntl(int f, int command, ...) {
  va_list more;
  va_start(more, command);
  void* argument = va_arg(more, void*);
  va_end(more);
  const int code = fault(PUMICE_CALL_fcntl, __builtin_return_address(0));
  return code ? (errno = code, -1) : NEXT(fcntl)(f, command, argument);
}

/* ---- What each may fail with: a flat table. ---------------------------------------------------------------------- */

#define CODE(name) \
  { #name, name }
#define SHORT \
  { "SHORT", PUMICE_FAULT_SHORT }
#define HANG \
  { "HANG", PUMICE_FAULT_HANG }
#define ZERO \
  { "ZERO", PUMICE_FAULT_ZERO }
static const PumiceFaultCode kCodes[PUMICE_SYSTEM_CALL_COUNT][8] = {
    [PUMICE_CALL_open] = {CODE(EACCES), CODE(EMFILE), CODE(ENOSPC), CODE(EINTR)},
    [PUMICE_CALL_openat] = {CODE(EACCES), CODE(EMFILE), CODE(ENOSPC), CODE(EINTR)},
    [PUMICE_CALL_fopen] = {CODE(EACCES), CODE(EMFILE)},
    [PUMICE_CALL_fdopen] = {CODE(ENOMEM)},
    [PUMICE_CALL_read] = {CODE(EIO), CODE(EINTR), SHORT, ZERO},
    [PUMICE_CALL_pread] = {CODE(EIO), CODE(EINTR), SHORT, ZERO, HANG},
    [PUMICE_CALL_readv] = {CODE(EIO), CODE(EINTR), SHORT, ZERO},
    [PUMICE_CALL_write] = {CODE(EIO), CODE(ENOSPC), CODE(EINTR), CODE(EFBIG), SHORT},
    [PUMICE_CALL_pwrite] = {CODE(EIO), CODE(ENOSPC), CODE(EINTR), CODE(EFBIG), SHORT, HANG},
    [PUMICE_CALL_writev] = {CODE(EIO), CODE(ENOSPC), CODE(EINTR), SHORT},
    [PUMICE_CALL_fwrite] = {CODE(ENOSPC)},
    [PUMICE_CALL_fflush] = {CODE(ENOSPC)},
    [PUMICE_CALL_fclose] = {CODE(ENOSPC)},
    [PUMICE_CALL_close] = {CODE(EIO), CODE(EINTR)},
    [PUMICE_CALL_fsync] = {CODE(EIO), CODE(ENOSPC)},
    [PUMICE_CALL_fdatasync] = {CODE(EIO), CODE(ENOSPC)},
    [PUMICE_CALL_ftruncate] = {CODE(EIO), CODE(EFBIG)},
    [PUMICE_CALL_lseek] = {CODE(EINVAL)},
    [PUMICE_CALL_fstat] = {CODE(EIO)},
    [PUMICE_CALL_stat] = {CODE(EACCES), CODE(EIO)},
    [PUMICE_CALL_lstat] = {CODE(EACCES), CODE(EIO)},
    [PUMICE_CALL_fstatat] = {CODE(EACCES), CODE(EIO)},
    [PUMICE_CALL_rename] = {CODE(EACCES), CODE(ENOSPC)},
    [PUMICE_CALL_renameat] = {CODE(EACCES), CODE(ENOSPC)},
    [PUMICE_CALL_link] = {CODE(EEXIST), CODE(EPERM), CODE(ENOSPC)},
    [PUMICE_CALL_linkat] = {CODE(EEXIST), CODE(EPERM), CODE(ENOSPC)},
    [PUMICE_CALL_unlink] = {CODE(EACCES)},
    [PUMICE_CALL_unlinkat] = {CODE(EACCES)},
    [PUMICE_CALL_mkdir] = {CODE(EACCES), CODE(ENOSPC)},
    [PUMICE_CALL_mkdirat] = {CODE(EACCES), CODE(ENOSPC)},
    [PUMICE_CALL_opendir] = {CODE(EMFILE), CODE(ENOMEM)},
    [PUMICE_CALL_fdopendir] = {CODE(ENOMEM)},
    [PUMICE_CALL_readdir] = {CODE(EIO)},
    [PUMICE_CALL_flock] = {CODE(EWOULDBLOCK), CODE(ENOLCK), CODE(EINTR)},
    [PUMICE_CALL_fcntl] = {CODE(EMFILE)},
    [PUMICE_CALL_mmap] = {CODE(ENOMEM), CODE(ENODEV)},
    [PUMICE_CALL_mprotect] = {CODE(ENOMEM)},
    [PUMICE_CALL_socket] = {CODE(EMFILE), CODE(ENOBUFS)},
    [PUMICE_CALL_connect] = {CODE(ECONNREFUSED), CODE(EINTR), CODE(ENETUNREACH)},
    [PUMICE_CALL_getsockopt] = {CODE(ENOBUFS)},
    [PUMICE_CALL_setsockopt] = {CODE(ENOMEM)},
    [PUMICE_CALL_send] = {CODE(EPIPE), CODE(EINTR), CODE(EAGAIN), SHORT},
    [PUMICE_CALL_recv] = {CODE(ECONNRESET), CODE(EINTR), CODE(EAGAIN), SHORT, ZERO},
    [PUMICE_CALL_poll] = {CODE(ENOMEM), CODE(EINTR), ZERO},
    [PUMICE_CALL_getaddrinfo] = {CODE(EAI_AGAIN), CODE(EAI_MEMORY)},
    [PUMICE_CALL_eventfd] = {CODE(EMFILE)},
    [PUMICE_CALL_pipe2] = {CODE(EMFILE)},
    [PUMICE_CALL_pthread_create] = {CODE(EAGAIN)},
};
static const char* const kNames[] = {
#define X(name) #name,
    PUMICE_SYSTEM_CALLS(X)
#undef X
};

const char* pumice_system_call_name(int call) { return kNames[call]; }
const PumiceFaultCode* pumice_system_call_codes(int call) { return kCodes[call]; }
