#include "faults/sweep.h"

#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <sstream>
#include <vector>

#include "faults/child.h"
#include "faults/hostile_redis.h"
#include "faults/point.h"
#include "faults/tally.h"
#include "support/generator.h"
#include "test_paths.h"

namespace pumice::faults {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Caches of the driver grow in a process; and servers keep the threads of ended connections.
constexpr int kPointsOfAWorker = 300;
// A point takes far below a second; one that computes or waits for as long as this hangs.
constexpr double kHangSeconds = 20;
// On a machine that gives a process next to nothing, neither is certain for this long.
constexpr double kMostSeconds = 300;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

std::string place_of(const SweepOptions& options, size_t job) {
  const std::string folder = options.folder + "/" + std::to_string(job);
  fs::create_directories(folder);
  return folder;
}

std::unique_ptr<Child> start_worker(const SweepOptions& options, size_t job, const std::string& memory,
                                    const std::string& redis) {
  const std::string folder = place_of(options, job);
  return std::make_unique<Child>(std::vector<std::string>{options.program, "--worker", memory, "--model", options.model,
                                                          "--folder", folder, "--redis", redis},
                                 folder + "/errors");
}

// Watches one child while it works on one thing.
class Watch {
 public:
  explicit Watch(const Child& child) : child_(child), cpu_(child.cpu_seconds()), last_cpu_(cpu_) {}

  bool hangs() {
    if (seconds_since(begin_) > kMostSeconds) return true;
    const double cpu = child_.cpu_seconds();
    if (cpu - last_cpu_ > 0.5) last_cpu_ = cpu, idle_since_ = Clock::now();
    return cpu - cpu_ > kHangSeconds || (seconds_since(idle_since_) > kHangSeconds && !child_.runnable());
  }

 private:
  const Child& child_;
  Clock::time_point begin_ = Clock::now(), idle_since_ = begin_;
  double cpu_, last_cpu_;
};

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return std::string("signal ") + ::strsignal(WTERMSIG(status));
  return "exit " + std::to_string(WEXITSTATUS(status));
}

class Job {
 public:
  Job(const SweepOptions& options, size_t number, std::string memory)
      : options_(options), number_(number), memory_(std::move(memory)) {}

  bool idle() const { return !point_; }
  const std::string& memory() const { return memory_; }
  void take(const Point& point) {
    if (!child_ || points_ >= kPointsOfAWorker || memory_ != point.memory) restart(point.memory);
    ++points_;
    point_ = std::make_unique<Point>(point);
    server_.reset();
    if (point.kind == "server") server_ = std::make_unique<HostileRedis>(point.what);
    watch_ = std::make_unique<Watch>(*child_);
    child_->send((server_ ? server_->url() : redis_->url()) + "\t" + point.text());
  }
  // Adds the verdict when there is one.
  void look(Tally& tally) {
    const auto line = child_->receive(milliseconds(20));
    if (line) {
      const size_t space = line->find(' ');
      const auto name = std::find(std::begin(kVerdictNames), std::end(kVerdictNames), line->substr(0, space));
      if (name != std::end(kVerdictNames))
        return end(tally, static_cast<Verdict>(name - std::begin(kVerdictNames)), line->substr(space + 1));
    }
    if (child_->status()) {
      const std::string words = how_it_ended(*child_->status()) + ": " + child_->last_words();
      child_.reset();
      end(tally, Verdict::kCrash, words);
    } else if (watch_->hangs()) {
      child_.reset();
      end(tally, Verdict::kHang, "");
    }
  }

 private:
  void end(Tally& tally, Verdict verdict, const std::string& text) {
    tally.add(*point_, verdict, text);
    point_.reset();
  }
  void restart(const std::string& memory) {
    child_.reset();
    redis_ = std::make_unique<HostileRedis>();
    memory_ = memory;
    points_ = 0;
    child_ = start_worker(options_, number_, memory_, redis_->url());
  }

  const SweepOptions& options_;
  size_t number_;
  std::string memory_;
  std::unique_ptr<HostileRedis> redis_, server_;
  std::unique_ptr<Child> child_;
  std::unique_ptr<Point> point_;
  std::unique_ptr<Watch> watch_;
  int points_ = 0;
};

// A life without faults. `status`, when the worker ends: how.
Record record(Child& worker, const std::string& phase, int& status) {
  Record record;
  worker.send("record " + phase);
  for (;;) {
    const auto line = worker.receive(milliseconds(100));
    if (!line && worker.status()) return status = *worker.status(), record;
    if (!line) continue;
    std::istringstream words(*line);
    std::string first, kind, call;
    words >> first;
    if (first == "end") return record;
    if (first == "stack") words >> call, record.stacks.push_back(call);
    if (first == "allocations") words >> record.allocations;
    if (first != "count") continue;
    int64_t calls = 0;
    words >> kind >> call >> calls;
    record.counts.push_back({kind, call, calls});
  }
}

