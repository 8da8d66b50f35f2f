#include "faults/worker.h"

#include <dlfcn.h>
#include <vulkan/vulkan.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <thread>

#include "faults/allocation_faults.h"
#include "faults/balance.h"
#include "faults/point.h"
#include "faults/scenario.h"
#include "faults/system_faults.h"
#include "faults/vulkan_lies.h"
#include "test_paths.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

namespace pumice::faults {
namespace {

VulkanFaults& vulkan() {
  static VulkanFaults* const faults = [] {
    void* layer = ::dlopen(PUMICE_FAULT_LAYER, RTLD_NOW);
    if (!layer) std::fprintf(stderr, "%s\n", ::dlerror()), std::exit(2);
    return reinterpret_cast<VulkanFaultsFunction>(::dlsym(layer, kVulkanFaultsFunction))();
  }();
  return *faults;
}

class Worker {
 public:
  explicit Worker(const WorkerOptions& options) : options_(options) {
    vulkan().discrete = options.memory == "discrete";
  }

  void record(const std::string& phase);
  std::string run(const Point& point, const std::string& redis);

 private:
  std::unique_ptr<Scenario> world();
  void prepare(const std::string& phase);
  void live(Scenario& life, const std::string& phase) const;
  void arm(const Point& point);
  bool disarm(const Point& point);
  std::string judge(const Point& point, const Outcome& outcome) const;
  std::string run_start(const Point& point);
  std::string drop_main();
  std::string check_neighbour();
  std::string run_use(const Point& point, const std::string& redis);
  void clean_folder() const;
  void misbehave(const std::string& how, Scenario& life) const;

