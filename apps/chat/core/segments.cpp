#include "chat/core/segments.h"

#include <algorithm>

namespace pumice_chat {

namespace {

// A piece is closed where a paragraph ends once it is so long, and somewhere in any case once it is as long as the
// second: what is shown anew with each token stays small.
constexpr std::size_t kPieceBytes = 700, kMostBytes = 4000;

std::string_view trimmed(std::string_view line) {
  const std::size_t first = line.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  const std::size_t last = line.find_last_not_of(" \t\r");
  return line.substr(first, last - first + 1);
}

std::size_t indent_of(std::string_view line) { return std::min(line.find_first_not_of(' '), line.size()); }

// Of a list or a quotation, which a paragraph's end does not end.
bool goes_on(std::string_view line) {
  if (line.empty()) return false;
  if (line[0] == ' ' || line[0] == '\t' || line[0] == '>' || line[0] == '|') return true;
  if ((line[0] == '-' || line[0] == '*' || line[0] == '+') && line.size() > 1 && line[1] == ' ') return true;
  const std::size_t digits = line.find_first_not_of("0123456789");
  return digits != std::string_view::npos && digits > 0 && (line[digits] == '.' || line[digits] == ')');
}

}  // namespace

Segment& Segments::text() {
  if (segments_.empty() || !segments_.back().open || segments_.back().kind != Segment::Kind::kText)
    segments_.push_back({});
  return segments_.back();
}

void Segments::close() {
  if (segments_.empty() || !segments_.back().open) return;
  Segment& last = segments_.back();
  last.open = false;
  if (last.kind == Segment::Kind::kText && trimmed(last.text).empty() &&
      last.text.find_first_not_of(" \t\r\n") == std::string::npos)
    segments_.pop_back();
}

bool Segments::opens_fence(std::string_view line) {
  const std::size_t indent = indent_of(line);
  const std::string_view rest = line.substr(indent);
  if (!rest.starts_with("```") && !rest.starts_with("~~~")) return false;
  const std::size_t length = std::min(rest.find_first_not_of(rest[0]), rest.size());
  const std::string_view language = trimmed(rest.substr(length));
  if (language.find('`') != std::string_view::npos) return false;  // code within a line
  close();
  Segment code;
  code.kind = Segment::Kind::kCode;
  code.language = language.substr(0, language.find_first_of(" \t{"));
  segments_.push_back(std::move(code));
  fence_ = std::string(rest.substr(0, length));
  indent_ = indent;
  return true;
}

void Segments::take_code_line(std::string_view line) {
  const std::string_view rest = trimmed(line);
  if (rest.starts_with(fence_) && rest.find_first_not_of(fence_[0]) == std::string_view::npos) {
    close();
    fence_.clear();
    return;
  }
  Segment& code = segments_.back();
  const std::size_t skip = std::min(indent_, indent_of(line));
  code.text.append(line.substr(skip)).append("\n");
  if (code.text.size() < kMostBytes) return;
  Segment next;
  next.kind = Segment::Kind::kCode;
  next.language = code.language;
  close();
  segments_.push_back(std::move(next));
}

void Segments::take_line(std::string_view line) {
  if (!fence_.empty()) return take_code_line(line);
  if (opens_fence(line)) return;
  const bool blank = trimmed(line).empty();
  Segment* last = segments_.empty() || !segments_.back().open ? nullptr : &segments_.back();
  if (last && !blank && blank_before_ && last->text.size() >= kPieceBytes && !goes_on(line)) close();
  blank_before_ = blank;
  Segment& to = text();
  if (blank && to.text.empty()) return;
  to.text.append(line).append("\n");
  if (to.text.size() >= kMostBytes) close();
}

std::size_t Segments::push(std::string_view fresh) {
  std::size_t first = segments_.empty() ? 0 : segments_.size() - 1;
  // What of the unfinished line was shown is taken back.
  if (!shown_line_.empty()) {
    Segment& last = segments_.back();
    last.text.resize(last.text.size() - shown_line_.size());
    shown_line_.clear();
    if (last.text.empty() && last.kind == Segment::Kind::kText) segments_.pop_back();
  }
  while (!fresh.empty()) {
    const std::size_t end = fresh.find('\n');
    line_.append(fresh.substr(0, end));
    if (end == std::string_view::npos) break;
    take_line(line_);
    line_.clear();
    fresh.remove_prefix(end + 1);
  }
  // A line without an end is cut at a space once it is as long as a piece.
  while (line_.size() >= kMostBytes && fence_.empty()) {
    std::size_t cut = line_.rfind(' ', kMostBytes);
    if (cut == std::string::npos || cut == 0) cut = kMostBytes;
    while (cut > 0 && (line_[cut] & 0xC0) == 0x80) --cut;
    text().text.append(line_, 0, cut);
    close();
    line_.erase(0, cut);
  }
  // A fence is not shown before its line is whole.
  const std::string_view begun = trimmed(line_);
  const bool fence = begun.starts_with("```") || begun.starts_with("~~~") || begun == "`" || begun == "``" ||
                     begun == "~" || begun == "~~";
  if (!line_.empty() && !fence) {
    Segment& to = fence_.empty() ? text() : segments_.back();
    to.text += line_;
    shown_line_ = line_;
  }
  return std::min(first, segments_.size());
}

void Segments::finish() {
  push({});
  if (!line_.empty() && shown_line_.empty()) take_line(line_);
  line_.clear();
  shown_line_.clear();
  close();
}

std::vector<Segment> segments_of(std::string_view text) {
  Segments segments;
  segments.push(text);
  segments.finish();
  return segments.all();
}

}  // namespace pumice_chat
