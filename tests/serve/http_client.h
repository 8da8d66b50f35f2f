// A small HTTP client on bare sockets, and a server process, for the tests of `pumice serve`.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api/cli_support.h"

namespace pumice::test {

using ServeJson = nlohmann::json;

// One connection to this machine.
class ClientSocket {
 public:
  explicit ClientSocket(int port) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience = {120, 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) drop();
  }
  ClientSocket(const ClientSocket&) = delete;
  ClientSocket& operator=(const ClientSocket&) = delete;
  ~ClientSocket() { drop(); }

  bool send(const std::string& bytes) const {
    size_t sent = 0;
    while (sent < bytes.size()) {
      const ssize_t now = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (now <= 0) return false;
      sent += static_cast<size_t>(now);
    }
    return true;
  }
  // Until `text` has come or the other side is done.
  const std::string& read_until(const std::string& text) {
    char buffer[4096];
    while (received_.find(text) == std::string::npos) {
      const ssize_t got = recv(socket_, buffer, sizeof buffer, 0);
      if (got <= 0) break;
      received_.append(buffer, static_cast<size_t>(got));
    }
    return received_;
  }
  const std::string& read_all() { return read_until(std::string("\0never\0", 7)); }
  // As a process that dies does: what is on its way is lost.
  void reset() {
    const linger hard = {1, 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    drop();
  }

 private:
  void drop() {
    if (socket_ >= 0) close(socket_);
    socket_ = -1;
  }

  int socket_;
  std::string received_;
};

struct ServeReply {
  int status = 0;
  std::string head, body;
  ServeJson json() const { return ServeJson::parse(body, nullptr, false); }
};

inline std::string base64_of(const void* data, size_t size) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto* bytes = static_cast<const unsigned char*>(data);
  std::string text;
  for (size_t bit = 0; bit < 8 * size; bit += 6) {
    const unsigned pair = bytes[bit / 8] << 8 | (bit / 8 + 1 < size ? bytes[bit / 8 + 1] : 0);
    text += kDigits[pair >> (10 - bit % 8) & 63];
  }
  return text.append((3 - size % 3) % 3, '=');
}

inline ServeReply parse_reply(const std::string& text) {
  ServeReply reply;
  const size_t end = text.find("\r\n\r\n");
  if (text.size() < 12 || end == std::string::npos) return reply;
  reply.status = std::atoi(text.c_str() + 9);
  reply.head = text.substr(0, end);
  reply.body = text.substr(end + 4);
  return reply;
}

inline std::string request_text(const std::string& method, const std::string& path, const std::string& body = {},
                                const std::string& more = {}) {
  return method + " " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + more +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

class ServerProcess {
 public:
  // With the bundled model, on a free port; `arguments`: more of the command line; `environment`: of NAME=VALUE.
  explicit ServerProcess(std::vector<std::string> arguments = {}, const std::vector<std::string>& environment = {}) {
    arguments.insert(arguments.begin(), {cli_path(), "serve", "--port", "0", "--no-autotune"});
    arguments.insert(arguments.begin(), environment.begin(), environment.end());
    process_.reset(new CliProcess(CliProcess::of_program("/usr/bin/env", arguments)));
    const std::string listening = process_->wait_for_error("listening on", "\n");
    port_ = listening.empty() ? 0 : std::atoi(listening.c_str() + listening.rfind(':') + 1);
  }
  int port() const { return port_; }  // 0: it has ended
  CliProcess& process() { return *process_; }

  ServeReply ask(const std::string& method, const std::string& path, const std::string& body = {},
                 const std::string& more = {}) const {
    return send(request_text(method, path, body, more));
  }
  ServeReply post(const std::string& path, const ServeJson& body, const std::string& more = {}) const {
    return ask("POST", path, body.dump(), more);
  }
  ServeReply send(const std::string& bytes) const {
    ClientSocket client(port_);
    client.send(bytes);
    return parse_reply(client.read_all());
  }
  double metric(const std::string& name) const {
    const std::string text = "\n" + ask("GET", "/metrics").body;
    const size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::atof(text.c_str() + at + 2 + name.size());
  }

 private:
  std::unique_ptr<CliProcess> process_;
  int port_ = 0;
};

}  // namespace pumice::test
