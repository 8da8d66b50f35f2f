// MarkedText: bytes of which each is known to be the template's own (trusted) or somebody else's.
//
// Every operation that a template has on strings is made of append() and substr(), so the mark of a byte goes wherever
// the byte goes. Thread rule: a plain value type.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "text/byte_range.h"

namespace pumice::chat {

class MarkedText {
 public:
  MarkedText() = default;
  MarkedText(std::string bytes, bool trusted);

  const std::string& bytes() const { return bytes_; }
  std::string_view view() const { return bytes_; }
  size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  bool trusted_at(size_t at) const;
  bool all_trusted() const { return runs_.empty() || (runs_.size() == 1 && runs_[0].trusted); }

  void append(std::string_view bytes, bool trusted);
  void append(const MarkedText& other) { append(other, 0, other.size()); }
  void append(const MarkedText& other, size_t at, size_t count);
  MarkedText substr(size_t at, size_t count = std::string::npos) const;

  std::vector<ByteRange> trusted_ranges() const;
  // A copy all of whose bytes have this mark.
  MarkedText marked(bool trusted) const;

  bool safe = false;  // Jinja's Markup: what is joined to it is escaped as HTML

 private:
  struct Run {
    size_t end;
    bool trusted;
  };
  size_t run_at(size_t at) const;

  std::string bytes_;
  std::vector<Run> runs_;  // in order; neighbours differ
};

}  // namespace pumice::chat
