/* What the tests use of C11's threads, which MinGW has not. */
#ifndef PUMICE_TESTS_WINDOWS_THREADS_H
#define PUMICE_TESTS_WINDOWS_THREADS_H

#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>

typedef pthread_t thrd_t;
enum { thrd_success = 0, thrd_error = 1 };

typedef struct ThreadStart {
  int (*run)(void*);
  void* argument;
} ThreadStart;

static inline void* thread_run(void* start) {
  const ThreadStart mine = *(ThreadStart*)start;
  free(start);
  return (void*)(intptr_t)mine.run(mine.argument);
}
static inline int thrd_create(thrd_t* thread, int (*run)(void*), void* argument) {
  ThreadStart* start = malloc(sizeof *start);
  *start = (ThreadStart){run, argument};
  return pthread_create(thread, NULL, thread_run, start) == 0 ? thrd_success : thrd_error;
}
static inline int thrd_join(thrd_t thread, int* result) {
  void* value = NULL;
  const int failed = pthread_join(thread, &value);
  if (result) *result = (int)(intptr_t)value;
  return failed ? thrd_error : thrd_success;
}
static inline void thrd_yield(void) { sched_yield(); }

#endif
