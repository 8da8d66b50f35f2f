// Child: a worker process, spoken to line by line. Move-only in effect: it is owned by pointer. One thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace pumice::faults {

class Child {
 public:
  // errors: the file that its standard error goes to, emptied first.
  Child(std::vector<std::string> command, std::string errors);
  ~Child();  // ends it
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void send(const std::string& line);
  // What it said, without the line's end; nothing yet, or it has ended (status() then tells how).
  std::optional<std::string> receive(std::chrono::milliseconds time);
  std::optional<int> status() const { return status_; }
  std::string last_words() const;  // of its standard error
  double cpu_seconds() const;
  bool runnable() const;  // whether a thread of it would go on if it had a core
  int file() const { return out_; }

 private:
  pid_t pid_ = -1;
  int in_ = -1, out_ = -1;
  std::string errors_, received_;
  std::optional<int> status_;
};

}  // namespace pumice::faults
