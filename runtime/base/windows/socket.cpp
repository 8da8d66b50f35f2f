#include <ws2tcpip.h>

#include <algorithm>
#include <climits>

#include "base/socket_system.h"
#include "base/windows/text.h"  // first: it brings the sockets' headers in their order

namespace pumice::socket_system {
namespace {

// For the life of the process; a host that uses sockets, too, counts for itself.
int start() {
  static const int failed = [] {
    WSADATA data;
    return ::WSAStartup(MAKEWORD(2, 2), &data);
  }();
  return failed;
}

int length_of(size_t bytes) { return static_cast<int>(std::min<size_t>(bytes, INT_MAX)); }

}  // namespace

int find(const char* host, const char* port, bool numeric, addrinfo** list) {
  if (const int failed = start(); failed != 0) return failed;
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (numeric ? AI_NUMERICHOST : 0);
  return ::getaddrinfo(host, port, &hints, list);
}

void forget(addrinfo* list) { ::freeaddrinfo(list); }
const addrinfo* next(const addrinfo* address) { return address->ai_next; }
std::string lookup_text(int failed) { return system_text(static_cast<DWORD>(failed)); }

intptr_t start_connecting(const addrinfo& address, int* problem) {
  const SOCKET socket =
      ::WSASocketW(address.ai_family, SOCK_STREAM, 0, nullptr, 0, WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
  u_long one = 1;
  const bool connected = socket != INVALID_SOCKET && ::ioctlsocket(socket, FIONBIO, &one) == 0 &&
                         ::connect(socket, address.ai_addr, static_cast<int>(address.ai_addrlen)) == 0;
  *problem = connected ? 0 : ::WSAGetLastError();
  const BOOL at_once = TRUE;
  if (socket != INVALID_SOCKET)
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, reinterpret_cast<const char*>(&at_once), sizeof at_once);
  return static_cast<intptr_t>(socket);
}

int outcome(intptr_t socket) {
  int problem = 0, size = sizeof problem;
  const auto handle = static_cast<SOCKET>(socket);
  const int failed = ::getsockopt(handle, SOL_SOCKET, SO_ERROR, reinterpret_cast<char*>(&problem), &size);
  return failed == 0 ? problem : ::WSAGetLastError();
}

void close(intptr_t socket) { ::closesocket(static_cast<SOCKET>(socket)); }

ptrdiff_t send(intptr_t socket, std::span<const std::byte> data) {
  return ::send(static_cast<SOCKET>(socket), reinterpret_cast<const char*>(data.data()), length_of(data.size()), 0);
}

ptrdiff_t receive(intptr_t socket, std::span<std::byte> to) {
  return ::recv(static_cast<SOCKET>(socket), reinterpret_cast<char*>(to.data()), length_of(to.size()), 0);
}

// select() alone: before Windows 10 2004 WSAPoll() does not tell of a connection that was refused.
int wait(intptr_t socket, For what, std::chrono::milliseconds most) {
  fd_set wanted, failed;
  FD_ZERO(&wanted);
  FD_SET(static_cast<SOCKET>(socket), &wanted);
  failed = wanted;
  timeval time{.tv_sec = static_cast<long>(most.count() / 1000),
               .tv_usec = static_cast<long>(most.count() % 1000 * 1000)};
  const bool reading = what == For::kReading;
  return ::select(0, reading ? &wanted : nullptr, reading ? nullptr : &wanted, &failed, &time);
}

int problem() { return ::WSAGetLastError(); }
bool again(int problem) { return problem == WSAEWOULDBLOCK || problem == WSAEINPROGRESS || problem == WSAEINTR; }
std::string text(int problem) { return system_text(static_cast<DWORD>(problem)); }

}  // namespace pumice::socket_system
