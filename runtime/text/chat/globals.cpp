// The functions that every template has.
#include <algorithm>
#include <array>
#include <cstdio>

#include "base/printable.h"
#include "text/chat/evaluator.h"
#include "text/chat/python.h"

namespace pumice::chat {
namespace {

// The proleptic Gregorian calendar: days since 1970-01-01 to a date (H. Hinnant, "chrono-compatible low-level date
// algorithms").
struct Civil {
  int64_t year, month, day, weekday, year_day, hour, minute, second;
};

int64_t floor_divide(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

int64_t days_of(int64_t year, int64_t month, int64_t day) {
  year -= month <= 2 ? 1 : 0;
  const int64_t era = floor_divide(year, 400), of_era = year - era * 400;
  const int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

Civil civil(int64_t seconds) {
  const int64_t days = floor_divide(seconds, 86400), of_day = seconds - days * 86400;
  const int64_t shifted = days + 719468, era = floor_divide(shifted, 146097), of_era = shifted - era * 146097;
  const int64_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const int64_t of_year = of_era - (365 * years + years / 4 - years / 100);
  const int64_t month = (5 * of_year + 2) / 153;
  Civil c{};
  c.day = of_year - (153 * month + 2) / 5 + 1;
  c.month = month < 10 ? month + 3 : month - 9;
  c.year = years + era * 400 + (c.month <= 2 ? 1 : 0);
  c.weekday = ((days + 4) % 7 + 7) % 7;
  c.year_day = days - days_of(c.year, 1, 1) + 1;
  c.hour = of_day / 3600, c.minute = of_day / 60 % 60, c.second = of_day % 60;
  return c;
}

constexpr const char* kMonths[] = {"January", "February", "March",     "April",   "May",      "June",
                                   "July",    "August",   "September", "October", "November", "December"};
constexpr const char* kDays[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

std::string padded(int64_t value, int width, char pad) {
  char buffer[32];
  if (pad == '-') {
    std::snprintf(buffer, sizeof(buffer), "%lld", static_cast<long long>(value));
  } else {
    std::snprintf(buffer, sizeof(buffer), pad == '_' ? "%*lld" : "%0*lld", width, static_cast<long long>(value));
  }
  return buffer;
}

// One directive of strftime() in the C locale, a flat table of them; false where it is none.
bool append_directive(const Civil& c, char directive, char pad, std::string& to) {
  const int64_t hour12 = c.hour % 12 == 0 ? 12 : c.hour % 12;
  const auto number = [&](int64_t value, int width, char usual = '0') {
    to += padded(value, width, pad != '\0' ? pad : usual);
  };
  const auto several = [&](std::string_view directives) {
    for (const char one : directives) {
      if (one == '/' || one == ':' || one == '-' || one == ' ')
        to += one;
      else
        append_directive(c, one, '\0', to);
    }
  };
  switch (directive) {
    case 'Y':
      number(c.year, 1);
      break;
    case 'y':
      number((c.year % 100 + 100) % 100, 2);
      break;
    case 'C':
      number(floor_divide(c.year, 100), 2);
      break;
    case 'm':
      number(c.month, 2);
      break;
    case 'd':
      number(c.day, 2);
      break;
    case 'e':
      number(c.day, 2, '_');
      break;
    case 'H':
      number(c.hour, 2);
      break;
    case 'k':
      number(c.hour, 2, '_');
      break;
    case 'I':
      number(hour12, 2);
      break;
    case 'l':
      number(hour12, 2, '_');
      break;
    case 'M':
      number(c.minute, 2);
      break;
    case 'S':
      number(c.second, 2);
      break;
    case 'f':
      to += "000000";
      break;
    case 'j':
      number(c.year_day, 3);
      break;
    case 'w':
      number(c.weekday, 1);
      break;
    case 'u':
      number(c.weekday == 0 ? 7 : c.weekday, 1);
      break;
    case 'U':
      number((c.year_day + 6 - c.weekday) / 7, 2);
      break;
    case 'W':
      number((c.year_day + 6 - (c.weekday + 6) % 7) / 7, 2);
      break;
    case 'B':
      to += kMonths[c.month - 1];
      break;
    case 'b':
    case 'h':
      to += std::string(kMonths[c.month - 1], 3);
      break;
    case 'A':
      to += kDays[c.weekday];
      break;
    case 'a':
      to += std::string(kDays[c.weekday], 3);
      break;
    case 'p':
      to += c.hour < 12 ? "AM" : "PM";
      break;
    case 'D':
    case 'x':
      several("m/d/y");
      break;
    case 'F':
      several("Y-m-d");
      break;
    case 'T':
    case 'X':
      several("H:M:S");
      break;
    case 'R':
      several("H:M");
      break;
    case 'r':
      several("I:M:S p");
      break;
    case 'c':
      several("a b e H:M:S Y");
      break;
    case 'n':
      to += '\n';
      break;
    case 't':
      to += '\t';
      break;
    case 'Z':
    case 'z':
      break;  // the clock has no zone
    case '%':
      to += '%';
      break;
    default:
      return false;
  }
  return true;
}

Result<Value> strftime_now(Evaluator& evaluator, const CallArguments& arguments) {
  const Value* format = arguments.get(0, "format");
  if (!format || !format->text()) return error(Status::kInvalidArgument, "strftime_now() takes a format");
  const std::string& text = format->text()->bytes();
  const Civil c = civil(evaluator.now());
  std::string made;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%' || i + 1 == text.size()) {
      made += text[i];
      continue;
    }
    const bool has_pad = i + 2 < text.size() && (text[i + 1] == '-' || text[i + 1] == '_' || text[i + 1] == '0');
    const char pad = has_pad ? text[i + 1] : '\0', directive = text[i + (has_pad ? 2 : 1)];
    if (!append_directive(c, directive, pad, made)) (made += '%') += std::string(text.substr(i + 1, has_pad ? 2 : 1));
    i += has_pad ? 2 : 1;
  }
  // Words of the format that are somebody else's keep that mark.
  return text_value(std::move(made), format->text()->all_trusted());
}

Result<Value> range(Evaluator& evaluator, const CallArguments& arguments) {
  int64_t bounds[3] = {0, 0, 1};
  const size_t count = arguments.positional.size();
  if (count == 0 || count > 3) return error(Status::kInvalidArgument, "range() takes one to three integers");
  for (size_t i = 0; i < count; ++i) {
    if (!as_integer(arguments.positional[i], &bounds[count == 1 ? 1 : i]))
      return error(Status::kInvalidArgument, "range() of %s", arguments.positional[i].type_name());
  }
  const auto [begin, end, step] = bounds;
  if (step == 0) return error(Status::kInvalidArgument, "range() with a step of zero");
  constexpr uint64_t kMost = 100000;  // as in Jinja's sandbox
  const uint64_t distance = step > 0 ? (end > begin ? static_cast<uint64_t>(end) - static_cast<uint64_t>(begin) : 0)
                                     : (begin > end ? static_cast<uint64_t>(begin) - static_cast<uint64_t>(end) : 0);
  const uint64_t stride = step > 0 ? static_cast<uint64_t>(step) : 0 - static_cast<uint64_t>(step);
  const uint64_t items = distance / stride + (distance % stride != 0 ? 1 : 0);
  if (items > kMost) return error(Status::kUnsupported, "range() of more than %d numbers", static_cast<int>(kMost));
  PUMICE_TRY(evaluator.work(items));
  Values values;
  for (uint64_t i = 0; i < items; ++i)
    values.emplace_back(static_cast<int64_t>(static_cast<uint64_t>(begin) + i * static_cast<uint64_t>(step)));
  return list_value(std::move(values));
}

// What dict() and namespace() are made of.
Result<Dict> entries_of(Evaluator& evaluator, const CallArguments& arguments) {
  Dict dict;
  if (!arguments.positional.empty()) {
    const Value& from = arguments.positional[0];
    if (const Dict* given = from.dict()) {
      dict = *given;
      PUMICE_TRY(evaluator.work(dict.size()));
    } else {
      PUMICE_ASSIGN(const std::shared_ptr<const List> pairs, evaluator.iterated(from));
      for (const Value& pair : pairs->items) {
        const Values* two = pair.items();
        if (!two || two->size() != 2 || !dict.set((*two)[0], (*two)[1]))
          return error(Status::kInvalidArgument, "dict() takes pairs of a key and a value");
        PUMICE_TRY(evaluator.work(1));
      }
    }
  }
  for (const Named& named : arguments.named) dict.set(text_value(named.first), named.second);
  return dict;
}

Result<Value> make_namespace(Evaluator& evaluator, const CallArguments& arguments) {
  PUMICE_TRY(evaluator.work(16));
  PUMICE_ASSIGN(const Dict dict, entries_of(evaluator, arguments));
  Namespace* space = evaluator.make_namespace();
  for (const auto& [key, value] : dict.entries()) {
    const std::string name = str(key).bytes();
    if (!name.empty() && name[0] == '_')
      return error(Status::kInvalidArgument, "namespace attribute '%s'", printable(name.substr(0, 80)).c_str());
    space->names.emplace_back(name, value);
  }
  return Value(space);
}

}  // namespace

bool is_global_function(std::string_view name) {
  static constexpr std::string_view kNames[] = {"range", "dict", "namespace", "raise_exception", "strftime_now"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

Result<Value> call_global(Evaluator& evaluator, const std::string& name, const CallArguments& arguments) {
  if (name == "range") return range(evaluator, arguments);
  if (name == "namespace") return make_namespace(evaluator, arguments);
  if (name == "strftime_now") return strftime_now(evaluator, arguments);
  if (name == "raise_exception") {
    const Value* message = arguments.get(0, "message");
    return evaluator.raise(message ? str(*message).bytes() : "");
  }
  PUMICE_ASSIGN(Dict dict, entries_of(evaluator, arguments));
  return dict_value(std::move(dict));
}

}  // namespace pumice::chat
