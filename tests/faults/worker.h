// Worker: a process that runs points of one kind of memory, one after the other, and says of each what it saw. It may
// crash or hang; the process that started it notices (sweep.h).
//
// In:  "record PHASE" or "REDIS-URL<tab>POINT", a line each.
// Out: for a record "count KIND CALL N", "stack HASH" and "allocations N" lines, then "end"; for a point "VERDICT
// TEXT".
#pragma once

#include <string>

namespace pumice::faults {

// kUnreached: the fault had no occasion. kQuiet: an error without a word. kCode: an error that is another than the
// fault's. kOthers: what had nothing to do with it fails, too. kLeak: objects, files, threads or memory are left.
enum class Verdict { kOk, kUnreached, kWrong, kQuiet, kCode, kOthers, kLeak, kCrash, kHang, kBroken };
inline constexpr const char* kVerdictNames[] = {"ok",     "unreached", "wrong", "quiet", "code",
                                                "others", "leak",      "crash", "hang",  "broken"};

struct WorkerOptions {
  std::string model, folder, memory, redis;
};
int run_worker(const WorkerOptions& options);
// One point in this process, for a debugger.
int run_point(const WorkerOptions& options, const std::string& point);

}  // namespace pumice::faults
