#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/socket_system.h"

namespace pumice::socket_system {

int find(const char* host, const char* port, bool numeric, addrinfo** list) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (numeric ? AI_NUMERICHOST : 0);
  return ::getaddrinfo(host, port, &hints, list);
}

void forget(addrinfo* list) { ::freeaddrinfo(list); }
const addrinfo* next(const addrinfo* address) { return address->ai_next; }
std::string lookup_text(int failed) { return ::gai_strerror(failed); }

intptr_t start_connecting(const addrinfo& address, int* problem) {
  const int socket = ::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int one = 1;
  if (socket >= 0) ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  const bool connected = socket >= 0 && ::connect(socket, address.ai_addr, address.ai_addrlen) == 0;
  *problem = connected ? 0 : errno;
  return socket;
}

int outcome(intptr_t socket) {
  int problem = 0;
  socklen_t size = sizeof problem;
  return ::getsockopt(static_cast<int>(socket), SOL_SOCKET, SO_ERROR, &problem, &size) == 0 ? problem : errno;
}

void close(intptr_t socket) { ::close(static_cast<int>(socket)); }

ptrdiff_t send(intptr_t socket, std::span<const std::byte> data) {
  return ::send(static_cast<int>(socket), data.data(), data.size(), MSG_NOSIGNAL);
}

ptrdiff_t receive(intptr_t socket, std::span<std::byte> to) {
  return ::recv(static_cast<int>(socket), to.data(), to.size(), 0);
}

int wait(intptr_t socket, For what, std::chrono::milliseconds most) {
  const short events = what == For::kReading ? POLLIN : POLLOUT;
  pollfd wanted{.fd = static_cast<int>(socket), .events = events, .revents = 0};
  return ::poll(&wanted, 1, static_cast<int>(most.count()));
}

int problem() { return errno; }

bool again(int problem) {
  return problem == EAGAIN || problem == EWOULDBLOCK || problem == EINTR || problem == EINPROGRESS;
}

std::string text(int problem) { return std::strerror(problem); }

}  // namespace pumice::socket_system
