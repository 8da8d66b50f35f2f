#include "faults/tally.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <iterator>
#include <vector>

namespace pumice::faults {
namespace {

bool good(Verdict verdict) { return verdict == Verdict::kOk || verdict == Verdict::kUnreached; }

}  // namespace

Tally::Tally(const std::string& path, const std::string& build, bool forget_failures) {
  if (path.empty()) return;
  std::vector<std::string> kept;
  std::ifstream in(path);
  std::string line;
  if (std::getline(in, line) && line == build) {
    while (std::getline(in, line)) {
      const size_t first = line.find('\t'), second = line.find('\t', first + 1);
      if (second == std::string::npos) continue;
      const auto name = std::find(std::begin(kVerdictNames), std::end(kVerdictNames), line.substr(0, first));
      const auto verdict = static_cast<Verdict>(name - std::begin(kVerdictNames));
      if (name == std::end(kVerdictNames) || (forget_failures && !good(verdict))) continue;
      verdicts_[line.substr(first + 1, second - first - 1)] = verdict;
      kept.push_back(line);
    }
  }
  file_.open(path, std::ios::trunc);
  file_ << build << "\n";
  for (const std::string& old : kept) file_ << old << "\n";
  file_.flush();
}

std::string Tally::verdict(const Point& point) const {
  const auto found = verdicts_.find(point.text());
  return found == verdicts_.end() ? "" : kVerdictNames[static_cast<size_t>(found->second)];
}

void Tally::add(const Point& point, Verdict verdict, const std::string& text) {
  verdicts_[point.text()] = verdict;
  const char* name = kVerdictNames[static_cast<size_t>(verdict)];
  if (file_.is_open()) file_ << name << "\t" << point.text() << "\t" << text << std::endl;
  if (good(verdict)) return;
  std::printf("%s: %s: %s\n", name, point.text().c_str(), text.c_str());
  std::fflush(stdout);
}

size_t Tally::print() const {
  std::map<std::string, std::array<size_t, std::size(kVerdictNames)>> rows;
  size_t failed = 0;
  for (const auto& [text, verdict] : verdicts_) {
    ++rows[Point::parse(text).kind][static_cast<size_t>(verdict)];
    ++rows["total"][static_cast<size_t>(verdict)];
    failed += !good(verdict);
  }
  std::printf("%-10s %8s", "kind", "points");
  for (const char* name : kVerdictNames) std::printf(" %9s", name);
  for (const auto& [kind, counts] : rows) {
    size_t all = 0;
    for (const size_t count : counts) all += count;
    std::printf("\n%-10s %8zu", kind.c_str(), all);
    for (const size_t count : counts) std::printf(" %9zu", count);
  }
  std::printf("\n");
  return failed;
}

}  // namespace pumice::faults
