#include "kv/socket.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace pumice {
namespace {

constexpr std::chrono::milliseconds kStopLatency{20};  // how long `stop` may go unnoticed

Error away(const std::string& host, const char* why) {
  return error(Status::kIo, "Redis at %s cannot be reached: %s", host.c_str(), why);
}

}  // namespace

Result<Socket> Socket::connect(const std::string& host, uint16_t port, const std::atomic<bool>* stop,
                               Deadline deadline) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (failed != 0) return away(host, ::gai_strerror(failed));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, ::freeaddrinfo);
  Error last = away(host, "it has no address");
  for (const addrinfo* address = list; address; address = address->ai_next) {
    Socket socket(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), stop);
    if (socket.file_ < 0) {
      last = away(host, std::strerror(errno));
      continue;
    }
    const int one = 1;
    ::setsockopt(socket.file_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (::connect(socket.file_, address->ai_addr, address->ai_addrlen) == 0) return socket;
    if (errno == EINPROGRESS) {
      PUMICE_TRY(socket.wait(POLLOUT, deadline));
      int problem = 0;
      socklen_t size = sizeof problem;
      ::getsockopt(socket.file_, SOL_SOCKET, SO_ERROR, &problem, &size);
      if (problem == 0) return socket;
      errno = problem;
    }
    last = away(host, std::strerror(errno));
  }
  return last;
}

Socket::Socket(Socket&& other) noexcept : file_(std::exchange(other.file_, -1)), stop_(other.stop_) {}

Socket::~Socket() {
  if (file_ >= 0) ::close(file_);
}

Result<void> Socket::wait(short events, Deadline deadline) const {
  for (;;) {
    if (stop_ && *stop_) return error(Status::kCancelled, "Redis: the cache is being closed");
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0)
      return error(Status::kTimeout, "Redis did not answer in time: raise the time-out or use a faster server");
    pollfd wanted{.fd = file_, .events = events, .revents = 0};
    const int ready = ::poll(&wanted, 1, static_cast<int>(std::min(left, kStopLatency).count()));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return error(Status::kIo, "Redis: %s", std::strerror(errno));
  }
}

}  // namespace pumice
