// Tally: the verdicts by kind of fault, kept in a file so that a sweep can go on where it was stopped. One thread.
#pragma once

#include <fstream>
#include <map>
#include <string>

#include "faults/point.h"
#include "faults/worker.h"

namespace pumice::faults {

class Tally {
 public:
  // Takes over what the file holds if that was written by the same build.
  Tally(const std::string& path, const std::string& build, bool forget_failures);

  bool done(const Point& point) const { return verdicts_.contains(point.text()); }
  std::string verdict(const Point& point) const;  // its name; empty: none yet
  void add(const Point& point, Verdict verdict, const std::string& text);
  // Prints the table; the number of points that failed.
  size_t print() const;

 private:
  std::map<std::string, Verdict> verdicts_;
  std::ofstream file_;
};

}  // namespace pumice::faults
