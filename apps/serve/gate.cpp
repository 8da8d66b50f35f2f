#include "serve/gate.h"

#include <algorithm>
#include <string_view>

namespace pumice_serve {

namespace {

// "localhost" of "localhost:8080", "::1" of "[::1]:8080".
std::string_view host_name(std::string_view host) {
  if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.rfind(':'));
}

bool is_loopback(std::string_view name) { return name == "localhost" || name == "::1" || name.starts_with("127."); }

// In a time that does not depend on where they differ.
bool same_secret(std::string_view a, std::string_view b) {
  unsigned char differs = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size(); ++i)
    differs = static_cast<unsigned char>(differs | (a[i] ^ (b.empty() ? '\0' : b[i % b.size()])));
  return differs == 0;
}

std::string secret_of(const HttpRequest& request) {
  constexpr std::string_view kBearer = "Bearer ";
  const std::string given = request.header("authorization");
  if (given.starts_with(kBearer)) return given.substr(kBearer.size());
  return request.header("x-api-key");
}

bool is_public(const std::string& path) { return path == "/" || path == "/health"; }

}  // namespace

std::string allowed_origin(const HttpOptions& options, const HttpRequest& request) {
  const std::string origin = request.header("origin");
  const bool allowed = std::find(options.origins.begin(), options.origins.end(), origin) != options.origins.end();
  return allowed ? origin : std::string();
}

void check_access(const HttpOptions& options, HttpRequest& request) {
  const std::string host = request.header("host"), origin = request.header("origin");
  if (is_loopback(options.host) && !host.empty() && !is_loopback(host_name(host)))
    throw ApiError(403, "this server is for its own machine: ask it as localhost");
  if (!origin.empty() && origin != "null" && allowed_origin(options, request).empty()) {
    const std::size_t begin = origin.find("//");
    if (begin == std::string::npos || origin.substr(begin + 2) != host)
      throw ApiError(403, "pages of other hosts may not ask; allow one with --origin");
  }
  if (origin == "null") throw ApiError(403, "pages without a host may not ask");
  if (options.keys.empty() || is_public(request.path)) return;
  const std::string secret = secret_of(request);
  for (const ApiKey& key : options.keys)
    if (same_secret(secret, key.key)) {
      request.group = key.name;
      return;
    }
  throw ApiError(401, "the request needs a valid key: Authorization: Bearer KEY", {}, "invalid_api_key");
}

}  // namespace pumice_serve