  WorkerOptions options_;
  Golden golden_;
  uint64_t epoch_ = static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
  std::unique_ptr<Scenario> neighbour_;  // on a device of its own
  std::unique_ptr<Scenario> main_;       // of phase `use`
  Balance without_main_;
};

std::string said(Verdict verdict, const std::string& text) {
  return std::string(kVerdictNames[static_cast<size_t>(verdict)]) + " " + text;
}

void Worker::clean_folder() const {
  std::error_code ignored;
  std::filesystem::remove_all(options_.folder + "/cache", ignored);
  std::filesystem::remove(options_.folder + "/session", ignored);
}

std::unique_ptr<Scenario> Worker::world() {
  auto made = std::make_unique<Scenario>(Setup{options_.model, options_.folder, options_.redis, ++epoch_}, golden_);
  made->start();
  made->warm_up();
  for (int i = 0; i < 3 && !made->outcome().failed(); ++i) (void)made->check_model();
  if (!made->outcome().failed()) return made;
  std::fprintf(stderr, "without a fault: %s: %s\n", made->outcome().where.c_str(), made->outcome().message.c_str());
  std::exit(made->outcome().where == "device_create_auto" ? 77 : 3);
}

void Worker::live(Scenario& life, const std::string& phase) const {
  if (phase == "start") {
    life.start();
    life.warm_up();
    life.open();
    life.use_short();
  } else {
    life.open();
    life.use();
    life.slide();
    life.frames();
    life.recorded();
  }
}

// Everything that a life makes once for good is made before anything is compared.
void Worker::prepare(const std::string& phase) {
  clean_folder();
  if (!neighbour_) {
    neighbour_ = world();
    Scenario life({options_.model, options_.folder, options_.redis, ++epoch_}, golden_);
    live(life, "start");
  }
  if (phase == "start" || main_) return;
  without_main_ = Balance::now(vulkan());
  main_ = world();
  for (int i = 0; i < 2; ++i) {
    main_->begin(++epoch_, options_.redis);
    live(*main_, "use");
    main_->stop(true);
    if (!main_->outcome().failed()) continue;
    std::fprintf(stderr, "without a fault: %s: %s %s\n", main_->outcome().where.c_str(),
                 main_->outcome().message.c_str(), main_->outcome().wrong.c_str());
    std::exit(3);
  }
  clean_folder();
}

void Worker::record(const std::string& phase) {
  prepare(phase);
  Scenario fresh({options_.model, options_.folder, options_.redis, ++epoch_}, golden_);
  Scenario& life = phase == "start" ? fresh : *main_;
  if (phase != "start") life.begin(++epoch_, options_.redis);
  for (auto& count : vulkan().counts) count = 0;
  pumice_system_faults_count(1);
  record_allocations(true);
  live(life, phase);
  life.stop(phase != "start");
  record_allocations(false);
  pumice_system_faults_count(0);
  if (life.outcome().failed())
    std::fprintf(stderr, "%s %s\n", life.outcome().where.c_str(), life.outcome().wrong.c_str());
  for (size_t i = 0; i < kVulkanCalls; ++i)
    if (vulkan().counts[i]) std::cout << "count vulkan " << kVulkanCallNames[i] << " " << vulkan().counts[i] << "\n";
  for (int i = 0; i < PUMICE_SYSTEM_CALL_COUNT; ++i)
    if (const int64_t calls = pumice_system_faults_seen(i))
      std::cout << "count system " << pumice_system_call_name(i) << " " << calls << "\n";
  for (const PumiceCallStack& stack : recorded_stacks()) std::cout << "stack " << stack.hash << "\n";
  std::cout << "allocations " << recorded_allocations() << "\nend" << std::endl;
}

int index_of(const char* const (&names)[kVulkanCalls], const std::string& name) {
  for (size_t i = 0; i < kVulkanCalls; ++i)
    if (name == names[i]) return static_cast<int>(i);
  return -1;
}

void Worker::arm(const Point& point) {
  VulkanFaults& faults = vulkan();
  faults.hits = 0;
  if (point.kind == "vulkan") {
    faults.code = std::atoi(point.code.c_str()), faults.sticky = point.sticky, faults.countdown = point.at;
    faults.call = index_of(kVulkanCallNames, point.what);
  } else if (point.kind == "system") {
    int call = 0;
    while (point.what != pumice_system_call_name(call)) ++call;
    const PumiceFaultCode* code = pumice_system_call_codes(call);
    while (code->name && point.code != code->name) ++code;
    pumice_system_faults_arm(call, point.at, code->code, point.sticky);
  } else if (point.kind == "stack") {
    fail_allocation_from(std::strtoull(point.what.c_str(), nullptr, 10));
  } else if (point.kind == "allocation") {
    fail_allocation(point.at, point.sticky);
  } else if (point.kind == "lie") {
    faults.lie = std::atoi(point.what.c_str());
  }
}

// Whether the fault had an occasion.
bool Worker::disarm(const Point& point) {
  vulkan().call = vulkan().lie = -1;
  pumice_system_faults_disarm();
  fail_no_allocation();
  if (point.kind == "vulkan") return vulkan().hits > 0;
  if (point.kind == "system") return pumice_system_faults_hits() > 0;
  if (point.kind == "stack" || point.kind == "allocation") return failed_allocations() > 0;
  return true;
}

// Which errors a fault may lead to; empty: this one.
std::string wrong_code(const Point& point, const Outcome& outcome) {
  const PumiceResult result = outcome.result;
  const std::string got = outcome.where + ": " + pumice_result_name(result) + ": " + outcome.message;
  // A driver's error that the library has no word for is told as it is.
  const bool told = point.kind == "vulkan" && outcome.message.find("VkResult") != std::string::npos;
  if (result == PUMICE_INTERNAL && !told) return got;
  const auto unless = [&](PumiceResult wanted) { return result == wanted ? std::string() : got; };
  if (point.kind == "stack" || point.kind == "allocation") return unless(PUMICE_OUT_OF_HOST_MEMORY);
  if (point.kind == "server") return outcome.where == "clear_cache" ? std::string() : got;
  if (point.kind == "system") {
    // Files and servers are for tiers and sessions; what computes does without them.
    const bool computes = outcome.where.starts_with("request") || outcome.where == "evaluate" ||
                          outcome.where == "score" || outcome.where == "poll" || outcome.where == "sequence_fork" ||
                          outcome.where == "embed" || outcome.where == "translate" || outcome.where == "transcribe" ||
                          outcome.where == "append_image";
    return computes ? got : std::string();
  }
  if (point.kind != "vulkan") return {};
  const int code = std::atoi(point.code.c_str());
  if (code == VK_ERROR_DEVICE_LOST && point.what != "vkCreateDevice") return unless(PUMICE_DEVICE_LOST);
  if (code == VK_ERROR_OUT_OF_HOST_MEMORY) return unless(PUMICE_OUT_OF_HOST_MEMORY);
  if (code == VK_ERROR_OUT_OF_DEVICE_MEMORY) return unless(PUMICE_OUT_OF_DEVICE_MEMORY);
  return {};
}

std::string Worker::judge(const Point& point, const Outcome& outcome) const {
  const bool computes = point.kind != "lie" || kLies[std::atoi(point.what.c_str())].computes;
  if (!outcome.wrong.empty() && computes) return said(Verdict::kWrong, outcome.wrong);
  if (outcome.result == PUMICE_OK) return {};
  if (outcome.message.empty() && outcome.where != "instance_create" && outcome.result != PUMICE_OUT_OF_HOST_MEMORY)
    return said(Verdict::kQuiet, outcome.where + ": " + pumice_result_name(outcome.result));
  if (const std::string wrong = wrong_code(point, outcome); !wrong.empty())
    return said(outcome.result == PUMICE_INTERNAL ? Verdict::kBroken : Verdict::kCode, wrong);
  return {};
}

std::string Worker::run_start(const Point& point) {
  std::filesystem::remove(options_.folder + "/pipelines");
  const Balance before = Balance::now(vulkan());
  Outcome outcome;
  {
    Scenario life({options_.model, options_.folder, options_.redis, ++epoch_}, golden_);
    arm(point);
    live(life, "start");
    life.stop();
    outcome = life.outcome();
  }
  const bool reached = disarm(point);
  if (const std::string verdict = judge(point, outcome); !verdict.empty()) return verdict;
  if (const std::string left = left_behind(before, vulkan()); !left.empty()) return said(Verdict::kLeak, left);
  if (const std::string others = check_neighbour(); !others.empty()) return said(Verdict::kOthers, others);
  return said(reached ? Verdict::kOk : Verdict::kUnreached, outcome.where + " " + outcome.message);
}

// What a check makes the neighbour keep is not the main device's.
std::string Worker::check_neighbour() {
  const int64_t before = live_allocations();
  std::string others = neighbour_->check_model();
  without_main_.blocks += live_allocations() - before;
  return others;
}

// What the main device and model keep for later, such as pipelines, is no leak; what they leave behind is.
std::string Worker::drop_main() {
  main_.reset();
  return left_behind(without_main_, vulkan());
}

std::string Worker::run_use(const Point& point, const std::string& redis) {
  if (point.kind == "balance") {
    std::string left = drop_main();
#ifdef __SANITIZE_ADDRESS__
    if (left.empty() && __lsan_do_recoverable_leak_check() != 0) left = "memory that nothing points to";
#endif
    return said(left.empty() ? Verdict::kOk : Verdict::kLeak, left);
  }
  Scenario& life = *main_;
  life.begin(++epoch_, redis);
  Balance before = Balance::now(vulkan());
  arm(point);
  if (point.kind == "self") misbehave(point.what, life);
  live(life, "use");
  const Outcome outcome = life.outcome();
  const bool lost = outcome.result == PUMICE_DEVICE_LOST || point.code == std::to_string(VK_ERROR_DEVICE_LOST);
  bool reached = true;
  std::string others;
  if (!point.sticky && outcome.result != PUMICE_OK) {
    reached = disarm(point);
    if (!lost) others = life.check_context();
  }
  life.stop(true);
  if (point.sticky || outcome.result == PUMICE_OK) reached = disarm(point);
  if (others.empty() && !lost) others = life.check_model();
  before.vulkan = before.blocks = INT64_MAX;
  std::string left = lost ? drop_main() : left_behind(before, vulkan());
  if (others.empty() && lost) others = check_neighbour();
  std::string verdict = judge(point, outcome);
  if (verdict.empty() && !others.empty()) verdict = said(Verdict::kOthers, others);
  if (verdict.empty() && !left.empty()) verdict = said(Verdict::kLeak, left);
  if (!verdict.empty()) return main_.reset(), verdict;
  return said(reached ? Verdict::kOk : Verdict::kUnreached, outcome.where + " " + outcome.message);
}

// Faults of the scenario itself.
void Worker::misbehave(const std::string& how, Scenario& life) const {
  if (how == "crash") std::abort();
  while (how == "hang") std::this_thread::sleep_for(std::chrono::seconds(1));
  if (how == "leak") (void)std::fopen("/dev/null", "r");
  if (how == "wrong") life.fail({.wrong = "on purpose"});
  if (how == "quiet") life.fail({.result = PUMICE_IO, .where = "on purpose"});
}

std::string Worker::run(const Point& point, const std::string& redis) {
  prepare(point.phase);
  return point.phase == "start" ? run_start(point) : run_use(point, redis);
}

}  // namespace

int run_worker(const WorkerOptions& options) {
  Worker worker(options);
  for (std::string line; std::getline(std::cin, line);) {
    if (line.starts_with("record ")) {
      worker.record(line.substr(7));
      continue;
    }
    const size_t tab = line.find('\t');
    std::string said = worker.run(Point::parse(line.substr(tab + 1)), line.substr(0, tab));
    for (char& c : said)
      if (static_cast<unsigned char>(c) < ' ') c = '?';
    std::cout << said << std::endl;
  }
  return 0;
}

int run_point(const WorkerOptions& options, const std::string& text) {
  const Point point = Point::parse(text);
  if (point.kind.empty()) return std::fprintf(stderr, "no point: %s\n", text.c_str()), 2;
  std::cout << Worker(options).run(point, options.redis) << std::endl;
  return 0;
}

}  // namespace pumice::faults
