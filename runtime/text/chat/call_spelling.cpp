#include "text/chat/call_spelling.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "text/chat/json.h"
#include "text/control_names.h"

namespace pumice::chat {
namespace {

constexpr std::string_view kFirstName = "probe_name_one", kSecondName = "probe_name_two";
constexpr std::string_view kArguments =
    R"({"probe_t":"probe_value","probe_i":7654321,"probe_b":true,"probe_o":{"probe_in":7},"probe_a":[1234567]})";
constexpr std::string_view kKeys[] = {"probe_t", "probe_i", "probe_b", "probe_o", "probe_a"};
constexpr std::string_view kTool =
    R"([{"type":"function","function":{"name":"probe","description":"None","parameters":{"type":"object",)"
    R"("properties":{"any":{"type":"string","description":"None"}},"required":["any"]}}}])";
constexpr size_t kMaxHead = 200;  // bytes of marks before a name

struct Span {
  size_t begin = 0, end = 0;
};

class Prober {
 public:
  // names_in_ids: where the template writes an id for the name. as_text: arguments are JSON in a text.
  Prober(const ChatTemplate& chat, const SpecialNames& names, const CallFormat& format, bool names_in_ids, bool as_text)
      : chat_(chat), names_(names), format_(format), names_in_ids_(names_in_ids), as_text_(as_text) {}

  Result<CallSpelling> probe();

 private:
  struct Call {
    std::string_view name, arguments;
  };
  Result<std::string> render(const std::vector<Call>& calls) const;
  std::optional<Span> arguments_at(const std::string& text, size_t from) const;
  bool read_tags(const std::string& text, size_t name_end, CallSpelling* to, size_t* end) const;
  std::string tail_of(const std::string& text, size_t from) const;
  bool find_head(const std::string& text, size_t name, CallSpelling* to) const;
  void probe_several(CallSpelling* to) const;

  const ChatTemplate& chat_;
  const SpecialNames& names_;
  const CallFormat& format_;
  bool names_in_ids_, as_text_;
};

Result<std::string> Prober::render(const std::vector<Call>& calls) const {
  std::string list;
  size_t number = 0;
  for (const Call& call : calls) {
    const std::string id =
        names_in_ids_ ? "functions." + std::string(call.name) + ":" + std::to_string(number++) : std::string(kCallId);
    std::string arguments(call.arguments);
    if (as_text_) arguments = compact_json(text_value(std::move(arguments)));
    list += std::string(list.empty() ? "" : ",") + R"({"id":")" + id + R"(","type":"function","function":{"name":")" +
            std::string(call.name) + R"(","arguments":)" + arguments + "}}";
  }
  const std::string messages =
      R"([{"role":"user","content":"Hi"},{"role":"assistant","content":"","tool_calls":[)" + list + "]}]";
  PUMICE_ASSIGN(Conversation conversation, read_conversation({.messages = messages, .tools = kTool}));
  conversation.add_generation_prompt = false;
  PUMICE_ASSIGN(const MarkedText text, chat_.render(conversation, names_));
  return text.bytes();
}

// The JSON value that holds the probe's arguments.
std::optional<Span> Prober::arguments_at(const std::string& text, size_t from) const {
  const size_t key = text.find("\"" + std::string(kKeys[0]) + "\"", from);
  const size_t begin = key == std::string::npos ? key : text.rfind('{', key);
  if (begin == std::string::npos || begin < from) return {};
  const JsonStart value = parse_json_start(std::string_view(text).substr(begin));
  if (value.length == 0 || !value.value.dict() || value.value.dict()->size() != std::size(kKeys)) return {};
  return Span{begin, begin + value.length};
}

// Up to the last mark of the calls, or to what ends the turn.
std::string Prober::tail_of(const std::string& text, size_t from) const {
  size_t end = text.size();
  const auto stop_at = [&](std::string_view name) {
    if (!name.empty()) end = std::min(end, text.find(name, from));
  };
  stop_at(names_.eos);
  for (const std::string_view name : end_of_turn_names()) stop_at(name);
  for (const std::string_view name : end_of_generation_names()) stop_at(name);
  std::string tail = text.substr(from, end - from);
  for (const std::string_view mark : {format_.wrap_end, format_.end})
    if (const size_t at = mark.empty() ? std::string::npos : tail.find(mark); at != std::string::npos)
      return tail.substr(0, at + mark.size());
  while (!tail.empty() && (tail.back() == '\n' || tail.back() == ' ')) tail.pop_back();
  return tail;
}

bool Prober::find_head(const std::string& text, size_t name, CallSpelling* to) const {
  size_t begin = text.rfind(format_.begin, name);
  if (begin == std::string::npos || name - begin > kMaxHead) return false;
  to->trigger = format_.begin;
  const size_t wrap = *format_.wrap_begin ? text.rfind(format_.wrap_begin, name) : std::string::npos;
  if (wrap != std::string::npos && wrap < begin && name - wrap <= kMaxHead) {
    begin = wrap;
    to->trigger = format_.wrap_begin;
  }
  to->head = text.substr(begin, name - begin);
  return to->head.starts_with(to->trigger);
}

