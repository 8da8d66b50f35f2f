#include "base/socket.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <utility>

#include "base/thread.h"

namespace pumice {

// The look-up's thread and those who wait for it own it together: it may outlive them all.
struct HostNames::Lookup {
  Lookup(std::string its_host, uint16_t its_port) : host(std::move(its_host)), port(std::to_string(its_port)) {}
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;
  ~Lookup() {
    if (list) ::freeaddrinfo(list);
  }

  int ask(int flags) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV | flags;
    return ::getaddrinfo(host.c_str(), port.c_str(), &hints, &list);
  }

  const std::string host, port;
  std::mutex mutex;  // guards what follows until `done`
  std::condition_variable changed;
  bool done = false;
  int problem = 0;
  addrinfo* list = nullptr;
};

namespace {

constexpr std::chrono::milliseconds kStopLatency{20};  // how long `stop` may go unnoticed

Error away(const std::string& host, const char* why) {
  return error(Status::kIo, "%s cannot be reached: %s", host.c_str(), why);
}

Result<void> check_time(const std::string& peer, const std::atomic<bool>* stop, SocketDeadline deadline) {
  if (stop && *stop) return error(Status::kCancelled, "%s: the connection is being closed", peer.c_str());
  if (std::chrono::steady_clock::now() >= deadline)
    return error(Status::kTimeout, "%s did not answer in time: raise the time-out or use a faster server",
                 peer.c_str());
  return {};
}

}  // namespace

Result<std::shared_ptr<const HostNames::Lookup>> HostNames::find(const std::string& host, uint16_t port,
                                                                 const std::atomic<bool>* stop,
                                                                 SocketDeadline deadline) {
  if (!pending_ || pending_->host != host || pending_->port != std::to_string(port)) {
    auto lookup = std::make_shared<Lookup>(host, port);
    if (lookup->ask(AI_NUMERICHOST) == 0) return std::shared_ptr<const Lookup>(std::move(lookup));
    PUMICE_TRY(Thread::start_detached("pumice-names", [lookup] {
      const int problem = lookup->ask(0);
      std::lock_guard lock(lookup->mutex);
      lookup->problem = problem;
      lookup->done = true;
      lookup->changed.notify_all();
    }));
    pending_ = std::move(lookup);
  }
  std::unique_lock lock(pending_->mutex);
  while (!pending_->done) {
    PUMICE_TRY(check_time(host, stop, deadline));
    pending_->changed.wait_until(lock, std::min(deadline, std::chrono::steady_clock::now() + kStopLatency));
  }
  lock.unlock();
  const std::shared_ptr<const Lookup> found = std::exchange(pending_, nullptr);
  if (found->problem != 0) return away(host, ::gai_strerror(found->problem));
  return found;
}

Result<Socket> Socket::connect(HostNames& names, const std::string& host, uint16_t port, const std::atomic<bool>* stop,
                               SocketDeadline deadline) {
  PUMICE_ASSIGN(const auto found, names.find(host, port, stop, deadline));
  Error last = away(host, "it has no address");
  for (const addrinfo* address = found->list; address; address = address->ai_next) {
    Socket socket(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), host, stop);
    if (socket.file_ < 0) {
      last = away(host, std::strerror(errno));
      continue;
    }
    const int one = 1;
    ::setsockopt(socket.file_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (::connect(socket.file_, address->ai_addr, address->ai_addrlen) == 0) return socket;
    if (errno == EINPROGRESS || errno == EINTR) {
      PUMICE_TRY(socket.wait(POLLOUT, deadline));
      int problem = 0;
      socklen_t size = sizeof problem;
      if (::getsockopt(socket.file_, SOL_SOCKET, SO_ERROR, &problem, &size) != 0) problem = errno;
      if (problem == 0) return socket;
      errno = problem;
    }
    last = away(host, std::strerror(errno));
  }
  return last;
}

Socket::Socket(Socket&& other) noexcept
    : file_(std::exchange(other.file_, -1)), peer_(std::move(other.peer_)), stop_(other.stop_) {}

Socket::~Socket() {
  if (file_ >= 0) ::close(file_);
}

Error Socket::failed() const { return error(Status::kIo, "%s: %s", peer_.c_str(), std::strerror(errno)); }

Socket::Attempt Socket::try_send(std::span<const std::byte> data) const {
  const ssize_t sent = ::send(file_, data.data(), data.size(), MSG_NOSIGNAL);
  return {sent, sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)};
}

Socket::Attempt Socket::try_receive(std::span<std::byte> to) const {
  const ssize_t got = ::recv(file_, to.data(), to.size(), 0);
  return {got, got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)};
}

Result<void> Socket::send(std::span<const std::byte> data, SocketDeadline deadline) const {
  while (!data.empty()) {
    PUMICE_TRY(check(deadline));
    const Attempt sent = try_send(data);
    if (sent.bytes > 0) {
      data = data.subspan(static_cast<size_t>(sent.bytes));
    } else if (sent.again) {
      PUMICE_TRY(wait(POLLOUT, deadline));
    } else {
      return failed();
    }
  }
  return {};
}

Result<size_t> Socket::receive(std::span<std::byte> to, SocketDeadline deadline) const {
  for (;;) {
    PUMICE_TRY(check(deadline));
    const Attempt got = try_receive(to);
    if (got.bytes > 0) return static_cast<size_t>(got.bytes);
    if (got.bytes == 0) return error(Status::kIo, "%s closed the connection", peer_.c_str());
    if (!got.again) return failed();
    PUMICE_TRY(wait(POLLIN, deadline));
  }
}

Result<void> Socket::wait_readable(SocketDeadline deadline) const { return wait(POLLIN, deadline); }
Result<void> Socket::wait_writable(SocketDeadline deadline) const { return wait(POLLOUT, deadline); }
Result<void> Socket::check(SocketDeadline deadline) const { return check_time(peer_, stop_, deadline); }

Result<void> Socket::wait(short events, SocketDeadline deadline) const {
  for (;;) {
    PUMICE_TRY(check(deadline));
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd wanted{.fd = file_, .events = events, .revents = 0};
    const int ready = ::poll(&wanted, 1, static_cast<int>(std::clamp(left, {}, kStopLatency).count()));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return failed();
  }
}

}  // namespace pumice
