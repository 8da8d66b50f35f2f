#include "grammar/formats.h"

#include <functional>
#include <map>

namespace pumice::grammar {
namespace {

using Text = std::string;

Text group(const Text& inside) { return "(?:" + inside + ")"; }

Text date() {  // RFC 3339, full-date; with the days that each month has
  const Text year = "(?:[1-9]\\d{3}|0[1-9]\\d\\d|00[1-9]\\d|000[1-9])", four = "(?:0[48]|[2468][048]|[13579][26])";
  return group(year + "-(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|" + year + "-(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|" +
               year + "-02-(?:0[1-9]|1\\d|2[0-8])|(?:\\d\\d" + four + "|" + four + "00)-02-29");
}

Text time() { return "(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,9})?(?:[Zz]|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)"; }

Text duration() {  // RFC 3339, appendix A
  const Text n = "\\d{1,9}";
  const Text date = group(n + "D|" + n + "M(?:" + n + "D)?|" + n + "Y(?:" + n + "M(?:" + n + "D)?)?");
  const Text time = "T" + group(n + "H(?:" + n + "M(?:" + n + "S)?)?|" + n + "M(?:" + n + "S)?|" + n + "S");
  return "P" + group(n + "W|" + time + "|" + date + group(time) + "?");
}

// Labels of 63 bytes at most, without two hyphens in a row: those are for encoded names.
Text hostname(const Text& least) {
  const Text label = "[A-Za-z0-9](?:-?[A-Za-z0-9]){0,31}";
  return label + "(?:\\." + label + "){" + least + ",3}";
}

Text email() {  // at a domain of two labels at least: readers take others for mistakes
  const Text atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}", atoms = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}";
  return group(atom + "|" + atoms + "(?:\\." + atoms + "){1,2}") + "@" + hostname("1");
}

Text ipv4() {
  const Text byte = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
  return byte + "(?:\\." + byte + "){3}";
}

Text ipv6() {  // RFC 4291, section 2.2
  const Text h = "[0-9A-Fa-f]{1,4}", last = group(h + ":" + h + "|" + ipv4());
  Text all = "(?:" + h + ":){6}" + last + "|::(?:" + h + ":){5}" + last;
  for (int before = 1; before <= 5; ++before) {
    const Text head = "(?:(?:" + h + ":){0," + std::to_string(before - 1) + "}" + h + ")?::";
    all += "|" + head + "(?:" + h + ":){" + std::to_string(5 - before) + "}" + last;
  }
  all += "|(?:(?:" + h + ":){0,5}" + h + ")?::" + h + "|(?:(?:" + h + ":){0,6}" + h + ")?::";
  return group(all);
}

// RFC 3986, appendix A; `beyond` is what an IRI may have besides (RFC 3987).
struct UriParts {
  explicit UriParts(const Text& beyond) {
    const Text sub = "!$&'()*+,;=", plain = "A-Za-z0-9._~" + beyond, percent = "|%[0-9A-Fa-f]{2}";
    segment = group("[" + plain + sub + ":@-]" + percent);
    const Text no_colon = group("[" + plain + sub + "@-]" + percent);
    const Text name = group("[" + plain + sub + "-]" + percent) + "*";
    const Text user = "(?:" + group("[" + plain + sub + ":-]" + percent) + "*@)?";
    const Text more = "(?:/" + segment + "*)*";
    const Text authority = "//" + user + group(name + "|\\[" + ipv6() + "\\]") + "(?::\\d{0,5})?" + more;
    tail = "(?:\\?" + group(segment + "|[/?]") + "*)?(?:#" + group(segment + "|[/?]") + "*)?";
    const Text absolute = "/" + group(segment + "+" + more) + "?";
    full = "[A-Za-z][A-Za-z0-9+.-]*:" + group(authority + "|" + absolute + "|" + segment + "+" + more + "|") + tail;
    relative = group(authority + "|" + absolute + "|" + no_colon + "+" + more + "|") + tail;
  }
  Text segment, tail, full, relative;
};

const char* const kBeyondAscii = "\\u00A0-\\uD7FF\\uF900-\\uFDCF\\uFDF0-\\uFFEF";

Text regex() {  // atoms with quantifiers, without nested groups
  const Text atom = "[A-Za-z0-9 _,:;=@#%&!~<>/'.-]", escaped = "\\\\[dDwWsS.\\\\/*+?^$|()\\[\\]{}-]";
  const Text set = "\\[\\^?(?:a-z|A-Z|0-9|[A-Za-z0-9_ .,:;@#/+*]|\\\\[dws.\\\\/\\[\\]-]){1,40}\\]";
  const Text times = "(?:[*+?]|\\{[1-9]\\d?\\})?";
  const Text one = group(atom + "|" + escaped + "|" + set) + times, row = group(one) + "{0,200}";
  const Text part = group(one + "|\\((?:\\?:)?" + group(row + "(?:\\|" + row + "){0,20}") + "\\)" + times);
  return "\\^?" + part + "{0,200}\\$?";
}

Text uri_template() {
  const Text variable = "[A-Za-z0-9_]+";
  return "(?:[A-Za-z0-9._~!$&()*+,;=:@/?#-]|%[0-9A-Fa-f]{2}|\\{[+#./;?&]?" + variable + "\\*?(?:," + variable +
         "\\*?)*\\})*";
}

const Text kPointer = "(?:/(?:[^~/]|~[01])*)*";

}  // namespace

std::optional<std::string> format_pattern(std::string_view name) {
  static const std::map<std::string_view, std::function<Text()>> kFormats = {
      {"date", date},
      {"time", time},
      {"date-time", [] { return date() + "[Tt]" + time(); }},
      {"duration", duration},
      {"email", email},
      {"idn-email", email},
      {"hostname", [] { return hostname("0"); }},
      {"idn-hostname", [] { return hostname("0"); }},
      {"ipv4", ipv4},
      {"ipv6", ipv6},
      {"uuid", [] { return Text("[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}"); }},
      {"uri", [] { return UriParts("").full; }},
      {"uri-reference", [] { return group(UriParts("").full + "|" + UriParts("").relative); }},
      {"iri", [] { return UriParts(kBeyondAscii).full; }},
      {"iri-reference", [] { return group(UriParts(kBeyondAscii).full + "|" + UriParts(kBeyondAscii).relative); }},
      {"uri-template", uri_template},
      {"json-pointer", [] { return kPointer; }},
      {"relative-json-pointer", [] { return "(?:0|[1-9]\\d{0,9})(?:#|" + kPointer + ")"; }},
      {"regex", regex},
  };
  const auto format = kFormats.find(name);
  return format == kFormats.end() ? std::nullopt : std::optional(format->second());
}

}  // namespace pumice::grammar
