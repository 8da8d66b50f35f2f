// AllocationFaults: which host allocation of the library fails next. allocation_hooks.cpp replaces operator new and,
// where no sanitizer does, malloc. Any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "faults/own_code.h"

namespace pumice::faults {

// Collects the library's distinct call stacks until it is turned off.
void record_allocations(bool on);
std::vector<PumiceCallStack> recorded_stacks();
int64_t recorded_allocations();

void fail_allocation(int64_t at, bool sticky);   // 1: the next
void fail_allocation_from(uint64_t stack_hash);  // the next one with this call stack
void fail_no_allocation();
int failed_allocations();

// Blocks that the library got from operator new and has not given back.
int64_t live_allocations();
// What asked for the newest of them; any code that the library calls through, such as the C++ library's.
std::vector<const void*> newest_callers(size_t count);

}  // namespace pumice::faults
