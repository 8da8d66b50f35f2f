/* No limit on the size of files here: what asks for one fails, and is left out (scripts/test-windows). */
#ifndef PUMICE_TESTS_WINDOWS_RESOURCE_H
#define PUMICE_TESTS_WINDOWS_RESOURCE_H

typedef unsigned long long rlim_t;
struct rlimit {
  rlim_t rlim_cur, rlim_max;
};
#define RLIMIT_FSIZE 1

static inline int getrlimit(int what, struct rlimit* limit) {
  (void)what, (void)limit;
  return -1;
}
static inline int setrlimit(int what, const struct rlimit* limit) {
  (void)what, (void)limit;
  return -1;
}

#endif
