// What passes between the network and the protocols: requests, responses, errors. Values.
#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace pumice_serve {

using Json = nlohmann::ordered_json;

// Bytes that are no UTF-8 become U+FFFD.
inline std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

struct HttpRequest {
  std::string method, path;                    // without the query
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  std::string group;  // of the key that it came with: texts of different groups are not found by each other

  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }
};

struct HttpResponse {
  int status = 200;
  std::string type = "application/json", body;
  std::vector<std::pair<std::string, std::string>> headers;
};

inline HttpResponse json_response(const Json& json, int status = 200) {
  return {.status = status, .body = text_of(json)};
}

// How a request fails; `what` says what to do. Each protocol has its own form of it.
class ApiError : public std::runtime_error {
 public:
  ApiError(int status, const std::string& message, std::string param = {}, std::string code = {})
      : std::runtime_error(message), status_(status), param_(std::move(param)), code_(std::move(code)) {}
  int status() const { return status_; }               // of HTTP
  const std::string& param() const { return param_; }  // the member that is at fault; empty: none
  const std::string& code() const { return code_; }    // for programs, as OpenAI's; empty: none

 private:
  int status_;
  std::string param_, code_;
};

}  // namespace pumice_serve
