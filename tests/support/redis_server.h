// RedisServer: a redis-server of the test's own on an unused loopback port, without files. Absent where it is not
// installed.
#pragma once

#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

extern char** environ;

namespace pumice::test {

inline uint16_t unused_port() {
  const int file = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(file, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(file, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(file);
  return ntohs(address.sin_port);
}

// -1 when the program cannot be started.
inline pid_t spawn(std::vector<std::string> arguments, const char* output = "/dev/null") {
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT, 0600);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  pid_t child = -1;
  const int failed = ::posix_spawnp(&child, pointers[0], &actions, nullptr, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  return failed == 0 ? child : -1;
}

// Whether the program ran and was content.
inline bool run(std::vector<std::string> arguments) {
  const pid_t child = spawn(std::move(arguments));
  int status = 1;
  return child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

class RedisServer {
 public:
  // Null when it does not start. tls: options for TLS, which the port then speaks.
  static std::unique_ptr<RedisServer> start(std::vector<std::string> more = {}, bool tls = false) {
    if (!run({"redis-server", "--version"})) return nullptr;
    auto server = std::unique_ptr<RedisServer>(new RedisServer);
    server->port_ = unused_port();
    const std::string port = std::to_string(server->port_);
    std::vector<std::string> arguments{"redis-server",
                                       tls ? "--tls-port" : "--port",
                                       port,
                                       "--bind",
                                       "127.0.0.1",
                                       "--save",
                                       "",
                                       "--appendonly",
                                       "no",
                                       "--dir",
                                       "/"};
    if (tls) arguments.insert(arguments.end(), {"--port", "0"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    server->child_ = spawn(std::move(arguments));
    return server->child_ > 0 && server->wait() ? std::move(server) : nullptr;
  }
  ~RedisServer() { stop(); }

  void stop() {
    if (child_ <= 0) return;
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    child_ = -1;
  }
  void pause() { ::kill(child_, SIGSTOP); }
  void resume() { ::kill(child_, SIGCONT); }
  uint16_t port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  RedisServer() = default;

  bool wait() const {
    for (int i = 0; i < 500; ++i) {
      const int file = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(port_);
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      const bool up = ::connect(file, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
      ::close(file);
      if (up) return true;
      if (::waitpid(child_, nullptr, WNOHANG) != 0) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  pid_t child_ = -1;
  uint16_t port_ = 0;
};

}  // namespace pumice::test