// Keys and values between tags, in the order of the probe.
bool Prober::read_tags(const std::string& text, size_t name_end, CallSpelling* to, size_t* end) const {
  static constexpr std::string_view kBegins[] = {"probe_value", "7654321", "", "{", "["};
  static constexpr std::string_view kEnds[] = {"probe_value", "7654321", "", "}", "]"};
  size_t at = name_end;
  for (size_t i = 0; i < std::size(kKeys); ++i) {
    const size_t key = text.find(kKeys[i], at);
    if (key == std::string::npos) return false;
    const std::string before = text.substr(at, key - at);
    if (i == 0) to->first = before;
    if (i == 1) to->next = before;
    if (i > 1 && before != to->next) return false;
    at = key + kKeys[i].size();
    std::string_view begins = kBegins[i], ends = kEnds[i];
    if (begins.empty()) begins = ends = text.find("true", at) < text.find("True", at) ? "true" : "True";
    const size_t value = text.find(begins, at), last = value == std::string::npos ? value : text.find(ends, value);
    if (last == std::string::npos) return false;
    to->equals[i] = text.substr(at, value - at);
    at = last + ends.size();
  }
  *end = at;
  return true;
}

void Prober::probe_several(CallSpelling* to) const {
  const Result<std::string> two = render({{kFirstName, kArguments}, {kSecondName, kArguments}});
  const size_t first = two ? two->find(kFirstName) : std::string::npos;
  if (first == std::string::npos) return;
  CallSpelling again;
  size_t end = 0;
  if (to->tagged) {
    if (!read_tags(*two, first + kFirstName.size(), &again, &end)) return;
  } else {
    const std::optional<Span> arguments = arguments_at(*two, first + kFirstName.size());
    if (!arguments) return;
    end = arguments->end;
  }
  const size_t second = two->find(kSecondName, end);
  if (second == std::string::npos || second - end > 2 * kMaxHead) return;
  to->between = two->substr(end, second - end);
  to->several = true;
  if (!to->tagged) return;
  const Result<std::string> bare = render({{kFirstName, "{}"}, {kSecondName, "{}"}});
  const size_t one = bare ? bare->find(kFirstName) : std::string::npos, from = one + kFirstName.size();
  const size_t other = one == std::string::npos ? one : bare->find(kSecondName, from);
  if (other != std::string::npos) to->empty_between = bare->substr(from, other - from);
}

Result<CallSpelling> Prober::probe() {
  const auto refused = [](const std::string& why) {
    return error(Status::kUnsupported, "calls of tools cannot be constrained: %s", why.c_str());
  };
  const Result<std::string> one = render({{kFirstName, kArguments}});
  if (!one) return refused("the template refuses them: " + one.error().message);
  const size_t name = one->find(kFirstName);
  if (name == std::string::npos) return refused("the template renders none");
  CallSpelling spelling;
  if (!find_head(*one, name, &spelling)) return refused("the template renders them in a form that is not known");
  size_t end = name + kFirstName.size();
  if (const std::optional<Span> arguments = arguments_at(*one, end)) {
    spelling.middle = one->substr(end, arguments->begin - end);
    end = arguments->end;
  } else if (format_.shape == CallShape::kTagged && read_tags(*one, end, &spelling, &end)) {
    spelling.tagged = true;
    spelling.value_end = format_.value_end;
    const Result<std::string> bare = render({{kFirstName, "{}"}});
    const size_t at = bare ? bare->find(kFirstName) : std::string::npos;
    spelling.may_be_empty = at != std::string::npos;
    if (spelling.may_be_empty) spelling.empty_tail = tail_of(*bare, at + kFirstName.size());
  } else {
    return refused("the template's arguments are in a form that this version does not write");
  }
  spelling.tail = tail_of(*one, end);
  probe_several(&spelling);
  return spelling;
}

}  // namespace

Result<CallSpelling> call_spelling(const ChatTemplate& chat, const SpecialNames& names) {
  const CallFormat* format = nullptr;
  for (const Mark& mark : marks_of(chat.source(), names.eos))
    if (mark.call) format = mark.call;
  if (!format) return error(Status::kUnsupported, "the template has no form for calls of tools");
  const CallShape shape = format->shape;
  if (shape != CallShape::kJson && shape != CallShape::kNamed && shape != CallShape::kTagged)
    return error(Status::kUnsupported, "calls of tools cannot be constrained in this template's form yet");
  Result<CallSpelling> first = Prober(chat, names, *format, false, false).probe();
  for (const auto& [names_in_ids, as_text] : {std::pair(false, true), std::pair(true, false), std::pair(true, true)}) {
    if (first) break;
    if (Result<CallSpelling> other = Prober(chat, names, *format, names_in_ids, as_text).probe()) return other;
  }
  return first;
}

}  // namespace pumice::chat
