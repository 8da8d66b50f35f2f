// HttpServer: the network side. HTTP/1.1, with TLS where it has a certificate; one thread for all connections.
//
// From outside nothing of it is unbounded: headers, bodies, connections and waiting have limits. Pages of other sites
// cannot use a server on this machine: what comes with an Origin of another host is refused, and on a loopback address
// also what was sent to another name (DNS rebinding).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "serve/exchange.h"
#include "serve/service.h"

namespace pumice_serve {

struct ApiKey {
  std::string name, key;  // the name is the group of its texts in the KV cache
};

struct HttpOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;             // 0: any free one
  std::vector<ApiKey> keys;              // empty: anyone may ask
  std::vector<std::string> origins;      // of pages that may ask although they are of another host
  std::string certificate, private_key;  // PEM files; empty: no TLS
  std::size_t most_connections = 4096;
  std::size_t most_body = std::size_t{32} << 20;
  std::chrono::seconds read_timeout{75}, write_timeout{60};  // of a whole request, idling before it included; of a part
  std::chrono::seconds grace{10};                            // that running replies have when the server stops
  std::function<bool()> stopping;                            // asked ten times a second
  std::function<void(const Json&)> log;                      // a line for each response; or empty
  std::function<void(std::uint16_t)> ready;                  // the port that is listened on
};

class HttpServer {
 public:
  HttpServer(HttpOptions options, Service& service);
  ~HttpServer();
  // Until stopping() says so. Throws std::runtime_error: it cannot listen, or has no usable certificate.
  void run();

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace pumice_serve
