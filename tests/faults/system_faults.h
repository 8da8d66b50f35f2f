/* SystemFaults: which call of the operating system, made by the library, fails next, and how. system_hooks.c defines
 * the functions in the program, which the dynamic linker prefers to the C library's. C11, also valid C++. Any thread.
 */
#ifndef PUMICE_FAULTS_SYSTEM_FAULTS_H
#define PUMICE_FAULTS_SYSTEM_FAULTS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A flat table. */
#define PUMICE_SYSTEM_CALLS(X)                                                                                        \
  X(open)                                                                                                             \
  X(openat)                                                                                                           \
  X(fopen)                                                                                                            \
  X(fdopen)                                                                                                           \
  X(read) X(pread) X(readv) X(write) X(pwrite) X(writev) X(fwrite) X(fflush) X(fclose) X(close) X(fsync) X(fdatasync) \
      X(ftruncate) X(lseek) X(fstat) X(stat) X(lstat) X(fstatat) X(rename) X(renameat) X(link) X(linkat) X(unlink)    \
          X(unlinkat) X(mkdir) X(mkdirat) X(opendir) X(fdopendir) X(readdir) X(flock) X(fcntl) X(mmap) X(mprotect)    \
              X(socket) X(connect) X(getsockopt) X(setsockopt) X(send) X(recv) X(poll) X(getaddrinfo) X(eventfd)      \
                  X(pipe2) X(pthread_create)

enum PumiceSystemCall {
#define X(name) PUMICE_CALL_##name,
  PUMICE_SYSTEM_CALLS(X)
#undef X
      PUMICE_SYSTEM_CALL_COUNT
};

/* Beside error numbers: half of what was asked for is done; nothing is left to read, no time is left to wait; on the
 * disk tier's threads it does not return before the fault is over. */
enum { PUMICE_FAULT_SHORT = 10001, PUMICE_FAULT_ZERO = 10002, PUMICE_FAULT_HANG = 10003 };

typedef struct PumiceFaultCode {
  const char* name;
  int code;
} PumiceFaultCode;

const char* pumice_system_call_name(int call);
/* What the call may fail with; ends with a null name. */
const PumiceFaultCode* pumice_system_call_codes(int call);

void pumice_system_faults_arm(int call, int64_t at, int code, int sticky); /* at 1: the next */
void pumice_system_faults_disarm(void);
void pumice_system_faults_count(int on); /* of the library's calls; off: nothing is looked at */
int pumice_system_faults_hits(void);
int64_t pumice_system_faults_seen(int call); /* since counting was turned on */

#ifdef __cplusplus
}
#endif
#endif
