#include "text/detokenizer.h"

#include "text/unicode.h"

namespace pumice {
namespace {

void append_invalid(std::string& out, std::string_view bytes, StreamingDetokenizer::Invalid invalid) {
  out += invalid == StreamingDetokenizer::Invalid::kReplace ? kReplacementBytes : bytes;
}

}  // namespace

std::string StreamingDetokenizer::push(std::string_view bytes) {
  std::string text;
  push(bytes, text);
  return text;
}

void StreamingDetokenizer::push(std::string_view bytes, std::string& text) {
  if (!started_ && !bytes.empty()) {
    started_ = true;
    if (options_.strip_leading_space && bytes.front() == ' ') bytes.remove_prefix(1);
  }
  held_ += bytes;
  std::string_view rest = held_;
  while (!rest.empty()) {
    const Utf8Unit unit = first_unit(rest);
    if (unit.state == Utf8State::kIncomplete) break;
    if (unit.state == Utf8State::kValid) {
      text += rest.substr(0, unit.length);
    } else {
      append_invalid(text, rest.substr(0, unit.length), options_.invalid);
    }
    rest.remove_prefix(unit.length);
  }
  held_.erase(0, held_.size() - rest.size());
}

std::string StreamingDetokenizer::finish() {
  std::string text;
  if (!held_.empty()) append_invalid(text, held_, options_.invalid);
  held_.clear();
  started_ = false;
  return text;
}

}  // namespace pumice
