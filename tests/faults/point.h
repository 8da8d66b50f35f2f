// Point: one fault at one place of the scenario. Its text is one line of words, which a worker is given, the state file
// keeps and --point takes:
//   vulkan PHASE MEMORY CALL N CODE once|sticky      system PHASE MEMORY CALL N CODE once|sticky
//   stack PHASE MEMORY HASH                          allocation PHASE MEMORY N once|sticky
//   lie start MEMORY INDEX                           server use MEMORY BEHAVIOUR
//   balance use MEMORY N                             (no fault: whether the points before it have left anything behind)
//   self use MEMORY crash|hang|wrong|leak|quiet      (faults of the scenario itself: the sweep has to find them)
// PHASE: start (from nothing to nothing) or use (a context on a device and a model that stay). MEMORY: native or
// discrete.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pumice::faults {

struct Point {
  std::string kind, phase, memory;
  std::string what;  // CALL, HASH, BEHAVIOUR, …
  int64_t at = 0;
  std::string code;
  bool sticky = false;

  std::string text() const;
  static Point parse(const std::string& text);  // kind is empty where it is none
};

// What a worker saw in a life without faults.
struct Record {
  struct Count {
    std::string kind, call;
    int64_t calls = 0;
  };
  std::vector<Count> counts;
  std::vector<std::string> stacks;
  int64_t allocations = 0;
};

// Every fault for what was seen; `sample`: host allocations that fail by their number, drawn with the seed.
std::vector<Point> points_of(const std::string& phase, const std::string& memory, const Record& record, uint64_t seed,
                             size_t sample);
// Lies, servers.
std::vector<Point> other_points(const std::string& memory);

// Of a Vulkan call by its name.
std::vector<int> vulkan_codes(const std::string& call);

}  // namespace pumice::faults
