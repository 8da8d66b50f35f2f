#include "kv/tiers/redis_url.h"

#include <charconv>

namespace pumice {
namespace {

Error bad(const char* what) {
  return error(Status::kInvalidArgument,
               "Redis address: %s; it reads redis://[user:password@]host[:port][/db], or rediss:// for TLS", what);
}

template <typename T>
bool parse_number(std::string_view text, T& number) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  return problem == std::errc() && end == text.data() + text.size();
}

Result<std::string> decode(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    uint8_t byte = 0;
    const std::string_view digits = text.substr(i + 1, 2);
    const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (digits.size() != 2 || problem != std::errc() || end != digits.data() + 2) return bad("a %XX is not complete");
    decoded += static_cast<char>(byte);
    i += 2;
  }
  return decoded;
}

Result<void> parse_host(std::string_view text, RedisUrl& to) {
  std::string_view port;
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) return bad("the ']' of an IPv6 address is missing");
    to.host = text.substr(1, close - 1);
    port = text.substr(close + 1);
  } else {
    const size_t colon = text.find(':');
    to.host = text.substr(0, colon);
    if (colon != std::string_view::npos) port = text.substr(colon);
  }
  if (to.host.empty()) return bad("there is no host");
  if (!port.empty() && (port.front() != ':' || !parse_number(port.substr(1), to.port) || to.port == 0))
    return bad("the port is no number from 1 to 65535");
  return {};
}

}  // namespace

Result<RedisUrl> parse_redis_url(std::string_view url) {
  RedisUrl result;
  if (url.starts_with("rediss://")) {
    result.tls = true;
    url.remove_prefix(9);
  } else if (url.starts_with("redis://")) {
    url.remove_prefix(8);
  } else {
    return bad("it begins with neither redis:// nor rediss://");
  }
  if (const size_t slash = url.rfind('/'); slash != std::string_view::npos && slash > url.rfind('@') + 1) {
    const std::string_view database = url.substr(slash + 1);
    if (!database.empty() && !parse_number(database, result.database)) return bad("the database is no number");
    url = url.substr(0, slash);
  }
  if (const size_t at = url.rfind('@'); at != std::string_view::npos) {
    const std::string_view login = url.substr(0, at);
    const size_t colon = login.find(':');
    if (colon == std::string_view::npos) return bad("the login has no ':' before its password");
    PUMICE_ASSIGN(result.user, decode(login.substr(0, colon)));
    PUMICE_ASSIGN(result.password, decode(login.substr(colon + 1)));
    url = url.substr(at + 1);
  }
  PUMICE_TRY(parse_host(url, result));
  return result;
}

}  // namespace pumice