// All points in the seed's order; `status`, when there are none: how the worker ended.
std::deque<Point> all_points(const SweepOptions& options, int& status) {
  std::vector<Point> points;
  const HostileRedis redis;
  for (const std::string memory : {"native", "discrete"}) {
    const auto worker = start_worker(options, 0, memory, redis.url());
    for (const std::string phase : {"start", "use"}) {
      const Record seen = record(*worker, phase, status);
      if (status != 0) return std::fprintf(stderr, "%s\n", worker->last_words().c_str()), std::deque<Point>();
      const auto more = points_of(phase, memory, seen, options.seed, options.sample / 4);
      points.insert(points.end(), more.begin(), more.end());
    }
    const auto others = other_points(memory);
    points.insert(points.end(), others.begin(), others.end());
  }
  test::Generator random(options.seed);
  for (size_t i = points.size(); i > 1; --i) std::swap(points[i - 1], points[random.below(static_cast<uint32_t>(i))]);
  std::deque<Point> chosen;
  for (size_t i = options.slice; i < points.size(); i += options.slices)
    if (points[i].text().find(options.only) != std::string::npos) chosen.push_back(points[i]);
  return chosen;
}

std::string build_of(const SweepOptions& options) {
  std::string build = "seed " + std::to_string(options.seed);
  for (const std::string& file : {std::string(PUMICE_FAULTS_LIBRARY), options.program})
    build += " " + std::to_string(fs::last_write_time(file).time_since_epoch().count());
  return build;
}

void work(const SweepOptions& options, std::deque<Point> points, Tally& tally) {
  const Clock::time_point begin = Clock::now();
  std::vector<std::unique_ptr<Job>> jobs;
  for (size_t i = 0; i < options.jobs; ++i)
    jobs.push_back(std::make_unique<Job>(options, i, i % 2 ? "discrete" : "native"));
  for (bool busy = true; busy;) {
    busy = false;
    const bool late = options.minutes > 0 && seconds_since(begin) > 60 * options.minutes;
    for (const auto& job : jobs) {
      if (job->idle() && !late && !points.empty()) {
        auto next =
            std::find_if(points.begin(), points.end(), [&](const Point& p) { return p.memory == job->memory(); });
        if (next == points.end()) next = points.begin();
        job->take(*next);
        points.erase(next);
      }
      if (job->idle()) continue;
      busy = true;
      job->look(tally);
    }
  }
  if (!points.empty()) std::printf("%zu points are left for another time\n", points.size());
}

// For the exit code: a life without faults ended with `status`.
int why_no_sweep(int status) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) return std::printf("skipped: no Vulkan device\n"), 77;
  return std::printf("a life without faults fails: %s\n", how_it_ended(status).c_str()), 1;
}

}  // namespace

int run_self_test(const SweepOptions& options) {
  std::signal(SIGPIPE, SIG_IGN);
  int status = 0;
  const HostileRedis redis;
  record(*start_worker(options, 0, "native", redis.url()), "start", status);
  if (status != 0) return why_no_sweep(status);
  std::deque<Point> points;
  for (const char* name : {"wrong", "quiet", "leak", "crash", "hang"})
    points.push_back({.kind = "self", .phase = "use", .memory = "native", .what = name});
  const std::deque<Point> all = points;
  Tally tally("", "", false);
  work(options, std::move(points), tally);
  tally.print();
  return std::all_of(all.begin(), all.end(), [&](const Point& point) { return tally.verdict(point) == point.what; })
             ? 0
             : 1;
}

int run_sweep(const SweepOptions& options) {
  std::signal(SIGPIPE, SIG_IGN);
  int status = 0;
  std::deque<Point> points = all_points(options, status);
  if (status != 0) return why_no_sweep(status);
  Tally tally(options.state, build_of(options), options.again);
  const size_t all = points.size();
  std::erase_if(points, [&](const Point& point) { return tally.done(point); });
  std::map<std::string, size_t> kinds;
  for (const Point& point : points) ++kinds[point.kind + " " + point.phase + " " + point.memory];
  for (const auto& [kind, count] : kinds) std::printf("%6zu  %s\n", count, kind.c_str());
  std::printf("seed %llu, slice %llu of %llu: %zu points, %zu of them done before\n",
              static_cast<unsigned long long>(options.seed), static_cast<unsigned long long>(options.slice),
              static_cast<unsigned long long>(options.slices), all, all - points.size());
  std::fflush(stdout);
  work(options, std::move(points), tally);
  return tally.print() == 0 ? 0 : 1;
}

}  // namespace pumice::faults
