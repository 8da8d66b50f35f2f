// A reply's Markdown in pieces, as it grows: pieces that are closed change no more, so that only the last one has to be
// shown anew. Thread rule: one thread at a time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace pumice_chat {

struct Segment {
  enum class Kind { kText, kCode };
  Kind kind = Kind::kText;
  std::string language;  // of code: the word behind its fence
  std::string text;      // Markdown; of code the code alone
  bool open = true;      // it may still grow
};

class Segments {
 public:
  // What is new. The first piece that has changed; those behind it are new.
  std::size_t push(std::string_view text);
  void finish();
  const std::vector<Segment>& all() const { return segments_; }

 private:
  void take_line(std::string_view line);
  void take_code_line(std::string_view line);
  bool opens_fence(std::string_view line);
  Segment& text();
  void close();

  std::vector<Segment> segments_;
  std::string line_;        // without its end yet
  std::string shown_line_;  // what of it stands at the end of the last piece
  std::string fence_;       // that ends the code; empty: text
  std::size_t indent_ = 0;  // of the fence
  bool blank_before_ = false;
};

// All pieces of a whole text.
std::vector<Segment> segments_of(std::string_view text);

}  // namespace pumice_chat
